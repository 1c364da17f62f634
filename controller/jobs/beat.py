"""The beat: says, once a second, which sweeps are due, and puts them in their queues.

Several may run (one a worker machine); a lease lets one of them beat, and the number of its turn goes into the jobs' names,
so that even two who both think it is theirs have one effect. A queue whose worker is behind gets no more: what is due stays
due. Redis away: the beat waits and goes on, saying so once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from redis import Redis
from redis.exceptions import RedisError

from controller.jobs.queues import enqueue_sweep, open_queue
from controller.jobs.schedule import ALL, Sweep
from controller.live.lease import Lease

LEASE_BEATS = 5
"""Beats after which another takes over from one that died; at least :data:`LEAST_LEASE_SECONDS`."""
LEAST_LEASE_SECONDS = 3.0
LONGEST_WAIT_SECONDS = 2.0
"""Between two tries while Redis is away."""

log = structlog.get_logger("beat")


class Beat:
    """clock: monotonic seconds."""

    def __init__(
        self,
        redis: Redis,
        beat_seconds: float,
        sweeps: Sequence[Sweep] = ALL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beat_seconds = beat_seconds
        self._sweeps = sweeps
        self._clock = clock
        self._queues = {name: open_queue(name, redis) for name in {sweep.queue for sweep in sweeps}}
        self._crowd = {name: sum(sweep.queue == name for sweep in sweeps) for name in self._queues}
        self._lease = Lease(redis, "beat", max(LEAST_LEASE_SECONDS, LEASE_BEATS * beat_seconds))
        self._due_at: dict[str, float] = {}

    def beat(self) -> list[str]:
        """One turn: the sweeps that were put in their queues. Raises redis' errors when Redis is away."""
        held = self._lease.held
        number = self._lease.turn()
        if self._lease.held != held:
            log.info("beat", to="beating" if self._lease.held else "standing by")
        if number is None:
            self._due_at.clear()  # whoever beats meanwhile knows what was done; we shall not
            return []
        now = self._clock()
        waiting = {name: queue.count for name, queue in self._queues.items()}
        asked = []
        for sweep in self._sweeps:
            if now < self._due_at.get(sweep.name, now) or waiting[sweep.queue] >= self._crowd[sweep.queue]:
                continue
            if enqueue_sweep(self._queues[sweep.queue], sweep.name, number):
                asked.append(sweep.name)
            self._due_at[sweep.name] = now + max(sweep.every_seconds, self._beat_seconds / 2)
        return asked

    def run(self, stopping: threading.Event) -> None:
        """Beat until ``stopping``; then the lease is given back."""
        failures = 0
        wait = 0.0
        while not stopping.wait(wait):
            begun = self._clock()
            try:
                self.beat()
            except RedisError as error:
                if failures == 0:
                    log.warning("beat", to="waiting", reason=f"Redis: {error}")
                failures += 1
                wait = min(0.1 * 2.0**failures, LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1.0)
                continue
            if failures:
                log.info("beat", to="beating", reason="Redis is back", failures=failures)
            failures = 0
            wait = max(0.0, self._beat_seconds - (self._clock() - begun))
        try:
            self._lease.give_back()
        except RedisError as error:
            log.info("beat", to="stopped", reason=f"the lease is left to lapse; Redis: {error}")
