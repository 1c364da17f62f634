"""What was heard so far, as the numbers a model weighs: cadence, noise, level, and how pitch and timbre of the talk change.

What tells one voice from another, its pitch and its spectrum themselves, is left out: a model would learn the speakers it was
shown, and who speaks says nothing of whether it is a recording.

Every number comes from the past alone, and none grows without bound: times are capped at the value that tells no more. The
names in NAMES are the order of the vector; a model says which it was trained with.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from esl_handlers.amd.front_end import BANDS, FRAME_SECONDS, Array, Frames
from esl_handlers.amd.speech import DIGITAL_SILENCE, Burst, SpeechTracker

_RECENT_FRAMES = 200
_RECENT_MASK = (1 << _RECENT_FRAMES) - 1
_DELAY_FRAMES = 8
_TAIL = 16
_TAIL_END = 5
_NO_LEVEL_DB = -90.0
_LONGEST_SECONDS = 12.0

NAMES = (
    "first_word", "since_first_word", "pause", "bursts", "talk", "first_burst", "last_burst", "first_pause", "last_pause",
    "longest_pause", "longest_burst", "talk_share", "syllables", "first_syllables", "last_syllables", "syllable_rate",
    "voiced_share", "last_voiced_share", "talk_in_1s", "talk_in_2s", "talk_in_4s",
    "floor", "floor_then", "floor_change", "quiet_before", "quiet_now", "quiet_change", "zeros_before", "zeros_now",
    "above_noise",
    "pitch_end", "level_end", "last_level_change", "last_pitch_change", "last_timbre_change", "last_to_first",
    "tonal_share",
    "all_level", "all_level_spread", "all_voicing", "all_flux",
    "last_level", "last_level_spread", "last_pitch_spread", "last_voicing", "last_flux",
)  # fmt: skip
"""Times in seconds, levels in dB of full scale or differences of them, pitch in semitones over 100 Hz, shares 0.0 to 1.0."""


class _Voice:
    """Running means of the voiced frames of some stretch of talk."""

    __slots__ = ("bands", "flux", "frames", "level", "level2", "pitch", "pitch2", "voicing")

    def __init__(self) -> None:
        self.frames = 0
        self.level = self.level2 = self.pitch = self.pitch2 = self.voicing = self.flux = 0.0
        self.bands: NDArray[np.float64] = np.zeros(BANDS)

    def add(self, level: float, pitch: float, voicing: float, flux: float, timbre: Array) -> None:
        self.frames += 1
        self.level += level
        self.level2 += level * level
        self.pitch += pitch
        self.pitch2 += pitch * pitch
        self.voicing += voicing
        self.flux += flux
        self.bands += timbre

    def summary(self) -> list[float]:
        """Level, its spread, pitch, its spread, voicing, flux, and the bands; zeros before any voice."""
        count = max(1, self.frames)
        level, pitch = self.level / count, self.pitch / count
        return [
            level,
            math.sqrt(max(0.0, self.level2 / count - level * level)),
            pitch,
            math.sqrt(max(0.0, self.pitch2 / count - pitch * pitch)),
            self.voicing / count,
            self.flux / count,
            *(self.bands / count).tolist(),
        ]


class Evidence:
    """Gathers the evidence of one call beside its SpeechTracker."""

    def __init__(self) -> None:
        self._beginnings = 0
        self._begin()
        self._voiced_mask = 0
        self._previous_bands: Array | None = None
        self._delayed: list[tuple[float, bool]] = []
        self._before_level = 0.0
        self._before_frames = 0
        self._before_zeros = 0
        self._now_level = 0.0
        self._now_frames = 0
        self._now_zeros = 0
        self._floor_then = 0.0
        self._tonal = 0
        self._frames = 0

    def _begin(self) -> None:
        """As before the first word."""
        self._all = _Voice()
        self._burst = _Voice()
        self._first_burst = _Voice()
        self._burst_seen = 0
        self._longest_burst = 0
        self._last_pause = 0
        self._last_burst = Burst(0, 0)
        self._levels: list[float] = []
        self._pitches: list[float] = []

    def hear(self, frames: Frames, voiced: list[bool], speech: SpeechTracker) -> None:
        """The next frames, after the tracker heard them; voiced: what it said of each."""
        bands = frames.bands_db
        before = bands[:1] if self._previous_bands is None else self._previous_bands
        flux = np.abs(np.diff(bands, axis=0, prepend=before)).clip(0, 30).mean(axis=1).tolist()
        self._previous_bands = bands[-1:]
        timbre = bands - frames.level_db[:, None]
        semitones = (12 * np.log2(frames.pitch_hz / 100)).tolist()
        tonal = (frames.peak_share > 0.8).tolist()
        self._follow_bursts(speech)
        rows = zip(
            voiced,
            frames.level_db.tolist(),
            semitones,
            frames.voicing.tolist(),
            flux,
            frames.loudest.tolist(),
            tonal,
            strict=True,
        )
        for row, (is_voiced, level, pitch, voicing, change, loudest, is_tonal) in enumerate(rows):
            self._frames += 1
            self._voiced_mask = ((self._voiced_mask << 1) | is_voiced) & _RECENT_MASK
            self._tonal += is_tonal
            self._quiet(level, loudest <= DIGITAL_SILENCE, speech, len(voiced) - 1 - row)
            if is_voiced:
                self._all.add(level, pitch, voicing, change, timbre[row])
                self._burst.add(level, pitch, voicing, change, timbre[row])
                self._levels = [*self._levels[1 - _TAIL :], level]
                self._pitches = [*self._pitches[1 - _TAIL :], pitch]

    def _follow_bursts(self, speech: SpeechTracker) -> None:
        """Closes the books of a burst when the next begins, and all of them when the talk begins anew."""
        if speech.beginnings != self._beginnings:
            self._beginnings = speech.beginnings
            self._begin()
        if speech.last is None or speech.bursts == self._burst_seen:
            return
        if self._burst_seen == 0:
            self._floor_then = float(speech.floor_db[1:7].mean())
        else:
            self._last_pause = speech.last.first - 1 - self._last_burst.last
            self._longest_burst = max(self._longest_burst, self._last_burst.frames)
            if self._burst_seen == 1:
                self._first_burst = self._burst
        self._burst_seen = speech.bursts
        self._last_burst = speech.last
        self._burst = _Voice()
        self._levels, self._pitches = [], []
        self._now_level, self._now_frames, self._now_zeros = 0.0, 0, 0

    def _quiet(self, level: float, zeros: bool, speech: SpeechTracker, frames_after: int) -> None:
        """Levels before the first word (but for its very beginning) and in the present pause (but for its decay)."""
        if speech.last is None:
            self._delayed.append((level, zeros))
            if len(self._delayed) > _DELAY_FRAMES:
                then, were_zeros = self._delayed.pop(0)
                self._before_level += max(then, _NO_LEVEL_DB)
                self._before_zeros += were_zeros
                self._before_frames += 1
        elif speech.pause_frames - frames_after > 4:
            self._now_level += max(level, _NO_LEVEL_DB)
            self._now_zeros += zeros
            self._now_frames += 1
        else:
            self._now_level, self._now_frames, self._now_zeros = 0.0, 0, 0

    def vector(self, speech: SpeechTracker) -> Array:
        """The evidence in the order of NAMES; talk must have been heard."""
        first, last = speech.first, speech.last
        assert first is not None
        assert last is not None
        second = _seconds
        pause = speech.pause_frames
        since = speech.frame - first.first
        talk = speech.talk_frames
        recent = [(self._voiced_mask & ((1 << count) - 1)).bit_count() * FRAME_SECONDS for count in (50, 100, 200)]
        before = self._before_level / self._before_frames if self._before_frames else float(speech.floor_db[1:7].mean())
        now = self._now_level / self._now_frames if self._now_frames else float(speech.floor_db[1:7].mean())
        floor = float(speech.floor_db[1:7].mean())
        every, burst = self._all.summary(), self._burst.summary()
        opening = self._first_burst.summary() if speech.bursts > 1 else burst
        again = speech.bursts > 1 and self._burst.frames > 0 and self._first_burst.frames > 0
        timbre_change = float(np.abs(np.subtract(burst[6:], opening[6:])).mean()) if again else 0.0
        end_pitch, end_level = _end_over_rest(self._pitches), _end_over_rest(self._levels)
        values = [
            second(first.first), second(since), second(pause), min(speech.bursts, 12), second(talk), second(first.frames),
            second(last.frames), second(speech.first_pause), second(self._last_pause), second(max(speech.longest_pause, 0)),
            second(max(self._longest_burst, last.frames)), talk / (last.last - first.first + 1), min(speech.syllables, 40),
            min(first.syllables, 20), min(last.syllables, 20), speech.syllables / max(0.2, talk * FRAME_SECONDS),
            self._all.frames / max(1, talk), self._burst.frames / max(1, last.frames), *recent,
            floor, self._floor_then, floor - self._floor_then, before, now, now - before,
            self._before_zeros / max(1, self._before_frames), self._now_zeros / max(1, self._now_frames), every[0] - floor,
            end_pitch, end_level, burst[0] - opening[0], burst[2] - opening[2], timbre_change,
            last.frames / max(1, first.frames), self._tonal / max(1, self._frames),
            *every[:2], *every[4:6], *burst[:2], *burst[3:6],
        ]  # fmt: skip
        return np.array(values, dtype=np.float32)


def _seconds(frames: int) -> float:
    return min(frames * FRAME_SECONDS, _LONGEST_SECONDS)


def _end_over_rest(values: list[float]) -> float:
    """The mean of the last few over the mean of those before; 0.0 where there are too few."""
    if len(values) < 2 * _TAIL_END:
        return 0.0
    rest = values[:-_TAIL_END]
    return sum(values[-_TAIL_END:]) / _TAIL_END - sum(rest) / len(rest)
