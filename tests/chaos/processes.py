"""Processes of a chaos run: each can be killed, ended, frozen, and comes back after a while, as under a supervisor of services.

``Agenda`` is the run's only clock: whatever shall happen later (a restart, the end of an outage) is an entry there.
"""

from __future__ import annotations

import heapq
import itertools
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from controller import child_process

RESTART_SECONDS = 1.0
"""After an end that nobody asked for."""


class Agenda:
    """What shall happen later, in order of time. Monotonic seconds."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._entries, (time.monotonic() + seconds, next(self._order), action))

    def run_due(self) -> None:
        while self._entries and self._entries[0][0] <= time.monotonic():
            heapq.heappop(self._entries)[2]()

    def __len__(self) -> int:
        return len(self._entries)


class Process:
    """One program, started again whenever it has ended. Its output is appended to ``<folder>/log/<name>.log``.

    prepare: called before each start. user: whose process it is; None = ours. unasked: ends that nobody had asked for.
    deaths: UTC epoch seconds of its ends.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        environment: dict[str, str] | None = None,
        user: str | None = None,
        ends_on: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.unasked = 0
        self.deaths: list[float] = []
        self.prepare: Callable[[], object] = lambda: None
        self._command = command
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._user = user
        self._ends_on = ends_on
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at: float | None = 0.0
        self._away_seconds: float | None = None

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def up(self) -> bool:
        return self.pid is not None

    def start(self) -> None:
        self.prepare()
        log = self._folder / "log" / f"{self.name}.log"
        log.parent.mkdir(exist_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        parent = os.getpid()
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment,
                user=self._user,
                start_new_session=True,
                preexec_fn=lambda: child_process.die_with_parent(self._ends_on, parent),
            )
        finally:
            os.close(output)
        self._start_at = self._away_seconds = None

    def watch(self) -> None:
        """Notice its end, and start it again when it is time."""
        now = time.monotonic()
        if self._start_at is None and not self.up:
            self.deaths.append(time.time())
            if self._away_seconds is None:
                self.unasked += 1
            self._start_at = now + (RESTART_SECONDS if self._away_seconds is None else self._away_seconds)
        if self._start_at is not None and now >= self._start_at:
            self.start()

    def kill(self, away_seconds: float, how: signal.Signals = signal.SIGKILL) -> None:
        """End it at once; it comes back after so long."""
        self._away_seconds = away_seconds
        self.signal(how)
        if self._process is not None:
            self._process.wait(20)
        self.watch()

    def end(self, away_seconds: float) -> None:
        """Ask it to end, in its own time; it comes back so long after."""
        self._away_seconds = away_seconds
        self.signal(self._ends_on)

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens while it does not run."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def may_write(self, allowed: bool) -> bool:
        """Whether its files, and those of its children, may grow; False when it does not run."""
        if self.pid is None:
            return False
        for pid in (self.pid, *self.children()):
            with suppress(ProcessLookupError):  # it has ended meanwhile
                _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if allowed else 0, most))
        return True

    def children(self) -> list[int]:
        """Pids of the processes that it has started and that live."""
        if self.pid is None:
            return []
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def stop(self, seconds: float) -> None:
        """For good."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self.signal(self._ends_on)
            child_process.wait_or_kill(self._process, seconds)
