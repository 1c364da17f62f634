"""Simulated days: the same seed lives the same day, counts agree, and the methods come out as they do on a floor."""

from __future__ import annotations

import math
from random import Random

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.pacing.board import Manner
from controller.domain.pacing.drop_guard import DropLimit, Formula, WindowName
from controller.simulator.course import Course
from controller.simulator.floors import Plan
from controller.simulator.people import End, Habits, People, Spread
from controller.simulator.world import World

RETRIED = frozenset({Outcome.NO_ANSWER, Outcome.BUSY, Outcome.MACHINE})
LIMITS = (DropLimit(WindowName.RUN, Formula.US),)
HABITS = Habits(answer_rate=0.25, wait_seconds=1.2)


def day(
    mode: str,
    agents: int = 10,
    hours: float = 1.0,
    seed: int = 1,
    habits: Habits = HABITS,
    leads: int = 10**6,
    ratio: float = 2.0,
    seats: int = 100_000,
    channels: int = 100_000,
    calls_per_second: float = 1000.0,
    max_attempts: int = 1,
) -> Course:
    chance = Random(seed)
    plan = Plan(
        "june",
        mode,
        People(habits, 25.0, chance),
        leads,
        seats=seats,
        channels=channels,
        calls_per_second=calls_per_second,
        retry=RetryPolicy(max_attempts=max_attempts, delay_seconds=300.0, retryable=RETRIED, quiet_seconds=0.0),
        manner=Manner(ratio=ratio),
        drop_limits=LIMITS if mode == "predictive" else (),
    )
    return World([plan], agents, chance).live(hours * 3600.0)["june"]


@pytest.mark.parametrize("mode", ["progressive", "power", "predictive"])
def test_the_same_seed_lives_the_same_day(mode: str):
    """Every count of two runs is equal; another seed is another day."""
    first, again, other = (day(mode, hours=0.5, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_progressive_abandons_nobody_and_idles_a_third_of_the_time():
    """As calculated by hand: 135 s of work after 67 s of waiting for a person make two thirds."""
    course = day("progressive", hours=3.0)
    assert course.abandoned == 0
    assert course.occupancy == pytest.approx(2 / 3, abs=0.035)


def test_power_by_itself_abandons_many_in_a_small_team():
    """Ratio 3, five agents, a quarter answers: one in six finds nobody."""
    assert day("power", agents=5, hours=3.0, ratio=3.0).abandoned_share == pytest.approx(0.165, abs=0.04)


@pytest.mark.parametrize(
    "habits", [HABITS, Habits(answer_rate=0.4, talk=Spread(60.0, 0.8), ring=Spread(8.0), wait_seconds=1.0)]
)
def test_predictive_is_busier_than_progressive_and_keeps_its_limit(habits: Habits):
    """Twenty agents, an hour and a half from a cold start."""
    predictive = day("predictive", agents=20, hours=1.5, habits=habits)
    assert predictive.occupancy > day("progressive", agents=20, hours=1.5, habits=habits).occupancy + 0.08
    assert predictive.abandoned_share <= 0.03


@pytest.mark.parametrize("agents", [5, 20, 60])
def test_the_first_200_calls_are_at_most_one_over_the_limit(agents: int):
    """At every moment of several mornings, by every team size."""
    for seed in range(1, 4):
        minutes = 150.0 / agents  # long enough for 200 calls of any team
        course = day("predictive", agents=agents, hours=minutes / 60.0, seed=seed)
        assert course.calls > 0
        if course.calls <= 200:
            assert course.abandoned <= 0.03 * course.answered + 1


def test_calls_add_up():
    """Every call of a finished list ended in exactly one way."""
    course = day("predictive", leads=500, hours=8.0)
    assert course.seconds < 8 * 3600.0
    assert course.calls == 500 == course.answered + sum(course.ends.values())


def test_contacts_nobody_reached_are_called_again():
    """Three attempts: every contact is reached or has had three calls."""
    course = day("progressive", leads=200, hours=8.0, max_attempts=3)
    assert 200 < course.calls <= 600
    assert course.calls == course.answered + sum(course.ends.values())
    assert course.ends[End.NO_ANSWER] > 0


def test_what_binds_is_counted_in_seconds():
    """The times of all bounds add up to the day; a carrier of two calls a second binds a large team most of it."""
    course = day("progressive", agents=100, calls_per_second=2.0)
    assert sum(course.binding().values()) == pytest.approx(course.seconds)
    assert course.calls <= 2.0 * 3600 + 2


def test_agentless_is_held_by_its_seats():
    """Thirty seats: never more than thirty calls, most of the time exactly that."""
    course = day("agentless", agents=0, seats=30)
    assert course.peak_channels == 30
    assert max(course.binding(), key=lambda name: course.binding()[name]) == "seats"
    assert (course.abandoned, course.occupancy) == (0, 0.0)


def test_work_is_spread_over_the_slices_it_was_done_in():
    """The busy time of the slices is the day's, and none is busier than its agents can be."""
    course = day("progressive", agents=10, hours=1.0)
    assert course.busy_seconds == pytest.approx(course.occupancy * 10 * course.seconds)
    assert all(part.busy_seconds <= 10 * 300.0 + 1e-6 for part in course.slices)


def test_spread_has_its_mean_and_variation():
    """20 000 draws: mean within 2 %, variation within 5 %."""
    chance, spread = Random(3), Spread(12.0, 0.7)
    draws = [spread.draw(chance) for _ in range(20_000)]
    mean = sum(draws) / len(draws)
    variation = math.sqrt(sum((value - mean) ** 2 for value in draws) / len(draws)) / mean
    assert (mean, variation) == (pytest.approx(12.0, rel=0.02), pytest.approx(0.7, rel=0.05))


def test_people_pick_up_within_the_ring_limit_or_not_at_all():
    """The answer rate is the share a person picks up in time, whatever the pick-up times."""
    for ring in (Spread(12.0, 0.7), Spread(60.0, 0.5)):
        people = People(Habits(answer_rate=0.3, ring=ring), 25.0, Random(5))
        lots = [people.call(0.0) for _ in range(4000)]
        persons = [lot for lot in lots if lot.end is End.PERSON]
        assert len(persons) / len(lots) == pytest.approx(0.3, abs=0.03)
        assert max(lot.seconds for lot in persons) <= 25.0


def test_nonsense_is_refused():
    """Shares over one, durations of nothing."""
    with pytest.raises(ValueError, match="shares"):
        Habits(answer_rate=1.2)
    with pytest.raises(ValueError, match="duration"):
        Spread(0.0)


def test_agents_go_to_lunch_and_come_back():
    """Half of twenty are away for half an hour: staffed time lacks just that, a talk is finished first, the limit holds."""
    chance = Random(1)
    plan = Plan("june", "predictive", People(HABITS, 25.0, chance), 10**6, drop_limits=LIMITS)
    course = World([plan], 20, chance, staffing=lambda now: 10 if 1800 <= now < 3600 else 20).live(5400.0)["june"]
    staffed = sum(part.staffed_seconds for part in course.slices)
    assert 20 * 3600.0 + 10 * 1800.0 <= staffed <= 20 * 3600.0 + 10 * 1800.0 + 10 * 300.0
    assert all(part.busy_seconds <= part.staffed_seconds + 20 * 0.5 for part in course.slices)
    assert 0.7 < course.occupancy <= 1.0
    assert course.abandoned_share <= 0.03


def test_nobody_at_work_takes_no_call():
    """All agents leave after half an hour: nobody is connected once the last talks are over."""
    chance = Random(1)
    plan = Plan("june", "predictive", People(HABITS, 25.0, chance), 10**6, drop_limits=LIMITS)
    course = World([plan], 12, chance, staffing=lambda now: 12 if now < 1800 else 0).live(7200.0)["june"]
    assert sum(part.calls for part in course.slices[7:]) == 0
    assert sum(part.connected for part in course.slices[:6]) > 0
