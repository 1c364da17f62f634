"""The tables for looking ahead: for an agent or a call of every age, the chance to matter to a call that is launched now.

A call launched now is picked up, if a person picks up at all, at one of a few moments (quantiles of pick-up times). For each
of these moments a row says of one agent: will they be free before that person has waited too long? And of one call: will it
have asked for an agent before? A chance p enters a sum of independent events by three numbers, p, p(1-p) and
p(1-p)(1-2p): the mean, the variance and the third cumulant. Rows of all agents and calls are added up by ``look_ahead.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from controller.domain.pacing.durations import LifeTable
from controller.domain.pacing.ring_times import MOST_SECONDS, RingCurve

QUANTILES = (1 / 6, 1 / 2, 5 / 6)
"""Which moments of pick-up are looked at; each stands for a third of the people."""
STEP_SECONDS = 2.0
"""Talk and wrap-up are put together in steps of this."""
AGE_GROWTH = 1.08
"""Rows are computed for ages that grow by this and shared by the ages between."""
OLDEST_SECONDS = 3600
"""What has lasted longer is looked up at this age."""

Row: TypeAlias = tuple[float, ...]
"""Mean, variance, third cumulant for the first moment, then for the next …"""


@dataclass(frozen=True, slots=True)
class AgentRows:
    """moments: seconds from now to the pick-ups looked at. The rows by whole seconds of age."""

    moments: tuple[float, ...]
    talking: tuple[Row, ...]
    wrapping: tuple[Row, ...]
    finishing: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """agents: their rows. ringing: rows by whole seconds since the launch. screening: the row of a call whose verdict is
    pending. ringing and screening say that the call asks for an agent first."""

    agents: AgentRows
    ringing: tuple[Row, ...]
    screening: Row


def agent_rows(
    rings: RingCurve, screen_seconds: float, wait_seconds: float, talk: LifeTable, wrap_up: LifeTable, finishing: LifeTable
) -> AgentRows:
    """Rows of the agents who are not free."""
    moments = tuple(rings.quantile(share) for share in QUANTILES)
    deadlines = [moment + screen_seconds + wait_seconds for moment in moments]
    return AgentRows(
        moments,
        _spread([_then(talk, wrap_up, age, deadlines) for age in _AGES]),
        _spread([[wrap_up.ended_by(age, deadline) for deadline in deadlines] for age in _AGES]),
        _spread([_then(finishing, wrap_up, age, deadlines) for age in _AGES]),
    )


def call_rows(
    rings: RingCurve, moments: Sequence[float], answer_rate: float, person_share: float
) -> tuple[tuple[Row, ...], Row]:
    """(rows of ringing calls by whole seconds since the launch, row of a call whose verdict is pending)."""
    by_second = []
    for age in range(MOST_SECONDS + 1):
        expected = answer_rate * (1.0 - rings.people[age])
        undecided = expected + (1.0 - answer_rate) * (1.0 - rings.others[age])
        chances = []
        for moment in moments:
            picked_up = answer_rate * (rings.picked_up_by(age + moment) - rings.people[age])
            chances.append(picked_up / undecided if undecided > 1e-9 else 0.0)
        by_second.append(row(chances))
    return tuple(by_second), row([person_share] * len(moments))


def row(chances: Sequence[float]) -> Row:
    """The three numbers of each chance."""
    numbers: list[float] = []
    for chance in chances:
        variance = chance * (1.0 - chance)
        numbers += (chance, variance, variance * (1.0 - 2.0 * chance))
    return tuple(numbers)


def _then(first: LifeTable, second: LifeTable, age: float, deadlines: Sequence[float]) -> list[float]:
    """The chances that ``first``, of this age, and then a whole ``second`` are over by each deadline."""
    reached = first.hazard(age)
    steps = math.ceil(deadlines[-1] / STEP_SECONDS)
    lasting = [math.exp(reached - first.hazard(age + step * STEP_SECONDS)) for step in range(steps + 1)]
    chances = []
    for deadline in deadlines:
        chance = 0.0
        for step in range(math.ceil(deadline / STEP_SECONDS)):
            begun = step * STEP_SECONDS
            width = min(STEP_SECONDS, deadline - begun)
            ending = (lasting[step] - lasting[step + 1]) * width / STEP_SECONDS
            chance += ending * second.ended_by(0.0, deadline - begun - width / 2.0)
        chances.append(chance)
    return chances


def _ages() -> tuple[list[float], list[int]]:
    """(ages with a row of their own, for each whole second the place of the nearest)."""
    ages: list[float] = []
    age = 0.0
    while age < OLDEST_SECONDS:
        ages.append(age)
        age = max(age + 1.0, age * AGE_GROWTH)
    ages.append(float(OLDEST_SECONDS))
    nearest = [min(range(len(ages)), key=lambda at: abs(ages[at] - second)) for second in range(OLDEST_SECONDS + 1)]
    return ages, nearest


_AGES, _NEAREST = _ages()


def _spread(chances: Sequence[Sequence[float]]) -> tuple[Row, ...]:
    rows = [row(of_age) for of_age in chances]
    return tuple(rows[place] for place in _NEAREST)
