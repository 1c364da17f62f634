"""Tones of machines: the mailbox's beep, fax calling and answering tones, special information tones, call progress.

One channel beside the speech, from the first frame to the end of the call. A run is frames whose power, but for the noise, lies
in one steady peak and its harmonics, or in two that take turns (a warble, two notes). What it was is told by its frequency,
length and company:

    beep      400–2000 Hz, 100 ms or more, begins sharply; ends so too, or rings off after 0.4 s; a short one is pure and comes
              out of silence; no call progress tone unless talk came before
    CNG       1100 Hz ± 38 Hz, 425–575 ms, before any talk (ITU-T T.30, 4.2.1)
    CED       2100 Hz ± 15 Hz, with or without phase reversals, from 0.4 s on (T.30 4.3.3, V.8 ANSam)
    V.21      1650/1850 Hz flags, 300 bit/s, from 0.4 s on (T.30 preamble)
    SIT       950, 1400, 1800 Hz ± 50 Hz (so also 913.8 … 1776.7) in a row, 0.2–0.46 s each (ITU-T E.180/Q.35, GR-1162)
    progress  tones of 330–650 Hz, two at once, or one alone before any talk: ringing when on for 0.7–2.6 s, else busy

A vowel is no beep: it grows out of a word, its harmonics hold power of their own, its pitch moves. Two tones at once (ringback,
busy, DTMF) are no beep: their level beats within a frame, or they stand where progress tones and keys do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from esl_handlers.amd.front_end import FRAME_SECONDS, Array, Frames

_LEAST_SHARE = 0.5
_LEAST_SHARE_LATER = 0.35
_SHARE_WITHOUT_NOISE = 0.8
_PARTNER_SHARE = 0.06
_EVEN = 0.25
_LEAST_DB = -50.0
_LEAST_DB_LATER = -65.0
_STEP_DB = 6.0
_RISE_DB = 16.0
_RISE_FRAMES = 6
_SHARP_DB = 9.0
_MATCH = 0.012
_MATCH_HZ = 9.0
_TALK_SECONDS = 0.3
_BLURRED_FRAMES = 2
_TURNING_FRAMES = 5
_NEXT_NOTE_FRAMES = 4
_STEADY = 0.006
_STEADY_HZ = 2.8
_VOWEL_HZ = 700.0
_BEEP_HZ = (392.0, 2560.0)
_BEEP_SECONDS = (0.08, 0.1)
_SHORT_BEEP_SECONDS = 0.17
_SHORT_QUIET_FRAMES = 3
_SHORT_STEADY = 0.003
_RINGS_OFF_SECONDS = 0.4
_PROGRESS_ALONE_HZ = 490.0
_QUIET_FRAMES = 4
_SAME_BEEP_FRAMES = 3
_SIT_STEPS = ((895.0, 1005.0), (1345.0, 1455.0), (1725.0, 1855.0))
_SIT_SECONDS = (0.2, 0.46)
_SIT_GAP_FRAMES = 6
_NEXT_STEP_FRAMES = 2
_AFTER_SIT_FRAMES = 10
_FAX_HZ, _FAX_REACH_HZ = 2100.0, 15.0
_KEYS = ((697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0))


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
class _Pitch:
    """One of a run's one or two frequencies: mean and sum of squared deviations over its frames."""

    hertz: float
    frames: int = 1
    deviation: float = 0.0

    def is_near(self, hertz: float) -> bool:
        return abs(hertz - self.hertz) <= max(_MATCH_HZ, _MATCH * self.hertz)

    def add(self, hertz: float) -> None:
        self.frames += 1
        change = hertz - self.hertz
        self.hertz += change / self.frames
        self.deviation += change * (hertz - self.hertz)

    def is_steady(self, looser: float = 1.0) -> bool:
        """Whether it keeps still; looser: by this factor more may move."""
        allowed = looser * (_STEADY * self.hertz if self.hertz > _VOWEL_HZ else _STEADY_HZ)
        return self.deviation <= self.frames * allowed**2


@dataclass(slots=True)
class _Run:
    """A tone that goes on.

    began: the first frame of the note before it, or its own. decibels: its level now. risen: it began sharply; quiet: how many
    of the 6 frames before it were quiet. uneven, paired: frames that beat, or held two. note: the one just before it, if any.
    """

    first: int
    last: int
    began: int
    decibels: float
    risen: bool
    quiet: int
    pitches: list[_Pitch] = field(default_factory=list)
    frames: int = 1
    uneven: int = 0
    paired: int = 0
    note: _Run | None = None

    def place(self, hertz: float, *, beside: bool) -> _Pitch | None:
        """The pitch that this frequency belongs to, a new second one where it fits; None where it does not belong."""
        near = next((pitch for pitch in self.pitches if pitch.is_near(hertz)), None)
        if near is not None:
            return near
        turns = 0.68 < hertz / self.pitches[0].hertz < 1.45
        if len(self.pitches) == 1 and (beside or turns) and not _may_be_sit_step(self):
            self.pitches.append(_Pitch(hertz, frames=0))
            return self.pitches[1]
        return None

    @property
    def is_note(self) -> bool:
        """Steady, and longer than a blur between two notes."""
        turns = len(self.pitches) == 2 and min(pitch.frames for pitch in self.pitches) >= _TURNING_FRAMES
        looser = 2.0 if turns and self.hertz > _VOWEL_HZ else 1.0
        return self.frames > _BLURRED_FRAMES and all(pitch.is_steady(looser) for pitch in self.pitches)

    @property
    def is_two_at_once(self) -> bool:
        """It beats, or holds two that are known to come together."""
        return self.uneven * 2 > self.frames or (self.paired * 5 > self.frames * 4 and _may_be_progress_or_key(self))

    @property
    def is_pure(self) -> bool:
        """One pitch alone, as still as no voice holds it."""
        main = max(self.pitches, key=lambda pitch: pitch.frames)
        return self.paired * 2 <= self.frames and main.deviation <= main.frames * (_SHORT_STEADY * main.hertz) ** 2

    @property
    def hertz(self) -> float:
        return max(self.pitches, key=lambda pitch: pitch.frames).hertz

    @property
    def seconds(self) -> float:
        # a window of 40 ms shows the tone in one frame more than it lasts
        return (self.last - self.first) * FRAME_SECONDS


@dataclass(frozen=True, slots=True)
class _Peak:
    """One frame as a tone. partner: hertz of a second peak, no harmonic, or 0.0. begins, goes_on: fit for a run's first frame
    and, less strictly, for a later one."""

    hertz: float
    partner: float
    level_db: float
    is_even: bool
    begins: bool
    goes_on: bool


class ToneTracker:
    """Follows the tones of one call.

    sounding: a tone is going on, and its end will be missed by no more than one frame when frames come one by one.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._run: _Run | None = None
        self._note: _Run | None = None
        self._levels: deque[float] = deque([-100.0], maxlen=_RISE_FRAMES)
        self._sit: list[_Run] = []
        self._data_frames = 0
        self._fax_named = False
        self._beep: _Run | None = None
        self._first_step: _Run | None = None
        self._sit_named_at = -_AFTER_SIT_FRAMES

    @property
    def sounding(self) -> bool:
        return self._run is not None or self._first_step is not None

    def hear(self, frames: Frames, talk_seconds: float, floor_db: Array) -> list[Tone]:
        """The next frames. talk_seconds: talk heard so far; floor_db: the noise in each band. What ended or is certain."""
        heard: list[Tone] = []
        noise = float(np.sum(10 ** (floor_db / 10))) * 2
        columns = (
            frames.peak_hz.tolist(),
            frames.peak_db.tolist(),
            frames.peak_share.tolist(),
            frames.second_hz.tolist(),
            frames.second_share.tolist(),
            frames.evenness.tolist(),
            frames.level_db.tolist(),
        )
        for hertz, decibels, share, other, other_share, evenness, level in zip(*columns, strict=True):
            partner = other if other_share > _PARTNER_SHARE and not _is_harmonic(other / hertz) else 0.0
            held = share + (other_share if other_share > _PARTNER_SHARE else 0.0)
            power = 10 ** (decibels / 10) / max(share, 1e-6)
            begins = decibels > _LEAST_DB and held > _LEAST_SHARE and held * power > _SHARE_WITHOUT_NOISE * (power - noise)
            goes_on = self._run is not None and held > _LEAST_SHARE_LATER and decibels > _LEAST_DB_LATER
            self._follow(heard, talk_seconds, _Peak(hertz, partner, level, evenness >= _EVEN, begins, goes_on))
            self._follow_data(heard, hertz, decibels, share, other_share)
            self._release_step(heard)
            self._levels.append(level)
            self._frame += 1
        return heard

    def _release_step(self, heard: list[Tone]) -> None:
        """What might have begun a special information tone, and was not gone on with, was a beep."""
        step = self._first_step
        if step is not None and (len(self._sit) != 1 or self._frame - step.last > _NEXT_STEP_FRAMES):
            self._first_step = None
            if self._run is None and len(self._sit) < 2:
                self._hear_beep(heard, step, sharp=True)

    def _follow(self, heard: list[Tone], talk: float, peak: _Peak) -> None:
        """One frame."""
        run, follows = self._run, False
        if run is not None:
            sharp = peak.level_db < run.decibels - _SHARP_DB
            young = run.frames <= _BLURRED_FRAMES
            level_fits = -_STEP_DB < peak.level_db - run.decibels < (_RISE_DB if young else _STEP_DB)
            near = any(pitch.is_near(peak.hertz) for pitch in run.pitches)
            if (peak.begins or (near and peak.goes_on)) and level_fits and self._joins(run, peak):
                self._name_lasting_fax(heard, run, talk)
                return
            follows = peak.begins and not near and not sharp and self._frame - run.last == 1
            if not sharp and not young and not follows and self._frame - run.last <= _BLURRED_FRAMES:
                return
            self._run = None
            self._note = None if sharp or run.frames <= _BLURRED_FRAMES else run
            self._close(heard, run, talk, sharp=sharp, goes_on=follows)
        if peak.begins:
            self._begin(peak)

    def _begin(self, peak: _Peak) -> None:
        """A new run; where a note ended just before, its next one."""
        note = self._note if self._note is not None and self._frame - self._note.last <= _NEXT_NOTE_FRAMES else None
        quiet = sum(level < peak.level_db - _SHARP_DB for level in self._levels)
        risen = note.risen if note else self._has_risen(peak, quiet)
        quiet = note.quiet if note else quiet
        began = note.began if note else self._frame
        pitches = [_Pitch(hertz) for hertz in (peak.hertz, peak.partner) if hertz]
        uneven, paired = int(not peak.is_even), int(peak.partner > 0)
        self._run = _Run(
            self._frame, self._frame, began, peak.level_db, risen, quiet, pitches, uneven=uneven, paired=paired, note=note
        )

    def _has_risen(self, peak: _Peak, quiet: int) -> bool:
        """Whether it was quiet before: for 20 ms, or for 80 ms where the pitch may be a vowel's, which follow consonants."""
        return quiet >= (1 if peak.hertz > _VOWEL_HZ else _QUIET_FRAMES)

    def _joins(self, run: _Run, peak: _Peak) -> bool:
        """Whether the frame is one more of the run; it is then counted."""
        place = run.place(peak.hertz, beside=False)
        beside = run.place(peak.partner, beside=True) if place is not None and peak.partner else None
        if place is None or (peak.partner and beside is None):
            return False
        place.add(peak.hertz)
        if beside is not None:
            beside.add(peak.partner)
        run.frames += 1
        run.last = self._frame
        run.decibels = peak.level_db
        run.uneven += not peak.is_even
        run.paired += beside is not None
        return True

    def _name_lasting_fax(self, heard: list[Tone], run: _Run, talk: float) -> None:
        """Tones that are certain before they end: the answer tone, and flags, whose mean is 1660 Hz."""
        answer = abs(run.hertz - 2100) <= 15
        if run.seconds >= 0.4 and not self._fax_named and (answer or (abs(run.hertz - 1660) <= 15 and talk < _TALK_SECONDS)):
            self._fax_named = True
            heard.append(_tone(ToneKind.FAX_ANSWER if answer else ToneKind.FAX_DATA, run))

    def _close(self, heard: list[Tone], run: _Run, talk: float, *, sharp: bool, goes_on: bool) -> None:
        """Says what a run was that has ended; sharp: within 20 ms; goes_on: with another note."""
        spoken = talk >= _TALK_SECONDS
        step = not run.is_two_at_once and self._is_sit_step(run)
        if step and len(self._sit) == len(_SIT_STEPS):
            heard.append(Tone(ToneKind.SIT, run.hertz, self._sit[0].first * FRAME_SECONDS, (run.last + 1) * FRAME_SECONDS))
            self._sit.clear()
            self._sit_named_at = self._frame
        elif step and len(self._sit) == 1 and not goes_on:
            self._first_step = run
        elif goes_on or step:
            return
        elif run.is_two_at_once or (not spoken and run.hertz < _PROGRESS_ALONE_HZ):
            self._hear_progress(heard, run)
        elif abs(run.hertz - 1100) <= 38 and 0.3 <= run.seconds <= 0.6 and not spoken:
            heard.append(_tone(ToneKind.FAX_CALLING, run))
        else:
            self._hear_beep(heard, run, sharp=sharp)

    def _hear_beep(self, heard: list[Tone], run: _Run, *, sharp: bool) -> None:
        if run.note is not None and run.frames <= _BLURRED_FRAMES:
            run = run.note  # what followed was the blur of its end
        seconds = (run.last - run.began) * FRAME_SECONDS
        is_fax = self._fax_named or abs(run.hertz - _FAX_HZ) <= _FAX_REACH_HZ
        is_echo_of_sit = run.first - self._sit_named_at < _AFTER_SIT_FRAMES
        in_band = _BEEP_HZ[0] <= run.hertz <= _BEEP_HZ[1] and not is_fax and not is_echo_of_sit
        long_enough = seconds >= _BEEP_SECONDS[run.hertz < _VOWEL_HZ]
        ends = sharp or (seconds >= _RINGS_OFF_SECONDS and run.is_pure)
        if not (in_band and long_enough and ends and run.risen and run.is_note) or run.is_two_at_once:
            return
        if seconds < _SHORT_BEEP_SECONDS and not (run.quiet >= _SHORT_QUIET_FRAMES and run.is_pure):
            return
        before = self._beep
        if before is not None and run.first - before.last <= _SAME_BEEP_FRAMES and before.pitches[0].is_near(run.hertz):
            return
        self._beep = run
        heard.append(_tone(ToneKind.BEEP, run))

    def _is_sit_step(self, run: _Run) -> bool:
        """Whether this run begins or goes on a special information tone; it is then kept."""
        if run.frames <= _BLURRED_FRAMES:
            return False
        if self._sit and run.first - self._sit[-1].last > _SIT_GAP_FRAMES:
            self._sit.clear()
        low, high = _SIT_STEPS[len(self._sit)]
        if low <= run.hertz <= high and _SIT_SECONDS[0] <= run.seconds <= _SIT_SECONDS[1]:
            self._sit.append(run)
            return True
        self._sit.clear()
        return False

    def _hear_progress(self, heard: list[Tone], run: _Run) -> None:
        if not 330 <= run.hertz <= 650 or not 0.15 <= run.seconds <= 2.6:
            return
        heard.append(_tone(ToneKind.RINGING if run.seconds >= 0.7 else ToneKind.BUSY, run))

    def _follow_data(self, heard: list[Tone], hertz: float, decibels: float, share: float, other_share: float) -> None:
        keyed = decibels > _LEAST_DB and 1600 <= hertz <= 1900 and share < 0.93 and share + other_share > 0.8
        self._data_frames = self._data_frames + 1 if keyed else 0
        if self._data_frames * FRAME_SECONDS >= 0.4 and not self._fax_named:
            self._fax_named = True
            now = (self._frame + 1) * FRAME_SECONDS
            heard.append(Tone(ToneKind.FAX_DATA, hertz, now - 0.4, now))


def _tone(kind: ToneKind, run: _Run) -> Tone:
    return Tone(kind, run.hertz, run.first * FRAME_SECONDS, (run.last + 1) * FRAME_SECONDS)


def _may_be_sit_step(run: _Run) -> bool:
    return run.seconds >= _SIT_SECONDS[0] and any(low <= run.hertz <= high for low, high in _SIT_STEPS)


def _is_harmonic(ratio: float) -> bool:
    return any(abs(ratio - order) < 0.03 * order for order in (1 / 3, 1 / 2, 2, 3, 5))


def _may_be_progress_or_key(run: _Run) -> bool:
    """Two tones at once in the band of progress tones, or a row and a column of the keys (ITU-T Q.23)."""
    low, high = sorted(pitch.hertz for pitch in run.pitches)
    if high < 650:
        return True
    return any(abs(low - row) < 0.02 * row for row in _KEYS[0]) and any(abs(high - key) < 0.02 * key for key in _KEYS[1])
