"""Pacing of preview (features 3.10): every contact that an agent chose to dial, or the clock did, as soon as the limits let it.

An agent is kept for each from the moment it was shown, so whoever picks up is answered: nobody is abandoned by pacing.
"""

from __future__ import annotations

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest


def decide(board: Board) -> Decision:
    """Calls to start now; ``binding`` is choices or one of the common bounds. The board's leads are those that were chosen."""
    return tightest(board, [(board.leads, "choices", f"{board.leads} contacts are chosen; agents look at the next")])
