"""Detection as the switch offers it: which call is listened to by which tap, and what was heard, as events.

Answers for the promise of ``ports.Switch.screen``: one verdict a call, in time, whatever fails. No tap, no room, too many
calls, a listener that dies or says nothing: ``unknown``, with the reason.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gevent
import structlog
from gevent.event import Event as Signal

from controller.domain.calls.answering import Detection
from controller.domain.calls.events import BeepHeard, CallEvent, GreetingEnded, VerdictGiven, VerdictRevised
from esl_handlers.links import CommandLinks
from esl_handlers.listening.listener import Listener
from esl_handlers.listening.taps import RecordingTap, Tap, TapFailed, UnicastTap
from esl_handlers.listening.words import ExpectPerson, Found, Listen, Over, Stop, Word
from esl_handlers.observer import Observer

log = structlog.get_logger("ear")

LISTEN_ON_SECONDS = 8
"""Recordings go on for so long beyond the verdict's limit, for a change of mind."""
BEEP_SECONDS = 180
"""And for so long where a beep, or somebody who picks up during a message, is waited for."""
LATE_SECONDS = 0.5
"""A verdict that the listener owes for longer than this will not come."""
LOOK_SECONDS = 0.1


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
        self._listener = Listener(settings.evidence_dir, settings.evidence_days, self._heard, self._listener_died)
        self._unicast = UnicastTap(commands, lambda: self._listener.port, settings.unicast_port, settings.calls)
        self._taps: list[Tap] = [tap for tap in (self._recording, self._unicast) if tap is not None]
        self._taps.sort(key=lambda tap: tap.name != settings.tap)
        self._stopping = Signal()
        self._watcher: gevent.Greenlet[..., None] | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns at once; calls screened before the listener is there are ``unknown``."""
        if self._recording is not None:
            try:
                swept = self._recording.sweep()
                log.info("audio folder", folder=str(self._settings.audio_dir), swept=swept)
            except OSError as error:
                log.error("audio folder", folder=str(self._settings.audio_dir), reason=str(error))
        self._listener.start()
        self._watcher = gevent.spawn(self._look)
        self._watcher.name = "ear-watch"

    def stop(self) -> None:
        """End the listener. Calls go on; their recordings end by themselves."""
        self._stopping.set()
        self._listener.stop()
        if self._watcher is not None:
            self._watcher.join()
        if self._recording is not None:
            self._recording.leave()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def ready(self) -> bool:
        """Whether the listener takes orders."""
        return self._listener.port > 0

    @property
    def pid(self) -> int | None:
        """Of the listener process."""
        return self._listener.pid

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
                self._listener.order(self._listen_order(screened, detection))
                self._watch.taps_open(len(self._calls))
                return
        log.error("not listened to", attempt=attempt_id, reason=reason)
        self._give_unknown(attempt_id, campaign, reason)

    def expect_person(self, attempt_id: str) -> None:
        """A message is being left there."""
        if attempt_id in self._calls:
            self._listener.order(ExpectPerson(attempt_id))

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
            self._listener.order(Stop(attempt_id))
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

    # -- what was heard -----------------------------------------------------------------------------------------------

    def _heard(self, word: Word) -> None:
        match word:
            case Found():
                self._found(word)
            case Over(call, why, _) if call in self._calls:
                screened = self._calls[call]
                if screened.due is not None:
                    self._watch.tap_failed(screened.tap.name)
                    self._give_unknown(call, screened.campaign, why)
                self._forget(call, ended=False)

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

    def _give_unknown(self, attempt_id: str, campaign: str, reason: str) -> None:
        self._watch.verdict(campaign, "unknown", 0.0)
        self._tell(attempt_id, VerdictGiven(self._now(), "unknown", 0.0, 0, None, (("reason", reason),)))

    def _look(self) -> None:
        """Verdicts that are overdue."""
        while not self._stopping.wait(LOOK_SECONDS):
            now = time.monotonic()
            for screened in list(self._calls.values()):
                if screened.due is not None and now >= screened.due:
                    screened.due = None
                    self._give_unknown(screened.attempt_id, screened.campaign, "the listener says nothing")

    def _listener_died(self) -> None:
        for screened in list(self._calls.values()):
            if screened.due is not None:
                self._give_unknown(screened.attempt_id, screened.campaign, "the listener died")
            self._forget(screened.attempt_id, ended=False)
