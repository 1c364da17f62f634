"""Alembic's entry: runs the revisions in one transaction, on SQLite and PostgreSQL, one process at a time.

The URL comes from ``database.migrations_config`` or from ``-x url=…`` on the command line.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.pool import NullPool

from controller.storage.tables import Base

ADVISORY_LOCK = 0x7472_756E_6B6C  # "trunkl"; any number that nobody else in the database uses


def _begin(connection: Connection) -> None:
    """Take the schema for this process, so that two that start together do not both migrate."""
    if connection.dialect.name == "sqlite":
        # Foreign keys stay off: a batch that rebuilds a table drops the old one, and that would cascade into its children.
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")


def _run() -> None:
    url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True)["url"]
    arguments = {"timeout": 60} if make_url(url).get_backend_name() == "sqlite" else {}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    with engine.begin() as connection:
        _begin(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_server_default=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()


_run()
