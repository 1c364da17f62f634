"""Sounds for the detector's tests, made with NumPy: no synthesizer, no recording, the same bytes every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Sound = NDArray[np.float64]


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE))


def noise(seconds: float, level: float, seed: int = 1) -> Sound:
    """White noise; level: root mean square, 0.0 to 1.0."""
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level


def tone(seconds: float, *hertz: float, level: float = 0.2) -> Sound:
    """Sines of equal height together; level: of each one's crest."""
    time = np.arange(round(seconds * RATE)) / RATE
    return sum((level * np.sin(2 * np.pi * each * time) for each in hertz), start=np.zeros(len(time)))


def talk(seconds: float, pitch: float = 120.0, syllable_seconds: float = 0.2, level: float = 0.2, seed: int = 1) -> Sound:
    """Voiced syllables: a pulse train whose pitch wanders, through two formants that change from syllable to syllable."""
    chance = np.random.default_rng(seed)
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    phase = np.cumsum(pitch * (1 + 0.12 * np.sin(2 * np.pi * 1.7 * time) + 0.05 * np.sin(2 * np.pi * 0.6 * time))) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    out = np.zeros(count)
    length = round(syllable_seconds * RATE)
    for start in range(0, count, length):
        piece = pulses[start : start + length]
        formants = chance.uniform(300, 800), chance.uniform(900, 2300)
        ring = np.arange(200) / RATE
        answer = sum(np.exp(-ring * 300) * np.sin(2 * np.pi * formant * ring) for formant in formants)
        shape = np.sin(np.pi * np.arange(len(piece)) / length) ** 0.5 + 0.05
        out[start : start + length] += np.convolve(piece, answer)[: len(piece)] * shape
    return out / (np.abs(out).max() + 1e-9) * level


def pcm(*sounds: Sound) -> bytes:
    """One after the other, as 16-bit little-endian."""
    return np.clip(np.concatenate(sounds) * 32767, -32768, 32767).astype("<i2").tobytes()
