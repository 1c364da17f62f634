"""Hot statements go to the driver as plain text: SQLAlchemy's compiler would cost more than the statement itself.

SQL is written once, with ``?`` for values, in words that SQLite and PostgreSQL both know; psycopg's ``%s`` is put in here.
Row locks are PostgreSQL's alone: on SQLite a writing transaction is the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult

T = TypeVar("T")

PORTION = 500
"""Values in one IN list or rows in one VALUES; keeps statements few in shape and far below both drivers' limits."""


def execute(connection: Connection, sql: str, values: Sequence[Any] = ()) -> CursorResult[*tuple[Any, ...]]:
    """Run ``sql`` once."""
    return connection.exec_driver_sql(_for_driver(connection, sql), tuple(values))


def execute_each(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run ``sql`` for each row; none, for no rows."""
    if rows:
        connection.exec_driver_sql(_for_driver(connection, sql), list(rows))


def marks(count: int) -> str:
    """``?, ?, ?``."""
    return ", ".join("?" * count)


def row_marks(count: int, width: int) -> str:
    """``(?, ?), (?, ?)``."""
    return ", ".join([f"({marks(width)})"] * count)


def flat(rows: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    """The values of all rows one after the other, as ``row_marks`` wants them."""
    return tuple(chain.from_iterable(rows))


def portions(items: Sequence[T], size: int = PORTION) -> Iterator[Sequence[T]]:
    """Consecutive pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def lock(connection: Connection, clause: str) -> str:
    """``clause`` (``FOR UPDATE …``) where the engine has row locks."""
    return "" if connection.dialect.name == "sqlite" else clause


def _for_driver(connection: Connection, sql: str) -> str:
    return sql if connection.dialect.name == "sqlite" else _for_psycopg(sql)


@lru_cache(maxsize=4096)
def _for_psycopg(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
