"""Counters of a run, changed in the transaction that changes what they count, so that nobody ever counts rows.

A :class:`Tally` gathers the differences of one transaction and writes them last, in sorted order: that keeps the counters'
row locks short and free of deadlock. Kinds are those of ``tables.RunTotal``.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from controller.domain.hopper.lead import LeadState
from controller.storage.driver_sql import execute, flat, portions, row_marks


class Tally:
    """Differences by (run, kind, name)."""

    def __init__(self) -> None:
        self._changes: Counter[tuple[int, str, str]] = Counter()

    def add(self, run_id: int, kind: str, name: str, count: int = 1) -> None:
        self._changes[run_id, kind, name] += count

    def leads(self, run_id: int, before: LeadState | None, after: LeadState, count: int = 1) -> None:
        """That many leads went from one state to another; ``before`` is None for new ones."""
        if before is not None:
            self.add(run_id, "lead", before.word, -count)
        self.add(run_id, "lead", after.word, count)

    def write(self, connection: Connection) -> None:
        """Add the differences to the stored counters."""
        rows = [(*key, change) for key, change in sorted(self._changes.items()) if change]
        for portion in portions(rows):
            execute(
                connection,
                f"INSERT INTO run_totals (run_id, kind, name, value) VALUES {row_marks(len(portion), 4)} "
                "ON CONFLICT (run_id, kind, name) DO UPDATE SET value = run_totals.value + excluded.value",
                flat(portion),
            )
