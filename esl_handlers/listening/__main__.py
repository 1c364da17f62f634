"""The listener process: reads every tap, feeds every detector, tells what is found. Ends when the controller does.

    python -m esl_handlers.listening FD EVIDENCE_FOLDER EVIDENCE_DAYS

FD is its end of a pair of datagram sockets (``words.py``); an empty read means that nobody is there any more, however the
controller ended. While no call is listened to, nothing runs here.
"""

from __future__ import annotations

import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from esl_handlers.amd import PRESETS, Detector, Settings
from esl_handlers.amd.front_end import Array, Frames, analysed_together
from esl_handlers.listening.kept_audio import KeptAudio
from esl_handlers.listening.one_call import BYTES_A_SECOND, OneCall
from esl_handlers.listening.sources import Datagrams, Recording
from esl_handlers.listening.words import MAX_BYTES, ExpectPerson, Found, Listen, Over, Ready, Stop, Word, decode, encode

TURN_SECONDS = 0.02
"""How often the taps are read: once a frame. Half of it would bring verdicts 5 ms earlier and cost a tenth more."""
STALLED_SECONDS = 15.0
"""A tap that has given nothing for so long belongs to a call that has ended unheard."""
BEHIND_SECONDS = 1.0


class Source(Protocol):
    @property
    def read_bytes(self) -> int: ...
    def read(self) -> bytes: ...
    def close(self) -> None: ...


class Tapped:
    """A call with its tap."""

    def __init__(self, order: Listen, source: Source, now: float) -> None:
        settings = settings_of(order.preset, order.max_seconds)
        self.order = order
        self.source = source
        self.last_audio = now
        self.pcm = b""
        self.kept = bytearray()
        self.listening = OneCall(order.call, lambda: Detector(settings), order.max_seconds, order.beep, now)

    def read(self, now: float) -> Array:
        """Take in what has come; the windows of it, which are to be analysed."""
        self.pcm = self.source.read()
        if self.pcm:
            self.last_audio = now
            room = int(self.order.keep_seconds * BYTES_A_SECOND) - len(self.kept)
            if room > 0:
                self.kept += self.pcm[:room]
        return self.listening.windows(self.pcm)

    def turn(self, frames: Frames, now: float) -> list[Found]:
        """Listen to what was read. frames: what became of its windows."""
        if self.pcm:
            return self.listening.hear(self.pcm, now, frames)
        if now - self.last_audio >= STALLED_SECONDS:
            self.listening.done = True
        return self.listening.look(now)


def settings_of(preset: str, max_seconds: float) -> Settings:
    """The detector's own limits never outlast ours: it can say better than a clock why it does not know."""
    settings = PRESETS[preset]
    return replace(
        settings,
        decide_within_seconds=max(0.5, min(settings.decide_within_seconds, max_seconds)),
        silence_seconds=max(1.0, min(settings.silence_seconds, max_seconds)),
    )


class Reader:
    """orders: the socket to the controller. kept: where samples for review go. clock: monotonic seconds."""

    def __init__(self, orders: socket.socket, kept: KeptAudio, clock: Callable[[], float] = time.monotonic) -> None:
        self._orders = orders
        self._kept = kept
        self._clock = clock
        self._datagrams = Datagrams()
        self._calls: dict[str, Tapped] = {}

    def run(self) -> None:
        """Until the controller is gone."""
        self._tell(Ready(self._datagrams.port))
        while self._take_orders(TURN_SECONDS if self._calls else None):
            self._datagrams.collect()
            now = self._clock()
            calls = list(self._calls.values())
            together = analysed_together([tapped.read(now) for tapped in calls])
            for tapped, frames in zip(calls, together, strict=True):
                self._turn(tapped, frames, now)

    def _turn(self, tapped: Tapped, frames: Frames, now: float) -> None:
        for found in tapped.turn(frames, now):
            self._tell(found)
        if tapped.listening.done:
            self._end(tapped.order.call, "done")

    def _take_orders(self, seconds: float | None) -> bool:
        """Wait for an order for so long at most, and carry out all that are there. False: the controller is gone."""
        ready, _, _ = select.select([self._orders], [], [], seconds)
        while ready:
            try:
                datagram = self._orders.recv(MAX_BYTES)
            except BlockingIOError:
                return True
            except ConnectionError:  # it was killed with our words unread
                return False
            if not datagram:
                return False
            self._obey(decode(datagram))
        return True

    def _obey(self, order: Word) -> None:
        now = self._clock()
        match order:
            case Listen():
                self._begin(order, now)
            case ExpectPerson(call) if call in self._calls:
                self._calls[call].listening.expect_person(now)
            case Stop(call):
                self._end(call, "stopped")

    def _begin(self, order: Listen, now: float) -> None:
        self._end(order.call, "begun anew")
        try:
            source = Recording(Path(order.path)) if order.path else self._datagrams.open(order.port)
        except OSError as error:
            self._tell(Over(order.call, f"no file: {error.strerror}", 0))
            return
        self._calls[order.call] = Tapped(order, source, now)

    def _end(self, call: str, why: str) -> None:
        tapped = self._calls.pop(call, None)
        if tapped is None:
            return
        tapped.source.close()
        if tapped.order.keep_as and tapped.kept:
            self._kept.keep(tapped.order.keep_as, bytes(tapped.kept))
        self._tell(Over(call, why, tapped.source.read_bytes))

    def _tell(self, word: Word) -> None:
        """Wait for room if the controller is slow: what is said once must arrive."""
        select.select([], [self._orders], [], BEHIND_SECONDS)
        try:
            self._orders.send(encode(word))
        except BlockingIOError:
            print("the controller takes no findings", file=sys.stderr, flush=True)
        except (BrokenPipeError, ConnectionResetError):
            return  # the next read of orders ends us


def main(descriptor: str, evidence: str, days: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to answer
    kept = KeptAudio(Path(evidence), float(days))
    with socket.socket(fileno=int(descriptor)) as orders:
        orders.setblocking(False)
        Reader(orders, kept).run()
    kept.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
