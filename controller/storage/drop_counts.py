"""What the drop guard counts (port ``DropCounts``): calls that people answered, by how they went, per campaign and window.

The attempts themselves are counted, by one partial index (``ix_attempts_answered``) that holds everything the question needs;
nothing is kept beside them that could disagree with them. A whole count of 30 days is read at first and then every ten minutes;
in between only the last slots are read again, which costs the same at ten thousand attempts and at millions. A correction of
an old attempt is therefore seen after ten minutes at the latest.

A call counts when it has ended. A bot that reported its first word later than two seconds after the answer counts as an
abandoned call. One object serves one thread at a time for a campaign; two may ask for different campaigns.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from controller.domain.calls.outcome import Outcome
from controller.domain.pacing.drop_guard import Reviewed, Tally, WindowName
from controller.domain.pacing.drop_windows import SLOT_SECONDS, SlotTally, by_window, slot_of, window_starts
from controller.storage.database import Database
from controller.storage.driver_sql import execute, marks
from controller.storage.reviews import reviewed

WHOLE_SECONDS = 600.0
"""How often everything is counted again."""
AGAIN_SLOTS = 2
"""How many slots before the last look are counted again: ends are written late when the database was away."""
LATE_WORD_MS: Final = 2000
"""47 CFR 64.1200(a)(7): two seconds from the end of the greeting; a bot's clock starts with the answer it was given."""


@dataclass(slots=True)
class _Book:
    """What is known of one campaign. settled: slots before ``boundary``, not read again until the next whole count; later ones
    are read at every look. sums: those of ``settled`` for the windows that begin with the slots ``sums_for``."""

    run_id: int
    whole_at: float = -math.inf
    boundary: int = 0
    settled: list[SlotTally] = field(default_factory=list)
    sums: dict[WindowName, Tally] = field(default_factory=dict)
    sums_for: tuple[int, ...] = ()

    def take(self, found: list[SlotTally], starts: Mapping[WindowName, float], now: float) -> dict[WindowName, Tally]:
        """The sums over all windows. found: the slots from ``boundary`` on, as read just now."""
        self.boundary = max(self.boundary, slot_of(now) - AGAIN_SLOTS)
        newly_settled = [one for one in found if one.slot < self.boundary]
        first_slots = tuple(slot_of(start) for start in starts.values())
        if newly_settled or first_slots != self.sums_for:
            self.settled += newly_settled
            self.sums, self.sums_for = by_window(self.settled, self.run_id, starts), first_slots
        recent = by_window((one for one in found if one.slot >= self.boundary), self.run_id, starts)
        return {window: tally + self.sums[window] for window, tally in recent.items()}


class SqlDropCounts:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._books: dict[int, _Book] = {}

    def tallies(
        self, campaign_id: int, run_id: int, zone: str, now: float, machine_dispositions: Collection[str] = ()
    ) -> Mapping[WindowName, Tally]:
        """See the port."""
        starts = window_starts(now, zone)
        book = self._books.get(campaign_id)
        with self._database.read() as connection:
            if book is None or book.run_id != run_id or now - book.whole_at >= WHOLE_SECONDS:
                began = _run_began(connection, run_id, now)
                book = _Book(run_id, whole_at=now, boundary=slot_of(min((*starts.values(), began))))
            found = _count(connection, campaign_id, book.boundary, sorted(machine_dispositions))
        self._books[campaign_id] = book
        return book.take(found, starts, now)

    def reviewed(self, campaign_id: int, now: float) -> Reviewed:
        """See the port."""
        with self._database.read() as connection:
            return reviewed(connection, campaign_id, now)


def _run_began(connection: Connection, run_id: int, now: float) -> float:
    row = execute(connection, "SELECT started_at FROM runs WHERE id = ?", (run_id,)).first()
    return now if row is None else float(row[0])


def _count(connection: Connection, campaign_id: int, since_slot: int, machine_dispositions: list[str]) -> list[SlotTally]:
    # PostgreSQL rounds where SQLite cuts off, and not every SQLite has floor().
    quotient = f"ended_at / {SLOT_SECONDS}.0"
    slot = f"CAST({quotient} AS INTEGER)" if connection.dialect.name == "sqlite" else f"CAST(floor({quotient}) AS BIGINT)"
    is_machine = f"COALESCE(disposition IN ({marks(len(machine_dispositions))}), FALSE)" if machine_dispositions else "FALSE"
    late = f"COALESCE(first_word_ms, 0) > {LATE_WORD_MS}"
    talked = f"outcome = '{Outcome.ANSWERED.value}' AND connected_at IS NOT NULL"
    kinds = (
        f"{talked} AND NOT {late} AND NOT {is_machine}",
        f"outcome = '{Outcome.ABANDONED.value}' OR ({talked} AND {late} AND NOT {is_machine})",
        f"outcome = '{Outcome.MACHINE.value}'",
        f"{talked} AND {is_machine}",
    )
    sums = ", ".join(f"SUM(CASE WHEN {kind} THEN 1 ELSE 0 END)" for kind in kinds)
    rows = execute(
        connection,
        f"SELECT {slot}, run_id, {sums} FROM attempts WHERE campaign_id = ? AND answered_at IS NOT NULL AND ended_at >= ? "
        "GROUP BY 1, 2",
        (*machine_dispositions * 3, campaign_id, float(since_slot * SLOT_SECONDS)),
    )
    return [SlotTally(int(row[0]), row[1], Tally(*(int(count) for count in row[2:]))) for row in rows]
