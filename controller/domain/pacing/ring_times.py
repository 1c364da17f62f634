"""When are calls picked up or given up? Learned by whole seconds after the launch, people apart from everything else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MOST_SECONDS = 130
"""The longest ring limit (120 s) and what the switch takes to report it."""
MEMORY_CALLS = 1500.0
GUESS_WEIGHT = 6.0
GUESS_MEDIAN_SECONDS = 10.0
GUESS_SIGMA = 0.5
"""People, until some have answered: lognormal pick-up times, worth so many of them."""
_MOST = 1e12


class RingCurve:
    """Frozen: by whole seconds, the share of those whom a person will pick up that were picked up by then, and the share of
    the others that have failed or been given up by then. decided_by: the second by which everything is."""

    __slots__ = ("decided_by", "others", "people")

    def __init__(self, people: Sequence[float], others: Sequence[float]) -> None:
        self.people = tuple(people)
        self.others = tuple(others)
        self.decided_by = next(
            second for second in range(MOST_SECONDS, -1, -1) if not second or min(people[second - 1], others[second - 1]) < 1.0
        )

    def picked_up_by(self, seconds: float) -> float:
        """Share of the people who pick up at all that did within ``seconds``; straight lines between whole seconds."""
        if seconds >= MOST_SECONDS:
            return 1.0
        low = int(seconds)
        return self.people[low] + (self.people[low + 1] - self.people[low]) * (seconds - low)

    def quantile(self, share: float) -> float:
        """Seconds by which ``share`` of the people who pick up at all have done so."""
        for second in range(1, MOST_SECONDS + 1):
            if self.people[second] >= share:
                step = self.people[second] - self.people[second - 1]
                return second - 1 + ((share - self.people[second - 1]) / step if step > 0 else 1.0)
        return float(MOST_SECONDS)


class RingTimes:
    """Fed with resolved calls. Fixed memory."""

    def __init__(self, ring_limit_seconds: float) -> None:
        self._limit = min(math.ceil(ring_limit_seconds), MOST_SECONDS)
        self._growth = math.exp(1.0 / MEMORY_CALLS)
        self._weight = 1.0
        self._people = [0.0] * (MOST_SECONDS + 1)
        self._others = [0.0] * (MOST_SECONDS + 1)

    def add(self, seconds: float, person: bool) -> None:
        """A call was picked up by a person, or ended otherwise, ``seconds`` after its launch."""
        self._weight *= self._growth
        if self._weight > _MOST:
            self._set(self.to_dict())
        place = min(max(math.ceil(seconds), 1), MOST_SECONDS)
        (self._people if person else self._others)[place] += self._weight

    def curve(self) -> RingCurve:
        unit = 1.0 / self._weight
        people = [value * unit for value in self._people]
        others = [value * unit for value in self._others]
        before = 0.0
        for second in range(1, self._limit + 1):
            by = 0.5 * math.erfc(-(math.log(second / GUESS_MEDIAN_SECONDS)) / (GUESS_SIGMA * math.sqrt(2.0)))
            people[second] += GUESS_WEIGHT * (by - before)
            before = by
        others[self._limit] += GUESS_WEIGHT
        return RingCurve(_cumulated(people), _cumulated(others))

    def to_dict(self) -> dict[str, Any]:
        unit = 1.0 / self._weight
        return {"people": [value * unit for value in self._people], "others": [value * unit for value in self._others]}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take over what ``to_dict`` gave; ValueError when it is of another shape."""
        if len(kept["people"]) != MOST_SECONDS + 1 or len(kept["others"]) != MOST_SECONDS + 1:
            raise ValueError("ring times were kept in another shape")
        self._set(kept)

    def _set(self, kept: Mapping[str, Any]) -> None:
        self._people, self._others, self._weight = list(kept["people"]), list(kept["others"]), 1.0


def _cumulated(values: Sequence[float]) -> list[float]:
    total, sums = sum(values), []
    running = 0.0
    for value in values:
        running += value
        sums.append(min(running / total, 1.0) if running < total else 1.0)
    return sums
