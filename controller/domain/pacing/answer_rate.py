"""How many of the calls are picked up by a person? Learned from cohorts: calls launched together, once all are decided.

Dividing answers by calls of the last minutes swings with the waves of dialling: a burst counts as calls at once and as answers
only later. So calls are gathered by the moment of their launch, and a cohort is counted when the last of it can no longer
be answered. Two averages run beside each other; the slow one is used, unless the fast one is higher than chance
explains: then people answer more than they did, and the fast one is used at once. Falling, the slow one is followed: to
believe too long in too many answers dials too little, which idles agents but leaves nobody without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

COHORT_SECONDS = 4.0
SLOW_CALLS = 1200.0
FAST_CALLS = 200.0
"""Decided calls after which one counts 1/e."""
ALARM_ERRORS = 2.0
"""Standard errors by which the fast average must lie above the slow one."""
GUESS = 0.3
GUESS_CALLS = 12.0
"""Until calls are decided: a guess on the high side, worth so many calls."""


class AnswerRate:
    """Fed with resolved calls; memory is bounded by the cohorts of one ring limit."""

    def __init__(self, decided_after: float) -> None:
        """decided_after: seconds after its launch when no call can be open any more."""
        self._decided_after = decided_after
        self._open: dict[int, list[int]] = {}
        self._slow = _Average(SLOW_CALLS)
        self._fast = _Average(FAST_CALLS)

    def add(self, launched_at: float, person: bool) -> None:
        """A call is resolved. launched_at: monotonic seconds."""
        cohort = self._open.setdefault(int(launched_at // COHORT_SECONDS), [0, 0])
        cohort[0] += 1
        cohort[1] += person

    def settle(self, now: float) -> None:
        """Count the cohorts that are decided by now, the oldest first."""
        last = (now - self._decided_after) / COHORT_SECONDS - 1.0
        for key in sorted(key for key in self._open if key <= last):
            calls, people = self._open.pop(key)
            self._slow.add(calls, people)
            self._fast.add(calls, people)

    @property
    def decided(self) -> float:
        """Weight of the calls counted, in calls; 0.0 before the first cohort is decided."""
        return self._slow.calls

    def estimate(self) -> tuple[float, float]:
        """(share of calls a person picks up, its standard error)."""
        slow = (self._slow.people + GUESS * GUESS_CALLS) / (self._slow.calls + GUESS_CALLS)
        if self._fast.calls > 0:
            fast = (self._fast.people + slow * GUESS_CALLS) / (self._fast.calls + GUESS_CALLS)
            chance = _error(slow, self._fast.calls + GUESS_CALLS)
            if fast > slow + ALARM_ERRORS * chance:
                return fast, _error(fast, self._fast.calls + GUESS_CALLS)
        return slow, _error(slow, self._slow.calls + GUESS_CALLS)

    def to_dict(self) -> dict[str, Any]:
        """What is decided; cohorts still open are of this moment only."""
        return {"slow": [self._slow.calls, self._slow.people], "fast": [self._fast.calls, self._fast.people]}

    def restore(self, kept: Mapping[str, Any]) -> None:
        (self._slow.calls, self._slow.people), (self._fast.calls, self._fast.people) = kept["slow"], kept["fast"]


class _Average:
    """An average that forgets by number of calls."""

    __slots__ = ("_memory", "calls", "people")

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self.calls = 0.0
        self.people = 0.0

    def add(self, calls: int, people: int) -> None:
        keep = math.exp(-calls / self._memory)
        self.calls = self.calls * keep + calls
        self.people = self.people * keep + people


def _error(share: float, calls: float) -> float:
    return math.sqrt(max(share * (1.0 - share), 1e-6) / calls)
