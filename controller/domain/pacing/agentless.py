"""Agentless pacing (features 3.4, 3.5): as many calls as seats, fleet, channels and rates allow; the tightest wins.

Every call in progress holds a seat from its launch on, ringing or talking, because whoever picks up must find the bot free:
an agentless campaign abandons nobody by pacing.
"""

from __future__ import annotations

from controller.domain.carriers.launch_rate import most_launches
from controller.domain.pacing.board import Board, Decision


def decide(board: Board) -> Decision:
    """Calls to start now; ``binding`` is one of seats, fleet, carrier_channels, dialling_rate, carrier_cps, leads."""
    free_seats = board.seats - board.in_progress
    bounds: list[tuple[int, str, str]] = [
        (free_seats, "seats", f"{board.in_progress} of {board.seats} seats are taken"),
        (board.channels_free, "carrier_channels", f"{board.channels_free} carrier channels are free"),
        (
            most_launches(board.calls_per_second, board.horizon_seconds),
            board.rate_limited_by,
            f"the rate is {board.calls_per_second:g} calls a second",
        ),
        (board.leads, "leads", f"{board.leads} leads are ready to be dialled"),
    ]
    if board.fleet_free is not None:
        bounds.append((board.fleet_free, "fleet", f"{board.fleet_free} places at the bot are free"))
    calls, binding, reason = min(bounds, key=lambda bound: bound[0])
    return Decision(max(calls, 0), binding, reason)
