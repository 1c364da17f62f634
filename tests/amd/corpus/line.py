"""The telephone line between the answering side and us: band limit, level, G.711, lost packets, offset.

It changes how a recording sounds, never when something happens in it: the truth's times stay true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esl_handlers.recorded_audio import ALAW_TABLE, TELEPHONE_RATE, ULAW_TABLE, Waveform

FRAME = 160
"""Samples in a packet of 20 ms."""


@dataclass(frozen=True)
class Line:
    """One connection's properties.

    codec: alaw, ulaw or l16. level_dbfs: RMS of the active sound. loss: share of 20 ms packets lost, mostly in bursts.
    conceal: what stands in for a lost packet, repeat or zero. narrow: the low and high edge of the band in Hz.
    offset: direct current as a share of full scale. mobile: a coarse spectrum as of a GSM or G.729 vocoder.
    """

    codec: str
    level_dbfs: float
    loss: float
    conceal: str
    narrow: tuple[float, float]
    offset: float
    mobile: bool


def draw_line(rng: np.random.Generator, voice: bool) -> Line:
    """A connection as calls have them: most are good. voice: it may go through a codec made for voices alone."""
    return Line(
        codec=str(rng.choice(["alaw", "ulaw", "l16"], p=[0.5, 0.42, 0.08])),
        level_dbfs=float(np.clip(rng.normal(-22, 6), -35, -6)),
        loss=0.0 if rng.random() < 0.8 else float(rng.choice([0.01, 0.02, 0.05])),
        conceal=str(rng.choice(["repeat", "zero"])),
        narrow=(float(rng.choice([60, 200, 300])), float(rng.choice([3300, 3400, 3700]))),
        offset=0.0 if rng.random() < 0.85 else float(rng.uniform(-0.004, 0.004)),
        mobile=bool(rng.random() < 0.15) and voice,
    )


def through(wave: Waveform, line: Line, rng: np.random.Generator, keep_level: bool = False) -> Waveform:
    """``wave`` as the far end of ``line`` hears it. keep_level: it is not brought to the line's level."""
    wave = band_limited(wave, *line.narrow)
    if line.mobile:
        wave = vocoded(wave, rng)
    if not keep_level:
        wave = wave * 10 ** (line.level_dbfs / 20) / active_rms(wave)
    wave = np.clip(wave + line.offset, -1.0, 32767 / 32768)
    if line.codec != "l16":
        wave = g711(wave, line.codec)
    return with_lost_packets(wave, line, rng) if line.loss else wave


def active_rms(wave: Waveform) -> float:
    """RMS over the 20 ms frames within 20 dB of the loudest tenth; 1.0 for digital silence."""
    whole = wave[: wave.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(whole**2, axis=1)
    loud = np.quantile(power, 0.97) if power.size else 0.0
    if loud <= 1e-12:
        return 1.0
    return float(np.sqrt(np.mean(power[power > loud * 0.01])))


def band_limited(wave: Waveform, low: float, high: float) -> Waveform:
    """Only the band from ``low`` to ``high`` Hz, with soft edges of 60 and 200 Hz."""
    spectrum = np.fft.rfft(wave, fast_length(wave.size))
    frequency = np.fft.rfftfreq(fast_length(wave.size), 1 / TELEPHONE_RATE)
    gain = np.clip((frequency - low + 60) / 60, 0, 1) * np.clip((high + 200 - frequency) / 200, 0, 1)
    return np.fft.irfft(spectrum * gain, fast_length(wave.size))[: wave.size]


def fast_length(size: int) -> int:
    """The next length that a Fourier transform handles well."""
    return -(-size // 4000) * 4000


def vocoded(wave: Waveform, rng: np.random.Generator) -> Waveform:
    """A vocoder's coarse spectrum: the higher a bin, the more its phase in each frame of 20 ms is chance."""
    window = np.hanning(2 * FRAME + 1)[:-1]
    padded = np.concatenate([np.zeros(FRAME), wave, np.zeros(2 * FRAME)])
    count = (padded.size - 2 * FRAME) // FRAME + 1
    index = np.arange(2 * FRAME) + FRAME * np.arange(count)[:, None]
    spectra = np.fft.rfft(padded[index] * window, axis=1)
    grain = np.exp(1j * rng.normal(0, np.linspace(0.0, 0.8, spectra.shape[1]), spectra.shape))
    grain[:, 0] = grain[:, -1] = 1.0
    frames = np.fft.irfft(spectra * grain, axis=1)
    result = np.zeros(padded.size)
    for start in (0, 1):  # frames overlap by half: the even and the odd ones each tile the time
        tiled = frames[start::2].reshape(-1)
        result[start * FRAME : start * FRAME + tiled.size] += tiled
    return result[FRAME : FRAME + wave.size]


def g711(wave: Waveform, codec: str) -> Waveform:
    """There and back through G.711: each sample becomes the nearest value the codec has."""
    return ROUND_TRIP[codec][np.rint(wave * 32768).astype(np.int32) + 32768]


def round_trip(values: Waveform) -> Waveform:
    """For each 16-bit sample, −32768 first, the nearest of ``values``."""
    known = np.unique(values)
    return known[np.searchsorted((known[1:] + known[:-1]) / 2, np.arange(-32768, 32769) / 32768)]


ROUND_TRIP = {"alaw": round_trip(ALAW_TABLE), "ulaw": round_trip(ULAW_TABLE)}


def with_lost_packets(wave: Waveform, line: Line, rng: np.random.Generator) -> Waveform:
    """Some 20 ms packets missing, two thirds of them in bursts of two to four (a late packet counts as lost)."""
    wave = wave.copy()
    frames = wave.size // FRAME
    lost = np.zeros(frames, bool)
    while lost.mean() < line.loss:
        start = int(rng.integers(0, frames))
        lost[start : start + (1 if rng.random() < 0.33 else int(rng.integers(2, 5)))] = True
    for frame in np.flatnonzero(lost):
        here = slice(frame * FRAME, (frame + 1) * FRAME)
        before = slice((frame - 1) * FRAME, frame * FRAME)
        wave[here] = wave[before] * 0.7 if line.conceal == "repeat" and frame else 0.0
    return wave
