"""A server that a test starts and ends: one child process, ended by its own pid, its CPU time read from the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A running program. Its output goes to ``<folder>/<name>.out``."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.output = folder / f"{name}.out"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=env
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def cpu_seconds(self) -> float:
        """User and system time so far, its waited-for children included; 0.0 once it is gone."""
        return cpu_of(self.pid)

    def tree_cpu_seconds(self) -> float:
        """The same with everything it has started, and that these have started."""
        return sum(cpu_of(pid) for pid in (self.pid, *_descendants(self.pid)))

    def tail(self, lines: int = 15) -> str:
        """The end of what it wrote, for a failure's message."""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, how: signal.Signals = signal.SIGTERM, patience_seconds: float = 20.0) -> None:
        """End it; killed when it takes longer than ``patience_seconds``. Twice is harmless."""
        if not self.alive():
            return
        self.process.send_signal(how)
        try:
            self.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on (the second, the name, may hold anything); none once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_of(pid: int) -> float:
    """User and system seconds of a process, its waited-for children included; 0.0 once it is gone."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / TICKS


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found
