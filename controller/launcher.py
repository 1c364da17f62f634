"""Everything on one machine, as child processes: Redis where none is configured, the virtual switch where no FreeSWITCH is,
controller and worker. For ``trunkline run`` and the demo; a site of some size runs the processes under its own supervisor.

A child that dies is started again after a pause; stopping goes the other way round: controller first, Redis last.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import structlog

from controller import child_process
from controller.config import Settings
from controller.errors import Unavailable
from controller.redis_process import RedisProcess

log = structlog.get_logger("launcher")

RESTART_SECONDS = 1.0
READY_SECONDS = 30.0
VIRTUAL_PASSWORD = "ClueCon"
SHIPPED_PEOPLE = Path(__file__).parent / "anybody.toml"


@dataclass(slots=True)
class Child:
    """One process and how it is started. stop_seconds: how long it may take to end on SIGTERM."""

    name: str
    command: list[str]
    stop_seconds: float
    process: subprocess.Popen[bytes] | None = None
    restart_at: float = 0.0
    restarts: int = 0


@dataclass(slots=True)
class Launcher:
    """people: who answers at the virtual switch. log_dir: where the children's output goes; None = ours."""

    settings: Settings
    people: Path = SHIPPED_PEOPLE
    log_dir: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    redis: RedisProcess | None = None

    @property
    def ledger(self) -> Path:
        """The virtual switch's own record of every call."""
        return self.settings.data_dir / "virtual_switch_ledger.csv"

    def start(self) -> None:
        """Start what is needed, in order; ``Unavailable`` when something does not come up."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.environment["TRUNKLINE_DATA_DIR"] = str(self.settings.data_dir.resolve())
        if not self.settings.redis.url:
            self.redis = RedisProcess(self.settings.data_dir)
            self.environment["TRUNKLINE_REDIS__URL"] = self.redis.start()
        if not self.settings.freeswitch.host:
            self._start_virtual_switch()
        drain = self.settings.dialling.drain_seconds
        self._start(Child("controller", [sys.executable, "-m", "controller", "controller"], drain + 10.0))
        self._start(Child("worker", [sys.executable, "-m", "controller", "worker"], 15.0))

    def watch(self) -> None:
        """One look at the children: who died is started again. Call it every second or so."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                log.error("process ended", name=child.name, code=child.process.returncode)
                child.process, child.restart_at = None, now + RESTART_SECONDS
            if child.process is None and now >= child.restart_at:
                child.restarts += 1
                self._spawn(child)

    def run(self) -> int:
        """Start, watch, and stop on SIGTERM or SIGINT; the exit code."""
        stopping: list[int] = []

        def asked(number: int, _frame: FrameType | None) -> None:
            stopping.append(number)

        signal.signal(signal.SIGTERM, asked)
        signal.signal(signal.SIGINT, asked)
        try:
            self.start()
            log.info("everything", to="up", data_dir=str(self.settings.data_dir))
            while not stopping:
                self.watch()
                time.sleep(0.5)
        finally:
            self.stop()
        return 0

    def stop(self) -> None:
        """Controller first, so that calls end while everything else is there."""
        order = {"controller": 0, "worker": 1}
        for child in sorted(self.children, key=lambda child: order.get(child.name, 2)):
            if child.process is not None:
                child_process.stop(child.process, child.stop_seconds)
                child.process = None
        if self.redis is not None:
            self.redis.stop()

    def _start_virtual_switch(self) -> None:
        port = _free_port()
        command = [sys.executable, "-m", "esl_handlers.virtual_switch", "--port", str(port), "--people", str(self.people)]
        journal = self.settings.data_dir.resolve() / "virtual_switch_journal.csv"
        command += ["--ledger", str(self.ledger), "--journal", str(journal), "--password", VIRTUAL_PASSWORD]
        self._start(Child("virtual switch", command, 5.0))
        self.environment |= {
            "TRUNKLINE_FREESWITCH__HOST": "127.0.0.1",
            "TRUNKLINE_FREESWITCH__PORT": str(port),
            "TRUNKLINE_FREESWITCH__PASSWORD": VIRTUAL_PASSWORD,
            "TRUNKLINE_FREESWITCH__CDR_JOURNAL": str(journal),
        }
        _wait_for_port(port, "the virtual switch")

    def _start(self, child: Child) -> None:
        self.children.append(child)
        self._spawn(child)

    def _spawn(self, child: Child) -> None:
        output = None
        if self.log_dir is not None:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            output = os.open(
                self.log_dir / f"{child.name.replace(' ', '_')}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
            )
        try:
            child.process = child_process.start(child.command, stdout=output, environment=_with(self.environment))
        finally:
            if output is not None:
                os.close(output)


def _with(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **more}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unavailable(f"{what} does not listen on port {port} after {READY_SECONDS:g} s")
