"""What became of the imports into a list. How an import is stored lies in ``imports``."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from controller.storage.contacts import found
from controller.storage.database import Database
from controller.storage.tables import Base

IMPORTS = Base.metadata.tables["imports"]


@dataclass(frozen=True, slots=True)
class Counts:
    """accepted + rejected = rows."""

    rows: int = 0
    accepted: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class ImportInfo:
    """What became of an import. state: running | done | failed; report: path of the report file."""

    id: int
    file_name: str
    mode: str
    state: str
    counts: Counts
    report: str | None
    error: str | None
    started_at: float
    ended_at: float | None


def imports_of(database: Database, name: str) -> list[ImportInfo]:
    """The list's imports, the latest first. NotFound."""
    with database.read() as connection:
        info = found(connection, name)
        rows = connection.execute(
            select(IMPORTS).where(IMPORTS.c.list_id == info.id).order_by(IMPORTS.c.started_at.desc(), IMPORTS.c.id.desc())
        )
        return [
            ImportInfo(
                id=row.id,
                file_name=row.file_name,
                mode=row.mode,
                state=row.state,
                counts=Counts(row.rows, row.accepted, row.rejected),
                report=row.report,
                error=row.error,
                started_at=row.started_at,
                ended_at=row.ended_at,
            )
            for row in rows
        ]


def import_totals(database: Database) -> Counts:
    """Rows of all imports together."""
    with database.read() as connection:
        row = connection.execute(
            select(*(func.coalesce(func.sum(column), 0) for column in (IMPORTS.c.rows, IMPORTS.c.accepted, IMPORTS.c.rejected)))
        ).one()
    return Counts(*(int(value) for value in row))
