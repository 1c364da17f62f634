"""Over which stretch a drop limit counts."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from controller.domain.pacing.drop_guard import Tally, WindowName
from controller.domain.pacing.drop_windows import SLOT_SECONDS, SlotTally, by_window, slot_of, window_starts


def at(text: str, zone: str = "Asia/Kolkata") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("now", "zone", "begins"),
    [
        ("2026-11-21T12:00", "Asia/Kolkata", "2026-11-01T00:00"),
        ("2026-12-01T00:00", "Asia/Kolkata", "2026-12-01T00:00"),
        ("2026-11-20T12:00", "America/Toronto", "2026-11-01T00:00"),  # summer time ended that very night
        ("2026-03-29T12:00", "Europe/London", "2026-03-01T00:00"),
    ],
)
def test_month_begins_at_midnight_of_the_campaigns_zone(now: str, zone: str, begins: str):
    """A calendar month is the wall clock's, also where clocks change within it."""
    assert window_starts(at(now, zone), zone)[WindowName.MONTH] == at(begins, zone)


def test_windows_look_back_and_the_run_is_a_run():
    """An abandoned call of yesterday's run is in the 30 days, not in the day, and not in today's run."""
    now = at("2026-11-21T12:00")
    starts = window_starts(now, "Asia/Kolkata")
    slots = [
        SlotTally(slot_of(now - 60), 2, Tally(connected=10, abandoned=1)),
        SlotTally(slot_of(now - 90_000), 1, Tally(connected=5, abandoned=2, machines_hung_up=3, machines_to_agents=4)),
        SlotTally(slot_of(at("2026-10-31T23:00")), 1, Tally(connected=100)),
        SlotTally(slot_of(now - 31 * 86_400), 1, Tally(abandoned=50)),
    ]
    found = by_window(slots, 2, starts)
    assert found[WindowName.RUN] == found[WindowName.DAY] == Tally(connected=10, abandoned=1)
    assert found[WindowName.MONTH] == Tally(connected=15, abandoned=3, machines_hung_up=3, machines_to_agents=4)
    assert found[WindowName.THIRTY_DAYS] == Tally(connected=115, abandoned=3, machines_hung_up=3, machines_to_agents=4)


def test_window_is_never_shorter_than_its_name():
    """The slot in which a window would begin counts as a whole."""
    now = at("2026-11-21T12:02:30")
    within = SlotTally(slot_of(now - 86_400 - 60), 1, Tally(abandoned=1))
    before = SlotTally(slot_of(now - 86_400 - SLOT_SECONDS), 1, Tally(abandoned=1))
    assert by_window([within, before], 9, window_starts(now, "UTC"))[WindowName.DAY] == Tally(abandoned=1)
