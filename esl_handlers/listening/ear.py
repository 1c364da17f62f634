"""Detection as the switch offers it: which call is listened to by which tap, and what was heard, as events.

Keeps the listener process alive and is the one who answers for the promise of ``ports.Switch.screen``: one verdict a call,
in time, whatever fails. No tap, no room, too many calls, a listener that dies or says nothing: ``unknown``, with the reason.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gevent
import structlog
from gevent import socket, subprocess
from gevent.event import Event as Signal

from controller.domain.calls.answering import Detection
from controller.domain.calls.events import BeepHeard, CallEvent, GreetingEnded, VerdictGiven, VerdictRevised
from esl_handlers.links import CommandLinks
from esl_handlers.listening.taps import RecordingTap, Tap, TapFailed, UnicastTap
from esl_handlers.listening.words import MAX_BYTES, ExpectPerson, Found, Listen, Over, Ready, Stop, Word, decode, encode
from esl_handlers.observer import Observer

log = structlog.get_logger("ear")

LISTEN_ON_SECONDS = 8
"""Recordings go on for so long beyond the verdict's limit, for a change of mind."""
BEEP_SECONDS = 180
"""And for so long where a beep, or somebody who picks up during a message, is waited for."""
LATE_SECONDS = 0.5
"""A verdict that the listener owes for longer than this will not come."""
LOOK_SECONDS = 0.1
SEND_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class EarSettings:
    """audio_dir: folder in memory that FreeSWITCH writes to; None = no recordings. tap: the one to try first, ``recording`` or
    ``unicast``; the other is the fallback. calls: most at once. evidence_*: samples for review, see ``kept_audio.py``."""

    audio_dir: Path | None
    evidence_dir: Path
    tap: str = "recording"
    calls: int = 500
    unicast_port: int = 40_000
    evidence_seconds: float = 10.0
    evidence_days: float = 30.0


@dataclass(slots=True)
class _Screened:
    """A call that is listened to. due: monotonic seconds at which its verdict is overdue; None once it was given."""

    attempt_id: str
    campaign: str
    tap: Tap
    path: str
    port: int
    due: float | None


class Ear:
    """tell: gets each event, at once. now: UTC epoch seconds."""

    def __init__(
        self,
        commands: CommandLinks,
        settings: EarSettings,
        tell: Callable[[str, CallEvent], None],
        watch: Observer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._watch = watch
        self._now = now
        self._calls: dict[str, _Screened] = {}
        self._recording = RecordingTap(commands, settings.audio_dir) if settings.audio_dir is not None else None
        self._unicast = UnicastTap(commands, settings.unicast_port, settings.calls)
        self._taps: list[Tap] = [tap for tap in (self._recording, self._unicast) if tap is not None]
        self._taps.sort(key=lambda tap: tap.name != settings.tap)
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Signal()
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns at once; calls screened before the listener is there are ``unknown``."""
        if self._recording is not None:
            try:
                swept = self._recording.sweep()
                log.info("audio folder", folder=str(self._settings.audio_dir), swept=swept)
            except OSError as error:
                log.error("audio folder", folder=str(self._settings.audio_dir), reason=str(error))
        for name, work in (("ear-keep", self._keep), ("ear-watch", self._look)):
            greenlet = gevent.spawn(work)
            greenlet.name = name
            self._greenlets.append(greenlet)

    def stop(self) -> None:
        """End the listener. Calls go on; their recordings end by themselves."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)  # the listener sees the end, keeps what it has to keep, and goes
        gevent.joinall(self._greenlets, timeout=STOP_SECONDS)
        gevent.killall(self._greenlets)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def ready(self) -> bool:
        """Whether the listener takes orders."""
        return self._unicast.to_port > 0

    @property
    def pid(self) -> int | None:
        """Of the listener process."""
        return self._process.pid if self._process is not None else None

    # -- what the switch offers ---------------------------------------------------------------------------------------

    def screen(self, attempt_id: str, campaign: str, detection: Detection) -> None:
        """See ``ports.Switch``."""
        self._drop(attempt_id, ended=False)
        reason = "too many calls are listened to" if len(self._calls) >= self._settings.calls else ""
        reason = reason or ("" if self.ready else "the listener is not ready")
        if not reason:
            try:
                screened = self._open(attempt_id, campaign, detection)
            except TapFailed as error:
                reason = str(error)
            else:
                screened.due = time.monotonic() + detection.max_seconds + LATE_SECONDS
                self._calls[attempt_id] = screened
                self._order(self._listen_order(screened, detection))
                self._watch.taps_open(len(self._calls))
                return
        log.error("not listened to", attempt=attempt_id, reason=reason)
        self._give_unknown(attempt_id, campaign, 0, reason)

    def expect_person(self, attempt_id: str) -> None:
        """A message is being left there."""
        if attempt_id in self._calls:
            self._order(ExpectPerson(attempt_id))

    def stop_screening(self, attempt_id: str) -> None:
        """See ``ports.Switch``."""
        self._drop(attempt_id, ended=False)

    def ended(self, attempt_id: str) -> None:
        """The call has hung up."""
        self._drop(attempt_id, ended=True)

    # -- taps ---------------------------------------------------------------------------------------------------------

    def _open(self, attempt_id: str, campaign: str, detection: Detection) -> _Screened:
        longest = math.ceil(detection.max_seconds) + (BEEP_SECONDS if detection.beep else LISTEN_ON_SECONDS)
        reasons = []
        for tap in self._taps:
            try:
                path, port = tap.open(attempt_id, detection.max_seconds, longest)
            except TapFailed as error:
                self._watch.tap_failed(tap.name)
                reasons.append(f"{tap.name}: {error}")
                continue
            return _Screened(attempt_id, campaign, tap, path, port, None)
        raise TapFailed("; ".join(reasons))

    def _listen_order(self, screened: _Screened, detection: Detection) -> Listen:
        return Listen(
            call=screened.attempt_id,
            path=screened.path,
            port=screened.port,
            preset=detection.preset,
            max_seconds=detection.max_seconds,
            beep=detection.beep,
            keep_as=screened.attempt_id if detection.keep_audio else "",
            keep_seconds=self._settings.evidence_seconds,
        )

    def _drop(self, attempt_id: str, ended: bool) -> None:
        if attempt_id in self._calls:
            self._order(Stop(attempt_id))
            self._forget(attempt_id, ended)

    def _forget(self, attempt_id: str, ended: bool) -> None:
        """Nobody listens any more. ended: the call is gone, and its tap with it."""
        screened = self._calls.pop(attempt_id, None)
        if screened is None:
            return
        self._watch.taps_open(len(self._calls))
        if screened.port:
            screened.tap.released(screened.port)
        if not ended:
            gevent.spawn(self._close, screened)

    def _close(self, screened: _Screened) -> None:
        try:
            screened.tap.close(screened.attempt_id, screened.path)
        except TapFailed as error:
            log.debug("tap not closed", attempt=screened.attempt_id, reason=str(error))

    # -- the listener process -----------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Start it, take what it finds, start it again."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except OSError as error:
                log.error("listener", to="down", reason=str(error))
            self._fail_all("the listener died")
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > LONGEST_PAUSE_SECONDS else pause * 2.0
            self._stopping.wait(min(pause, LONGEST_PAUSE_SECONDS))

    def _serve(self) -> None:
        """One life of the process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(SEND_SECONDS)
        with ours:
            with theirs:
                self._process = process = subprocess.Popen(
                    _command(theirs.fileno(), self._settings), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )  # fmt: skip
            self._socket = ours
            try:
                self._take_findings(ours)
            finally:
                self._socket = None
                self._unicast.to_port = 0
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
        if not self._stopping.is_set():
            log.error("listener", to="down", reason=f"exit code {process.returncode}")

    def _take_findings(self, ours: socket.socket) -> None:
        while True:
            socket.wait_read(ours.fileno())
            datagram = ours.recv(MAX_BYTES)
            if not datagram:
                return
            self._take(decode(datagram))

    def _take(self, word: Word) -> None:
        match word:
            case Ready(port):
                self._unicast.to_port = port
                log.info("listener", to="up")
            case Found():
                self._found(word)
            case Over(call, why, _) if call in self._calls:
                screened = self._calls[call]
                if screened.due is not None:
                    self._watch.tap_failed(screened.tap.name)
                    self._give_unknown(call, screened.campaign, 0, why)
                self._forget(call, ended=False)

    def _order(self, order: Word) -> None:
        """A listener that takes no orders is ended: it comes back, and what it owed is unknown."""
        if self._socket is None:
            return
        try:
            self._socket.send(encode(order))
        except OSError as error:
            log.error("listener takes no orders", reason=str(error))
            if self._process is not None:
                self._process.kill()

    # -- events -------------------------------------------------------------------------------------------------------

    def _found(self, found: Found) -> None:
        screened = self._calls.get(found.call)
        if screened is None:
            return
        now, detail = self._now(), tuple(found.detail.items())
        match found.what:
            case "verdict" if screened.due is not None:
                screened.due = None
                self._watch.verdict(screened.campaign, found.kind, found.ms / 1000.0)
                self._tell(found.call, VerdictGiven(now, found.kind, found.confidence, found.ms, found.greeting_ms, detail))
            case "verdict" if found.kind == "machine":  # it comes after all, behind the unknown that was given in its place
                self._tell(found.call, VerdictRevised(now, found.kind, found.confidence, found.ms, detail))
            case "revised":
                self._tell(found.call, VerdictRevised(now, found.kind, found.confidence, found.ms, detail))
            case "beep":
                self._tell(found.call, BeepHeard(now))
            case "quiet":
                self._tell(found.call, GreetingEnded(now))

    def _give_unknown(self, attempt_id: str, campaign: str, ms: int, reason: str) -> None:
        self._watch.verdict(campaign, "unknown", ms / 1000.0)
        self._tell(attempt_id, VerdictGiven(self._now(), "unknown", 0.0, ms, None, (("reason", reason),)))

    def _look(self) -> None:
        """Verdicts that are overdue."""
        while not self._stopping.wait(LOOK_SECONDS):
            now = time.monotonic()
            for screened in list(self._calls.values()):
                if screened.due is not None and now >= screened.due:
                    screened.due = None
                    self._give_unknown(screened.attempt_id, screened.campaign, 0, "the listener says nothing")

    def _fail_all(self, reason: str) -> None:
        for screened in list(self._calls.values()):
            if screened.due is not None:
                self._give_unknown(screened.attempt_id, screened.campaign, 0, reason)
            self._forget(screened.attempt_id, ended=False)


def _command(descriptor: int, settings: EarSettings) -> Sequence[str]:
    evidence = os.fspath(settings.evidence_dir)
    return [sys.executable, "-m", "esl_handlers.listening", str(descriptor), evidence, str(settings.evidence_days)]
