"""The listener process as the controller has it: started, given orders, heard, and started again when it dies.

It ends with us, however we end: it sees its socket close. One that takes no orders for a second is ended and comes back.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import structlog
from gevent import socket, subprocess
from gevent.event import Event as Signal

from esl_handlers.listening.words import MAX_BYTES, Ready, Word, decode, encode

log = structlog.get_logger("ear")

SEND_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STOP_SECONDS = 3.0


class Listener:
    """evidence_dir, evidence_days: where it keeps audio for review, and how long. heard: gets each of its words but ``Ready``.
    died: called when a life of it is over; nothing it owed will come."""

    def __init__(
        self, evidence_dir: Path, evidence_days: float, heard: Callable[[Word], None], died: Callable[[], None]
    ) -> None:
        self.port = 0
        """Where it takes datagrams of audio; 0 while it is not there."""
        self._arguments = [os.fspath(evidence_dir), str(evidence_days)]
        self._heard = heard
        self._died = died
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Signal()
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._greenlet = gevent.spawn(self._keep)
        self._greenlet.name = "ear-listener"

    def stop(self) -> None:
        """It keeps what it has to keep, and goes."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._greenlet is not None:
            self._greenlet.join(timeout=STOP_SECONDS)
            self._greenlet.kill()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def order(self, order: Word) -> None:
        """Send an order; nothing when it is not there."""
        if self._socket is None:
            return
        try:
            self._socket.send(encode(order))
        except OSError as error:
            log.error("listener takes no orders", reason=str(error))
            if self._process is not None:
                self._process.kill()

    def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._live()
            except OSError as error:
                log.error("listener", to="down", reason=str(error))
            self._died()
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > LONGEST_PAUSE_SECONDS else pause * 2.0
            self._stopping.wait(min(pause, LONGEST_PAUSE_SECONDS))

    def _live(self) -> None:
        """One life of the process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(SEND_SECONDS)
        with ours:
            with theirs:
                command = [sys.executable, "-m", "esl_handlers.listening", str(theirs.fileno()), *self._arguments]
                self._process = process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
                )
            self._socket = ours
            try:
                self._take_words(ours)
            finally:
                self._socket = None
                self.port = 0
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
        if not self._stopping.is_set():
            log.error("listener", to="down", reason=f"exit code {process.returncode}")

    def _take_words(self, ours: socket.socket) -> None:
        while True:
            socket.wait_read(ours.fileno())
            datagram = ours.recv(MAX_BYTES)
            if not datagram:
                return
            word = decode(datagram)
            if isinstance(word, Ready):
                self.port = word.port
                log.info("listener", to="up")
            else:
                self._heard(word)
