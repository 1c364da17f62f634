"""How long something still lasts, learned from how long it lasted: talks, wrap-ups.

A life table: for each stretch of ages, how many ended in it over how long everybody together spent in it. What is still going
on counts too: without it, the first minutes of a shift would know only the short talks, expect agents far too soon, and dial
too much. Old endings lose weight, so that a change of script or hour is learned; a lognormal guess stands in until
there is evidence, and in ages nobody reached yet.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

EDGES: tuple[float, ...] = (0.0, *(1.2**step for step in range(53)))
"""Bounds of the stretches in seconds: 0, 1, 1.2, 1.44 … 13 104. What lasts longer counts to the last."""
GUESS_WEIGHT = 8.0
"""The guess is worth as many observed endings."""
_MOST = 1e12


class LifeTable:
    """Chances of ending, frozen: the cumulated hazard over :data:`EDGES`, straight lines between."""

    __slots__ = ("_at", "_rates")

    def __init__(self, rates: Sequence[float]) -> None:
        """rates: endings a second in each stretch."""
        widths = [high - low for low, high in pairwise(EDGES)]
        self._rates = (*rates,)
        self._at = tuple(accumulate((rate * width for rate, width in zip(rates, widths, strict=False)), initial=0.0))

    def hazard(self, age: float) -> float:
        """Cumulated hazard up to an age in seconds; the chance to last longer is exp(-hazard)."""
        place = bisect_right(EDGES, age) - 1
        return self._at[place] + self._rates[place] * (age - EDGES[place])

    def ended_by(self, age: float, seconds: float) -> float:
        """The chance that what has lasted ``age`` ends within ``seconds`` more."""
        return -math.expm1(self.hazard(age) - self.hazard(age + seconds)) if seconds > 0 else 0.0

    def mean(self) -> float:
        """Expected duration from the start, seconds."""
        total = 0.0
        for place, rate in enumerate(self._rates[:-1]):
            width = EDGES[place + 1] - EDGES[place]
            lasting = math.exp(-self._at[place])
            total += lasting * (-math.expm1(-rate * width) / rate if rate > 0 else width)
        last = self._rates[-1]
        return total + (math.exp(-self._at[-1]) / last if last > 0 else 0.0)


class Durations:
    """Fed with endings; answers with a :class:`LifeTable`. Fixed memory: two numbers a stretch."""

    def __init__(self, guess_mean: float, guess_cv: float, memory: float) -> None:
        """guess_mean, guess_cv: the lognormal guess, seconds and share. memory: endings after which one counts 1/e."""
        self._growth = math.exp(1.0 / memory)
        self._weight = 1.0
        self._ended = [0.0] * len(EDGES)
        self._spent = [0.0] * len(EDGES)  # time spent in the stretch in which they ended
        self._guess = _lognormal_table(guess_mean, guess_cv)

    def add(self, seconds: float) -> None:
        """One ended after so long; ValueError when negative."""
        if seconds < 0:
            raise ValueError(f"a duration of {seconds} s")
        self._weight *= self._growth
        if self._weight > _MOST:
            self._rescale()
        place = bisect_right(EDGES, seconds) - 1
        self._ended[place] += self._weight
        self._spent[place] += self._weight * (seconds - EDGES[place])

    def table(self, going_on: Sequence[float] = ()) -> LifeTable:
        """The chances now. going_on: ages of those that have not ended, seconds."""
        unit = 1.0 / self._weight
        ended = [value * unit for value in self._ended]
        spent = [value * unit for value in self._spent]
        leaving = list(ended)
        for age in going_on:
            place = bisect_right(EDGES, age) - 1
            spent[place] += age - EDGES[place]
            leaving[place] += 1.0
        rates = [0.0] * len(EDGES)
        beyond = 0.0
        for place in range(len(EDGES) - 1, -1, -1):
            width = EDGES[place + 1] - EDGES[place] if place + 1 < len(EDGES) else 0.0
            guessed_endings, guessed_time = self._guess[place]
            rates[place] = (ended[place] + guessed_endings) / (spent[place] + beyond * width + guessed_time)
            beyond += leaving[place]
        return LifeTable(rates)

    def to_dict(self) -> dict[str, list[float]]:
        """For safekeeping; ``restore`` reads it."""
        unit = 1.0 / self._weight
        return {"ended": [value * unit for value in self._ended], "spent": [value * unit for value in self._spent]}

    def restore(self, kept: Mapping[str, Sequence[float]]) -> None:
        """Take over what ``to_dict`` gave; ValueError when it is of another shape."""
        ended, spent = list(kept["ended"]), list(kept["spent"])
        if len(ended) != len(EDGES) or len(spent) != len(EDGES):
            raise ValueError("durations were kept in another shape")
        self._ended, self._spent, self._weight = ended, spent, 1.0

    def _rescale(self) -> None:
        unit = 1.0 / self._weight
        self._ended = [value * unit for value in self._ended]
        self._spent = [value * unit for value in self._spent]
        self._weight = 1.0


def _lognormal_table(mean: float, cv: float) -> list[tuple[float, float]]:
    """(endings, seconds spent) in each stretch for :data:`GUESS_WEIGHT` lognormal durations."""
    sigma = math.sqrt(math.log1p(cv * cv))
    middle = math.log(mean) - sigma * sigma / 2.0

    def lasting(age: float) -> float:
        return 0.5 * math.erfc((math.log(age) - middle) / (sigma * math.sqrt(2.0))) if age > 0 else 1.0

    table = []
    for place, low in enumerate(EDGES):
        if place + 1 < len(EDGES):
            high = EDGES[place + 1]
            endings, spent = lasting(low) - lasting(high), (lasting(low) + lasting(high)) / 2.0 * (high - low)
        else:
            endings, spent = lasting(low), lasting(low) * low
        table.append((GUESS_WEIGHT * max(endings, 1e-12), GUESS_WEIGHT * max(spent, 1e-9)))
    return table
