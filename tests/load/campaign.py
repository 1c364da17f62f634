"""Trunkline's side of a load run: its processes, its commands, and what it has written down in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select

from controller.admin import bus
from controller.domain.hopper.lead import LeadState
from controller.live.agents import RedisAgents
from controller.live.limits import RedisLimits
from controller.ports import AgentView
from controller.storage.database import Database
from controller.storage.tables import Attempt, Lead, Run
from tests.freeswitch.harness import REPOSITORY
from tests.freeswitch.ports import HOST
from tests.freeswitch.process import Child, cpu_of
from tests.servers import RedisServer

ENDED = ("completed", "stopped")


@dataclass(frozen=True)
class Row:
    """One row of the attempts table. Times are UTC epoch seconds."""

    phone: int
    outcome: str | None
    answered_at: float | None
    connected_at: float | None
    attempt_id: str = ""
    created_at: float = 0.0
    ended_at: float | None = None
    cause: str | None = None
    connected_to: str | None = None


class Reached(Protocol):
    """A switch, as a controller's settings name it."""

    @property
    def esl_port(self) -> int: ...

    @property
    def password(self) -> str: ...

    @property
    def journal(self) -> Path: ...


class Trunkline:
    """Controller and worker beside one FreeSWITCH, in ``folder``; database by its URL, SQLite where it is empty. settings:
    more environment variables."""

    def __init__(
        self,
        folder: Path,
        switch: Reached,
        redis: RedisServer,
        database_url: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._redis = redis
        self._children: dict[str, Child] = {}
        self.database = Database(database_url or f"sqlite:///{folder / 'trunkline.db'}")
        self._env = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TRUNKLINE_DATA_DIR": str(folder),
            "TRUNKLINE_NODE": "load",
            "TRUNKLINE_DATABASE__URL": self.database.url.render_as_string(hide_password=False),
            "TRUNKLINE_REDIS__URL": self._redis.url,
            "TRUNKLINE_FREESWITCH__HOST": HOST,
            "TRUNKLINE_FREESWITCH__PORT": str(switch.esl_port),
            "TRUNKLINE_FREESWITCH__PASSWORD": switch.password,
            "TRUNKLINE_FREESWITCH__CDR_JOURNAL": str(switch.journal),
            "TRUNKLINE_METRICS__PORT": "0",
            "TRUNKLINE_LOGGING__LEVEL": "warning",
            **(settings or {}),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Controller and worker, as long as the block lasts."""
        try:
            for name in ("controller", "worker"):
                self.start(name)
            yield
        finally:
            for child in self._children.values():
                child.stop(patience_seconds=90.0)
            self.database.dispose()

    def start(self, name: str) -> Child:
        """Begin the life, or one more, of the controller or the worker."""
        self._children[name] = Child(name, [sys.executable, "-m", "controller", name], self._folder, self._env)
        return self._children[name]

    @property
    def controller(self) -> Child:
        """Its present, or last, life."""
        return self._children["controller"]

    def kill_controller(self) -> None:
        """``kill -9``."""
        self.controller.stop(signal.SIGKILL)

    def command(self, *words: str) -> str:
        """Run ``trunkline …``; what it printed. ``RuntimeError`` with its complaint when it refuses."""
        done = subprocess.run(
            [sys.executable, "-m", "controller", *words],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode != 0:
            raise RuntimeError(f"trunkline {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def dial(self, patience_seconds: float) -> None:
        """Load site, contacts and campaign, start it, and wait until its run has ended."""
        self.begin()
        self.wait_ended(patience_seconds)

    def begin(self) -> None:
        """Load site, contacts and campaign, and start it."""
        self.load()
        self.command("campaign", "start", "load")

    def load(self) -> None:
        """Store site, contacts and campaign."""
        self.command("apply", "site.toml")
        self.command("list", "import", "load", "contacts.csv", "--region", "IN")
        self.command("apply", "campaign.toml")

    @property
    def ended(self) -> bool:
        """Whether the campaign's run is over."""
        return self._run_state() in ENDED

    def wait_ended(self, patience_seconds: float) -> None:
        """Until the run is over. RuntimeError when a process ends by itself, or it takes longer."""
        deadline = time.monotonic() + patience_seconds
        while not self.ended:
            for child in self._children.values():
                if not child.alive():
                    raise RuntimeError(f"{child.name} ended: {child.tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"the run is {self._run_state()} after {patience_seconds:g} s: {self._children['controller'].tail()}"
                )
            time.sleep(0.5)

    def _run_state(self) -> str | None:
        with self.database.read() as connection:
            return connection.execute(select(Run.state).order_by(Run.id.desc()).limit(1)).scalar()

    def rows(self) -> list[Row]:
        """The attempts table."""
        with self.database.read() as connection:
            chosen = select(
                Attempt.phone,
                Attempt.outcome,
                Attempt.answered_at,
                Attempt.connected_at,
                Attempt.id,
                Attempt.created_at,
                Attempt.ended_at,
                Attempt.cause,
                Attempt.connected_to,
            )
            return [Row(*row) for row in connection.execute(chosen)]

    def unfinished_leads(self) -> int:
        """Leads that are not final."""
        with self.database.read() as connection:
            open_ones = select(func.count()).select_from(Lead).where(Lead.state < LeadState.DONE)
            return int(connection.execute(open_ones).scalar_one())

    def slots_in_use(self) -> int:
        """Seats, bot's and carrier's slots that are taken."""
        usage = RedisLimits(bus.connect(self._redis.url), 30.0).usage(["load"], ["bot"], ["north"])
        return sum((*usage.seats.values(), *usage.fleets.values(), *usage.channels.values()))

    def agents(self) -> list[AgentView]:
        """Who is at work, and in which state."""
        return RedisAgents(bus.connect(self._redis.url), 30.0).snapshot()

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far, by process, children included."""
        used = {name: child.tree_cpu_seconds() for name, child in self._children.items()}
        return {**used, "redis": cpu_of(self._redis.pid)}
