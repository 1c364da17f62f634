"""The limits that hold for every method (features 3.4): seats, fleet, carrier channels, rates, leads. The tightest wins."""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.carriers.launch_rate import most_launches
from controller.domain.pacing.board import Board, Decision

Bound = tuple[int, str, str]
"""Calls, the limit's name, a sentence."""


def tightest(board: Board, own: Sequence[Bound] = ()) -> Decision:
    """The least of the common bounds and of a method's ``own``, which win a tie; never below 0 calls."""
    free_seats = board.seats - board.in_progress
    bounds: list[Bound] = [
        *own,
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
