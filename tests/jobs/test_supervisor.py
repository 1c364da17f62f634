"""``trunkline worker`` as processes: killed, starved of Redis, stopped; the work is done once and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from controller.config import Settings
from controller.domain.campaigns.lifecycle import RunState
from controller.jobs.queues import enqueue_bulk
from controller.redis_process import RedisProcess
from controller.storage.database import Database
from tests.contracts.worlds import SqlWorld, phones
from tests.servers import RedisServer

START = """
import sys
from controller import logs
from controller.config import Settings
from controller.jobs.supervisor import run_worker
settings = Settings.model_validate_json(sys.stdin.read())
writer = logs.configure(settings.logging)
run_worker(settings)
writer.close()
"""


@contextmanager
def trunkline_worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own; a process that it left behind is ended, and is an error."""
    process = subprocess.Popen([sys.executable, "-c", START], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(settings.model_dump_json().encode())
    family: list[int] = []
    try:
        wait_until(lambda: set(children(process.pid)) >= {"beat", "sweeps", "runs", "bulk"})
        family = list(children(process.pid).values())
        yield process
        family += children(process.pid).values()
    finally:
        process.terminate()
        process.wait(60)
        left = [pid for pid in family if not ended(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert left == []


def children(supervisor: int) -> dict[str, int]:
    """pid of each living child, by kind."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and stat_of(int(process.name))[1:] == ("alive", supervisor):
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if "controller.jobs.worker" in words:
                found[words[words.index("controller.jobs.worker") + 1]] = int(process.name)
    return found


def stat_of(pid: int) -> tuple[int, str, int]:
    """pid, ``alive`` or ``ended``, its parent. An orphan that ended may stay in the table until init looks after it."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return pid, "ended", 0
    return pid, "ended" if state in "ZX" else "alive", int(parent)


def ended(pid: int) -> bool:
    return stat_of(pid)[1] == "ended"


def wait_until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def run_of(database: Database, count: int) -> int:
    """A run in ``preparing``."""
    floor = SqlWorld(database)
    return floor.started_run(list_ids=(floor.new_list(phones(count)),))


def test_a_started_run_is_prepared_fed_and_completed_by_the_workers(settings: Settings, database: Database):
    """From ``preparing`` to a full hopper, and to ``completed`` when its contacts are final: nobody else is needed."""
    run_id = run_of(database, 100)
    floor = SqlWorld(database)
    with trunkline_worker(settings), Redis.from_url(settings.redis_url) as redis:
        wait_until(lambda: redis.llen(f"trunkline:hopper:{run_id}") > 0)
        floor.set_run(run_id, RunState.CLOSING, "stopped")
        wait_until(lambda: floor.runs.get(run_id).state is RunState.STOPPED)
    assert floor.totals(run_id)["lead"]["stopped"] == 100


def test_a_killed_child_is_started_again_and_the_work_goes_on(settings: Settings, database: Database):
    """kill -9 of the beat and of every worker: others take their places and the next run is prepared."""
    floor = SqlWorld(database)
    with trunkline_worker(settings) as supervisor:
        first = run_of(database, 10)
        wait_until(lambda: floor.runs.get(first).state is RunState.ACTIVE)
        before = children(supervisor.pid)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: all(ended(pid) for pid in before.values()))
        wait_until(lambda: set(children(supervisor.pid)) == set(before))
        second = run_of(database, 10)
        wait_until(lambda: floor.runs.get(second).state is RunState.ACTIVE)


def test_a_bulk_job_whose_worker_is_killed_is_done_again(settings: Settings, tmp_path: Path):
    """The job's own process dies with its worker; the successor begins the job again and it is done once."""
    with trunkline_worker(settings) as supervisor, Redis.from_url(settings.redis_url) as redis:
        enqueue_bulk(redis, "tests.jobs.slow_job.slow_job", [str(tmp_path)], job_id="slow-1")
        wait_until(lambda: len(lines(tmp_path / "begun")) == 1)
        os.kill(children(supervisor.pid)["bulk"], signal.SIGKILL)
        wait_until(lambda: len(lines(tmp_path / "begun")) == 2)
        first = int(lines(tmp_path / "begun")[0])
        assert ended(first)
        (tmp_path / "go").touch()
        wait_until(lambda: lines(tmp_path / "done") != [])
        wait_until(lambda: not redis.exists("rq:job:slow-1"))
    assert lines(tmp_path / "done") == lines(tmp_path / "begun")[1:]


def test_stopping_lets_the_job_in_hand_finish(settings: Settings, tmp_path: Path):
    """TERM: the import that is being written is written to its end, then everybody goes."""
    with trunkline_worker(settings) as supervisor, Redis.from_url(settings.redis_url) as redis:
        enqueue_bulk(redis, "tests.jobs.slow_job.slow_job", [str(tmp_path)], job_id="slow-2")
        wait_until(lambda: len(lines(tmp_path / "begun")) == 1)
        supervisor.terminate()
        wait_until(lambda: "beat" not in children(supervisor.pid))
        (tmp_path / "go").touch()
        assert supervisor.wait(60) == 0
    assert len(lines(tmp_path / "done")) == 1


def test_children_end_with_a_killed_supervisor(settings: Settings):
    """kill -9 of ``trunkline worker``: no worker is left that nobody looks after."""
    with trunkline_worker(settings) as supervisor:
        family = children(supervisor.pid)
        supervisor.kill()
        wait_until(lambda: all(ended(pid) for pid in family.values()))


def test_workers_live_through_a_restart_of_redis(
    settings: Settings, database: Database, tmp_path: Path, redis_server: RedisServer
):
    """Redis goes away for seconds and comes back: the next run is prepared without anybody's help."""
    own = RedisProcess(tmp_path / "r", redis_server.executable)
    own.start()
    floor = SqlWorld(database)
    try:
        with trunkline_worker(settings.model_copy(update={"redis": type(settings.redis)(url=own.url)})):
            first = run_of(database, 10)
            wait_until(lambda: floor.runs.get(first).state is RunState.ACTIVE)
            own.stop()
            second = run_of(database, 10)
            time.sleep(3)  # long enough for every worker to have noticed
            assert floor.runs.get(second).state is RunState.PREPARING
            own.start()
            wait_until(lambda: floor.runs.get(second).state is RunState.ACTIVE)
    finally:
        own.stop()


def test_two_supervisors_share_the_work(settings: Settings, database: Database):
    """A second worker machine changes nothing but the speed: the run's leads are made once."""
    floor = SqlWorld(database)
    with trunkline_worker(settings), trunkline_worker(settings):
        run_id = run_of(database, 2000)
        wait_until(lambda: floor.runs.get(run_id).state is RunState.ACTIVE)
    assert sum(floor.totals(run_id)["lead"].values()) == 2000


@pytest.mark.parametrize("redis_is", ["up", "down"])
def test_stopping_is_quick_when_nothing_is_to_do(settings: Settings, redis_is: str, tmp_path: Path):
    """TERM ends all children, also those that wait for a Redis that is not there."""
    if redis_is == "down":
        settings = settings.model_copy(update={"redis": type(settings.redis)(url=f"unix://{tmp_path}/none.sock")})
    with trunkline_worker(settings) as supervisor:
        supervisor.terminate()
        assert supervisor.wait(60) == 0
