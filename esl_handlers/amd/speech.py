"""When somebody speaks: frames → bursts of talk and the pauses between them, counted in frames of 20 ms.

Talk is voiced speech, not energy: a frame belongs to it when it is voiced above the noise, or stands out of the noise beside
voiced frames. Noise at 10 dB below the voice is therefore no talk. The noise floor of each band is the least that its smoothed
power was within 1.8 s (minimum statistics, Martin 2001), so that a loud street is learned and a long word is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esl_handlers.amd.front_end import BANDS, Array, Frames

_FLOOR_FRAMES = 90
_SMOOTHING = np.float32(0.6)
_FIRST_FLOOR_DB = np.float32(-55)
_MINIMUM_BIAS_DB = np.float32(2)
_VOICED = 0.5
_VOICED_ABOVE_FLOOR_DB = 7.0
_STANDS_OUT_DB = 5.0
_QUIETEST_VOICE_DB = -60.0
_TONE_SHARE = 0.93
_TONE_DRIFT = 0.012
_LEAST_FLOOR_DB = np.float32(-72)

_ONSET_VOICED = 3
_ONSET_FRAMES = 6
_NEAR_VOICE_FRAMES = 8
PAUSE_FRAMES = 8
_SYLLABLE_DIP_DB = 3.0


@dataclass(slots=True)
class Burst:
    """Talk without a pause of 160 ms: first and last frame, counted from the answer; voiced: how many of them were voiced."""

    first: int
    last: int
    voiced: int = 0
    syllables: int = 0

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


class SpeechTracker:
    """Follows the talk of one call.

    frame: frames heard. first, last: the first burst and the latest one, None before any talk. bursts: how many.
    talk_frames: in all bursts together; longest_pause: between bursts; floor_db: the noise in each band.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.bursts = 0
        self.first: Burst | None = None
        self.last: Burst | None = None
        self.earlier_talk = 0
        self.longest_pause = 0
        self.first_pause = 0
        self.syllables = 0
        self.floor_db: Array = np.full(BANDS, _FIRST_FLOOR_DB)
        self._ring: Array = np.zeros((_FLOOR_FRAMES, BANDS), np.float32)
        self._smooth: Array | None = None
        self._voiced_of_late = 0
        self._since_voiced = _NEAR_VOICE_FRAMES + 1
        self._peak_hz = 0.0
        self._crest_db = -100.0
        self._trough_db = 100.0
        self._rising = True

    @property
    def pause_frames(self) -> int:
        """Frames since the latest talk, 0 within it or before any."""
        return 0 if self.last is None else self.frame - 1 - self.last.last

    @property
    def talk_frames(self) -> int:
        return self.earlier_talk + (0 if self.last is None else self.last.frames)

    def hear(self, frames: Frames) -> None:
        """The next frames."""
        above_db = self._above_floor(frames.bands_db)
        heights = above_db[:, 1:7]
        standing_out = heights.mean(axis=1).tolist()
        highest = heights.max(axis=1).tolist()
        levels = frames.level_db.tolist()
        voicings = frames.voicing.tolist()
        shares = (frames.peak_share + np.where(frames.second_share > 0.08, frames.second_share, 0)).tolist()
        peaks = frames.peak_hz.tolist()
        columns = zip(levels, voicings, peaks, shares, standing_out, highest, strict=True)
        for level, voicing, hertz, share, out, high in columns:
            tone = share > _TONE_SHARE and abs(hertz - self._peak_hz) < _TONE_DRIFT * hertz
            self._peak_hz = hertz
            voiced = voicing > _VOICED and high > _VOICED_ABOVE_FLOOR_DB and level > _QUIETEST_VOICE_DB and not tone
            self._frame_heard(voiced, voiced or (out > _STANDS_OUT_DB and not tone))
            self._follow_syllables(voiced, level)
            self.frame += 1

    def _above_floor(self, bands_db: Array) -> Array:
        above = np.empty_like(bands_db)
        for row, bands in enumerate(bands_db):
            self._smooth = bands if self._smooth is None else self._smooth + (bands - self._smooth) * (1 - _SMOOTHING)
            self._ring[(self.frame + row) % _FLOOR_FRAMES] = self._smooth
            above[row] = bands
        known = self._ring if self.frame + len(bands_db) >= _FLOOR_FRAMES else self._ring[: self.frame + len(bands_db)]
        self.floor_db = np.maximum(known.min(axis=0), _LEAST_FLOOR_DB)
        if self.frame < _FLOOR_FRAMES // 4:
            self.floor_db = np.minimum(self.floor_db, _FIRST_FLOOR_DB)
        above -= self.floor_db + _MINIMUM_BIAS_DB
        return above

    def _frame_heard(self, voiced: bool, speech: bool) -> None:
        self._voiced_of_late = ((self._voiced_of_late << 1) | voiced) & ((1 << _ONSET_FRAMES) - 1)
        self._since_voiced = 0 if voiced else self._since_voiced + 1
        if self.last is not None and self.frame - self.last.last <= PAUSE_FRAMES:
            if speech and self._since_voiced <= _NEAR_VOICE_FRAMES:
                self.last.last = self.frame
                self.last.voiced += voiced
            return
        if self._voiced_of_late.bit_count() >= _ONSET_VOICED:
            self._begin_burst(self.frame - self._voiced_of_late.bit_length() + 1)

    def _begin_burst(self, first: int) -> None:
        if self.last is not None:
            pause = first - 1 - self.last.last
            self.earlier_talk += self.last.frames
            self.longest_pause = max(self.longest_pause, pause)
            if self.bursts == 1:
                self.first_pause = pause
        self.last = Burst(first, self.frame, self._voiced_of_late.bit_count())
        self.first = self.first or self.last
        self.bursts += 1
        self._crest_db, self._trough_db, self._rising = -100.0, 100.0, True

    def _follow_syllables(self, voiced: bool, level: float) -> None:
        """A syllable is a crest of the level, voiced, between two dips of 3 dB (Mermelstein 1975, much simplified)."""
        if self.last is None or self.last.last != self.frame:
            return
        if self._rising:
            self._crest_db = max(self._crest_db, level)
            if level < self._crest_db - _SYLLABLE_DIP_DB:
                self._rising, self._trough_db = False, level
        else:
            self._trough_db = min(self._trough_db, level)
            if voiced and level > self._trough_db + _SYLLABLE_DIP_DB:
                self._rising, self._crest_db = True, level
                self.last.syllables += 1
                self.syllables += 1
