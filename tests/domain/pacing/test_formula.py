"""Formula pacing: what an owner's number leads to, and what becomes of one that cannot be right."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.pacing import formula
from controller.domain.pacing.board import Board, CallsInHand, Manner, Team
from controller.domain.pacing.drop_guard import Level, Standing
from controller.domain.pacing.formula_value import SILENT, Bounds, Fault, FormulaOrder, InUse, Reading, fault_of, in_use

BOUNDS = Bounds(most=10.0, safe=1.0, stale_seconds=60.0)
GOOD = Reading(1000.0, 4.0)

WIDE = Board(
    seats=10_000,
    in_progress=0,
    fleet_free=None,
    channels_free=10_000,
    calls_per_second=1000.0,
    rate_limited_by="carrier_cps",
    leads=10_000,
    horizon_seconds=10.0,
)
HARD = Standing(Level.HARD, (), "3.10% of people abandoned (run), the limit is 3.00%")
SOFT = Standing(Level.SOFT, (), "2.90% of people abandoned (run), the limit is 3.00%")


def for_agents(calls: float, target: int, ready: int, reserved: int = 0, ringing: int = 0) -> Board:
    return replace(
        WIDE,
        team=Team("sales", ready=ready, reserved=reserved),
        hand=CallsInHand(ringing=(3.0,) * ringing),
        formula=FormulaOrder(calls, target, per_agent=True),
    )


def for_pulse(calls: float, started: int = 0, team: Team | None = None) -> Board:
    return replace(WIDE, team=team, formula=FormulaOrder(calls, None, per_agent=False, started=started))


# ------------------------------------------------------------------ which value counts


def test_good_value_is_used_as_it_is():
    """Zero and the bound itself are values like any other."""
    for value in (0.0, 2.5, 10.0):
        reading = Reading(1000.0, value)
        assert in_use(reading, reading, BOUNDS, 1010.0) == InUse(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.001, 10.001, 1e300])
def test_absurd_value_gives_way_to_the_safe_one_at_once(value: float):
    """A value that cannot be right is never dialled by, not even while an earlier one is fresh."""
    used = in_use(Reading(1001.0, value), GOOD, BOUNDS, 1001.0)
    assert (used.value, used.safe) == (1.0, True)
    assert used.fault in (Fault.NOT_A_NUMBER, Fault.OUT_OF_RANGE)


@pytest.mark.parametrize("fault", sorted(SILENT - {Fault.NOT_YET}))
def test_last_good_value_bridges_an_outage_until_it_is_stale(fault: Fault):
    """One lost query changes nothing; after a minute without an answer the safe value stands in."""
    lost = Reading(1030.0, fault=fault, detail="connection refused")
    assert in_use(lost, GOOD, BOUNDS, 1060.0) == InUse(4.0, fault, detail="connection refused")
    assert in_use(lost, GOOD, BOUNDS, 1060.5) == InUse(1.0, fault, safe=True, detail="connection refused")


@pytest.mark.parametrize("fault", sorted(set(Fault) - SILENT - {Fault.STALE}))
def test_answer_without_a_number_ends_the_old_value(fault: Fault):
    """Series that are gone say that the floor has changed: what was true before is not dialled by."""
    assert in_use(Reading(1001.0, fault=fault), GOOD, BOUNDS, 1001.0) == InUse(1.0, fault, safe=True)


def test_value_computed_long_ago_is_stale():
    """A server that answers from a cache gives an old moment with its number."""
    old = Reading(900.0, 4.0)
    assert in_use(old, old, BOUNDS, 1000.0) == InUse(1.0, Fault.STALE, safe=True)


def test_before_the_first_evaluation_the_safe_value_stands_in():
    """A campaign that has just begun does not wait for Prometheus, and does not dial by nothing."""
    assert in_use(None, None, BOUNDS, 1000.0) == InUse(1.0, Fault.NOT_YET, safe=True)


@given(
    value=st.floats() | st.none(),
    fault=st.sampled_from(Fault) | st.none(),
    good=st.floats(0, 10) | st.none(),
    ages=st.tuples(st.floats(-100, 1000), st.floats(-100, 1000)),
)
def test_whatever_is_read_the_value_in_use_is_within_bounds(
    value: float | None, fault: Fault | None, good: float | None, ages: tuple[float, float]
):
    """No answer of any server makes a campaign dial by more than its bound, or by no number."""
    last = Reading(1000.0 - ages[0], value, fault)
    last_good = None if good is None else Reading(1000.0 - ages[1], good)
    if fault_of(last, BOUNDS.most) is None:
        last_good = last
    used = in_use(last, last_good, BOUNDS, 1000.0)
    assert 0.0 <= used.value <= BOUNDS.most
    assert used.value == BOUNDS.safe or not used.safe


# ------------------------------------------------------------------ for each seized agent


def test_agents_are_seized_up_to_the_target():
    """The formula wants three agents and two lines for each: five are free, three are reserved, six calls leave."""
    decision = formula.decide(for_agents(2.0, target=3, ready=5))
    assert (decision.calls, decision.agents, decision.binding) == (6, 3, "formula")


def test_lines_and_agents_in_hand_count():
    """Two of three agents are reserved and five of six lines ring: one more call, one more agent."""
    decision = formula.decide(for_agents(2.0, target=3, ready=5, reserved=2, ringing=5))
    assert (decision.calls, decision.agents) == (1, 1)


def test_fewer_agents_than_wanted_are_no_reason_to_overdial():
    """The target is ten, two are free: lines for two."""
    decision = formula.decide(for_agents(3.0, target=10, ready=2))
    assert (decision.calls, decision.agents) == (6, 2)


@pytest.mark.parametrize(("calls", "target"), [(0.0, 5), (2.0, 0), (0.3, 3)])
def test_formula_may_say_nothing_now(calls: float, target: int):
    """No calls wanted, nobody to seize, or less than one line for all of them: nothing is dialled and nobody reserved."""
    decision = formula.decide(for_agents(calls, target, ready=5))
    assert (decision.calls, decision.agents) == (0, 0)


def test_drop_guard_stands_over_every_formula():
    """At the hard limit an agent gets one call whatever the formula says; before it half of the extra lines."""
    board = for_agents(5.0, target=10, ready=4)
    assert formula.decide(replace(board, guard=HARD)).calls == 4
    assert formula.decide(replace(board, guard=SOFT)).calls == 12
    pulse = for_pulse(100.0, team=Team("sales", ready=4))
    held_back = formula.decide(replace(pulse, guard=HARD))
    assert (held_back.calls, held_back.agents, held_back.binding) == (4, 4, "drop_guard")


def test_safe_value_is_told_as_the_reason():
    """Whoever asks why the pace is slow reads that Prometheus is away."""
    board = for_agents(1.0, target=1, ready=5)
    assert board.formula is not None
    note = "calls_to_start is the safe value 1: unreachable"
    decision = formula.decide(replace(board, formula=replace(board.formula, note=note)))
    assert note in decision.reason


# ------------------------------------------------------------------ for each pulse


def test_pulse_starts_so_many_calls_and_no_more():
    """Seven a pulse: seven, then none until the formula is evaluated again; a fraction is rounded down."""
    assert formula.decide(for_pulse(7.9)).calls == 7
    assert formula.decide(for_pulse(7.9, started=5)).calls == 2
    done = formula.decide(for_pulse(7.9, started=7))
    assert (done.calls, done.binding) == (0, "formula")
    assert formula.decide(for_pulse(3.0, started=7)).calls == 0


def test_no_agents_no_calls():
    """A pulse's calls need somebody at work, and never more lines an agent than the guard of lines allows."""
    assert formula.decide(for_pulse(7.0, team=Team("sales", ready=0))).calls == 0
    two = replace(for_pulse(70.0, team=Team("sales", ready=1, talking=(5.0,))), manner=Manner(lines_per_agent=4.0))
    assert formula.decide(two).calls == 8


@given(
    calls=st.floats(0, 10),
    target=st.integers(0, 50),
    ready=st.integers(0, 50),
    reserved=st.integers(0, 50),
    ringing=st.integers(0, 200),
    level=st.sampled_from([Level.OPEN, Level.SOFT, Level.HARD]),
)
def test_no_formula_reserves_more_than_are_ready(
    calls: float, target: int, ready: int, reserved: int, ringing: int, level: Level
):
    """Whatever the formula says: no agent who is not free, no call below zero, at most ten lines an agent."""
    board = replace(for_agents(calls, target, ready, reserved, ringing), guard=Standing(level, (), "the guard"))
    decision = formula.decide(board)
    assert 0 <= decision.agents <= ready
    assert decision.calls >= 0
    if decision.calls:
        assert ringing + decision.calls <= max(1.0, calls) * (ready + reserved)
