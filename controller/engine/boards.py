"""A campaign's board, filled from what is known at this moment: limits in use, agents, calls in hand, what was learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.domain.calls.states import BEFORE_ANSWER, Call, CallState
from controller.domain.pacing.board import Board, CallsInHand
from controller.domain.pacing.drop_guard import Standing
from controller.domain.pacing.estimates import Estimates
from controller.domain.pacing.formula_value import FormulaOrder
from controller.engine.crews import team_of
from controller.engine.floor import Floor
from controller.ports import AgentView, Usage

HORIZON_SECONDS = 0.3
"""How far ahead a round may reach; the limits give launch times no further off."""


NO_CALLS = CallsInHand()


def board_of(
    floor: Floor,
    usage: Usage,
    hand: CallsInHand,
    views: Sequence[AgentView],
    estimates: Estimates | None,
    guard: Standing,
    formula: FormulaOrder | None,
) -> Board:
    """The board of one floor. views: this node's agents. estimates: None for campaigns without agents."""
    plan = floor.run.plan
    carriers_rate = sum(carrier.calls_per_second for carrier in plan.carriers)
    own_rate = plan.pacing.calls_per_second
    by_campaign = own_rate is not None and own_rate <= carriers_rate
    capacity = plan.target.capacity
    return Board(
        seats=plan.pacing.seats,
        in_progress=usage.seats[floor.key],
        fleet_free=None if capacity is None else capacity - usage.fleets[plan.target.name],
        channels_free=sum(c.channels - usage.channels[c.name] for c in plan.carriers),
        calls_per_second=own_rate if by_campaign and own_rate is not None else carriers_rate,
        rate_limited_by="dialling_rate" if by_campaign else "carrier_cps",
        leads=floor.depth + len(floor.in_hand),
        horizon_seconds=HORIZON_SECONDS,
        team=team_of(plan, views) if plan.target.kind == "queue" else None,
        hand=hand,
        estimates=estimates,
        guard=guard,
        manner=plan.pacing.manner(),
        formula=formula,
    )


def in_hand(calls: Iterable[Call], leaving: int, now: float) -> CallsInHand:
    """A run's calls that may yet need an agent. leaving: those that are not with the call desk yet. now: UTC epoch seconds."""
    ringing, screening, waiting = [0.0] * leaving, [], []
    for call in calls:
        if call.state in BEFORE_ANSWER:
            ringing.append(_age(call.launched_at, now))
        elif call.state is CallState.SCREENING:
            screening.append(_age(call.answered_at, now))
        elif call.state in (CallState.WAITING, CallState.CONNECTING):
            waiting.append(_age(call.person_at, now))
    return CallsInHand(tuple(ringing), tuple(screening), tuple(waiting))


def _age(since: float | None, now: float) -> float:
    """Never negative: the two clocks are of two machines, or one was set."""
    return 0.0 if since is None else max(0.0, now - since)
