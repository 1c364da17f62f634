"""What is kept of each controller between its lives: its switch's core, how far the journal was settled, when it was seen."""

from __future__ import annotations

from dataclasses import dataclass

from controller.storage.database import Database
from controller.storage.driver_sql import execute


@dataclass(frozen=True, slots=True)
class NodeState:
    """core: the life of its switch, empty when never linked. journal_inode, journal_offset: None without a journal. seen_at:
    UTC epoch seconds."""

    core: str
    journal_inode: int | None
    journal_offset: int | None
    seen_at: float


class NodeStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, name: str, state: NodeState) -> None:
        """Over what was there."""
        with self._database.write() as connection:
            execute(
                connection,
                "INSERT INTO nodes (name, core, journal_inode, journal_offset, seen_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET core = excluded.core, journal_inode = excluded.journal_inode, "
                "journal_offset = excluded.journal_offset, seen_at = excluded.seen_at",
                (name, state.core, state.journal_inode, state.journal_offset, state.seen_at),
            )

    def load(self, name: str) -> NodeState | None:
        """None for a node that was never here."""
        with self._database.read() as connection:
            row = execute(
                connection, "SELECT core, journal_inode, journal_offset, seen_at FROM nodes WHERE name = ?", (name,)
            ).first()
        return None if row is None else NodeState(*row)

    def silent_since(self, before: float) -> list[str]:
        """Nodes last seen before then that still have live attempts."""
        with self._database.read() as connection:
            rows = execute(
                connection,
                "SELECT DISTINCT a.node FROM attempts a LEFT JOIN nodes n ON n.name = a.node "
                "WHERE a.ended_at IS NULL AND COALESCE(n.seen_at, a.created_at) < ? ORDER BY a.node",
                (before,),
            ).all()
        return [str(row[0]) for row in rows]
