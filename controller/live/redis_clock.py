"""Redis' clock, read from here: when, by our own monotonic clock, is a moment that Redis named?

Launch times are counted in Redis by its clock, over all controllers, and kept here by ours. An answer that names Redis' time
was made somewhere between the question and its arrival, so each exchange bounds the distance of the two clocks; the bounds of
many exchanges together are as narrow as the fastest of them. Taken from one exchange alone, a launch would be early or late by
whatever delayed that one (a Redis that stood still, a loop that did), and calls would leave in the second of others.

The bounds widen with time, because clocks drift. An exchange that contradicts them means that a clock was set: it begins anew.
"""

from __future__ import annotations

import math

DRIFT = 500e-6
"""Seconds a second by which two clocks may part: as fast as a time service may slew one."""


class RedisClock:
    """All in seconds: Redis' own since the epoch, ours monotonic."""

    def __init__(self) -> None:
        self._least = -math.inf
        self._most = math.inf
        self._at = 0.0

    def answered(self, asked: float, redis_time: float, arrived: float) -> None:
        """Redis' clock stood at ``redis_time`` somewhere between our ``asked`` and ``arrived``."""
        drift = DRIFT * (arrived - self._at)
        least, most = redis_time - arrived, redis_time - asked
        self._least, self._most = max(least, self._least - drift), min(most, self._most + drift)
        if self._least > self._most:
            self._least, self._most = least, most
        self._at = arrived

    def ours(self, redis_time: float) -> float:
        """The same moment by our clock, once there has been an answer; off by half the bounds' distance at most."""
        return redis_time - (self._least + self._most) / 2.0
