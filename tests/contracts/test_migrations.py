"""The migrations build exactly the tables of ``tables.py``, on both engines, from nothing and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from controller.storage.database import Database, migrations_config, newest_schema, upgrade
from controller.storage.tables import Base

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/new.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_upgrade_leaves_nothing_for_a_new_migration(url: str):
    """After the upgrade Alembic finds no difference between the database and the tables in code."""
    upgrade(url)
    command.check(migrations_config(url))
    assert tables(url) == {*Base.metadata.tables, "alembic_version"}


def test_downgrade_takes_every_table_away(url: str):
    """The first migration can be undone."""
    upgrade(url)
    command.downgrade(migrations_config(url), "base")
    assert tables(url) == {"alembic_version"}


def test_processes_that_start_together_migrate_once(url: str):
    """Controller and worker both upgrade at start; one does the work, the others find it done."""
    start = "import sys; from controller.storage.database import Database; Database(sys.argv[1]).upgrade()"
    processes = [
        subprocess.Popen([sys.executable, "-c", start, url], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=100)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert "leads" in tables(url)


def test_a_start_on_a_current_schema_does_without_alembic(url: str):
    """The newest revision is told from its file's name, as Alembic tells it, and a schema that has it is left alone."""
    database = Database(url)
    assert database.schema() is None
    database.upgrade()
    assert database.schema() == newest_schema() == ScriptDirectory.from_config(migrations_config(url)).get_current_head()
    database.dispose()
    start = "import sys; from controller.storage.database import Database; Database(sys.argv[1]).upgrade()"
    again = f"{start}; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", again, url], cwd=ROOT, timeout=100, check=False).returncode == 0


def test_partial_index_lets_one_live_attempt_per_number(url: str):
    """The guard of invariant I1 exists in the database itself, only over attempts that have not ended."""
    upgrade(url)
    engine = create_engine(url)
    (index,) = [found for found in inspect(engine).get_indexes("attempts") if found["name"] == "ux_attempts_live"]
    engine.dispose()
    assert index["unique"]
    assert index["column_names"] == ["phone"]
    assert "ended_at IS NULL" in str(next(iter(index["dialect_options"].values())))
