"""The sequential test: audio in, a verdict when one is due; the only door of this package.

Every 60 ms the chance of a person is weighed against what its kind of error costs (settings). Beside that the tones are
followed: they alone name a fax, a special information tone and a beep. What never makes a machine: silence, noise, doubt.
After a person or unknown verdict the detector listens on and may take it back (`revised`); after any it reports the beep.

Audio is taken in frames of 20 ms, three at a time, or one by one while a tone sounds; the blocks depend on the audio alone, so
that the pieces it arrives in make no difference.
"""

from __future__ import annotations

from collections import deque

from esl_handlers.amd.evidence import Evidence
from esl_handlers.amd.front_end import FRAME_SECONDS, NO_FRAMES, Array, Frames, FrontEnd, analysed
from esl_handlers.amd.model import shipped
from esl_handlers.amd.settings import Settings
from esl_handlers.amd.speech import SpeechTracker
from esl_handlers.amd.tones import Tone, ToneKind, ToneTracker
from esl_handlers.amd.verdict import Kind, Verdict

_STEP_FRAMES = 3
_STEPS_IN_A_ROW = 3
_FAX_TONES = frozenset({ToneKind.FAX_CALLING, ToneKind.FAX_ANSWER, ToneKind.FAX_DATA})
_BUSY_TONES = 4
_TALK_BEFORE_BEEP_SECONDS = 0.3
_BEEP_CONFIDENCE = 0.95

Detail = dict[str, float | str | bool]


class Detector:
    """Listens to one call from the moment of the answer. Not for use by two threads at once."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._front_end = FrontEnd()
        self._waiting = NO_FRAMES
        self._speech = SpeechTracker()
        self._evidence = Evidence()
        self._model = shipped()
        self._tones = ToneTracker()
        self._frame = 0
        self._verdict: Verdict | None = None
        self._revised = False
        self._machine_steps = 0
        self._talk_frames = 0
        self._silent_since = 0
        self._busy_tones = 0
        self._due: deque[Verdict] = deque()

    def feed(self, pcm: bytes) -> Verdict | None:
        """The next audio, 16-bit little-endian mono at 8 kHz, any number of bytes; the oldest verdict not yet returned.

        One verdict a call: where audio of many seconds is fed at once, ``feed(b"")`` returns the next one, or None.
        """
        if pcm:
            self.hear(analysed(self.windows(pcm)))
        return self._due.popleft() if self._due else None

    def windows(self, pcm: bytes) -> Array:
        """Takes the next audio in, for whoever analyses that of many calls together; ``hear`` must get what comes of it."""
        return self._front_end.windows(pcm)

    def hear(self, frames: Frames) -> None:
        """The next frames. What falls due ``feed`` returns."""
        waiting = self._waiting.followed_by(frames)
        taken = 0
        while len(waiting) - taken >= (needed := self._next_frames()):
            self._hear(waiting.part(taken, taken + needed))
            taken += needed
        self._waiting = waiting.part(taken, len(waiting))

    def _next_frames(self) -> int:
        return 1 if self._tones.sounding or self._frame % _STEP_FRAMES else _STEP_FRAMES

    def _hear(self, frames: Frames) -> None:
        self._frame += len(frames)
        voiced = self._speech.hear(frames)
        if self._is_weighing:
            self._evidence.hear(frames, voiced, self._speech)
        self._talk_frames = max(self._talk_frames, self._speech.talk_frames)
        for tone in self._tones.hear(frames, self._talk_frames * FRAME_SECONDS, self._speech.floor_db):
            self._tone_heard(tone)
        if self._frame % _STEP_FRAMES == 0 and self._is_weighing:
            self._weigh()

    def _tone_heard(self, tone: Tone) -> None:
        detail: Detail = {
            "reason": str(tone.kind),
            "hertz": round(tone.hertz, 1),
            "began": round(tone.began, 2),
            "ended": round(tone.ended, 2),
        }
        if tone.kind is ToneKind.BEEP:
            self._beep_heard(detail)
        elif tone.kind in (ToneKind.RINGING, ToneKind.BUSY):
            self._call_progress(tone, detail)
        elif self._verdict is None:
            self._say(Kind.FAX if tone.kind in _FAX_TONES else Kind.SIT, 0.99, detail)

    def _beep_heard(self, detail: Detail) -> None:
        """After talk a beep proves a machine; before any it may be the callee's headset, and is only told."""
        if self._verdict is not None and self._verdict.kind in (Kind.FAX, Kind.SIT):
            return
        if self._is_weighing and self._talk_frames * FRAME_SECONDS >= _TALK_BEFORE_BEEP_SECONDS:
            self._say_machine(_BEEP_CONFIDENCE, detail)
        self._due.append(Verdict(Kind.BEEP, self._now, _BEEP_CONFIDENCE, detail))

    def _call_progress(self, tone: Tone, detail: Detail) -> None:
        """Ringing after a false answer holds the clock of silence; a busy line will not speak."""
        if tone.kind is ToneKind.RINGING:
            if self._now <= self._settings.ringback_seconds:
                self._silent_since = self._frame
            return
        self._busy_tones += 1
        if self._busy_tones == _BUSY_TONES and self._verdict is None and self._speech.first is None:
            self._say(Kind.UNKNOWN, 0.0, detail)

    def _weigh(self) -> None:
        """One step of the sequential test."""
        if self._speech.first is None:
            silent = (self._frame - self._silent_since) * FRAME_SECONDS
            if silent >= self._settings.silence_seconds and self._verdict is None:
                self._say(Kind.UNKNOWN, 0.0, {"reason": "nobody spoke"})
            return
        settings = self._settings
        chance = self._model.chance(self._evidence.vector(self._speech))
        limit = settings.machine_chance if self._verdict is None else settings.revise_chance
        enough = self._speech.talk_frames * FRAME_SECONDS >= settings.least_talk_seconds
        self._machine_steps = self._machine_steps + 1 if chance < limit and enough else 0
        spoke_since = self._now - self._speech.first.first * FRAME_SECONDS
        if self._machine_steps >= _STEPS_IN_A_ROW:
            self._say_machine(1 - chance, self._cadence("sounds like a recording"))
        elif self._verdict is not None:
            return
        elif chance >= settings.chance_wanted(self._speech.pause_frames * FRAME_SECONDS):
            self._say(Kind.PERSON, chance, self._cadence("spoke and waits"))
        elif spoke_since >= settings.decide_within_seconds and chance >= settings.doubt_chance:
            self._say(Kind.PERSON, chance, self._cadence("may be a person at the time limit"))
        elif spoke_since >= settings.decide_within_seconds:
            self._say(Kind.UNKNOWN, 0.0, self._cadence("in doubt at the time limit") | {"chance_of_person": round(chance, 4)})

    @property
    def _is_weighing(self) -> bool:
        return self._verdict is None or self._may_revise()

    def _may_revise(self) -> bool:
        return (
            self._verdict is not None
            and self._verdict.kind in (Kind.PERSON, Kind.UNKNOWN)
            and not self._revised
            and self._now - self._verdict.at_seconds <= self._settings.listen_on_seconds
        )

    def _say_machine(self, confidence: float, detail: Detail) -> None:
        if self._verdict is None:
            self._say(Kind.MACHINE, confidence, detail)
        else:
            self._revised = True
            self._due.append(Verdict(Kind.MACHINE, self._now, confidence, detail | {"revised": True}))

    def _say(self, kind: Kind, confidence: float, detail: Detail) -> None:
        self._verdict = Verdict(kind, self._now, confidence, detail)
        self._due.append(self._verdict)

    def _cadence(self, reason: str) -> Detail:
        speech = self._speech
        return {
            "reason": reason,
            "first_word_at": round(0.0 if speech.first is None else speech.first.first * FRAME_SECONDS, 2),
            "talk": round(speech.talk_frames * FRAME_SECONDS, 2),
            "pause": round(speech.pause_frames * FRAME_SECONDS, 2),
            "bursts": speech.bursts,
            "syllables": speech.syllables,
        }

    @property
    def _now(self) -> float:
        return self._frame * FRAME_SECONDS
