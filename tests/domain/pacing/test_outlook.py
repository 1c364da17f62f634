"""How often agents become free within the time that is looked ahead, beside days that are thrown by dice."""

from __future__ import annotations

from random import Random

import pytest

from controller.domain.pacing.durations import Durations, LifeTable
from controller.domain.pacing.outlook import agent_rows, twice
from controller.domain.pacing.ring_times import RingTimes

RINGS = RingTimes(25.0).curve()
DEADLINE = RINGS.quantile(0.5) + 0.8 + 1.2
FINISHING = Durations(15.0, 1.0, 600.0).table()


def exponential(mean: float) -> LifeTable:
    """What ends at any age with the same chance, learned from four thousand of them."""
    chance, found = Random(3), Durations(mean, 1.0, memory=20_000.0)
    for _ in range(4000):
        found.add(chance.expovariate(1.0 / mean))
    return found.table()


def becomes_free(talk: float, wrap_up: float, chance: Random) -> int:
    """How often an agent in conversation is free again by the deadline, who takes the next person at once; twice at most."""
    at, times = 0.0, 0
    while times < 2:
        at += chance.expovariate(1.0 / talk) + chance.expovariate(1.0 / wrap_up)
        if at > DEADLINE:
            break
        times += 1
    return times


@pytest.mark.parametrize(("talk", "wrap_up"), [(6.0, 2.0), (15.0, 5.0), (120.0, 15.0)])
def test_an_agent_with_short_talks_becomes_free_twice(talk: float, wrap_up: float):
    """Mean and variance of how often, within four hundredths of twenty thousand throws."""
    chance = Random(5)
    thrown = [becomes_free(talk, wrap_up, chance) for _ in range(20_000)]
    mean = sum(thrown) / len(thrown)
    variance = sum((times - mean) ** 2 for times in thrown) / len(thrown)
    row = agent_rows(RINGS, 0.8, 1.2, exponential(talk), exponential(wrap_up), FINISHING).talking[0]
    assert row[:2] == (pytest.approx(mean, abs=0.04), pytest.approx(variance, abs=0.04))


def test_long_talks_leave_one_chance():
    """Two minutes of talk: who is free now takes one person within the time looked ahead, not two."""
    rows = agent_rows(RINGS, 0.8, 1.2, exponential(120.0), exponential(15.0), FINISHING)
    assert rows.ready[0] < 0.01
    assert rows.talking[0][0] < 0.1


def test_who_goes_to_lunch_is_not_waited_for():
    """When every second agent leaves after the wrap-up, half as many are expected back."""
    talk, wrap_up = exponential(120.0), exponential(15.0)
    all_, half = (agent_rows(RINGS, 0.8, 1.2, talk, wrap_up, FINISHING, back) for back in (1.0, 0.5))
    for kind in ("talking", "wrapping", "finishing"):
        assert getattr(half, kind)[10][0] == pytest.approx(getattr(all_, kind)[10][0] / 2, rel=0.02)


def test_twice_is_what_the_three_numbers_of_a_count_are():
    """Once with 60 %, twice with 20 % of all: mean 0.8, variance and third moment by hand."""
    chances = {0: 0.4, 1: 0.4, 2: 0.2}
    mean = sum(times * chance for times, chance in chances.items())
    moments = [sum(chance * (times - mean) ** power for times, chance in chances.items()) for power in (2, 3)]
    assert twice(0.6, 0.2) == (pytest.approx(mean), *(pytest.approx(moment) for moment in moments))
