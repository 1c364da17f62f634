"""The tables for looking ahead: for an agent or a call of every age, the chance to matter to a call that is launched now.

A call launched now is picked up, if a person picks up at all, about the median of the pick-up times. Of each agent a row says:
will they be free before a person who picks up then has waited too long? Of each call: will it have asked for an agent by
about that time, or soon after? A chance p enters a sum of independent events by three numbers, p, p(1-p) and p(1-p)(1-2p): the
mean, the variance and the third cumulant. Rows of all agents and calls are added up by ``look_ahead.py``.

Why calls are looked at a little later than agents: a call that picks up just after ours wants an agent too, and after a burst
of launches half of them do; agents who become free that much later are for calls not yet launched. Averages over three or
five moments were tried and won nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter, mul
from typing import TypeAlias

from controller.domain.pacing.durations import LifeTable
from controller.domain.pacing.ring_times import RingCurve

AGENTS_BY = 0.5
CALLS_BY = 0.75
"""Shares of the people who pick up: the moments by which agents must be free, and calls are counted."""
STEP_SECONDS = 2.0
"""Talk and wrap-up are put together in steps of this."""
AGE_GROWTH = 1.12
"""Rows are computed for ages that grow by this and shared by the ages between."""
OLDEST_SECONDS = 3600
"""What has lasted longer is looked up at this age."""

Row: TypeAlias = tuple[float, float, float]
"""Mean, variance, third cumulant."""


@dataclass(frozen=True, slots=True)
class AgentRows:
    """By whole seconds of age."""

    talking: tuple[Row, ...]
    wrapping: tuple[Row, ...]
    finishing: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """agents: their rows. ringing: rows by whole seconds since the launch. screening: the row of a call whose verdict is
    pending. ringing and screening say that the call asks for an agent first. in_the_end: by whole seconds since the launch, the
    chance that a person picks the call up at all.
    """

    agents: AgentRows
    ringing: tuple[Row, ...]
    in_the_end: tuple[float, ...]
    screening: Row


def agent_rows(
    rings: RingCurve, screen_seconds: float, wait_seconds: float, talk: LifeTable, wrap_up: LifeTable, finishing: LifeTable
) -> AgentRows:
    """Rows of the agents who are not free."""
    deadline = rings.quantile(AGENTS_BY) + screen_seconds + wait_seconds
    steps = _wrap_up_steps(wrap_up, deadline)
    return AgentRows(
        _spread([_then(talk, steps, age) for age in _AGES]),
        _spread([wrap_up.ended_by(age, deadline) for age in _AGES]),
        _spread([_then(finishing, steps, age) for age in _AGES]),
    )


def pick_ups(rings: RingCurve, moment: float) -> tuple[float, ...]:
    """By whole seconds since the launch, up to the age when all is decided: the share of the people who pick up at all that do
    so between that age and ``moment`` seconds later."""
    return tuple(rings.picked_up_by(age + moment) - rings.people[age] for age in range(rings.decided_by + 1))


def call_rows(
    rings: RingCurve, later: Sequence[float], answer_rate: float, person_share: float
) -> tuple[tuple[Row, ...], tuple[float, ...], Row]:
    """``ringing``, ``in_the_end`` and ``screening`` of an :class:`Outlook`. later: from ``pick_ups``."""
    by_second, in_the_end = [], []
    for age, share in enumerate(later):
        undecided = answer_rate * (1.0 - rings.people[age]) + (1.0 - answer_rate) * (1.0 - rings.others[age])
        odds = answer_rate / undecided if undecided > 1e-9 else 0.0
        by_second.append(row(odds * share))
        in_the_end.append(odds * (1.0 - rings.people[age]))
    return tuple(by_second), tuple(in_the_end), row(person_share)


def row(chance: float) -> Row:
    """The three numbers of a chance."""
    variance = chance * (1.0 - chance)
    return chance, variance, variance * (1.0 - 2.0 * chance)


def _wrap_up_steps(wrap_up: LifeTable, deadline: float) -> list[float]:
    """For each step before the deadline: the chance that a wrap-up begun in it is over by then, times the share of the step
    that lies before the deadline."""
    chances = []
    for step in range(math.ceil(deadline / STEP_SECONDS)):
        width = min(STEP_SECONDS, deadline - step * STEP_SECONDS)
        chances.append(wrap_up.ended_by(0.0, deadline - step * STEP_SECONDS - width / 2.0) * width / STEP_SECONDS)
    return chances


def _then(first: LifeTable, steps: Sequence[float], age: float) -> float:
    """The chance that ``first``, of this age, and then a whole wrap-up are over by the deadline."""
    reached = first.hazard(age)
    lasting = [math.exp(reached - first.hazard(age + step * STEP_SECONDS)) for step in range(len(steps) + 1)]
    chance: float = sum(map(mul, [now - then for now, then in pairwise(lasting)], steps))
    return chance


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
_EACH_SECOND: Callable[[Sequence[Row]], tuple[Row, ...]] = itemgetter(*_NEAREST)


def _spread(chances: Sequence[float]) -> tuple[Row, ...]:
    return _EACH_SECOND([row(chance) for chance in chances])
