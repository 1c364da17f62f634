"""A-law as a telephone line has it (ITU-T G.711): 16-bit samples to bytes and back, by table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


def _decoded(byte: int) -> int:
    """One A-law byte as a 16-bit sample."""
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = (magnitude + 0x100) << (exponent - 1)
    return magnitude if byte & 0x80 else -magnitude


LINEAR: Samples = np.array([_decoded(byte) for byte in range(256)], dtype=np.int16)
"""A-law byte → sample."""


def _encoding_table() -> npt.NDArray[np.uint8]:
    """Sample, as an unsigned 16-bit index → the A-law byte that decodes nearest to it."""
    order = np.argsort(LINEAR)
    levels = LINEAR[order].astype(np.int32)
    samples = np.arange(65536, dtype=np.int32)
    samples = np.where(samples >= 32768, samples - 65536, samples)
    above = np.clip(np.searchsorted(levels, samples), 1, 255)
    nearer_below = samples - levels[above - 1] <= levels[above] - samples
    return order[np.where(nearer_below, above - 1, above)].astype(np.uint8)


_ALAW = _encoding_table()


def to_alaw(pcm: bytes) -> bytes:
    """16-bit little-endian samples → one byte each."""
    return _ALAW[np.frombuffer(pcm, dtype="<u2")].tobytes()


def from_alaw(line: bytes) -> bytes:
    """The other way."""
    return LINEAR[np.frombuffer(line, dtype=np.uint8)].astype("<i2").tobytes()
