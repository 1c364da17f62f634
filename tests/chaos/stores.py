"""Redis and the database of a chaos run: real ones, in the run's own folder, that can be taken away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psycopg
import redis

from tests.chaos.processes import Agenda, Process
from tests.servers import free_port, postgres_programs, redis_executable

START_SECONDS = 60.0


class RedisStore:
    """A Redis that keeps its data on disk, as a site's would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "redis"
        self._folder.mkdir()
        socket = self._folder / "redis.sock"
        self.url = f"unix://{socket}"
        command = [redis_executable(), "--port", "0", "--unixsocket", str(socket), "--dir", str(self._folder)]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        self.process = Process("redis", command, folder)
        self.process.start()
        self.client = redis.Redis.from_url(self.url, socket_timeout=5)
        wait_until(lambda: bool(self.client.ping()), (redis.RedisError,), "Redis")

    def forget(self) -> None:
        """What it has on disk is gone."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        (self._folder / "appendonly.aof").unlink(missing_ok=True)


class DatabaseStore(Protocol):
    """process: None where there is none."""

    url: str
    process: Process | None

    def cut(self, seconds: float, agenda: Agenda) -> None:
        """Away for so long."""
        ...


class SqliteStore:
    """Cut off by somebody else who holds the one write lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "trunkline.db"
        self.url = f"sqlite:///{self._path}"
        self.process: Process | None = None

    def cut(self, seconds: float, agenda: Agenda) -> None:
        connection = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.close()  # somebody holds it already, which is what was wanted
            return
        agenda.later(seconds, connection.close)


class PostgresStore:
    """Cut off by an end without warning; it recovers from its own log."""

    def __init__(self, folder: Path) -> None:
        programs = postgres_programs()
        place = folder / "postgres"
        place.mkdir()
        folder.chmod(0o711)
        user: str | None = None
        if os.geteuid() == 0:  # PostgreSQL refuses root
            user = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
            os.chown(place, pwd.getpwnam(user).pw_uid, -1)
        data, port = place / "data", free_port()
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd=place,
        )
        command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-k", str(place), "-p", str(port)]
        for setting in ("fsync=off", "shared_buffers=64MB", "max_connections=100"):
            command += ["-c", setting]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self.process: Process | None = Process("postgres", command, folder, user=user, ends_on=signal.SIGINT)
        self.process.start()
        wait_until(lambda: psycopg.connect(self.url).close(), (psycopg.OperationalError,), "PostgreSQL")

    def cut(self, seconds: float, agenda: Agenda) -> None:
        assert self.process is not None
        self.process.kill(seconds, signal.SIGQUIT)


def wait_until(answers: Callable[[], object], not_yet: tuple[type[Exception], ...], what: str) -> None:
    """Until ``answers`` raises nothing; RuntimeError after a minute."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answers()
            return
        except not_yet as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} does not come up: {error}") from error
            time.sleep(0.05)
