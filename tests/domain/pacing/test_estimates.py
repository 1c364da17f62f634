"""What the learner believes after what it saw."""

from __future__ import annotations

import json
import math
from random import Random

import pytest

from controller.domain.pacing.answer_rate import AnswerRate
from controller.domain.pacing.durations import Durations
from controller.domain.pacing.estimates import Learner
from controller.domain.pacing.ring_times import RingTimes


def lognormal(chance: Random, mean: float, cv: float) -> float:
    sigma = math.sqrt(math.log1p(cv * cv))
    return chance.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)


def test_life_table_learns_a_mean_and_the_remaining_time():
    """2 000 lognormal talks: mean within 5 %, chances to end within ten seconds within three points of the truth."""
    chance = Random(1)
    talks = [lognormal(chance, 90.0, 0.7) for _ in range(2000)]
    durations = Durations(120.0, 1.0, memory=5000.0)
    for talk in talks:
        durations.add(talk)
    table = durations.table()
    assert table.mean() == pytest.approx(90.0, rel=0.05)
    for age in (5.0, 40.0, 80.0):
        alive = [talk for talk in talks if talk > age]
        truth = sum(talk <= age + 10.0 for talk in alive) / len(alive)
        assert table.ended_by(age, 10.0) == pytest.approx(truth, abs=0.03)


def test_talks_going_on_keep_the_first_minutes_honest():
    """Three short talks ended, thirty go on for 40 s: without these, agents would be expected back far too soon."""
    durations = Durations(120.0, 1.0, memory=600.0)
    for seconds in (8.0, 12.0, 20.0):
        durations.add(seconds)
    assert durations.table([40.0] * 30).ended_by(15.0, 20.0) < 0.5 * durations.table().ended_by(15.0, 20.0)


def test_old_durations_are_forgotten():
    """After many short talks the long ones of the morning no longer count."""
    durations = Durations(120.0, 1.0, memory=100.0)
    for seconds in [300.0] * 300 + [30.0] * 500:
        durations.add(seconds)
    assert durations.table().mean() < 70.0


def test_answer_rate_counts_only_decided_cohorts():
    """A burst of calls that cannot all be decided yet changes nothing, whatever its early failures say."""
    rate = AnswerRate(decided_after=28.0)
    for at in range(100):
        for place in range(4):
            rate.add(float(at), person=place == 0)
    rate.settle(200.0)
    before = rate.estimate()
    for _ in range(200):
        rate.add(200.0, person=False)
    rate.settle(205.0)
    assert rate.estimate() == before
    rate.settle(240.0)
    assert rate.estimate()[0] < before[0]


def test_a_rise_of_answers_is_believed_at_once_a_fall_slowly():
    """From 10 % to 40 % the alarm goes within 150 calls; from 40 % to 10 % the estimate is still above 20 % then."""

    def after(first: int, then: int) -> float:
        rate = AnswerRate(decided_after=28.0)
        for number in range(1150):
            tenths = first if number < 1000 else then
            rate.add(number / 5.0, person=number % 10 < tenths)
        rate.settle(1e6)
        return rate.estimate()[0]

    assert after(1, 4) > 0.22
    assert after(4, 1) > 0.2


def test_ring_curve_separates_people_from_the_rest():
    """People pick up at 6 s, the rest rings out at 25 s: by 10 s nearly all people are known and none of the others."""
    rings = RingTimes(25.0)
    for _ in range(300):
        rings.add(6.0, person=True)
        rings.add(25.0, person=False)
    curve = rings.curve()
    assert curve.picked_up_by(10.0) > 0.98
    assert curve.others[10] == 0.0
    assert curve.quantile(0.5) == pytest.approx(5.5, abs=0.6)


def taught(calls: int = 400, seed: int = 3) -> Learner:
    chance = Random(seed)
    learner = Learner(25.0, wait_seconds=1.2)
    for number in range(calls):
        at = number * 0.5
        learner.call_launched(at)
        if number % 4 == 0:
            learner.call_picked_up(at, lognormal(chance, 12.0, 0.5), person=True, screen_seconds=0.8)
            learner.talk_ended(lognormal(chance, 120.0, 1.0))
            learner.wrap_up_ended(lognormal(chance, 15.0, 1.0))
        else:
            learner.call_failed(at, 25.0)
    return learner


def test_estimates_of_a_taught_learner():
    """A quarter answers, verdicts take 0.8 s, everyone picked up by a person: and it knows its day."""
    found = taught().estimates(300.0)
    assert found.answer_rate == pytest.approx(0.25, abs=0.02)
    assert found.screen_seconds == pytest.approx(0.8)
    assert found.talk_seconds == pytest.approx(120.0, rel=0.3)
    assert found.person_share > 0.9
    assert found.launched == 400
    assert found.warm


def test_a_learner_is_cold_until_its_first_calls_are_decided():
    """For a ring limit nothing is known; after a pause of an hour nothing is known again."""
    learner = Learner(25.0, wait_seconds=1.2)
    learner.call_launched(1000.0)
    learner.call_failed(1000.0, 3.0)
    assert not learner.estimates(1020.0).warm
    assert learner.estimates(1040.0).warm
    learner.call_launched(5000.0)
    assert not learner.estimates(5010.0).warm


def test_the_longer_a_call_rings_the_less_it_promises_in_the_end():
    """Chances of a call to ask for an agent soon: near nothing at the end of its ring limit, all between 0 and 1."""
    outlook = taught().estimates(300.0).outlook
    assert all(0.0 <= row[0] <= 1.0 and row[1] >= 0.0 for row in outlook.ringing)
    assert outlook.ringing[24][-3] < outlook.ringing[5][-3]


def test_what_is_kept_is_what_comes_back():
    """A restart loses the cohorts in the air and nothing else; what is kept survives JSON."""
    learner = taught()
    before = learner.estimates(300.0)
    again = Learner(25.0, wait_seconds=1.2)
    again.restore(json.loads(json.dumps(learner.to_dict())))
    after = again.estimates(300.0)
    assert after.answer_rate == pytest.approx(before.answer_rate, rel=0.02)
    assert after.talk_seconds == pytest.approx(before.talk_seconds)
    assert (after.launched, after.warm) == (0, False)


def test_a_learner_keeps_a_fixed_amount():
    """Ten times the calls, the same size."""
    small, large = (len(json.dumps(taught(calls).to_dict()).split(",")) for calls in (400, 4000))
    assert small == large


def test_durations_kept_in_another_shape_are_refused():
    """Rather begin anew than read another version's numbers."""
    with pytest.raises(ValueError, match="shape"):
        Durations(120.0, 1.0, 600.0).restore({"ended": [1.0], "spent": [1.0]})


def test_agents_who_leave_after_the_wrap_up_are_noticed_within_minutes():
    """A quarter of an hour of coming back, then ten who go to lunch: fewer are expected back, at once; later all again."""
    learner = taught()

    def expected_back(at: float) -> float:
        return learner.estimates(at).outlook.agents.wrapping[10][0]

    before = expected_back(300.0)
    for _ in range(10):
        learner.wrap_up_ended(15.0, back=False)
    assert expected_back(303.0) < 0.75 * before
    for _ in range(200):
        learner.wrap_up_ended(15.0)
    assert expected_back(310.0) > 0.9 * before
