"""The database: one way in for SQLite (WAL) and PostgreSQL (psycopg 3), transactions, and what "down" means.

A store opens ``with database.write()`` or ``with database.read()`` and gets one connection inside one transaction. Whatever
shows that the database is away (connection lost, disk full, locked for too long, pool empty) leaves as ``StoreDown`` with
the original words; mistakes in our own SQL do not. After ``StoreDown`` from a write it is not known whether the commit
happened: every store is written so that asking again, or reading back, settles it.

Safe from native threads: the controller calls stores from a gevent thread pool, because SQLite stops its thread while it
works. Which SQL is run is the stores' business; the schema is in ``tables.py`` and ``migrations/``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from controller.errors import Refused, StoreDown

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_SECONDS = 10.0
"""How long a writer waits for SQLite's one write lock, or for a free connection, before it calls the database down."""

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """``durable``: on SQLite every commit is on the disk before it returns (the call ledger needs that); otherwise a power
    cut may take back the last commits, never part of one. PostgreSQL is always durable.

    Raises ``Refused`` for a URL that cannot be used.
    """

    def __init__(self, url: str, *, durable: bool = False, pool_size: int = 8) -> None:
        self.url = _checked(url)
        self.place = self.url.render_as_string(hide_password=True)
        if self.is_sqlite:
            engine = _sqlite_engine(self.url, durable, pool_size)
        else:
            engine = _postgresql_engine(self.url, pool_size)
        self._reading = engine
        self._writing = engine.execution_options(begin="BEGIN IMMEDIATE")

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change things; on SQLite it holds the write lock from its first moment."""
        with self._transaction(self._writing) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading; on SQLite it sees one moment and waits for nobody."""
        with self._transaction(self._reading) as connection:
            yield connection

    def ping(self) -> None:
        """``StoreDown`` unless the database answers."""
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def upgrade(self) -> None:
        """Bring the schema up to date. What is up to date is left alone: every start of a process asks."""
        if self.schema() != newest_schema():
            with self._outages():
                upgrade(self.url.render_as_string(hide_password=False))

    def schema(self) -> str | None:
        """The revision that the database has; None where Trunkline was never at home."""
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return None if found is None else str(found)

    def dispose(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._reading.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with self._outages(), engine.begin() as connection:
            yield connection

    @contextmanager
    def _outages(self) -> Iterator[None]:
        """Whatever shows that the database is away leaves as ``StoreDown``."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            if _away(error):
                cause = error.orig if isinstance(error, DBAPIError) else error
                raise StoreDown(f"database {self.place}: {' '.join(str(cause).split())}") from error
            raise


def newest_schema() -> str:
    """The revision that this version of Trunkline brings: revisions are named like their files, by number.

    Alembic would say the same, after half a second of imports that most starts of a process do without.
    """
    return max(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrations_config(url: str) -> Config:
    """Alembic's configuration for this package's migrations and that database."""
    from alembic.config import Config

    config = Config(MIGRATIONS / "alembic.ini")
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """``alembic upgrade head``; harmless when up to date, and when several processes do it at once."""
    from alembic import command  # here, because it takes most of a second to import and most processes never migrate

    _checked(url)
    command.upgrade(migrations_config(url), "head")


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Refused("database.url: not a database URL; use sqlite:////path/file.db or postgresql://user@host/name") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise Refused(f"database.url: {parsed.get_backend_name()} is not supported; use sqlite:/// or postgresql://")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise Refused("database.url: SQLite in memory is not shared between connections; name a file")
    return parsed


def _sqlite_engine(url: URL, durable: bool, pool_size: int) -> Engine:
    if not str(url.database).startswith("file:"):  # SQLite's own way to name a file with options: it must be there
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        pool_timeout=BUSY_SECONDS,
        # Batches give one statement many lengths; sqlite3 keeps as many prepared as this.
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": 512},
    )
    synchronous = "FULL" if durable else "NORMAL"

    @event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None  # transactions are begun below, not by sqlite3's own guesses
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "cache_size=-16384",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
            "wal_autocheckpoint=4000",  # pages; each checkpoint makes one commit wait for the disk twice more
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        pool_timeout=BUSY_SECONDS,
        connect_args={
            "prepare_threshold": None,  # PgBouncer in transaction mode breaks prepared statements
            "connect_timeout": 5,
            "tcp_user_timeout": 15_000,  # milliseconds; a silent network is a lost connection
            "application_name": "trunkline",
        },
    )


def _away(error: DBAPIError | PoolTimeout) -> bool:
    """Whether the database is away, rather than our statement wrong."""
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        # sqlite3 files syntax errors and missing tables under the same class; those are ours to mend.
        return error.orig.sqlite_errorcode != sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError)
