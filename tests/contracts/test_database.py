"""What "the database is down" means, on SQLite and PostgreSQL, and that the hot statements are served by their indexes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from controller.domain.hopper.lead import LeadState
from controller.errors import Refused, StoreDown
from controller.storage import database as database_module
from controller.storage.database import Database
from controller.storage.driver_sql import execute, execute_each
from tests.contracts.worlds import SqlWorld, draft, no_answer, phones
from tests.servers import PostgresServer, free_port

ADD_DNC_LIST = "INSERT INTO dnc_lists (name, created_at) VALUES (?, 0)"


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in execute(connection, "SELECT name FROM dnc_lists ORDER BY name")]


def test_a_transaction_is_all_or_nothing(database: Database):
    """What was written before an error is gone."""

    def half_way() -> None:
        with database.write() as connection:
            execute(connection, ADD_DNC_LIST, ("half",))
            raise KeyError

    with pytest.raises(KeyError):
        half_way()
    assert names(database) == []
    database.ping()


def test_our_own_mistakes_are_not_an_outage(database: Database):
    """A statement that is wrong must not be tried again for ever."""
    with pytest.raises(DBAPIError), database.read() as connection:
        execute(connection, "SELECT no_such_column FROM leads")
    with pytest.raises(DBAPIError), database.write() as connection:
        execute_each(connection, ADD_DNC_LIST, [("twice",), ("twice",)])


def test_an_unusable_url_is_refused_in_words():
    """Before anything is opened."""
    with pytest.raises(Refused, match="mysql is not supported"):
        Database("mysql://localhost/x")
    with pytest.raises(Refused, match="name a file"):
        Database("sqlite://")


def test_a_schema_cannot_be_brought_up_to_date_while_the_database_is_away():
    """A process that starts in the middle of an outage says so in a line, and its supervisor tries again."""
    with pytest.raises(StoreDown, match="port 1"):
        Database("postgresql://nobody@127.0.0.1:1/none").upgrade()


def test_a_locked_sqlite_is_down(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch):
    """A writer that waits too long for the lock gives up, with SQLite's own words; readers go on."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    hurried = Database(str(sqlite_database.url))
    with sqlite_database.write() as connection:
        execute(connection, ADD_DNC_LIST, ("held",))
        with pytest.raises(StoreDown, match="database is locked"), hurried.write():
            pytest.fail("the lock was given twice")
        assert names(hurried) == []
    assert names(hurried) == ["held"]
    hurried.dispose()


def test_a_full_disk_is_down_and_then_up_again(sqlite_database: Database):
    """Nothing of the transaction that found the disk full is there; with room it can be done again."""
    with sqlite_database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def room(count: int) -> None:
        with sqlite_database.read() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={count}")

    room(pages + 2)
    with pytest.raises(StoreDown, match="full"), sqlite_database.write() as connection:
        execute_each(connection, ADD_DNC_LIST, [(f"list {number}",) for number in range(2000)])
    assert names(sqlite_database) == []
    room(1_000_000)
    with sqlite_database.write() as connection:
        execute(connection, ADD_DNC_LIST, ("again",))
    assert names(sqlite_database) == ["again"]


def test_ledger_connections_wait_for_the_disk(sqlite_database: Database, tmp_path: Path):
    """Durable databases commit with synchronous FULL, others with NORMAL; all write ahead and mind foreign keys."""
    relaxed = Database(f"sqlite:///{tmp_path}/relaxed.db")
    found = []
    for database in (sqlite_database, relaxed):
        with database.read() as connection:
            found.append(
                [
                    connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("synchronous", "journal_mode", "foreign_keys")
                ]
            )
    relaxed.dispose()
    assert found == [[2, "wal", 1], [1, "wal", 1]]


def test_a_file_that_is_no_database_is_not_mistaken_for_an_outage(tmp_path: Path):
    """Trying again cannot help, so it is not ``StoreDown``."""
    file = tmp_path / "trunkline.db"
    file.write_bytes(b"this is not a database, and long enough to be looked at" * 20)
    with pytest.raises((DBAPIError, sqlite3.DatabaseError), match="not a database"):
        Database(f"sqlite:///{file}").ping()


def test_no_server_is_down_without_naming_the_password():
    """The message goes to logs and users."""
    database = Database(f"postgresql://someone:secret@127.0.0.1:{free_port()}/trunkline")
    with pytest.raises(StoreDown) as refusal:
        database.ping()
    assert "secret" not in str(refusal.value)
    assert "127.0.0.1" in str(refusal.value)


def test_a_broken_connection_is_down_once(postgres_database: Database, postgres_server: PostgresServer):
    """The server was restarted: the transaction at hand fails as ``StoreDown``, nothing of it stays, the next one works."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trunkline'"

    def cut_half_way() -> None:
        with postgres_database.write() as connection:
            execute(connection, ADD_DNC_LIST, ("lost",))
            postgres_server.run(cut)
            execute(connection, ADD_DNC_LIST, ("never",))

    with pytest.raises(StoreDown):
        cut_half_way()
    assert names(postgres_database) == []


@pytest.fixture
def plans(sqlite_database: Database):
    """Runs a piece of work and gives SQLite's plan of each statement that touched leads or attempts."""

    def gather(work) -> dict[str, list[str]]:
        statements: dict[str, tuple] = {}

        def note(_connection, _cursor, statement, parameters, _context, many) -> None:
            if any(table in statement for table in ("leads", "attempts", "dnc_numbers")):
                statements.setdefault(statement, parameters[0] if many else parameters)

        event.listen(Engine, "before_cursor_execute", note)
        work()
        event.remove(Engine, "before_cursor_execute", note)
        with sqlite_database.read() as connection:
            return {
                statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
                for statement, values in statements.items()
            }

    return gather


def test_nothing_on_the_way_of_a_call_reads_a_whole_table(sqlite_database: Database, plans):
    """Claiming, opening, closing, lapsing and ending cost the same however many leads there are."""
    world = SqlWorld(sqlite_database)
    run_id = world.new_run(phones(5))
    world.add_dnc(7, [1])

    def a_call() -> None:
        call = draft(world.leads.claim(run_id, 3, 100.0, 160.0)[0], "a")
        world.attempts.open_attempts([call])
        world.attempts.open_attempts_of("fs1")
        world.attempts.close_attempts([no_answer(call)])
        world.leads.reap(999.0)
        world.leads.claim(run_id, 9, 999.0, 1200.0)
        world.leads.next_due(run_id)
        world.leads.unfinished(run_id)
        world.leads.close_waiting(run_id, LeadState.STOPPED)

    found = plans(a_call)
    assert len(found) > 12
    tables = ("leads", "attempts", "dnc_numbers", "l", "a")
    for statement, steps in found.items():
        scans = [step for step in steps if step.startswith("SCAN") and step.split()[1] in tables]
        # Live attempts of all nodes are few, and their partial index holds nothing else.
        assert scans in ([], ["SCAN a USING INDEX ux_attempts_live"]), f"{statement}\n{steps}"
        by_run = [step for step in steps if "leads" in step and "(run_id=?)" in step]
        assert all("USING INDEX ix_leads_" in step for step in by_run), f"{statement}\n{steps}"
