"""Several stores in one transaction: what an admin command changes and its line in the audit are there together or not at all.

Stores open transactions of their own from the :class:`Database` they were given. Given what :func:`one_transaction` yields,
all of them take part in one. A store that commits in portions (deleting a campaign, purging a list) must not be used so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from controller.storage.database import Database


class _Joined(Database):
    """A database every read and write of which takes part in a transaction that somebody else ends."""

    def __init__(self, whole: Database, connection: Connection) -> None:
        self.url = whole.url
        self.place = whole.place
        self._connection = connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._connection


@contextmanager
def one_transaction(database: Database) -> Iterator[Database]:
    """Commits at the end of the block, rolls all of it back when an exception leaves it."""
    with database.write() as connection:
        yield _Joined(database, connection)
