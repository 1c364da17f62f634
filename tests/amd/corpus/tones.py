"""Signals of the network and of machines, by their specifications: beeps, fax, special information tones, progress tones,
DTMF. Every function returns a waveform at 8 kHz; ``level`` is its RMS, 1.0 = full scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform

SIT_FREQUENCIES = {
    "itu": ((950.0,), (1400.0,), (1800.0,)),
    "bellcore": ((913.8, 985.2), (1370.6, 1428.5), (1776.7,)),
}
"""Hz of the three steps: ITU-T E.180 (each ±50 Hz) and Bellcore GR-1162 (each step one of those)."""

RINGBACK = {
    "us": ((440.0, 480.0), (2.0, 4.0)),
    "europe": ((425.0,), (1.0, 4.0)),
    "uk": ((400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
    "india": ((400.0, 425.0), (0.4, 0.2, 0.4, 2.0)),
    "france": ((440.0,), (1.5, 3.5)),
    "japan": ((384.0, 416.0), (1.0, 2.0)),
}
BUSY = {
    "us": ((480.0, 620.0), (0.5, 0.5)),
    "europe": ((425.0,), (0.5, 0.5)),
    "uk": ((400.0,), (0.375, 0.375)),
    "us-reorder": ((480.0, 620.0), (0.25, 0.25)),
    "europe-congestion": ((425.0,), (0.2, 0.2)),
    "uk-congestion": ((400.0,), (0.4, 0.35, 0.225, 0.525)),
    "india": ((400.0,), (0.75, 0.75)),
}
"""Progress tones of several countries (ITU-T E.180 supplement 2): frequencies in Hz, then seconds on, off, on, off, …"""

DTMF_ROWS, DTMF_COLUMNS = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)


def seconds_to_samples(seconds: float) -> int:
    """At 8 kHz, rounded."""
    return round(seconds * TELEPHONE_RATE)


def silence(seconds: float) -> Waveform:
    """Digital zero."""
    return np.zeros(seconds_to_samples(seconds))


def ramped(wave: Waveform, seconds: float = 0.003) -> Waveform:
    """With a linear rise and fall, as a tone generator switches to avoid clicks."""
    edge = min(seconds_to_samples(seconds), wave.size // 2)
    if edge:
        wave = wave.copy()
        slope = np.arange(1, edge + 1) / edge
        wave[:edge] *= slope
        wave[-edge:] *= slope[::-1]
    return wave


def tone(frequencies: Sequence[float], seconds: float, level: float) -> Waveform:
    """The sum of sines of equal strength, RMS ``level``."""
    at = np.arange(seconds_to_samples(seconds)) / TELEPHONE_RATE
    wave: Waveform = np.sum([np.sin(2 * np.pi * f * at) for f in frequencies], axis=0)
    return wave * (level * math.sqrt(2 / len(frequencies)))


def swept(frequency: Waveform, level: float) -> Waveform:
    """A sine whose frequency (Hz) is given sample by sample."""
    wave: Waveform = np.sin(2 * np.pi * np.cumsum(frequency) / TELEPHONE_RATE)
    return wave * (level * math.sqrt(2))


def cadence(
    frequencies: Sequence[float], pattern: Sequence[float], seconds: float, level: float, start: float = 0.0
) -> Waveform:
    """A progress tone: on and off in turn by ``pattern`` for ``seconds``, entered ``start`` seconds into the pattern."""
    parts = []
    length = 0.0
    while length < seconds + start:
        for index, part in enumerate(pattern):
            parts.append(silence(part) if index % 2 else ramped(tone(frequencies, part, level)))
            length += part
    return np.concatenate(parts)[seconds_to_samples(start) : seconds_to_samples(start + seconds)]


def sit(frequencies: Sequence[float], lengths: Sequence[float], level: float, gap: float = 0.0) -> Waveform:
    """Special information tone: three steps of ``lengths`` seconds, ``gap`` (0 to 30 ms) between them."""
    steps = [ramped(tone([f], length, level), 0.002) for f, length in zip(frequencies, lengths, strict=True)]
    return np.concatenate([steps[0], silence(gap), steps[1], silence(gap), steps[2]])


def answer_tone(seconds: float, level: float, reversals: bool, modulated: bool) -> Waveform:
    """CED/ANS 2100 Hz (ITU-T V.25): with phase reversals each 450 ms (echo cancellers off), modulated at 15 Hz (V.8)."""
    at = np.arange(seconds_to_samples(seconds)) / TELEPHONE_RATE
    phase = np.pi * (at // 0.45) if reversals else np.zeros(at.size)
    wave = np.sin(2 * np.pi * 2100 * at + phase) * level * np.sqrt(2)
    return ramped(wave * (1 + 0.2 * np.sin(2 * np.pi * 15 * at)) if modulated else wave)


def calling_tone(seconds: float, level: float) -> Waveform:
    """CNG (ITU-T T.30): 1100 Hz, half a second each 3.5 s."""
    return cadence((1100.0,), (0.5, 3.0), seconds, level)


def v21_preamble(rng: np.random.Generator, level: float, flags_seconds: float = 1.0, frame_bits: int = 400) -> Waveform:
    """V.21 channel 2 (300 bit/s, 1650 Hz = 1, 1850 Hz = 0): HDLC flags as T.30 sends before its frames, then a frame's bits."""
    flags = [0, 1, 1, 1, 1, 1, 1, 0] * round(flags_seconds * 300 / 8)
    bits = np.array(flags + list(rng.integers(0, 2, frame_bits)))
    index = np.minimum((np.arange(int(bits.size * TELEPHONE_RATE / 300)) * 300 / TELEPHONE_RATE).astype(int), bits.size - 1)
    return ramped(swept(np.where(bits[index] == 1, 1650.0, 1850.0), level))


def dtmf(digits: Sequence[int], on: float, off: float, level: float) -> Waveform:
    """Keys by index 0 to 15, row by row (ITU-T Q.23)."""
    parts = []
    for digit in digits:
        parts += [ramped(tone((DTMF_ROWS[digit // 4], DTMF_COLUMNS[digit % 4]), on, level)), silence(off)]
    return np.concatenate(parts)


def beep(rng: np.random.Generator, level: float) -> Waveform:
    """A voicemail's "speak now": 400 to 2000 Hz, 0.1 to 1 s; plain, of buzzing harmonics, warbling, stepped or fading."""
    frequency = float(rng.choice([rng.uniform(400, 2000), 440, 500, 800, 850, 1000, 1000, 1004, 1400, 2000]))
    seconds = float(rng.uniform(0.1, 1.0)) if rng.random() < 0.75 else float(rng.choice([0.2, 0.25, 0.4, 0.5]))
    shape = rng.random()
    if shape < 0.55:
        wave = tone([frequency], seconds, level)
    elif shape < 0.68:  # a square wave through the line's band
        orders = [order for order in (1, 3, 5, 7) if order * frequency < 3400]
        wave = sum(
            (tone([order * frequency], seconds, level / order) for order in orders), np.zeros(seconds_to_samples(seconds))
        )
    elif shape < 0.80:  # warble: two pitches in turn
        other = frequency * float(rng.uniform(1.08, 1.4))
        each = float(rng.uniform(0.03, 0.12))
        turn = (np.arange(seconds_to_samples(seconds)) / TELEPHONE_RATE // each) % 2
        wave = swept(np.where(turn == 0, frequency, other), level)
    elif shape < 0.90:  # a recorded bell: dies away
        wave = tone([frequency], seconds, level) * np.exp(-np.arange(seconds_to_samples(seconds)) / TELEPHONE_RATE * 3.0)
    else:  # two notes
        half = seconds / 2
        wave = np.concatenate([tone([frequency], half, level), tone([frequency * 1.25], half, level)])
    return ramped(wave, float(rng.choice([0.001, 0.005, 0.02])))
