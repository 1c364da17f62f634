"""What ``trunkline check`` sees of database, Redis, disk and the switch, on real servers where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

from controller.checks import (
    check_all,
    check_audio,
    check_database,
    check_redis,
    check_space,
    check_switch,
    clock_finding,
    failed,
)
from controller.domain.finding import Finding, Level, ok
from controller.domain.site import Carrier
from controller.errors import StoreDown, SwitchDown
from controller.storage.database import Database

NORTH = Carrier(name="north", gateway="north", calls_per_second=10, channels=10)


def levels(findings: Sequence[Finding]) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in findings}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of either engine."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'trunkline.db'}")
    return Database(str(request.getfixturevalue("postgres_url")))


def test_a_database_without_schema_is_named(database: Database) -> None:
    """Nothing can be stored before the schema is there, and the check says how it gets there."""
    finding = check_database(database)[0]
    assert finding.level is Level.FAIL
    assert "no schema" in finding.detail
    database.dispose()


def test_a_ready_database(database: Database) -> None:
    """Migrated and writable; the trial row is not there afterwards."""
    database.upgrade()
    assert set(levels(check_database(database)).values()) == {Level.OK}
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM contact_lists").scalar_one() == 0
    database.dispose()


def test_a_database_of_another_version(database: Database) -> None:
    """A schema that this version does not know is refused before anything is written."""
    database.upgrade()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    assert levels(check_database(database)) == {
        "database": Level.FAIL,
        **({} if database.is_sqlite else {"database clock": Level.OK}),
    }
    database.dispose()


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    """Reading alone is not enough: no attempt could be written ahead."""
    file = tmp_path / "trunkline.db"
    Database(f"sqlite:///{file}").upgrade()
    read_only = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert levels(check_database(read_only))["database writes"] is Level.FAIL
    read_only.dispose()


def test_a_database_that_is_away() -> None:
    """The refusal comes as a finding, not as an exception."""
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    assert levels(check_database(away)) == {"database": Level.FAIL}
    away.dispose()


@pytest.mark.parametrize("decode", [True, False])
def test_redis_that_may_forget_leases(redis_url: str, decode: bool) -> None:
    """Eviction would hand out seats twice; a missing append-only file loses queued work."""
    with redis.Redis.from_url(redis_url, decode_responses=decode) as client:
        before = client.config_get("appendonly")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        found = levels(check_redis(client, lambda: float(client.time()[0])))
        assert found["Redis memory"] is Level.FAIL
        assert found["Redis persistence"] is Level.WARN
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        assert set(levels(check_redis(client, lambda: float(client.time()[0]))).values()) == {Level.OK}
        client.config_set("appendonly", before["appendonly"])


def test_redis_that_is_away(tmp_path: Path) -> None:
    """One finding with the mend."""
    findings = check_redis(redis.Redis.from_url(f"unix://{tmp_path}/none.sock"), lambda: 0.0)
    assert levels(findings) == {"Redis": Level.FAIL}
    assert "redis.url" in findings[0].mend


@pytest.mark.parametrize(("theirs", "level"), [(10.2, Level.OK), (11.9, Level.WARN), (8.0, Level.WARN)])
def test_clocks_must_agree(theirs: float, level: Level) -> None:
    """Leases and windows are judged by several clocks."""
    assert clock_finding("a clock", theirs, 10.0, 10.4).level is level


def test_room_on_the_disk_where_the_data_will_be(tmp_path: Path) -> None:
    """A data directory that does not exist yet is judged by the disk it will be made on."""
    assert str(tmp_path) in check_space(tmp_path / "not" / "there").detail


def test_the_audio_folder(tmp_path: Path) -> None:
    """In memory it is right; none at all leaves the fallback; what is no folder cannot be used."""
    (tmp_path / "file").write_text("")
    assert check_audio(Path("/dev/shm/trunkline/n1")).level is Level.OK
    assert check_audio(None).level is Level.WARN
    assert check_audio(tmp_path / "file").level is Level.FAIL


def test_an_audio_folder_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls would wait for a disk that is slow."""
    monkeypatch.setattr("controller.checks._in_memory", lambda place: False)
    found = check_audio(tmp_path / "not" / "there")
    assert found.level is Level.WARN
    assert "on a disk" in found.detail


def test_no_switch_configured() -> None:
    """Without FreeSWITCH the virtual switch dials: worth a word, not a failure."""
    assert levels(check_switch(None, list)) == {"FreeSWITCH": Level.WARN}


def test_a_switch_that_cannot_be_asked() -> None:
    """FreeSWITCH being down is one finding, and the others are not lost."""

    def down(carriers: Sequence[Carrier]) -> list[Finding]:
        raise SwitchDown("no answer at 127.0.0.1:8021")

    found = check_switch(down, lambda: [NORTH])
    assert levels(found) == {"FreeSWITCH": Level.FAIL}


def test_the_switch_is_looked_at_though_the_database_is_away() -> None:
    """Carriers are not known then, and the check goes on."""

    def away() -> Sequence[Carrier]:
        raise StoreDown("away")

    found = check_switch(lambda carriers: [ok("gateways", str(len(carriers)))], away)
    assert levels(found) == {"carriers": Level.WARN, "gateways": Level.OK}


def test_everything_at_once(tmp_path: Path, redis_url: str) -> None:
    """One list, and whether a campaign can run is read from it."""
    database = Database(f"sqlite:///{tmp_path / 'trunkline.db'}")
    with redis.Redis.from_url(redis_url) as client:
        before = check_all(
            database, client, tmp_path, Path("/dev/shm/x"), lambda: [NORTH], lambda carriers: [ok("switch", carriers[0].name)]
        )
        assert failed(before)
        database.upgrade()
        after = check_all(
            database, client, tmp_path, Path("/dev/shm/x"), lambda: [NORTH], lambda carriers: [ok("switch", carriers[0].name)]
        )
    assert not failed(after)
    assert levels(after)["switch"] is Level.OK
    database.dispose()
