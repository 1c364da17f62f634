"""Samples → what each 20 ms frame sounds like: level, bands, voicing, and its strongest steady peaks.

Nothing is decided here. Every figure of a frame comes from that frame and the one before it (a 40 ms Hann window), so nothing
looks into the future, and frames may be analysed one by one, several at a time, or with those of other calls, with the same
result.

Voicing is the highest peak of the autocorrelation, divided by that of the window, over the lags of a voice (Boersma, "Accurate
short-term analysis of the fundamental frequency", 1993); it is taken below 2 kHz, where a vowel's energy is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE = 8000
FRAME = 160
FRAME_SECONDS = FRAME / RATE

_SPAN = 2 * FRAME
_FRAME_BYTES = 2 * FRAME
_FFT = 512
_BIN_HZ = RATE / _FFT
BAND_EDGES_HZ = (100, 300, 500, 800, 1200, 1700, 2300, 3000, 3800)
BANDS = len(BAND_EDGES_HZ) - 1
_SINGLE = 10
"""Columns of ``Frames`` before the bands."""
_FULL_SCALE = np.float32(1 / 32768)
_LEAST_POWER = 1e-10

_LAG_LOW, _LAG_HIGH = 16, 107
_PEAK_LOW, _PEAK_HIGH = round(350 / _BIN_HZ), round(2900 / _BIN_HZ)
_PEAK_REACH = 4
_FILL_LOW, _FILL_HIGH = round(100 / _BIN_HZ), round(3800 / _BIN_HZ)

_WINDOW = np.hanning(_SPAN + 1)[:_SPAN].astype(np.float32)
# so that a sine of full scale has the power 0.5 (-3 dB) summed over its bins
_SCALE = np.float32(2.0 / (_FFT * float(np.sum(_WINDOW.astype(np.float64) ** 2))))


def _band_matrix() -> Array:
    hertz = np.arange(_FFT // 2 + 1) * _BIN_HZ
    columns = [(hertz >= low) & (hertz < high) for low, high in pairwise(BAND_EDGES_HZ)]
    return np.stack(columns, axis=1).astype(np.float32)


def _window_autocorrelation() -> Array:
    spectrum = np.fft.rfft(_WINDOW, 2 * _FFT)
    lags = np.fft.irfft(np.abs(spectrum) ** 2)[: _LAG_HIGH + 2]
    return np.asarray(lags / lags[0], dtype=np.float32)


_BAND_MATRIX = _band_matrix()
_WINDOW_LAGS = _window_autocorrelation()[_LAG_LOW - 1 :]
_VOICE_BINS = (np.arange(_FFT // 2 + 1) * _BIN_HZ <= 2000).astype(np.float32)
_BINS = np.arange(_PEAK_LOW, _PEAK_HIGH)
_THREE = np.arange(-1, 2)


class Frames:
    """What n frames sound like, oldest first; each property has n values.

    level_db: of the 20 ms alone, dB of full scale, -100 at least. loudest: the largest sample, 0 to 32768 (digital silence
    is 0 to 8, by the codec). bands_db: n × 8, see BAND_EDGES_HZ. voicing: 0.0 to 1.0; pitch_hz belongs to it. peak_hz,
    peak_db: the strongest peak between 350 and 2900 Hz; peak_share and second_share: the part, 0.0 to 1.0, of the power
    between 100 and 3800 Hz that lies within 62 Hz of it, and of the next peak; evenness: the least 5 ms of the frame over
    its loudest, in power: 1.0 for one tone, near 0 for two that beat.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Array) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def part(self, start: int, stop: int) -> Frames:
        """Those from start up to, not with, stop."""
        return Frames(self._rows[start:stop])

    def followed_by(self, later: Frames) -> Frames:
        """These, then those."""
        return Frames(np.concatenate((self._rows, later._rows))) if len(self._rows) else later

    @property
    def level_db(self) -> Array:
        return self._rows[:, 0]

    @property
    def loudest(self) -> Array:
        return self._rows[:, 1]

    @property
    def voicing(self) -> Array:
        return self._rows[:, 2]

    @property
    def pitch_hz(self) -> Array:
        return self._rows[:, 3]

    @property
    def peak_hz(self) -> Array:
        return self._rows[:, 4]

    @property
    def peak_db(self) -> Array:
        return self._rows[:, 5]

    @property
    def peak_share(self) -> Array:
        return self._rows[:, 6]

    @property
    def second_hz(self) -> Array:
        return self._rows[:, 7]

    @property
    def second_share(self) -> Array:
        return self._rows[:, 8]

    @property
    def evenness(self) -> Array:
        return self._rows[:, 9]

    @property
    def bands_db(self) -> Array:
        return self._rows[:, _SINGLE:]


NO_WINDOWS: Array = np.zeros((0, _SPAN), np.float32)
NO_FRAMES = Frames(np.zeros((0, _SINGLE + BANDS), np.float32))


class FrontEnd:
    """Cuts one call's audio into windows of 40 ms, one for each 20 ms; keeps what is needed of the past."""

    def __init__(self) -> None:
        self._previous = np.zeros(FRAME, dtype=np.float32)
        self._waiting = b""

    def windows(self, pcm: bytes) -> Array:
        """Of the frames that these bytes complete, n × 320 samples; none where there are too few bytes yet."""
        pcm = self._waiting + pcm if self._waiting else pcm
        count = len(pcm) // _FRAME_BYTES
        self._waiting = pcm[count * _FRAME_BYTES :]
        now = np.frombuffer(pcm, "<i2", count * FRAME).reshape(count, FRAME)
        windows = np.empty((count, _SPAN), np.float32)
        if count:
            windows[:, FRAME:] = now
            windows[0, :FRAME] = self._previous
            windows[1:, :FRAME] = windows[:-1, FRAME:]
            self._previous = windows[-1, FRAME:].copy()
        return windows


def analysed(windows: Array) -> Frames:
    """The frames that end these windows, of one call or of many; what a window shows depends on nothing beside it."""
    count = len(windows)
    if not count:
        return NO_FRAMES
    spans = windows * _FULL_SCALE
    now = spans[:, FRAME:]
    spectrum = np.fft.rfft(spans * _WINDOW, _FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) * _SCALE
    slices = np.square(now).reshape(count, 4, FRAME // 4).mean(axis=2)
    numbers = np.arange(count)
    heaped = np.cumsum(power, axis=1)
    total = heaped[:, _FILL_HIGH - 1] - heaped[:, _FILL_LOW - 1] + np.float32(_LEAST_POWER)
    first = _PEAK_LOW + np.argmax(power[:, _PEAK_LOW:_PEAK_HIGH], axis=1)
    first_power = heaped[numbers, first + _PEAK_REACH] - heaped[numbers, first - _PEAK_REACH - 1]
    rest = np.where(np.abs(_BINS - first[:, None]) > 2 * _PEAK_REACH, power[:, _PEAK_LOW:_PEAK_HIGH], np.float32(0))
    second = _PEAK_LOW + np.argmax(rest, axis=1)
    second_power = heaped[numbers, second + _PEAK_REACH] - heaped[numbers, second - _PEAK_REACH - 1]
    rows = np.empty((count, _SINGLE + BANDS), np.float32)
    rows[:, 0] = _decibels(slices.mean(axis=1))
    rows[:, 1] = np.abs(windows[:, FRAME:]).max(axis=1)
    rows[:, 2], rows[:, 3] = _voicing(power)
    rows[:, 4] = _refined_hz(power, first, numbers)
    rows[:, 5] = _decibels(first_power)
    rows[:, 6] = np.minimum(first_power / total, np.float32(1))
    rows[:, 7] = second * np.float32(_BIN_HZ)
    rows[:, 8] = np.minimum(second_power / total, np.float32(1))
    rows[:, 9] = (slices.min(axis=1) + np.float32(_LEAST_POWER)) / (slices.max(axis=1) + np.float32(_LEAST_POWER))
    rows[:, _SINGLE:] = _decibels(power @ _BAND_MATRIX)
    return Frames(rows)


def analysed_together(calls: Sequence[Array]) -> list[Frames]:
    """``analysed`` for the windows of many calls at the price of little more than one: NumPy's price is by the call."""
    if not calls:
        return []
    every = analysed(np.concatenate(calls))
    ends = np.cumsum([len(windows) for windows in calls]).tolist()
    return [every.part(end - len(windows), end) for windows, end in zip(calls, ends, strict=True)]


def _decibels(power: NDArray[np.floating]) -> Array:
    decibels: NDArray[np.floating] = 10 * np.log10(np.maximum(power, _LEAST_POWER))
    return decibels.astype(np.float32)


def _voicing(power: Array) -> tuple[Array, Array]:
    """Voicing and pitch of each row of a power spectrum."""
    correlation = np.fft.irfft(power * _VOICE_BINS)
    lags = correlation[:, _LAG_LOW - 1 : _LAG_HIGH + 2]
    likeness = lags / ((correlation[:, :1] + 1e-12) * _WINDOW_LAGS)
    best = 1 + np.argmax(likeness[:, 1:-1], axis=1)
    voicing = np.clip(likeness[np.arange(len(best)), best], 0, 1).astype(np.float32)
    return voicing, (np.float32(RATE) / (best + _LAG_LOW - 1)).astype(np.float32)


def _refined_hz(power: Array, peak: NDArray[np.intp], rows: NDArray[np.intp]) -> Array:
    """The peak's frequency between bins, by a parabola through the logarithms of three."""
    three = np.log(power[rows[:, None], peak[:, None] + _THREE] + np.float32(1e-20))
    bend = three[:, 0] - 2 * three[:, 1] + three[:, 2]
    shift = 0.5 * (three[:, 0] - three[:, 2]) / np.minimum(bend, np.float32(-1e-6))
    hertz: NDArray[np.floating] = (peak + np.clip(shift, -0.5, 0.5)) * _BIN_HZ
    return hertz.astype(np.float32)
