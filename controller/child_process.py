"""Processes we start and must not leave behind: they end with us, in order when we stop, at once when we are killed.

A child leads a process group of its own, so that Ctrl-C in a terminal reaches only us and the order of stopping is ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: int = signal.SIGTERM, parent: int | None = None) -> None:
    """Ask the kernel to send ``signum`` to this process when the one that started it ends, however it ends.

    parent: its pid, if known: a parent that was gone before we asked is noticed by having another one now.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl: {os.strerror(error)}")
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signum)


def start(
    command: Sequence[str],
    *,
    stdout: int | None = None,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that ends with us; its files are for our user alone. environment: None = ours."""
    parent = os.getpid()
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not None else None,
        cwd=cwd,
        env=None if environment is None else dict(environment),
        start_new_session=True,
        umask=0o077,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM, parent),
    )


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """TERM, wait that long, KILL."""
    if process.poll() is None:
        process.terminate()
    wait_or_kill(process, seconds)


def wait_or_kill(process: subprocess.Popen[bytes], seconds: float) -> None:
    """For one that has been told to stop."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
