"""Power pacing (features 3.7, 3.11): a fixed number of lines for each agent, who is reserved while they are dialled.

Whoever picks up first gets the agent; a second one who picks up finds nobody unless another agent is free. A fixed ratio is
right for one answer rate and one team size only, so the drop guard stands over it: from its soft mark on half the extra lines
are dialled, at the hard mark one line an agent. No detection of machines: the agent hears who is there.
"""

from __future__ import annotations

import math
from dataclasses import replace

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest
from controller.domain.pacing.drop_guard import Level
from controller.domain.pacing.progressive import one_to_one


def decide(board: Board) -> Decision:
    """Calls to start now and agents to reserve for them; ``binding`` is ratio, drop_guard or one of the common bounds."""
    if board.guard.level is Level.HARD:
        return one_to_one(board, "drop_guard", f"one call an agent, because {board.guard.reason}: ")
    ratio, binding, why = board.manner.ratio, "ratio", ""
    if board.guard.level is Level.SOFT and ratio > 1.0:
        ratio, binding, why = (1.0 + ratio) / 2.0, "drop_guard", f"half the extra lines, because {board.guard.reason}: "
    return by_ratio(board, ratio, binding, why)


def by_ratio(board: Board, ratio: float, binding: str, why: str) -> Decision:
    """``ratio`` lines for each agent who is free or reserved. A fraction is rounded down over the team, 1 line at least."""
    team = board.team
    if team is None:
        raise ValueError("a campaign with agents needs a team on its board")
    agents = team.ready + team.reserved
    lines = max(math.floor(agents * ratio), agents)
    reason = f"{why}{ratio:g} lines for each of {agents} free or reserved agents, {board.hand.count} of {lines} lines are out"
    decision = tightest(board, [(lines - board.hand.count, binding, reason)])
    needed = math.ceil((board.hand.count + decision.calls) / ratio) - team.reserved
    return replace(decision, agents=max(0, min(team.ready, needed)))
