"""The three queues and how a job gets into one: never twice, never as pickled code, never left behind for long.

| queue | jobs | worker |
|---|---|---|
| ``trunkline-sweeps`` | quick sweeps that keep the hoppers full | one, in its own process without forking |
| ``trunkline-runs`` | sweeps over whole runs: preparing, closing, scrubbing; seconds for a million leads | one, likewise |
| ``trunkline-bulk`` | imports, exports: minutes | ``worker.processes``, a fork a job |

They are apart because a worker takes one job at a time, and a hopper must not run dry while a list is imported. A worker
serves one queue only: rq can lose a job when it is killed between taking it from one of several queues and noting it.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry as Tries
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from controller.config import Settings

SWEEPS = "trunkline-sweeps"
RUNS = "trunkline-runs"
BULK = "trunkline-bulk"

SWEEP_FUNCTION = "controller.jobs.schedule.run_sweep"
SWEEP_SECONDS = {SWEEPS: 60, RUNS: 900}
"""A sweep that takes longer is broken off; the next one goes on where it stopped."""
FAILURE_SECONDS = 60
"""A failed job blocks its name for this long (rq's own default: a year)."""
BULK_TRIES = 5
"""A bulk job whose worker is killed is begun again this often."""


def open_redis(settings: Settings) -> Redis:
    """A client for jobs. It tries once more over a new connection and then says that Redis is away; the client library's own
    ten tries would hold a sweep, or a stopping worker, for a minute."""
    return Redis.from_url(settings.redis_url, retry=Tries(NoBackoff(), 1))


def open_queue(name: str, redis: Redis) -> Queue:
    """redis must hand out bytes (``decode_responses`` off), as rq wants it."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


def enqueue_sweep(queue: Queue, sweep: str, beat: int) -> bool:
    """Ask for a sweep; False when this beat has asked for it already."""
    try:
        queue.enqueue(
            SWEEP_FUNCTION,
            sweep,
            job_id=f"{sweep}-{beat}",
            unique=True,
            job_timeout=SWEEP_SECONDS[queue.name],
            result_ttl=0,
            failure_ttl=FAILURE_SECONDS,
        )
    except DuplicateJobError:
        return False
    return True


def enqueue_bulk(redis: Redis, function: str, args: Sequence[object], *, job_id: str, timeout_seconds: int = 4 * 3600) -> bool:
    """Ask for a bulk job; False when one of that name is queued or being done.

    function: dotted path of an idempotent function; args: plain JSON values. job_id: kind, entity and chunk
    (letters, digits, ``-`` and ``_``). No interval between tries: rq would need its scheduler for that.
    """
    try:
        open_queue(BULK, redis).enqueue(
            function,
            *args,
            job_id=job_id,
            unique=True,
            job_timeout=timeout_seconds,
            result_ttl=0,
            failure_ttl=FAILURE_SECONDS,
            retry=Retry(max=BULK_TRIES),
        )
    except DuplicateJobError:
        return False
    return True
