"""Tones, as a test's parties speak and hear them: made, coded in A-law, and found again in what arrived.

Each party of a call speaks a tone of its own, so that what an ear heard says who was heard, and how loud. Frequencies are whole
tens of hertz: then a window of 100 ms holds whole periods, and one tone does not leak into another's measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

RATE = 8000
FRAME = 160
"""Samples, and bytes of A-law, in 20 ms."""
WINDOW = 5
"""Frames measured together: 100 ms, a resolution of 10 Hz."""
AMPLITUDE = 8000


def _alaw_byte(sample: int) -> int:
    """One sample in A-law (ITU-T G.711)."""
    sign, level = (0x80, sample) if sample >= 0 else (0x00, -sample - 1)
    level = min(level, 32767)
    exponent = max(level.bit_length() - 8, 0)
    mantissa = (level >> (exponent + 3 if exponent else 4)) & 0x0F
    return ((sign | exponent << 4 | mantissa) ^ 0x55) & 0xFF


def _linear(byte: int) -> int:
    """The sample that an A-law byte stands for."""
    byte ^= 0x55
    exponent, mantissa = (byte >> 4) & 0x07, byte & 0x0F
    level = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return level if byte & 0x80 else -level


LINEAR = [_linear(byte) for byte in range(256)]
SILENCE = bytes([0xD5]) * FRAME


def tone(hertz: int) -> list[bytes]:
    """One second of a tone, as 50 frames of A-law, to be repeated; hertz 0 is silence."""
    if hertz == 0:
        return [SILENCE] * (RATE // FRAME)
    samples = [round(AMPLITUDE * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(RATE)]
    coded = bytes(_alaw_byte(sample) for sample in samples)
    return [coded[at : at + FRAME] for at in range(0, RATE, FRAME)]


def amplitude(frames: Sequence[bytes], hertz: int) -> float:
    """Amplitude of one tone in successive A-law frames; 8000 is as loud as ``tone`` makes it."""
    return goertzel([LINEAR[byte] for frame in frames for byte in frame], hertz)


def goertzel(samples: Sequence[int], hertz: int) -> float:
    """Amplitude of one tone in samples of 8 kHz."""
    factor = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * math.sqrt(max(power, 0.0)) / max(len(samples), 1)


def decibels(loudness: float) -> float:
    """An amplitude relative to a tone as ``tone`` makes it; never below -60."""
    return 20 * math.log10(max(loudness / AMPLITUDE, 0.001))
