"""Databases and worlds for the contract suites: each test has a fresh one, copied from one that was migrated once."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.storage.database import Database, upgrade
from tests.contracts.worlds import MemoryWorld, SqlWorld, World, assert_sound
from tests.servers import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    postgres_server.run("CREATE DATABASE template_trunkline")
    upgrade(postgres_server.url("template_trunkline"))
    return "template_trunkline"


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database with durable commits, as the ledger's."""
    file = tmp_path / "trunkline.db"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite:///{file}", durable=True, pool_size=12)
    yield database
    database.dispose()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    name = f"world_{next(_numbers)}"
    postgres_server.run(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    database = Database(postgres_server.url(name), pool_size=12)
    yield database
    database.dispose()
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Both engines, one after the other."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found: Database = request.getfixturevalue(name)
    return found


@pytest.fixture
def sql_world(database: Database) -> Iterator[SqlWorld]:
    """A world in either database, sound at the end whatever the test did."""
    world = SqlWorld(database)
    yield world
    assert_sound(world)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every fulfilment of the store ports, sound at the end whatever the test did."""
    world: World
    if request.param == "memory":
        world = MemoryWorld()
    else:
        name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
        world = SqlWorld(request.getfixturevalue(name))
    yield world
    assert_sound(world)
