"""Formula pacing (features 3.9): the campaign's numbers or queries say how many agents to seize and how many calls to start.

Two ways, as in the flows that these formulas come from:

- for each seized agent: so many lines an agent, like power with a ratio that lives; agents are reserved up to the target
- for each pulse: so many calls until the formula is evaluated again, whatever the team does

A formula knows nothing of the law, so the drop guard stands over it: at the hard mark one call a free agent, who is reserved
for it, and between the marks half the extra lines. Where values come from, and when a safe value stands in,
``formula_value.py`` decides.
"""

from __future__ import annotations

import math
from dataclasses import replace

from controller.domain.pacing.board import Board, Decision, Team
from controller.domain.pacing.bounds import Bound, tightest
from controller.domain.pacing.drop_guard import Level
from controller.domain.pacing.formula_value import FormulaOrder
from controller.domain.pacing.progressive import one_to_one


def decide(board: Board) -> Decision:
    """Calls to start now and agents to reserve for them; ``binding`` is formula, agents, drop_guard or a common bound."""
    order = board.formula
    if order is None:
        raise ValueError("a campaign that is paced by formulas needs their values on its board")
    team = board.team
    if team is not None and board.guard.level is Level.HARD:
        return one_to_one(board, "drop_guard", f"one call an agent, because {board.guard.reason}: ")
    note = f" ({order.note})" if order.note else ""
    if order.per_agent:
        if team is None or order.agents is None:
            raise ValueError("calls for each seized agent need a team and a number of agents to seize")
        return _for_agents(board, team, order, order.agents, note)
    left = math.floor(order.calls) - order.started
    said = f"{order.calls:g} calls for this pulse, {order.started} are started{note}"
    own: list[Bound] = [(left, "formula", said)]
    if team is None:
        return tightest(board, own)
    return _for_team(board, team, order, own)


def _for_agents(board: Board, team: Team, order: FormulaOrder, target: int, note: str) -> Decision:
    agents = min(team.ready + team.reserved, target)
    ratio, binding, why = order.calls, "formula", ""
    if board.guard.level is Level.SOFT and ratio > 1.0:
        ratio, binding, why = (1.0 + ratio) / 2.0, "drop_guard", f"half the extra lines, because {board.guard.reason}: "
    lines = math.floor(agents * ratio)
    reason = (
        f"{why}{ratio:g} lines for each of {agents} agents (to be seized: {target}), "
        f"{board.hand.count} of {lines} lines are out{note}"
    )
    decision = tightest(board, [(lines - board.hand.count, binding, reason)])
    if decision.calls == 0:
        return decision
    needed = math.ceil((board.hand.count + decision.calls) / ratio)
    return replace(decision, agents=_to_seize(team, min(needed, target)))


def _for_team(board: Board, team: Team, order: FormulaOrder, own: list[Bound]) -> Decision:
    """So many a pulse, and never more lines than the team could use."""
    most = math.floor(team.staffed * board.manner.lines_per_agent) - board.hand.count
    decision = tightest(board, [*own, (most, "agents", f"{team.staffed} agents are at work, {board.hand.count} lines are out")])
    if order.agents is None or decision.calls == 0:
        return decision
    return replace(decision, agents=_to_seize(team, order.agents))


def _to_seize(team: Team, wanted: int) -> int:
    """How many of the ready to reserve so that ``wanted`` are."""
    return max(0, min(team.ready, wanted - team.reserved))
