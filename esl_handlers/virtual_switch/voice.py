"""What the far end says, as samples: a word and a wait, or a greeting that talks on, with or without a beep behind it.

Speech-like sound (a pulse train with a wandering pitch, through two formants that change from syllable to syllable) is enough
for a detector that goes by cadence and voicing; nobody is meant to understand it. Made once, with NumPy, when first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

RATE = 8000
LONGEST_SECONDS = 30
"""Of talk without a repetition."""
BEEP_SECONDS = 0.4
BEEP_HERTZ = 1000
SYLLABLE_SECONDS = 0.2
LEVEL = 0.2
"""Crest of talk and tone, 1.0 = full scale."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Seconds from the answer. talk_from, talk_until: when it talks. beep_at: None = never."""

    talk_from: float
    talk_until: float
    beep_at: float | None = None

    def pcm(self, start: int, count: int) -> bytes:
        """``count`` samples from sample ``start`` after the answer on: 16-bit little-endian at 8 kHz."""
        line = bytearray(2 * count)
        _lay(line, start, round(self.talk_from * RATE), round(self.talk_until * RATE), talk())
        if self.beep_at is not None:
            begin = round(self.beep_at * RATE)
            _lay(line, start, begin, begin + round(BEEP_SECONDS * RATE), beep())
        return bytes(line)


SILENT = Voice(0.0, 0.0)


def _lay(line: bytearray, start: int, begin: int, end: int, sound: bytes) -> None:
    """Put ``sound``, which sounds from ``begin`` to ``end`` and repeats itself, where it falls into ``line``."""
    first, last = max(start, begin), min(start + len(line) // 2, end)
    while first < last:
        place = (first - begin) % (len(sound) // 2)
        length = min(last - first, len(sound) // 2 - place)
        line[2 * (first - start) : 2 * (first - start + length)] = sound[2 * place : 2 * (place + length)]
        first += length


@cache
def talk() -> bytes:
    """Half a minute of it."""
    chance = np.random.default_rng(1)
    count = LONGEST_SECONDS * RATE
    time = np.arange(count) / RATE
    pitch = 120.0 * (1 + 0.12 * np.sin(2 * np.pi * 1.7 * time) + 0.05 * np.sin(2 * np.pi * 0.6 * time))
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0.0)
    ring = np.arange(200) / RATE
    length = round(SYLLABLE_SECONDS * RATE)
    shape = np.sqrt(np.sin(np.pi * np.arange(length) / length)) + 0.05
    sound = np.zeros(count)
    for begin in range(0, count, length):
        low, high = chance.uniform(300, 800), chance.uniform(900, 2300)
        answer = np.exp(-300 * ring) * (np.sin(2 * np.pi * low * ring) + np.sin(2 * np.pi * high * ring))
        sound[begin : begin + length] = np.convolve(pulses[begin : begin + length], answer)[:length] * shape
    return _samples(sound / np.abs(sound).max())


@cache
def beep() -> bytes:
    time = np.arange(round(BEEP_SECONDS * RATE)) / RATE
    return _samples(np.sin(2 * np.pi * BEEP_HERTZ * time))


def _samples(sound: npt.NDArray[np.float64]) -> bytes:
    return (sound * LEVEL * 32767).astype("<i2").tobytes()
