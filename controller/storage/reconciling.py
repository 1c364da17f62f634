"""Attempts as a reconciliation reads them: by id, or run by run in the order they were made; a portion a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from controller.domain.calls.outcome import Outcome
from controller.domain.reconcile.calls import Recorded
from controller.storage.database import Database
from controller.storage.driver_sql import execute, marks, portions

COLUMNS = (
    "a.id, a.run_id, a.campaign_id, a.lead_id, a.phone, a.caller_id, a.carrier, a.node, a.created_at, a.launched_at, "
    "a.ringing_at, a.answered_at, a.connected_to, a.ended_at, a.amd_verdict, a.amd_ms, a.outcome, COALESCE(l.attempts, 0), "
    "COALESCE(l.uncharged, 0) FROM attempts a LEFT JOIN leads l ON l.id = a.lead_id"
)
ALWAYS = (float("-inf"), float("inf"))


class Reconciling:
    def __init__(self, database: Database, portion: int = 5000) -> None:
        self._database = database
        self._portion = portion

    def by_id(self, attempt_ids: Sequence[str]) -> dict[str, Recorded]:
        """Those of the attempts that there are, of any campaign."""
        found: dict[str, Recorded] = {}
        with self._database.read() as connection:
            for portion in portions(attempt_ids):
                rows = execute(connection, f"SELECT {COLUMNS} WHERE a.id IN ({marks(len(portion))})", portion)
                found.update((row[0], _recorded(row)) for row in rows)
        return found

    def of_run(self, run_id: int, period: tuple[float, float] = ALWAYS) -> Iterator[Recorded]:
        """A run's attempts that were made within the period (UTC epoch seconds), in the order they were made."""
        (since, until), attempt_id = period, ""
        while True:
            with self._database.read() as connection:
                rows = execute(
                    connection,
                    f"SELECT {COLUMNS} WHERE a.run_id = ? AND a.created_at >= ? AND a.created_at <= ? "
                    "AND (a.created_at, a.id) > (?, ?) ORDER BY a.created_at, a.id LIMIT ?",
                    (run_id, since, until, since, attempt_id, self._portion),
                ).all()
            yield from (_recorded(row) for row in rows)
            if len(rows) < self._portion:
                return
            since, attempt_id = rows[-1][8], rows[-1][0]


def _recorded(row: Sequence[Any]) -> Recorded:
    """In the order of COLUMNS, which is that of the fields."""
    *before, outcome, attempts, uncharged = row
    values: list[Any] = [*before, None if outcome is None else Outcome(outcome), attempts, uncharged]
    return Recorded(*values)
