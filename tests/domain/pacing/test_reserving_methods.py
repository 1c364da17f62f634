"""Progressive and power: agents are held back for the calls that are dialled for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.pacing import power, progressive
from controller.domain.pacing.board import Board, CallsInHand, Manner, Team
from controller.domain.pacing.drop_guard import Level, Standing, WindowName, WindowStanding

WIDE = Board(
    seats=10_000,
    in_progress=0,
    fleet_free=None,
    channels_free=10_000,
    calls_per_second=1000.0,
    rate_limited_by="carrier_cps",
    leads=10_000,
    horizon_seconds=10.0,
    team=Team("sales", ready=4),
)
HARD = Standing(Level.HARD, (), "3.10% of people abandoned (run), the limit is 3.00%")
SOFT = Standing(Level.SOFT, (), "2.90% of people abandoned (run), the limit is 3.00%")


def with_ratio(ratio: float, ready: int = 4, reserved: int = 0, ringing: int = 0) -> Board:
    return replace(
        WIDE,
        manner=Manner(ratio=ratio),
        team=Team("sales", ready=ready, reserved=reserved, talking=(5.0, 60.0)),
        hand=CallsInHand(ringing=(3.0,) * ringing),
    )


def test_progressive_dials_one_call_an_agent():
    """Four free agents get one call each, and each is reserved for it."""
    decision = progressive.decide(WIDE)
    assert (decision.calls, decision.agents, decision.binding) == (4, 4, "agents")


def test_progressive_counts_the_calls_already_out():
    """An agent for whom a call rings gets no second one; one whose call failed gets the next without a new reservation."""
    board = replace(WIDE, team=Team("sales", ready=1, reserved=3), hand=CallsInHand(ringing=(1.0, 9.0)))
    decision = progressive.decide(board)
    assert (decision.calls, decision.agents) == (2, 1)


def test_power_dials_its_ratio():
    """Ratio 2: eight lines for four agents, who are all reserved."""
    decision = power.decide(with_ratio(2))
    assert (decision.calls, decision.agents, decision.binding) == (8, 4, "ratio")


def test_power_replaces_the_lines_that_failed():
    """Three reserved agents whose six lines shrank to two get four new ones, without another agent."""
    decision = power.decide(with_ratio(2, ready=0, reserved=3, ringing=2))
    assert (decision.calls, decision.agents) == (4, 0)


def test_power_rounds_a_fraction_down_over_the_team():
    """Ratio 1.5 and three agents are four lines."""
    assert power.decide(with_ratio(1.5, ready=3)).calls == 4


def test_power_reserves_no_more_agents_than_its_calls_need():
    """When six leads are left, ratio 3 needs two of four agents."""
    decision = power.decide(replace(with_ratio(3), leads=6))
    assert (decision.calls, decision.agents, decision.binding) == (6, 2, "leads")


def test_power_at_the_hard_mark_is_progressive():
    """Over the drop limit one line an agent is dialled, and the reason says why."""
    decision = power.decide(replace(with_ratio(3), guard=HARD))
    assert (decision.calls, decision.binding) == (4, "drop_guard")
    assert "3.10%" in decision.reason


def test_power_at_the_soft_mark_dials_half_the_extra_lines():
    """Ratio 3 becomes 2."""
    decision = power.decide(replace(with_ratio(3), guard=SOFT))
    assert (decision.calls, decision.binding) == (8, "drop_guard")


@pytest.mark.parametrize(
    ("answered", "abandoned", "calls", "agents"), [(0, 0, 4, 4), (100, 1, 6, 4), (400, 0, 8, 4), (100, 9, 4, 4)]
)
def test_power_sends_no_more_extra_lines_than_the_limit_leaves(answered: int, abandoned: int, calls: int, agents: int):
    """If all are picked up, the limit is not exceeded: of 3 % so many people are spare."""
    window = WindowStanding(WindowName.RUN, abandoned, answered, 0.03, Level.OPEN)
    decision = power.decide(replace(with_ratio(2), guard=Standing(Level.OPEN, (window,), "")))
    assert (decision.calls, decision.agents) == (calls, agents)
    assert decision.binding == ("ratio" if calls == 8 else "drop_guard")


def test_a_campaign_without_agents_cannot_be_paced_by_them():
    """Progressive and power need a team."""
    for method in (progressive, power):
        with pytest.raises(ValueError, match="team"):
            method.decide(replace(WIDE, team=None))


@pytest.mark.parametrize("ratio", [0.5, 11.0])
def test_a_ratio_is_between_one_and_ten(ratio: float):
    """As in features 3.7."""
    with pytest.raises(ValueError, match="ratio"):
        Manner(ratio=ratio)


BOARDS = st.builds(
    lambda ratio, ready, reserved, ringing, leads, seats, channels, guard: replace(
        with_ratio(ratio, ready, reserved, ringing), leads=leads, seats=seats, channels_free=channels, guard=guard
    ),
    st.floats(1.0, 10.0),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 200),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(-3, 100),
    st.sampled_from([WIDE.guard, SOFT, HARD]),
)


@given(BOARDS)
def test_never_below_nothing_nor_over_a_limit(board: Board):
    """Whatever the board says, the calls fit leads, seats and channels, and the lines fit the ratio and the agents."""
    assert board.team is not None
    agents = board.team.ready + board.team.reserved
    for method, lines in ((progressive, agents), (power, board.manner.ratio * agents)):
        decision = method.decide(board)
        assert 0 <= decision.calls <= max(0, min(board.leads, board.seats - board.in_progress, board.channels_free))
        assert decision.calls == 0 or decision.calls + board.hand.count <= lines
        assert 0 <= decision.agents <= board.team.ready


@given(BOARDS)
def test_power_dials_at_least_as_much_as_progressive(board: Board):
    """Ratio 1 is progressive; more is never less."""
    assert power.decide(board).calls >= progressive.decide(board).calls


@given(BOARDS)
def test_the_drop_guard_only_ever_takes_away(board: Board):
    """Soft dials no more than open, hard no more than soft."""
    free, soft, hard = (power.decide(replace(board, guard=guard)).calls for guard in (WIDE.guard, SOFT, HARD))
    assert free >= soft >= hard
