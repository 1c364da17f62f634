"""``trunkline worker``: starts the beat and the rq workers as child processes, keeps them alive, stops them in order.

A child that dies is started again, the sooner the longer it had lived. Stopping goes: the beat asks for nothing more, then
all workers finish the job in hand, and what is not done by then is killed; its job is done again at the next start. When the
supervisor itself is killed, the kernel tells the children to stop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from types import FrameType

import structlog

from controller import child_process
from controller.config import Settings
from controller.jobs.worker import BEAT

LOOK_SECONDS = 0.2
"""How often the children are looked at."""
LONGEST_BACKOFF_SECONDS = 5.0
SETTLED_SECONDS = 10.0
"""A child that lived this long is no longer counted as failing."""
FINISH_SECONDS = 10.0
"""Given to the jobs in hand when stopping."""

log = structlog.get_logger("supervisor")


@dataclass
class Child:
    """One place in the house; whoever fills it inherits the lineage. failures: deaths in a row."""

    kind: str
    lineage: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0


class WorkerSupervisor:
    """run() is the whole of it; stop() may be called from a signal handler."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        family = f"{settings.node}.{uuid.uuid4().hex[:8]}"  # another supervisor on this node has jobs of its own
        kinds = [BEAT, "sweeps", "runs", *(["bulk"] * settings.worker.processes)]
        self.children = [Child(kind, f"{family}.{kind}.{place}") for place, kind in enumerate(kinds)]
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Until stop()."""
        try:
            while True:
                for child in self.children:
                    self._keep_alive(child, time.monotonic())
                if self._stopping.wait(LOOK_SECONDS):
                    return
        finally:
            self._stop_children()

    def _keep_alive(self, child: Child, now: float) -> None:
        process = child.process
        if process is not None and process.poll() is not None:
            child.failures = 1 if now - child.started_at > SETTLED_SECONDS else child.failures + 1
            backoff = min(0.1 * 2.0**child.failures, LONGEST_BACKOFF_SECONDS)
            child.start_at = now + backoff
            child.process = None
            log.warning("child died", kind=child.kind, pid=process.pid, code=process.returncode, again_in_seconds=backoff)
        if child.process is None and now >= child.start_at:
            child.started_at = now
            child.process = self._start(child)
            log.info("child up", kind=child.kind, pid=child.process.pid)

    def _start(self, child: Child) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "controller.jobs.worker", child.kind),
                *("--lineage", child.lineage, "--supervisor", str(os.getpid())),
            ],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to pass on, in our order
        )
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                pipe.write(self._settings.model_dump_json().encode())
        except BrokenPipeError:
            log.warning("child died before it read its settings", kind=child.kind, pid=process.pid)
        return process

    def _stop_children(self) -> None:
        for child in self.children:
            if child.kind == BEAT and child.process is not None:
                child_process.stop(child.process, FINISH_SECONDS)
        living = [child.process for child in self.children if child.process is not None]
        for process in living:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + FINISH_SECONDS
        for process in living:
            child_process.wait_or_kill(process, deadline - time.monotonic())
        log.info("supervisor down")


def run_worker(settings: Settings) -> None:
    """``trunkline worker``: until TERM or INT. Logging is configured by the caller; the children configure their own."""
    supervisor = WorkerSupervisor(settings)

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    previous = {signum: signal.signal(signum, on_signal) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        supervisor.run()
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
