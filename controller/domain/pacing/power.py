"""Power pacing (features 3.7, 3.11): a fixed number of lines for each agent, who is reserved while they are dialled.

Whoever picks up first gets the agent; a second one who picks up finds nobody unless another agent is free. A fixed ratio is
right for one answer rate and one team size only, so the drop guard stands over it: from its soft mark on half the extra lines
are dialled, at the hard mark one line an agent. And there are never more extra lines out than people whom the limit still lets
go without an agent: five agents whose first ten calls are all picked up would have lost five before any mark is seen. So a run
begins with one line an agent, until enough people have answered for one to be lost.
No detection of machines: the agent hears who is there.
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
    lines, out = max(math.floor(agents * ratio), agents), board.hand.count
    reason = f"{why}{ratio:g} lines for each of {agents} free or reserved agents, {out} of {lines} lines are out"
    extra = lines - agents
    if board.guard.windows:
        extra = min(extra, math.floor(max(0.0, min(window.spare for window in board.guard.windows))))
    guarded = f"{agents} free or reserved agents and {extra} extra lines, which the drop limit leaves; {out} are out"
    decision = tightest(board, [(lines - out, binding, reason), (agents + extra - out, "drop_guard", guarded)])
    most = out + decision.calls
    needed = max(math.ceil(most / ratio), most - extra) - team.reserved
    return replace(decision, agents=max(0, min(team.ready, needed)))
