"""Tones of machines: the mailbox's beep, fax calling and answering tones, special information tones, call progress.

One channel beside the speech, from the first frame to the end of the call. A tone is a run of frames in which one peak holds
nearly all power that the noise does not, at one frequency. What it was is decided by its frequency, length and company:

    beep      400–2000 Hz, 100 ms or more, ends sharply; not where call progress tones lie unless talk came before
    CNG       1100 Hz ± 38 Hz, 425–575 ms, before any talk (ITU-T T.30, 4.2.1)
    CED       2100 Hz ± 15 Hz, with or without phase reversals, from 0.4 s on (T.30 4.3.3, V.8 ANSam)
    V.21      1650/1850 Hz flags, 300 bit/s, from 0.4 s on (T.30 preamble)
    SIT       913.8/985.2, 1370.6/1428.5, 1776.7 Hz ± 50 Hz in a row, 276 or 380 ms each (ITU-T E.180/Q.35)
    progress  tones of 340–640 Hz before any talk; two that beat, or 425 Hz alone: ringing when on for 0.7–2.6 s, else busy

A vowel is not a tone: its harmonics hold power of their own, and its pitch moves by more than 1 % in 100 ms. Two tones at once
(ringback, busy, DTMF) are not a beep: their level beats within a frame, or there is a second peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from esl_handlers.amd.front_end import FRAME_SECONDS, Frames

_CLEAN_SHARE = 0.965
_NOISY_SHARE = 0.8
_EVEN = 0.25
_LEAST_DB = -45.0
_SHARP_DB = 9.0
_DRIFT = 0.012
_DRIFT_HZ = 10.0
_MERGED_GAP_FRAMES = 2


class ToneKind(StrEnum):
    """What a run of frames was."""

    BEEP = "beep"
    FAX_CALLING = "fax calling tone"
    FAX_ANSWER = "fax answer tone"
    FAX_DATA = "fax preamble"
    SIT = "special information tone"
    RINGING = "ringing tone"
    BUSY = "busy tone"


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that was heard: its mean frequency, and where it began and ended, seconds from the answer."""

    kind: ToneKind
    hertz: float
    began: float
    ended: float


@dataclass(slots=True)
class _Run:
    """Frames of one steady peak: first, last frame; mean hertz and decibels so far; uneven: frames in which it beat."""

    first: int
    last: int
    hertz: float
    decibels: float
    frames: int = 1
    uneven: int = 0

    def takes(self, hertz: float, decibels: float) -> bool:
        return abs(hertz - self.hertz) <= max(_DRIFT_HZ, _DRIFT * self.hertz) and abs(decibels - self.decibels) < 8.0

    def add(self, frame: int, hertz: float, decibels: float, uneven: bool) -> None:
        self.frames += 1
        self.last = frame
        self.hertz += (hertz - self.hertz) / self.frames
        self.decibels += (decibels - self.decibels) / self.frames
        self.uneven += uneven

    @property
    def seconds(self) -> float:
        # a window of 40 ms shows the tone in one frame more than it lasts
        return (self.last - self.first) * FRAME_SECONDS


class ToneTracker:
    """Follows the tones of one call.

    sounding: a tone is going on, and its end will be missed by no more than one frame when frames come one by one.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._run: _Run | None = None
        self._sit: list[_Run] = []
        self._data_frames = 0
        self._named_fax = False

    @property
    def sounding(self) -> bool:
        return self._run is not None

    def hear(self, frames: Frames, talk_seconds: float) -> list[Tone]:
        """The next frames; talk_seconds: talk heard so far. Tones that ended, or are certain while they last."""
        heard: list[Tone] = []
        columns = (
            frames.peak_hz.tolist(),
            frames.peak_db.tolist(),
            frames.peak_share.tolist(),
            frames.second_share.tolist(),
            frames.evenness.tolist(),
            frames.bands_db[:, 5:6].max(axis=1).tolist(),
        )
        for hertz, decibels, share, second, evenness, data_db in zip(*columns, strict=True):
            self._hear_frame(heard, talk_seconds, hertz, decibels, share, second, evenness)
            self._hear_data(heard, hertz, share, second, data_db)
            self._frame += 1
        return heard

    def _hear_frame(
        self,
        heard: list[Tone],
        talk_seconds: float,
        hertz: float,
        decibels: float,
        share: float,
        second: float,
        evenness: float,
    ) -> None:
        run = self._run
        paired = second > 0.08
        pure = decibels > _LEAST_DB and share + (second if paired else 0.0) > _NOISY_SHARE
        if pure and run is not None and run.takes(hertz, decibels):
            run.add(self._frame, hertz, decibels, paired or evenness < _EVEN)
            self._hear_lasting(heard, run)
            return
        if run is not None:
            if self._frame - run.last <= _MERGED_GAP_FRAMES and decibels > run.decibels - _SHARP_DB:
                return
            self._run = None
            self._close(heard, run, talk_seconds, sharp=decibels < run.decibels - _SHARP_DB)
        if pure:
            self._run = _Run(self._frame, self._frame, hertz, decibels, uneven=int(paired or evenness < _EVEN))

    def _hear_lasting(self, heard: list[Tone], run: _Run) -> None:
        """Tones that are certain before they end."""
        if abs(run.hertz - 2100) <= 15 and run.seconds >= 0.4 and not self._named_fax:
            self._named_fax = True
            heard.append(self._tone(ToneKind.FAX_ANSWER, run))

    def _close(self, heard: list[Tone], run: _Run, talk_seconds: float, *, sharp: bool) -> None:
        if run.uneven * 2 > run.frames or (talk_seconds < 0.2 and run.hertz < 500):
            self._progress_heard(heard, run)
            return
        if talk_seconds >= 0.2:
            self._sit.clear()
        elif self._sit_step(run) and len(self._sit) == 3:
            heard.append(Tone(ToneKind.SIT, run.hertz, self._sit[0].first * FRAME_SECONDS, (run.last + 1) * FRAME_SECONDS))
            self._sit.clear()
            return
        if abs(run.hertz - 1100) <= 38 and 0.4 <= run.seconds <= 0.6 and talk_seconds < 0.2:
            heard.append(self._tone(ToneKind.FAX_CALLING, run))
        elif 400 <= run.hertz <= 2020 and run.seconds >= 0.1 and sharp and not self._sit:
            heard.append(self._tone(ToneKind.BEEP, run))

    def _sit_step(self, run: _Run) -> bool:
        """Whether this run goes on a special information tone; it is then kept."""
        wanted = ((880.0, 1030.0), (1340.0, 1460.0), (1740.0, 1820.0))[len(self._sit)]
        follows = not self._sit or run.first - self._sit[-1].last <= 6
        if not follows:
            self._sit.clear()
            wanted = (880.0, 1030.0)
        if wanted[0] <= run.hertz <= wanted[1] and 0.2 <= run.seconds <= 0.46:
            self._sit.append(run)
            return True
        self._sit.clear()
        return False

    def _progress_heard(self, heard: list[Tone], run: _Run) -> None:
        if not 330 <= run.hertz <= 650 or run.seconds < 0.15:
            return
        if 0.7 <= run.seconds <= 2.6:
            heard.append(self._tone(ToneKind.RINGING, run))
        elif run.seconds < 0.7:
            heard.append(self._tone(ToneKind.BUSY, run))

    def _hear_data(self, heard: list[Tone], hertz: float, share: float, second: float, data_db: float) -> None:
        keyed = data_db > _LEAST_DB and 1600 <= hertz <= 1900 and share + second > 0.85
        self._data_frames = self._data_frames + 1 if keyed else 0
        if self._data_frames * FRAME_SECONDS >= 0.4 and not self._named_fax:
            self._named_fax = True
            now = (self._frame + 1) * FRAME_SECONDS
            heard.append(Tone(ToneKind.FAX_DATA, hertz, now - 0.4, now))

    def _tone(self, kind: ToneKind, run: _Run) -> Tone:
        return Tone(kind, run.hertz, run.first * FRAME_SECONDS, (run.last + 1) * FRAME_SECONDS)
