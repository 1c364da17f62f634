"""Agentless pacing: the tightest limit wins and is named (features 3.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.pacing.agentless import decide
from controller.domain.pacing.board import Board

WIDE = Board(
    seats=100,
    in_progress=0,
    fleet_free=100,
    channels_free=100,
    calls_per_second=1000.0,
    rate_limited_by="carrier_cps",
    leads=100,
    horizon_seconds=0.3,
)


@pytest.mark.parametrize(
    ("change", "calls", "binding"),
    [
        ({"in_progress": 97}, 3, "seats"),
        ({"fleet_free": 2}, 2, "fleet"),
        ({"channels_free": 5}, 5, "carrier_channels"),
        ({"calls_per_second": 20.0}, 12, "carrier_cps"),
        ({"calls_per_second": 1.0, "rate_limited_by": "dialling_rate"}, 1, "dialling_rate"),
        ({"leads": 4}, 4, "leads"),
        ({"in_progress": 140}, 0, "seats"),
    ],
)
def test_the_tightest_limit_binds(change: dict[str, object], calls: int, binding: str):
    """How many calls may start, and which limit said so."""
    decision = decide(replace(WIDE, **change))  # type: ignore[arg-type]
    assert (decision.calls, decision.binding) == (calls, binding)


def test_no_bot_no_fleet():
    """Playback and IVR need no place at a bot."""
    assert decide(replace(WIDE, fleet_free=None)).calls == 100
