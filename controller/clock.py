"""The real clock, for gevent processes."""

from __future__ import annotations

import time

import gevent


class RealClock:
    """``ports.Clock`` on the machine's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)
