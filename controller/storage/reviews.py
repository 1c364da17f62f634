"""What somebody heard who listened to calls: kept with the attempts, and counted for the drop guard; and how detection had
changed its mind about them.

Which calls are drawn for a review is the command line's; what the count means, ``domain/pacing/drop_guard.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from controller.domain.calls.outcome import Outcome
from controller.domain.pacing.drop_guard import Reviewed
from controller.storage.database import Database
from controller.storage.driver_sql import execute, marks

REVIEW_SECONDS = 90 * 86_400.0
"""How far back labels count: the lists dialled and the carriers' greetings change, and so does the detector."""

PORTION = 500
"""Attempts asked for at a time."""


class Reviews:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, labels: Mapping[str, str]) -> int:
        """Attempt id → label, over whatever label there was. How many of the attempts are known here."""
        with self._database.write() as connection:
            return sum(
                execute(connection, "UPDATE attempts SET amd_label = ? WHERE id = ?", (label, attempt_id)).rowcount
                for attempt_id, label in sorted(labels.items())
            )

    def revisions(self, attempt_ids: Sequence[str]) -> dict[str, str]:
        """Attempt id → the verdict that took the first one's place, of those where one did."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for start in range(0, len(attempt_ids), PORTION):
                some = attempt_ids[start : start + PORTION]
                which = f"amd_revised IS NOT NULL AND id IN ({marks(len(some))})"
                rows = execute(connection, f"SELECT id, amd_revised FROM attempts WHERE {which}", tuple(some))
                found |= {str(attempt_id): str(verdict) for attempt_id, verdict in rows}
        return found


def reviewed(connection: Connection, campaign_id: int, now: float) -> Reviewed:
    """The labelled calls of ``REVIEW_SECONDS`` that the campaign took for machines."""
    row = execute(
        connection,
        "SELECT COUNT(*), SUM(CASE WHEN amd_label = 'person' THEN 1 ELSE 0 END) FROM attempts "
        "WHERE campaign_id = ? AND amd_label IS NOT NULL AND ended_at >= ? AND outcome = ?",
        (campaign_id, now - REVIEW_SECONDS, Outcome.MACHINE.value),
    ).one()
    return Reviewed(int(row[0]), int(row[1] or 0))
