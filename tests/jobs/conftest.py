"""A migrated database, an empty Redis and settings for both: what sweeps and workers live in."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.config import Settings
from controller.jobs.world import World, open_world
from controller.storage.database import Database, upgrade
from tests.contracts.worlds import SqlWorld, assert_sound
from tests.servers import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("jobs") / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    postgres_server.run("CREATE DATABASE template_jobs")
    upgrade(postgres_server.url("template_jobs"))
    return "template_jobs"


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    file = tmp_path / "trunkline.db"
    shutil.copy(migrated_file, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_world_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    name = f"jobs_{next(_numbers)}"
    postgres_server.run(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres}")
    yield postgres_server.url(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """SQLite and the session's Redis, emptied."""
    return Settings(
        node="n1",
        data_dir=tmp_path,
        database={"url": sqlite_url},
        redis={"url": redis_url},
        worker={"beat_seconds": 0.2},
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """What a sweep is handed, on either engine."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_world_url")
    opened = open_world(Settings(node="n1", data_dir=tmp_path, database={"url": url}, redis={"url": redis_url}))
    yield opened
    opened.redis.close()
    opened.database.dispose()


@pytest.fixture
def floor(world: World) -> Iterator[SqlWorld]:
    """The same database as the tests set it up and look at it; sound at the end whatever the sweeps did."""
    yield SqlWorld(world.database)
    assert_sound(SqlWorld(world.database))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of ``settings``."""
    opened = Database(settings.database_url)
    yield opened
    opened.dispose()
