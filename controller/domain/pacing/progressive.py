"""Progressive pacing (features 3.6): one call for each free agent.

The agent is reserved before the call leaves, so whoever picks up is answered: nobody is abandoned by pacing. The price is
that an agent waits through every ring and every call that nobody takes.
"""

from __future__ import annotations

from dataclasses import replace

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest


def decide(board: Board) -> Decision:
    """Calls to start now, an agent reserved for each; ``binding`` is agents or one of the common bounds."""
    return one_to_one(board, "agents", "")


def one_to_one(board: Board, binding: str, why: str) -> Decision:
    """One call for each agent who is free or reserved and has none. why: put before the reason, for methods that fall back.

    Calls in hand count against the agents even when they were not dialled for them (a change from another method).
    """
    team = board.team
    if team is None:
        raise ValueError("a campaign with agents needs a team on its board")
    spare = team.ready + team.reserved - board.hand.count
    reason = f"{why}{team.ready} of {team.staffed} agents are free, {board.hand.count} calls are out for them"
    decision = tightest(board, [(spare, binding, reason)])
    return replace(decision, agents=min(decision.calls, team.ready))
