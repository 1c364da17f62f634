"""The tables for looking ahead: for an agent or a call of every age, the chance to matter to a call that is launched now.

A call launched now is picked up, if a person picks up at all, about the median of the pick-up times. Of each agent a row says:
will they be free before a person who picks up then has waited too long? Of each call: will it have asked for an agent by
about that time, or soon after? A chance p enters a sum of independent events by three numbers, p, p(1-p) and p(1-p)(1-2p): the
mean, the variance and the third cumulant. Rows of all agents and calls are added up by ``look_ahead.py``.

Where talks are short an agent who becomes free early takes somebody else and is free once more by then; this second time
counts, too (a third is left out). And not everybody who is done comes back: some go to lunch or home.

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
LEAST_AGAIN = 0.02
"""Chance of a whole call within the time looked ahead, under which nobody is expected to be free twice."""
AGE_GROWTH = 1.12
"""Rows are computed for ages that grow by this and shared by the ages between."""
OLDEST_SECONDS = 3600
"""What has lasted longer is looked up at this age."""

Row: TypeAlias = tuple[float, float, float]
"""Mean, variance, third cumulant."""


@dataclass(frozen=True, slots=True)
class AgentRows:
    """By whole seconds of age; ``ready`` is what one who is free now can take more."""

    ready: Row
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
    rings: RingCurve,
    screen_seconds: float,
    wait_seconds: float,
    talk: LifeTable,
    wrap_up: LifeTable,
    finishing: LifeTable,
    back: float = 1.0,
) -> AgentRows:
    """Rows of the agents. back: share of the agents who are ready again after a wrap-up, rather than away."""
    deadline = rings.quantile(AGENTS_BY) + screen_seconds + wait_seconds
    steps = [back * chance for chance in _wrap_up_steps(wrap_up, deadline)]
    again = _again_steps(talk, wrap_up, steps, deadline)
    whole_wrap_up = [back * wrap_up.ended_by(age, deadline) for age in _AGES]
    soon = again[len(again) // 2] if again else 0.0
    return AgentRows(
        row(soon),
        _spread([twice(*_then(talk, steps, again, age)) for age in _AGES]),
        _spread([twice(chance, chance * soon) for chance in whole_wrap_up]),
        _spread([twice(*_then(finishing, steps, again, age)) for age in _AGES]),
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


def twice(once: float, again: float) -> Row:
    """The three numbers of how often an agent becomes free: at least once with the first chance, twice with the second."""
    again = min(again, once)
    first, second, third = once + again, once + 3.0 * again, once + 7.0 * again
    return first, second - first * first, third - 3.0 * first * second + 2.0 * first**3


def _wrap_up_steps(wrap_up: LifeTable, deadline: float) -> list[float]:
    """For each step before the deadline: the chance that a wrap-up begun in it is over by then, times the share of the step
    that lies before the deadline."""
    chances = []
    for step in range(math.ceil(deadline / STEP_SECONDS)):
        width = min(STEP_SECONDS, deadline - step * STEP_SECONDS)
        chances.append(wrap_up.ended_by(0.0, deadline - step * STEP_SECONDS - width / 2.0) * width / STEP_SECONDS)
    return chances


def _again_steps(talk: LifeTable, wrap_up: LifeTable, steps: Sequence[float], deadline: float) -> list[float]:
    """For each step: the chance that an agent whose wrap-up begins in it is free, takes a new call at once and is free again by
    the deadline. Empty where that hardly happens."""
    lasting = [math.exp(-talk.hazard(step * STEP_SECONDS)) for step in range(len(steps) + 1)]
    ending = [now - then for now, then in pairwise(lasting)]
    cycles = [sum(map(mul, ending, steps[begun:])) for begun in range(len(steps))]  # talk and wrap-up begun in that step
    if not cycles or cycles[0] < LEAST_AGAIN:
        return []
    wrapped = [wrap_up.ended_by(0.0, step * STEP_SECONDS) for step in range(len(steps) + 1)]
    done = [then - now for now, then in pairwise(wrapped)]
    return [sum(map(mul, done, cycles[begun + 1 :])) for begun in range(len(steps))]  # from the middle of a step to another's


def _then(first: LifeTable, steps: Sequence[float], again: Sequence[float], age: float) -> tuple[float, float]:
    """The chances that ``first``, of this age, and then a whole wrap-up are over by the deadline, and that one more call is."""
    reached = first.hazard(age)
    lasting = [math.exp(reached - first.hazard(age + step * STEP_SECONDS)) for step in range(len(steps) + 1)]
    ending = [now - then for now, then in pairwise(lasting)]
    return sum(map(mul, ending, steps)), sum(map(mul, ending, again))


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


def _spread(rows: Sequence[Row]) -> tuple[Row, ...]:
    return _EACH_SECOND(rows)
