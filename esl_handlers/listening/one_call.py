"""One call's audio → what is said about it, and when listening ends. No clock and no files: both are handed in.

    judging ──verdict──► person, unknown: listen on for a change of mind ──► done
                     ├─► machine: (with ``beep``) until it records ──► done
                     └─► fax, sit ──► done
    a message is being left: a fresh detector listens for somebody who picks up

``max_seconds`` is kept here, by the audio and by the clock, whichever is first: a verdict comes even when no audio does. What
the detector says later is then told as a change of mind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from esl_handlers.amd.front_end import NO_WINDOWS, Array, Frames
from esl_handlers.listening.quiet import Quiet
from esl_handlers.listening.words import Detail, Found

BYTES_A_SECOND = 16_000
LISTEN_ON_SECONDS = 5.0
"""After a person or an unknown, so long a change of mind is worth telling."""
QUIET_SECONDS = 3.0
"""A machine that was silent for longer than any pause between two sentences (1.9 s in real greetings) will not beep."""
SETTLING_SECONDS = 0.3
"""Of a message's first moment the beep's own tail and our click are heard: not somebody who picks up."""


class Heard(Protocol):
    """The detector's ``Verdict``."""

    @property
    def kind(self) -> str: ...
    @property
    def at_seconds(self) -> float: ...
    @property
    def confidence(self) -> float: ...
    @property
    def detail(self) -> Mapping[str, float | str | bool]: ...


class Hearing(Protocol):
    """The detector."""

    def feed(self, pcm: bytes) -> Heard | None: ...
    def windows(self, pcm: bytes) -> Array: ...
    def hear(self, frames: Frames) -> None: ...


class OneCall:
    """make: a new detector. began: monotonic seconds, like every ``now``."""

    def __init__(self, call: str, make: Callable[[], Hearing], max_seconds: float, beep: bool, began: float) -> None:
        self.call = call
        self.done = False
        self._make = make
        self._detector = make()
        self._deadline = began + max_seconds
        self._max_seconds = max_seconds
        self._beep = beep
        self._began = began
        self._heard = 0
        self._offset = 0.0
        self._verdict = ""
        self._until: float | None = None
        self._quiet: Quiet | None = None
        self._beeped = False
        self._message_from: float | None = None

    def windows(self, pcm: bytes) -> Array:
        """Of the audio that ``hear`` gets next, what may be analysed together with other calls'; then hand it its frames."""
        return NO_WINDOWS if self._message_from is not None else self._detector.windows(pcm)

    def hear(self, pcm: bytes, now: float, frames: Frames | None = None) -> list[Found]:
        """The next audio, 16-bit samples at 8 kHz. frames: what became of its ``windows``, where they were taken."""
        self._heard += len(pcm)
        if self._message_from is not None:
            return self._hear_during_message(pcm)
        found: list[Found] = []
        if frames is not None:
            self._detector.hear(frames)
        heard = self._detector.feed(pcm if frames is None else b"")
        while heard is not None and not self.done:
            found += self._take(heard, now)
            heard = self._detector.feed(b"")
        if self._quiet is not None and self._quiet.hear(pcm):
            self._quiet = None
            found.append(Found(self.call, "quiet", ms=self._ms))
        return [*found, *self.look(now)]

    def look(self, now: float) -> list[Found]:
        """What the time alone says; to be called when no audio comes, too."""
        if self._until is not None and now >= self._until:
            self.done = True
        if self._verdict or (now < self._deadline and self._heard < self._max_seconds * BYTES_A_SECOND):
            return []
        reason = "time is up" if self._heard else "no audio"
        return self._judge("unknown", 0.0, {"reason": reason}, now)

    def expect_person(self, now: float) -> None:
        """A message begins."""
        self.done, self._until, self._quiet = False, None, None
        self._message_from = now
        self._offset = self._heard / BYTES_A_SECOND
        self._detector = self._make()

    def _hear_during_message(self, pcm: bytes) -> list[Found]:
        """Somebody who picks up, or a beep that comes after all. What else the detector takes it for changes nothing."""
        skip = int((self._offset + SETTLING_SECONDS) * BYTES_A_SECOND) - (self._heard - len(pcm))
        heard = self._detector.feed(pcm[max(0, skip) & ~1 :])
        found: list[Found] = []
        while heard is not None:
            if heard.kind == "person":
                self.done = True
                return [*found, Found(self.call, "revised", "person", heard.confidence, self._ms, detail=plain(heard.detail))]
            if heard.kind == "beep" and not self._beeped:
                self._beeped = True
                found.append(Found(self.call, "beep", ms=self._ms))
            heard = self._detector.feed(b"")
            if heard is None:
                self._detector = self._make()
        return found

    def _take(self, heard: Heard, now: float) -> list[Found]:
        kind = str(heard.kind)
        if kind == "beep":
            before = [] if self._verdict else self._judge("machine", heard.confidence, plain(heard.detail), now)
            if self._beeped:
                return before
            self._beeped, self._quiet = True, None
            return [*before, Found(self.call, "beep", ms=self._ms)]
        if not self._verdict:
            return self._judge(kind, heard.confidence, plain(heard.detail), now)
        if kind == "machine" and self._verdict in ("person", "unknown"):
            self._settle("machine", now)
            return [Found(self.call, "revised", kind, heard.confidence, self._ms, detail=plain(heard.detail))]
        return []

    def _judge(self, kind: str, confidence: float, detail: Detail, now: float) -> list[Found]:
        pause = detail.get("pause")
        greeting = self._ms - round(1000 * pause) if kind == "person" and isinstance(pause, float) else None
        self._settle(kind, now)
        ms = self._ms if self._heard else round(1000 * (now - self._began))
        return [Found(self.call, "verdict", kind, confidence, ms, greeting, detail)]

    def _settle(self, kind: str, now: float) -> None:
        """How long it is listened on after this."""
        self._verdict = kind
        if kind in ("person", "unknown"):
            self._until = now + LISTEN_ON_SECONDS
        elif kind == "machine" and self._beep:
            self._until, self._quiet = None, Quiet(QUIET_SECONDS)
        else:
            self.done = True

    @property
    def _ms(self) -> int:
        return self._heard * 1000 // BYTES_A_SECOND


def plain(detail: Mapping[str, float | str | bool]) -> Detail:
    """A detector's detail as it is stored: a truth is a word."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in detail.items()}
