"""Two ways to a call's audio on a stock FreeSWITCH: a recording into memory, and datagrams from the parked leg.

The recording is read-only (the far end's audio alone), unbuffered and without a thread of its own: 320 bytes every 20 ms. It
goes on while the call is joined or a sound is played. Datagrams (``unicast``) need no folder that both sides share, but flow
only while the leg is in ``park``: they serve the first verdict, where nothing better is to be had.

A leg that waits for us sleeps in the dialplan (``trunkline-wait``), which does not feed ``unicast``; so a ``park`` is laid over
the sleep, and a dead-man's switch of its own beside it, because the sleep's no longer counts: when its time comes, it moves the
call on only if that is still in the park.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import gevent

from esl_handlers.errors import CommandLost
from esl_handlers.links import CommandLinks
from esl_handlers.originate import CONTEXT, OVERDUE_EXTENSION

LEAST_FREE_BYTES = 8 * 1024 * 1024
"""Less room than this in the audio folder and no recording is begun."""
RECORDING = "{RECORD_READ_ONLY=true,RECORD_PRE_BUFFER_FRAMES=0,RECORD_USE_THREAD=false,enable_file_write_buffering=false}"
SUFFIX = ".r8"
"""Headerless 16-bit samples at 8 kHz, whatever the codec's rate."""
WAIT_TRIES, WAIT_SECONDS = 15, 0.02
"""How often, and how long apart, it is looked whether an answered call has come into its wait."""
GUARD_SECONDS = 5
"""Beyond the verdict's own limit: what nobody has fetched by then hears that nobody is there."""


class TapFailed(Exception):
    """No audio of that call this way; the text says why."""


class Tap(Protocol):
    """One way to the audio. Each method sends commands and may wait for their replies."""

    name: str

    def open(self, attempt_id: str, verdict_seconds: float, longest_seconds: int) -> tuple[str, int]:
        """Let the audio flow: the file it comes in, or "" and the port it comes from. TapFailed.

        verdict_seconds: until when the call will have been fetched from its wait. longest_seconds: the flow ends by then.
        """
        ...

    def close(self, attempt_id: str, path: str) -> None:
        """The audio is not needed any more, but the call goes on."""
        ...

    def released(self, port: int) -> None:
        """The call is over, or its audio was closed: its port may be used again."""
        ...


class RecordingTap:
    """folder: shared with FreeSWITCH, in memory; made, when it is not there, with the rights of the folder it lies in."""

    name = "recording"

    def __init__(self, commands: CommandLinks, folder: Path) -> None:
        self._commands = commands
        self._folder = folder
        self._opened = 0

    def sweep(self) -> int:
        """Make the folder, and remove what an earlier life has left in it. How many files. OSError."""
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True)
            shutil.copymode(self._folder.parent, self._folder)
        left = list(self._folder.glob(f"*{SUFFIX}"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def leave(self) -> None:
        """Remove the folder, unless something is in it."""
        with suppress(OSError):
            self._folder.rmdir()

    def open(self, attempt_id: str, verdict_seconds: float, longest_seconds: int) -> tuple[str, int]:
        self._opened += 1
        # Numbered: the same call may be listened to anew while its former recording is being stopped.
        path = self._folder / f"{attempt_id}-{self._opened}{SUFFIX}"
        try:
            space = os.statvfs(self._folder)
        except OSError as error:
            raise TapFailed(f"no audio folder: {error.strerror}") from error
        if space.f_bavail * space.f_frsize < LEAST_FREE_BYTES:
            raise TapFailed("the audio folder is full")
        _ask(self._commands, f"api uuid_record {attempt_id} start {path} {longest_seconds} {RECORDING}")
        return str(path), 0

    def close(self, attempt_id: str, path: str) -> None:
        _ask(self._commands, f"api uuid_record {attempt_id} stop {path}")

    def released(self, port: int) -> None:
        """A recording has none."""


class UnicastTap:
    """to_port: where the listener takes datagrams. first_port, ports: which ports FreeSWITCH may send from, on loopback."""

    name = "unicast"

    def __init__(self, commands: CommandLinks, to_port: Callable[[], int], first_port: int, ports: int) -> None:
        self._commands = commands
        self._to_port = to_port
        self._free = deque(range(first_port, first_port + ports))

    def open(self, attempt_id: str, verdict_seconds: float, longest_seconds: int) -> tuple[str, int]:
        if not self._free:
            raise TapFailed("no port is free")
        self._must_wait(attempt_id)
        port = self._free.popleft()
        try:
            self._start(attempt_id, port, round(verdict_seconds) + GUARD_SECONDS)
        except TapFailed:
            self._free.append(port)
            raise
        return "", port

    def _must_wait(self, attempt_id: str) -> None:
        """The answer is told a moment before the dialplan says what becomes of the call."""
        for _ in range(WAIT_TRIES):
            where = _ask(self._commands, f"api uuid_getvar {attempt_id} trunkline_connect")
            if where == "waiting":
                return
            if where not in ("", "_undef_"):
                break
            gevent.sleep(WAIT_SECONDS)
        raise TapFailed("the call does not wait")

    def _start(self, attempt_id: str, port: int, guard_seconds: int) -> None:
        if_parked = f"${{cond(${{uuid_getvar({attempt_id} current_application)}} == park ? {attempt_id} : none)}}"
        guard = f"expand uuid_transfer {if_parked} {OVERDUE_EXTENSION} XML {CONTEXT}"
        _ask(self._commands, f"api sched_api +{guard_seconds} none {guard}")
        _ask(self._commands, f"sendmsg {attempt_id}", "call-command: execute", "execute-app-name: park")
        _ask(
            self._commands, f"sendmsg {attempt_id}", "call-command: unicast", "transport: udp",
            "local-ip: 127.0.0.1", f"local-port: {port}", "remote-ip: 127.0.0.1", f"remote-port: {self._to_port()}",
        )  # fmt: skip

    def close(self, attempt_id: str, path: str) -> None:
        """It ends when the leg leaves the park, on its way to whatever the verdict meant."""

    def released(self, port: int) -> None:
        # To the end of the queue: what the old call may still send must not be taken for the next one's.
        self._free.append(port)


def _ask(commands: CommandLinks, *lines: str) -> str:
    """A command's answer. TapFailed when it is refused or gets none."""
    try:
        text = commands.send(*lines).text.strip()
    except CommandLost as error:
        raise TapFailed(str(error)) from error
    if text.startswith("-"):
        raise TapFailed(" ".join(text.split()))
    return text
