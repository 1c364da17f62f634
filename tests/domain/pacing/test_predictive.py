"""Predictive pacing: how far ahead of the agents it dials, and what holds it back."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.pacing import predictive, progressive
from controller.domain.pacing.board import Board, CallsInHand, Manner, Rival, Team
from controller.domain.pacing.drop_guard import DropLimit, Formula, Level, Standing, Tally, WindowName, stand
from controller.domain.pacing.estimates import Estimates, Learner
from controller.domain.pacing.look_ahead import LookAhead, not_above_zero

LIMITS = (DropLimit(WindowName.RUN, Formula.US),)


@cache
def taught(calls: int = 600, one_in: int = 4) -> Estimates:
    """A campaign in which one call in so many is picked up, talks last two minutes, wrap-ups a quarter of one."""
    chance = Random(7)
    learner = Learner(25.0, wait_seconds=1.2)
    for number in range(calls):
        at = number * 0.5
        learner.call_launched(at)
        if number % one_in == 0:
            learner.call_picked_up(at, chance.uniform(4.0, 20.0), person=True, screen_seconds=0.8)
            learner.talk_ended(chance.lognormvariate(4.44, 0.83))
            learner.wrap_up_ended(chance.lognormvariate(2.6, 0.47))
        else:
            learner.call_failed(at, 25.0)
    return learner.estimates(calls * 0.5 + 30.0)


def standing(answered: int, abandoned: int) -> Standing:
    return stand(LIMITS, {WindowName.RUN: Tally(answered - abandoned, abandoned)})


def board(
    ready: int = 5,
    talking: int = 45,
    ringing: int = 20,
    guard: Standing | None = None,
    estimates: Estimates | None = None,
    manner: Manner | None = None,
) -> Board:
    return Board(
        seats=10_000,
        in_progress=ringing + talking,
        fleet_free=None,
        channels_free=10_000,
        calls_per_second=1000.0,
        rate_limited_by="carrier_cps",
        leads=10_000,
        horizon_seconds=10.0,
        team=Team("sales", ready, talking=tuple(5.0 * at for at in range(talking))),
        hand=CallsInHand(ringing=tuple(at % 20 + 0.5 for at in range(ringing))),
        estimates=estimates or taught(),
        guard=guard or standing(2000, 50),
        manner=manner or Manner(),
    )


def test_it_dials_ahead_of_the_agents():
    """Five agents free, none of twenty calls likely to be answered by all: more calls leave than agents are free."""
    decision = predictive.decide(board(ringing=0))
    assert decision.calls > 5
    assert (decision.binding, decision.agents) == ("abandon_risk", 0)


def test_it_stops_when_the_calls_in_hand_will_do():
    """With a hundred lines out for fifty agents nothing is added."""
    assert predictive.decide(board(ringing=100)).calls == 0


def test_a_lower_answer_rate_needs_more_lines():
    """One in ten answers: more than twice the calls of one in four."""
    few, many = (predictive.decide(board(ringing=0, estimates=taught(one_in=one_in))).calls for one_in in (4, 10))
    assert many > 2 * few


def test_talks_about_to_end_are_dialled_for():
    """Agents who said that they are finishing bring more calls than the same agents in mid-talk."""
    talking = board(ready=2, talking=20, ringing=0)
    assert talking.team is not None
    finishing = replace(talking, team=Team("sales", 2, talking=talking.team.talking[10:], finishing=(5.0,) * 10))
    assert predictive.decide(finishing).calls > predictive.decide(talking).calls


def test_cold_it_is_progressive():
    """Before the first calls are decided: one call an agent, and it says so."""
    cold = replace(board(ringing=0), estimates=Learner(25.0, 1.2).estimates(10.0))
    decision = predictive.decide(cold)
    assert (decision.calls, decision.binding) == (5, "estimates")


def test_the_hard_mark_is_progressive():
    """Over the limit: one call an agent until the rate is back under the release mark."""
    decision = predictive.decide(board(ringing=0, guard=standing(1000, 31)))
    assert (decision.calls, decision.binding) == (5, "drop_guard")
    assert "3.10%" in decision.reason


def test_one_abandoned_of_few_is_already_the_budget():
    """Of 40 answered one was abandoned: a second would make 5 %, so one call an agent until 67 have answered."""
    assert predictive.decide(board(ringing=0, guard=standing(40, 1))).binding == "drop_guard"
    assert predictive.decide(board(ringing=0, guard=standing(80, 1))).binding == "abandon_risk"


def test_the_first_200_calls_are_never_more_than_one_over():
    """In a run's first 200 calls, those in hand are covered by free agents, what the limit still allows, and one person."""
    decision = predictive.decide(board(ringing=0, guard=standing(30, 0), estimates=taught(calls=150)))
    assert (decision.calls, decision.binding) == (6, "cold_start")


def test_a_small_team_is_dialled_as_power_and_it_says_so():
    """Nine agents: for each free one as many lines as a person is expected from, no more; the reason names power, and the
    setting can lower the mark."""
    small = board(ready=0, talking=9, ringing=0, guard=standing(4000, 0))
    decision = predictive.decide(small)
    assert (decision.calls, decision.binding) == (0, "few_agents")
    assert "power, because 9 agents are fewer than 10" in decision.reason
    assert "power, because 9 agents are fewer than 10" in predictive.decide(board(ready=3, talking=6, ringing=0)).reason
    assert predictive.decide(replace(small, manner=Manner(fewest_agents=5))).binding == "abandon_risk"


def test_lines_per_agent_bound_whatever_the_estimates_say():
    """Nobody answers any more: fifty agents still have at most 100 lines when 2 an agent are allowed."""
    decision = predictive.decide(board(ready=50, talking=0, ringing=0, manner=Manner(lines_per_agent=2.0)))
    assert (decision.calls, decision.binding) == (100, "lines_per_agent")


def test_rivals_for_the_same_agents_count():
    """Another campaign's ringing calls take agents from this one's."""
    alone = board(ringing=0)
    shared = replace(alone, rivals=(Rival(CallsInHand(ringing=(3.0,) * 15), taught()),))
    assert predictive.decide(shared).calls < predictive.decide(alone).calls


def test_the_threshold_follows_what_each_window_leaves():
    """Less spare, less risk; the worst window decides; a window that slept allows four limits, not more."""
    open_, tight = standing(5000, 50), standing(5000, 148)
    assert predictive.threshold(tight.windows, 50) < 0.03 < predictive.threshold(open_.windows, 50)
    assert predictive.threshold((*open_.windows, *tight.windows), 50) == predictive.threshold(tight.windows, 50)
    assert predictive.threshold(standing(100_000, 0).windows, 50) == pytest.approx(0.12)


def test_the_corrected_normal_is_close_to_exact():
    """Ten agents back with 30 % each against six calls answered with 40 % each: within half a point of the exact chance."""
    free, answered = (10, 0.3), (6, 0.4)
    exact = sum(
        math.comb(free[0], f)
        * free[1] ** f
        * (1 - free[1]) ** (free[0] - f)
        * math.comb(answered[0], a)
        * answered[1] ** a
        * (1 - answered[1]) ** (answered[0] - a)
        for f in range(free[0] + 1)
        for a in range(answered[0] + 1)
        if f <= a
    )
    mean = 10 * 0.3 - 6 * 0.4
    variance = 10 * 0.21 + 6 * 0.24
    third = 10 * 0.21 * 0.4 - 6 * 0.24 * 0.2
    assert not_above_zero(mean, variance, third) == pytest.approx(exact, abs=0.005)


def test_a_sure_thing_is_no_chance():
    """Without variance a free agent is a free agent."""
    assert (not_above_zero(1.0, 0.0, 0.0), not_above_zero(0.0, 0.0, 0.0)) == (0.0, 1.0)


AGES = st.lists(st.floats(0.0, 2000.0), max_size=40).map(tuple)
TEAMS = st.builds(Team, st.just("sales"), st.integers(0, 40), st.just(0), AGES, AGES, AGES)
HANDS = st.builds(CallsInHand, st.lists(st.floats(0.0, 60.0), max_size=60).map(tuple), AGES, AGES)


@settings(max_examples=60, deadline=None)
@given(TEAMS, HANDS, st.integers(0, 400), st.integers(0, 300), st.integers(0, 300))
def test_never_below_nothing_nor_over_a_limit(team: Team, hand: CallsInHand, abandoned: int, leads: int, seats: int):
    """Whatever is in hand, the calls fit leads, seats and lines; at the hard mark they fit the free agents."""
    guard = standing(4000, abandoned)
    anything = replace(board(guard=guard), team=team, hand=hand, leads=leads, seats=seats, in_progress=0)
    decision = predictive.decide(anything)
    assert 0 <= decision.calls <= min(leads, seats)
    assert decision.calls == 0 or decision.calls + hand.count <= 10 * team.staffed
    if guard.level is Level.HARD:
        assert decision.calls == progressive.decide(anything).calls


@settings(max_examples=60, deadline=None)
@given(TEAMS, HANDS)
def test_more_free_agents_never_mean_more_risk(team: Team, hand: CallsInHand):
    """And one more call in the same breath never less."""
    now, then = LookAhead(team, hand, taught()), LookAhead(replace(team, ready=team.ready + 1), hand, taught())
    for more in (0, 3, 10):
        assert then.risk(more) <= now.risk(more) + 0.01
        assert now.risk(more + 1) >= now.risk(more) - 0.01


@given(st.integers(100, 10_000), st.integers(0, 200), st.integers(1, 300))
def test_one_more_abandoned_never_raises_the_threshold(answered: int, abandoned: int, agents: int):
    """Monotone in what was spent."""
    before, after = (standing(answered, min(people, answered)).windows for people in (abandoned, abandoned + 1))
    assert predictive.threshold(after, agents) <= predictive.threshold(before, agents)
