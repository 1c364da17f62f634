"""The beat asks for each sweep once however many beat, and goes on after whatever happens to Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from controller.jobs.beat import Beat
from controller.jobs.queues import BULK, RUNS, SWEEPS, enqueue_bulk, enqueue_sweep, open_queue
from controller.jobs.schedule import ALL, Sweep
from controller.live.lease import Lease
from controller.redis_process import RedisProcess
from tests.servers import RedisServer


def nothing(_world: object, _now: float) -> int:
    return 0


FAST = Sweep("fast", nothing, SWEEPS, 0)
SLOW = Sweep("slow", nothing, SWEEPS, 30)
OTHER = Sweep("other", nothing, RUNS, 0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def queued(redis: Redis, name: str = SWEEPS) -> list[str]:
    return [job_id.rsplit("-", 1)[0] for job_id in open_queue(name, redis).job_ids]


def drain(redis: Redis) -> None:
    for name in (SWEEPS, RUNS):
        open_queue(name, redis).empty()


def test_each_sweep_is_asked_for_at_its_own_pace(redis: Redis):
    """One at every beat, one every thirty seconds, each in its own queue."""
    clock = Clock()
    beat = Beat(redis, 1.0, [FAST, SLOW, OTHER], clock)
    asked = []
    for _ in range(31):
        asked.append(beat.beat())
        drain(redis)
        clock.now += 1.0
    assert asked[0] == ["fast", "slow", "other"]
    assert asked[1:30] == [["fast", "other"]] * 29
    assert asked[30] == ["fast", "slow", "other"]


def test_two_beats_have_the_effect_of_one(redis: Redis):
    """The second stands by while the first holds the lease, and takes over when it is given back."""
    first, second = (Beat(redis, 1.0, [FAST, SLOW]) for _ in range(2))
    assert first.beat() == ["fast", "slow"]
    assert second.beat() == []
    assert queued(redis) == ["fast", "slow"]
    stopping = threading.Event()
    stopping.set()
    first.run(stopping)
    drain(redis)
    assert second.beat() == ["fast", "slow"]


def test_a_beat_that_was_frozen_finds_its_lease_taken(redis: Redis):
    """It slept past its lease; when it wakes another one beats, and it asks for nothing."""
    frozen, awake = (Beat(redis, 1.0, [FAST]) for _ in range(2))
    frozen.beat()
    redis.pexpire("trunkline:lease:beat", 1)
    while redis.exists("trunkline:lease:beat"):
        time.sleep(0.01)
    drain(redis)
    assert awake.beat() == ["fast"]
    drain(redis)
    assert frozen.beat() == []
    assert queued(redis) == []


def test_a_lease_has_one_holder_and_turns_are_numbered(redis: Redis):
    """Turns go up over all holders, so what is done in a turn can be done once."""
    one, other = Lease(redis, "x", 30.0), Lease(redis, "x", 30.0)
    assert [one.turn(), one.turn(), other.turn()] == [1, 2, None]
    other.give_back()
    assert one.turn() == 3
    one.give_back()
    assert [other.turn(), one.turn()] == [4, None]
    assert (one.held, other.held) == (False, True)


def test_a_sweep_of_one_beat_is_queued_once(redis: Redis):
    """Even two who both believe it is their turn put one job into the queue."""
    queue = open_queue(SWEEPS, redis)
    assert [enqueue_sweep(queue, "fast", 7), enqueue_sweep(queue, "fast", 7)] == [True, False]
    assert queue.count == 1


def test_a_queue_whose_worker_is_behind_gets_no_more(redis: Redis):
    """After an hour without a worker there is one round of sweeps to do, not thousands; the others are not held up."""
    clock = Clock()
    beat = Beat(redis, 1.0, [FAST, SLOW, OTHER], clock)
    for _ in range(100):
        beat.beat()
        clock.now += 1.0
        open_queue(RUNS, redis).empty()
    assert len(queued(redis)) <= 3
    drain(redis)
    assert beat.beat() == ["fast", "slow", "other"]


def test_the_beat_lives_through_a_restart_of_redis(tmp_path: Path, redis_server: RedisServer):
    """While Redis is away it waits; when Redis is back, with its data or without, sweeps are asked for again."""
    own = RedisProcess(tmp_path / "r", redis_server.executable)
    own.start()
    client = Redis.from_url(own.url, retry=None)
    beat = Beat(client, 0.05, [FAST])
    stopping = threading.Event()
    runner = threading.Thread(target=beat.run, args=(stopping,))
    runner.start()
    try:
        for lose_data in (False, True):
            wait_until(lambda: bool(queued(client)))
            own.stop()
            with pytest.raises(RedisError):
                client.ping()
            if lose_data:
                for file in (tmp_path / "r").rglob("appendonly*"):
                    if file.is_file():
                        file.unlink()
            own.start()
            drain(client)
            wait_until(lambda: bool(queued(client)))
    finally:
        stopping.set()
        runner.join()
        client.close()
        own.stop()


def wait_until(true, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_bulk_job_is_asked_for_once(redis: Redis):
    """The same import twice is one job, with tries left for when its worker is killed."""
    assert enqueue_bulk(redis, "controller.jobs.schedule.run_sweep", ["rescrub"], job_id="import-7-0")
    assert not enqueue_bulk(redis, "controller.jobs.schedule.run_sweep", ["rescrub"], job_id="import-7-0")
    (job,) = open_queue(BULK, redis).jobs
    assert (job.args, job.retries_left, job.result_ttl) == (["rescrub"], 5, 0)


def test_the_schedule_names_every_sweep_once():
    """Quick ones are kept apart from those that take seconds for a large run."""
    assert len({sweep.name for sweep in ALL}) == len(ALL)
    assert {sweep.name for sweep in ALL if sweep.queue == SWEEPS} == {"refill_hopper", "reap_leases", "finish_runs"}
