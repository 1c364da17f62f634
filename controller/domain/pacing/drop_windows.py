"""Over which stretch of time a drop limit counts, and adding up what was counted in slots of five minutes.

Storage counts ended calls by slot, because windows slide: with slots, what is long over is counted once and not at every look.
A window begins with the slot in which it would begin, so it is up to five minutes longer than its name says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from controller.domain.pacing.drop_guard import Tally, WindowName

SLOT_SECONDS = 300
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class SlotTally:
    """Calls of one run that ended in one slot; the slot is its beginning in UTC epoch seconds over ``SLOT_SECONDS``."""

    slot: int
    run_id: int
    tally: Tally


def slot_of(at: float) -> int:
    """The slot of a moment in UTC epoch seconds."""
    return int(at // SLOT_SECONDS)


def window_starts(now: float, zone: str) -> dict[WindowName, float]:
    """Where each window begins, UTC epoch seconds; the run's is not among them, it has no moment but an id.

    zone: whose calendar month, and the wall clock's midnight there.
    """
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone))
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        WindowName.THIRTY_DAYS: now - 30 * DAY_SECONDS,
        WindowName.DAY: now - DAY_SECONDS,
        WindowName.MONTH: month.timestamp(),
    }


def by_window(slots: Iterable[SlotTally], run_id: int, starts: Mapping[WindowName, float]) -> dict[WindowName, Tally]:
    """The sums over each window that ``starts`` names, and over the run."""
    first = {window: slot_of(start) for window, start in starts.items()}
    sums = dict.fromkeys((*starts, WindowName.RUN), Tally())
    for one in slots:
        for window, slot in first.items():
            if one.slot >= slot:
                sums[window] += one.tally
        if one.run_id == run_id:
            sums[WindowName.RUN] += one.tally
    return sums
