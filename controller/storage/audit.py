"""Who did what: every admin command and whatever the CLI changes, allowed or refused. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from controller.storage import tables
from controller.storage.database import Database

DETAIL_LIMIT = 2000
"""Characters kept of a result or refusal."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """at: UTC epoch seconds. detail: the result or the refusal, shortened."""

    id: int
    at: float
    by: str
    verb: str
    args: Mapping[str, Any]
    ok: bool
    detail: str


class Audit:
    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, at: float, by: str, verb: str, args: Mapping[str, Any], ok: bool, detail: str) -> None:
        """args: JSON values."""
        row = {"at": at, "by": by, "verb": verb, "args": dict(args), "ok": ok, "detail": detail[:DETAIL_LIMIT]}
        with self._database.write() as connection:
            connection.execute(insert(tables.Audit).values(**row))

    def latest(self, limit: int = 100, before_id: int | None = None) -> list[AuditEntry]:
        """Newest first; ``before_id`` is the last entry's id of the page before."""
        row = tables.Audit
        query = select(row.id, row.at, row.by, row.verb, row.args, row.ok, row.detail).order_by(row.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(row.id < before_id)
        with self._database.read() as connection:
            return [AuditEntry(*entry) for entry in connection.execute(query)]
