"""When somebody speaks: frames → bursts of talk and the pauses between them, counted in frames of 20 ms.

Talk is voiced speech, not energy: a frame belongs to it when it is voiced above the noise, or stands out of the noise beside
voiced frames. Noise at 10 dB below the voice is therefore no talk. The noise floor of each band is the least that its smoothed
power was within 1.8 s (minimum statistics, Martin 2001), so that a loud street is learned and a long word is not.

Only the voice in front counts: who talks 12 dB below the loudest voice of late is the television or the next table. When a
much louder voice comes in, what was heard before it was such a background, and the talk begins anew (``beginnings``).
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
_DULL_TONE_SHARE = 0.8
_TONE_DRIFT = 0.012
_DULL_TONE_FRAMES = 6
_RINGING_FRAMES = 12

_BEHIND_DB = 12.0
_FAR_BEHIND_DB = 20.0
_TALKER_RISE = 0.35
_TALKER_FALL_DB = 0.03
_STEPS_FORWARD_DB = 9.0
_BACKGROUND_FRAMES = 10
_LEAST_FLOOR_DB = np.float32(-72)
_LOST_PACKETS = 8
DIGITAL_SILENCE = 8
"""The loudest sample of a frame in which a codec says nothing; A-law's least value is 8."""

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

    frame: frames heard. beginnings: how often the talk began anew. first, last: the first burst and the latest one, None before
    any talk. bursts: how many. talk_frames: in all bursts together. longest_pause: between bursts. floor_db: the noise in each
    band. Nothing here grows with the call.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.beginnings = 0
        self._forget_talk()
        self.floor_db: Array = np.full(BANDS, _FIRST_FLOOR_DB)
        self._ring: Array = np.zeros((_FLOOR_FRAMES, BANDS), np.float32)
        self._smooth: Array | None = None
        self._known = 0
        self._zeros = 0
        self._voiced_of_late = 0
        self._since_voiced = _NEAR_VOICE_FRAMES + 1
        self._peak_hz = 0.0
        self._steady = 0
        self._talker_db = self._voice_db = _QUIETEST_VOICE_DB

    def _forget_talk(self) -> None:
        """As before the first word."""
        self.bursts = 0
        self.first: Burst | None = None
        self.last: Burst | None = None
        self.earlier_talk = 0
        self.longest_pause = 0
        self.first_pause = 0
        self.syllables = 0
        self._talk_db = 0.0
        self._talk_voiced = 0
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

    def hear(self, frames: Frames) -> list[bool]:
        """The next frames; for each whether it is voiced speech."""
        heard = []
        above_db = self._above_floor(frames)
        heights = above_db[:, 1:7]
        standing_out = heights.mean(axis=1).tolist()
        highest = heights.max(axis=1).tolist()
        levels = frames.level_db.tolist()
        voicings = frames.voicing.tolist()
        shares = (frames.peak_share + np.where(frames.second_share > 0.08, frames.second_share, 0)).tolist()
        peaks = frames.peak_hz.tolist()
        columns = zip(levels, voicings, peaks, shares, standing_out, highest, strict=True)
        for level, voicing, hertz, share, out, high in columns:
            tone = self._is_tone(hertz, share)
            voiced = voicing > _VOICED and high > _VOICED_ABOVE_FLOOR_DB and level > _QUIETEST_VOICE_DB and not tone
            if voiced:
                self._hear_voice(level)
                voiced = level > self._talker_db - _BEHIND_DB
            self._talker_db = max(self._talker_db - _TALKER_FALL_DB, _QUIETEST_VOICE_DB)
            beside = out > _STANDS_OUT_DB and level > self._talker_db - _FAR_BEHIND_DB and not tone
            self._frame_heard(voiced, voiced or beside)
            self._follow_syllables(voiced, level)
            heard.append(voiced)
            self.frame += 1
        return heard

    def _is_tone(self, hertz: float, share: float) -> bool:
        """Whether the frame is one of a steady tone; ringing that passed for a first word is taken back."""
        steady = share > _DULL_TONE_SHARE and abs(hertz - self._peak_hz) < _TONE_DRIFT * hertz
        self._peak_hz = hertz
        self._steady = self._steady + 1 if steady else 0
        rings = self._steady == _RINGING_FRAMES and self.bursts == 1
        if rings and self.first is not None and self.frame - self.first.first <= _RINGING_FRAMES + 3:
            self._forget_talk()
            self.beginnings += 1
        return self._steady >= _DULL_TONE_FRAMES or (steady and share > _TONE_SHARE)

    def _hear_voice(self, level: float) -> None:
        """Follows the level of the voice in front; one far louder than all before makes a new beginning."""
        self._voice_db += (level - self._voice_db) * _TALKER_RISE
        self._talker_db = max(self._talker_db, self._voice_db)
        if self.first is None:
            return
        if self._talk_voiced >= _BACKGROUND_FRAMES and self._voice_db > self._talk_db / self._talk_voiced + _STEPS_FORWARD_DB:
            self._forget_talk()
            self._voiced_of_late = 0
            self.beginnings += 1
        self._talk_db += level
        self._talk_voiced += 1

    def _above_floor(self, frames: Frames) -> Array:
        """How far each band of each frame stands above the noise, dB; a lost packet's zeros are no noise floor."""
        for bands, loudest in zip(frames.bands_db, frames.loudest.tolist(), strict=True):
            self._zeros = self._zeros + 1 if loudest <= DIGITAL_SILENCE else 0
            if 0 < self._zeros < _LOST_PACKETS:
                continue
            self._smooth = bands if self._smooth is None else self._smooth + (bands - self._smooth) * (1 - _SMOOTHING)
            self._ring[self._known % _FLOOR_FRAMES] = self._smooth
            self._known += 1
        if self._known:
            self.floor_db = np.maximum(self._ring[: self._known].min(axis=0), _LEAST_FLOOR_DB)
        if self.frame < _FLOOR_FRAMES // 4:
            self.floor_db = np.minimum(self.floor_db, _FIRST_FLOOR_DB)
        return frames.bands_db - (self.floor_db + _MINIMUM_BIAS_DB)

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
