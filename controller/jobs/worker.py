"""One child of ``trunkline worker``: the beat, or an rq worker for one queue (``python -m controller.jobs.worker``).

The supervisor passes the settings through standard input, because they hold passwords. Options that rq needs to live through
an outage of Redis are all here: a short worker lifetime (it bounds the blocking read), frequent maintenance, a quick return.
rq's own scheduler and cron are not used: after an outage they can stay silent for minutes.

A job whose worker was killed is given back by that worker's successor, which knows from its lineage (supervisor, kind, slot)
which jobs were its predecessor's. The work horse dies with its worker, so nobody else is still at it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from types import FrameType

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import current_timestamp

from controller import child_process, logs
from controller.config import Settings
from controller.jobs import world
from controller.jobs.beat import Beat
from controller.jobs.queues import BULK, RUNS, SWEEPS, open_queue, open_redis

BEAT = "beat"
KINDS = {BEAT: None, "sweeps": SWEEPS, "runs": RUNS, "bulk": BULK}
"""Kind of child → its queue."""

WORKER_TTL_SECONDS = 30
MAINTENANCE_SECONDS = 5
RECONNECT_SECONDS = 2.0

log = structlog.get_logger("worker")


class SweepWorker(SimpleWorker):
    """Works in its own process: a sweep takes milliseconds, a fork fifteen of them."""

    max_connection_wait_time = RECONNECT_SECONDS
    log_result_lifespan = False


class BulkWorker(Worker):
    """Forks a work horse a job, which ends when the worker does."""

    max_connection_wait_time = RECONNECT_SECONDS
    log_result_lifespan = False

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        child_process.die_with_parent(signal.SIGKILL, self.pid)
        super().main_work_horse(job, queue)


def main(arguments: Sequence[str]) -> int:
    """Until told to stop (TERM, INT): the job in hand is finished first."""
    parser = argparse.ArgumentParser(prog="python -m controller.jobs.worker")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--lineage", required=True, help="what this worker's predecessors and successors share")
    parser.add_argument("--supervisor", type=int, required=True, help="pid; this process ends with it")
    chosen = parser.parse_args(arguments)
    child_process.die_with_parent(signal.SIGTERM, chosen.supervisor)
    settings = Settings.model_validate_json(sys.stdin.read())
    writer = logs.configure(settings.logging)
    logs.bind(node=settings.node, process=f"worker {chosen.kind}", pid=os.getpid())
    try:
        stopping = _stop_on_signals()
        redis = open_redis(settings)
        queue_name = KINDS[chosen.kind]
        if queue_name is None:
            Beat(redis, settings.worker.beat_seconds).run(stopping)
        elif _wait_for_redis(redis, stopping):
            world.use(settings)
            _work(open_queue(queue_name, redis), chosen.lineage, stopping)
    finally:
        log.info("worker down")
        writer.close()
    return 0


def _stop_on_signals() -> threading.Event:
    """Set by TERM and INT, until rq takes these over."""
    stopping = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def _wait_for_redis(redis: Redis, stopping: threading.Event) -> bool:
    """rq ends at once when Redis is away at its start; False when told to stop meanwhile."""
    waiting = False
    while not stopping.is_set():
        try:
            redis.ping()
        except RedisError as error:
            if not waiting:
                log.warning("worker waits", reason=f"Redis: {error}")
            waiting = True
            stopping.wait(RECONNECT_SECONDS / 4)
        else:
            return True
    return False


def _work(queue: Queue, lineage: str, stopping: threading.Event) -> None:
    returned = give_back_started(queue, lineage)
    worker_class = BulkWorker if queue.name == BULK else SweepWorker
    worker = worker_class(
        [queue],
        name=f"{lineage}.{uuid.uuid4().hex[:8]}",
        connection=queue.connection,
        serializer=JSONSerializer,
        default_result_ttl=0,
        worker_ttl=WORKER_TTL_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        job_monitoring_interval=MAINTENANCE_SECONDS,
        log_job_description=False,
    )
    log.info("worker up", queue=queue.name, jobs_given_back=returned)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, worker.request_stop)  # rq does so too, but only some way into its start
    if stopping.is_set():
        return
    try:
        worker.work(logging_level="WARNING", with_scheduler=False)
    except StopRequested:
        log.info("worker told to stop before it had begun")


def give_back_started(queue: Queue, lineage: str) -> int:
    """Jobs that a dead predecessor of ``lineage`` had begun: back into the queue while they have tries left. How many.

    Without this they would wait until their heartbeat lapses, a minute and more.
    """
    registry = queue.started_job_registry
    orphans = []
    for job_id, execution_id in registry.get_job_and_execution_ids(cleanup=False):
        try:
            execution = Execution.fetch(execution_id, job_id, queue.connection)
        except ValueError:  # ended meanwhile
            continue
        if execution.worker_name.startswith(f"{lineage}."):
            orphans.append(execution)
    if orphans:
        with queue.connection.pipeline() as pipeline:
            for execution in orphans:
                registry.add_execution(execution, pipeline, ttl=0, xx=True)
            pipeline.execute()
        registry.cleanup(current_timestamp())
    return len(orphans)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
