"""Agentless pacing (features 3.4, 3.5): as many calls as seats, fleet, channels and rates allow; the tightest wins.

Every call in progress holds a seat from its launch on, ringing or talking, because whoever picks up must find the bot free:
an agentless campaign abandons nobody by pacing.
"""

from __future__ import annotations

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest


def decide(board: Board) -> Decision:
    """Calls to start now; ``binding`` is one of seats, fleet, carrier_channels, dialling_rate, carrier_cps, leads."""
    return tightest(board)
