"""``trunkline check``: is everything there that a campaign needs, and if not, what is to be done.

Looks at the database, Redis, the clocks and the disk; FreeSWITCH looks at itself through ``esl_handlers/checkup.py``, which
``service`` hands in. Changes nothing, and never raises for what it finds: a server that does not answer is a finding.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from controller.domain.finding import Finding, Level, fail, ok, warn
from controller.domain.site import Carrier
from controller.errors import StoreDown, SwitchDown, Unavailable
from controller.storage.database import Database, newest_schema
from controller.storage.tables import ContactList

OLDEST_REDIS = (6, 2)
CLOCK_SECONDS = 1.0
LEAST_AUDIO_BYTES = 32 * 1024**2
SCARCE_BYTES = 1024**3
FULL_BYTES = 100 * 1024**2

SwitchCheck = Callable[[Sequence[Carrier]], list[Finding]]
"""Carriers of the site → what FreeSWITCH's own checkup found. Raises ``SwitchDown`` when it cannot be asked."""


def check_all(
    database: Database,
    redis: Redis,
    data_dir: Path,
    audio_dir: Path | None,
    carriers: Callable[[], Sequence[Carrier]],
    switch: SwitchCheck | None,
) -> list[Finding]:
    """Everything, in the order in which it should be mended.

    audio_dir: None = no recordings for detection. carriers: the site's; asked only when the database answers. switch: None = no
    FreeSWITCH is configured.
    """
    findings = [*check_database(database), *check_redis(redis, time.time), check_space(data_dir), check_audio(audio_dir)]
    return [*findings, *check_switch(switch, carriers)]


def failed(findings: Sequence[Finding]) -> bool:
    """Whether a campaign cannot run like this."""
    return any(finding.level is Level.FAIL for finding in findings)


def check_database(database: Database) -> list[Finding]:
    """Reachable, migrated, writable; for a server, its clock too."""
    try:
        findings = [_schema(database)]
        if findings[0].level is Level.OK:
            findings.append(_writable(database))
        if not database.is_sqlite:
            findings.append(_database_clock(database, time.time))
    except StoreDown as error:
        return [fail("database", str(error), "Start the database, or mend database.url in trunkline.toml.")]
    return findings


def _schema(database: Database) -> Finding:
    found, head = database.schema(), newest_schema()
    if found == head:
        return ok("database", f"{database.place}, schema {found}")
    if found is None:
        return fail(
            "database", f"{database.place} has no schema", "Start `trunkline run`, `controller` or `apply` once: they make it."
        )
    return fail(
        "database",
        f"{database.place} has schema {found}, this version of Trunkline has {head}",
        "Start the newer of the two versions; it brings the schema up to date.",
    )


def _writable(database: Database) -> Finding:
    """Writes a row and takes it back."""
    row = {"name": "trunkline check", "region": "", "columns": [], "created_at": 0.0, "updated_at": 0.0}
    try:
        with database.write() as connection:
            trial = connection.begin_nested()
            connection.execute(insert(ContactList).values(row))
            trial.rollback()
    except (StoreDown, SQLAlchemyError) as error:
        return fail("database writes", " ".join(str(error).split()), "Give the database's user the right to write, and room.")
    return ok("database writes", "allowed")


def _database_clock(database: Database, now: Callable[[], float]) -> Finding:
    with database.read() as connection:
        before = now()
        theirs = float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
        return clock_finding("database clock", theirs, before, now())


def check_redis(redis: Redis, now: Callable[[], float]) -> list[Finding]:
    """Reachable, new enough, forgets nothing, right time."""
    try:
        server = redis.info("server")
        before = now()
        seconds, microseconds = redis.time()
        clock = clock_finding("Redis clock", seconds + microseconds / 1e6, before, now())
        return [_redis_version(str(server["redis_version"])), *_redis_memory(redis), clock]
    except (RedisError, OSError) as error:
        return [fail("Redis", " ".join(str(error).split()), "Start Redis, or mend redis.url in trunkline.toml.")]


def _redis_version(version: str) -> Finding:
    parts = tuple(int(part) for part in version.split(".")[:2])
    if parts < OLDEST_REDIS:
        return fail("Redis", f"version {version}", "Upgrade to Redis 6.2 or later (or Valkey).")
    return ok("Redis", f"version {version}")


def _redis_memory(redis: Redis) -> list[Finding]:
    """Neither evicts what is leased nor loses what is queued."""
    try:
        policy, append, save = (_setting(redis, name) for name in ("maxmemory-policy", "appendonly", "save"))
    except ResponseError as error:  # managed Redis hides its configuration
        return [
            warn(
                "Redis memory", f"its configuration is hidden ({error})", "See that it keeps noeviction and append-only files."
            )
        ]
    findings = []
    if policy != "noeviction":
        findings.append(
            fail(
                "Redis memory",
                f"maxmemory-policy {policy} may throw away seats and number locks that are in use",
                "Set maxmemory-policy to noeviction.",
            )
        )
    if append != "yes":
        findings.append(
            warn(
                "Redis persistence",
                "snapshots only" if save else "nothing is kept over a restart",
                "Set appendonly to yes, or queued imports and commands are lost when Redis restarts.",
            )
        )
    return findings or [ok("Redis memory", "noeviction, append-only file")]


def _setting(redis: Redis, name: str) -> str:
    """One setting, whether the client decodes answers or not."""
    for value in redis.config_get(name).values():
        return value.decode() if isinstance(value, bytes) else str(value)
    return ""


def clock_finding(subject: str, theirs: float, before: float, after: float) -> Finding:
    """Another clock, read between two looks at ours. All UTC epoch seconds."""
    skew = theirs - min(max(theirs, before), after)
    if abs(skew) > CLOCK_SECONDS:
        return warn(
            subject, f"differs by {skew:+.1f} s from ours", "Run a time service (chrony, systemd-timesyncd) on both machines."
        )
    return ok(subject, f"within {CLOCK_SECONDS:g} s of ours")


def check_space(data_dir: Path) -> Finding:
    """Room for databases, reports and Redis' own files."""
    place = data_dir.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    words = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < FULL_BYTES:
        return fail("data directory", words, "Make room, or set data_dir to a larger disk.")
    if free < SCARCE_BYTES:
        return warn("data directory", words, "Make room, or set data_dir to a larger disk.")
    return ok("data directory", words)


def check_audio(folder: Path | None) -> Finding:
    """Where FreeSWITCH writes the calls that detection judges: in memory, with room, and ours to tidy up. The folder itself is
    made by the controller, so its nearest parent that is there is looked at."""
    subject, mend = "audio directory", "Set amd.audio_dir to a folder in memory (tmpfs) that FreeSWITCH can write to."
    if folder is None:
        return warn(subject, "amd.audio_dir is empty: detection hears parked calls only, by UDP", mend)
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return fail(subject, f"{place} cannot be written to", "Give this user the right to write there. Without it, " + mend)
    free = shutil.disk_usage(place).free
    words = f"{folder}, {free / 1024**2:.0f} MiB free"
    if free < LEAST_AUDIO_BYTES:
        return fail(subject, words, "Make room: a call that is listened to takes up to 0.2 MiB, or 3 where files are not ours.")
    if not _in_memory(place):
        return warn(subject, f"{words}, on a disk: when it is slow, calls wait for it", mend)
    return ok(subject, words)


def _in_memory(place: Path) -> bool:
    """Whether the file system of ``place`` is one in memory, by the kernel's table of mounts."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, found, *_ = line.split()
        if place.is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, found
    return kind in ("tmpfs", "ramfs")


def check_switch(switch: SwitchCheck | None, carriers: Callable[[], Sequence[Carrier]]) -> list[Finding]:
    if switch is None:
        return [
            warn(
                "FreeSWITCH",
                "none is configured; `trunkline run` dials on its virtual switch",
                "Set freeswitch.host in trunkline.toml to dial for real.",
            )
        ]
    try:
        known = list(carriers())
    except (Unavailable, SQLAlchemyError):
        known = []  # the findings about the database say why
    findings = []
    if not known:
        findings.append(warn("carriers", "the site has none", "Write a site file with carriers and `trunkline apply` it."))
    try:
        return [*findings, *switch(known)]
    except SwitchDown as error:
        mend = "Start FreeSWITCH, or mend host, port and password of [freeswitch] in trunkline.toml."
        return [*findings, fail("FreeSWITCH", str(error), mend)]
