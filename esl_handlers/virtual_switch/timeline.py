"""When things happen: one heap of due times and one greenlet for all calls, so that 2 000 calls need no 2 000 greenlets."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

import gevent
from gevent.event import Event

TURN_SECONDS = 0.005
"""How long due actions may run before others get a turn."""


class Timer:
    """Something that will happen unless cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """It will not happen. Twice, or too late, is harmless."""
        self.action = None


class Timeline:
    """Runs actions in the order of their due times; an action must not block. latest_seconds: how late one ever was."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._sooner = Event()
        self.latest_seconds = 0.0

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do ``action`` that many seconds from now; at once still means after the present action."""
        timer = Timer(action)
        due = time.monotonic() + max(0.0, seconds)
        heapq.heappush(self._heap, (due, next(self._numbers), timer))
        if self._heap[0][2] is timer:
            self._sooner.set()
        return timer

    def run(self) -> None:
        """For ever. An error in an action ends the run: the whole service stops loudly rather than losing a call quietly."""
        turn_ends = 0.0
        while True:
            self._sooner.clear()
            now = time.monotonic()
            wait = self._heap[0][0] - now if self._heap else None
            if wait is None or wait > 0:
                self._sooner.wait(wait)
                turn_ends = time.monotonic() + TURN_SECONDS
                continue
            _, _, timer = heapq.heappop(self._heap)
            self.latest_seconds = max(self.latest_seconds, -wait)
            if timer.action is not None:
                timer.action()
            if now > turn_ends:
                gevent.sleep(0.000001)  # sleep(0) would let this loop in again before any socket
                turn_ends = time.monotonic() + TURN_SECONDS
