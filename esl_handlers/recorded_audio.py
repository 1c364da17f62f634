"""Recordings as a detector hears them: WAV or raw files into 16-bit mono at 8 kHz.

Read are RIFF WAV files of 8, 16, 24 or 32 bits, of 32-bit floats, A-law or µ-law, at any rate from 4 to 192 kHz, and raw
8 kHz samples (``.raw``, ``.sln``, ``.pcm``: 16 bits, little-endian; ``.alaw``, ``.ulaw``: G.711). Of several channels the
caller says which one is the far end; mixing them would put our own prompt into the callee's mouth. What was said in a
recording is for others to decide.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from esl_handlers.errors import UnreadableAudio

TELEPHONE_RATE = 8000
"""Samples a second of narrow-band telephony."""

SLOWEST_RATE, FASTEST_RATE = 4000, 192_000

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
"""Format tags of the WAV header (RFC 2361, WAVE_FORMAT_*)."""

Waveform = npt.NDArray[np.float64]
"""Samples, 1.0 = full scale of 16 bits."""


@dataclass(frozen=True)
class WavFormat:
    """The ``fmt `` chunk: what the bytes of ``data`` mean. rate: samples a second; bits: of one sample."""

    tag: int
    channels: int
    rate: int
    bits: int


def telephone_pcm(path: Path, channel: int | None = None) -> bytes:
    """The recording as 16-bit little-endian mono at 8 kHz. channel: which of several, from 1; None: there is only one.

    UnreadableAudio when the file is missing, is no audio, has no such channel or holds no sample.
    """
    samples, rate = read(path, channel)
    return to_pcm(resample(samples, rate, TELEPHONE_RATE))


def read(path: Path, channel: int | None = None) -> tuple[Waveform, int]:
    """One channel of a recording and its samples a second. UnreadableAudio as in ``telephone_pcm``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableAudio(f"cannot be read ({error.strerror}); let this user read it") from error
    raw_tag = {".raw": PCM, ".sln": PCM, ".pcm": PCM, ".alaw": ALAW, ".al": ALAW, ".ulaw": ULAW, ".ul": ULAW}
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        form, data = wav_chunks(content)
    elif path.suffix.lower() in raw_tag:
        tag = raw_tag[path.suffix.lower()]
        form, data = WavFormat(tag, channels=1, rate=TELEPHONE_RATE, bits=16 if tag == PCM else 8), content
    else:
        raise UnreadableAudio("is neither WAV nor raw samples (.raw .sln .pcm .alaw .ulaw); convert it to WAV")
    if channel is None and form.channels > 1:
        raise UnreadableAudio(f"has {form.channels} channels; say which one holds the callee, as with --channel 1")
    if channel is not None and not 1 <= channel <= form.channels:
        raise UnreadableAudio(f"has {form.channels} channel(s), so no channel {channel}; name one of those")
    if not SLOWEST_RATE <= form.rate <= FASTEST_RATE:
        raise UnreadableAudio(f"has {form.rate} samples a second; {SLOWEST_RATE} to {FASTEST_RATE} are read; convert it")
    width = form.channels * form.bits // 8
    samples = decoded(form, data[: len(data) // width * width])
    if not samples.size:
        raise UnreadableAudio("holds no samples; leave it out")
    return samples[(channel or 1) - 1 :: form.channels], form.rate


def wav_chunks(content: bytes) -> tuple[WavFormat, bytes]:
    """The format and the samples of a RIFF WAV file. UnreadableAudio when a chunk is missing or of a kind not read.

    A length that reaches beyond the file's end means a recorder that was cut off: what is there is taken.
    """
    form: WavFormat | None = None
    at = 12
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        body = content[at + 8 : at + 8 + length]
        if name == b"fmt " and len(body) >= 16:
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if tag == EXTENSIBLE and len(body) >= 26:
                (tag,) = struct.unpack_from("<H", body, 24)
            form = WavFormat(tag, channels, rate, bits)
        elif name == b"data":
            if form is None:
                break
            sizes = {PCM: (8, 16, 24, 32), FLOAT: (32,), ALAW: (8,), ULAW: (8,)}
            if form.channels < 1 or form.bits not in sizes.get(form.tag, ()):
                raise UnreadableAudio(
                    f"is a WAV of a kind not read (format {form.tag}, {form.bits} bits); convert it to 16-bit PCM"
                )
            return form, body
        at += 8 + length + length % 2
    raise UnreadableAudio("is a WAV without its format or its samples; record or convert it anew")


def decoded(form: WavFormat, data: bytes) -> Waveform:
    """The interleaved samples of ``data``."""
    if form.tag == ALAW:
        return ALAW_TABLE[np.frombuffer(data, np.uint8)]
    if form.tag == ULAW:
        return ULAW_TABLE[np.frombuffer(data, np.uint8)]
    if form.tag == FLOAT:
        return np.nan_to_num(np.frombuffer(data, "<f4").astype(np.float64))
    if form.bits == 8:  # the one width that WAV keeps unsigned
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128.0) / 128.0
    if form.bits == 24:
        octets = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        signed = ((octets[:, 0] << 8 | octets[:, 1] << 16 | octets[:, 2] << 24) >> 8).astype(np.float64)
        return signed / 2.0**23
    integers: Waveform = np.frombuffer(data, f"<i{form.bits // 8}").astype(np.float64)
    return integers / 2.0 ** (form.bits - 1)


def resample(samples: Waveform, rate: int, wanted: int) -> Waveform:
    """The same sound at ``wanted`` samples a second, by cutting or extending its spectrum.

    Exact below the lower of both Nyquist frequencies; the ends are padded, for a discrete spectrum joins them.
    """
    if rate == wanted or not samples.size:
        return samples
    step = rate // math.gcd(rate, wanted)
    length = -(-samples.size // step) * step + step
    spectrum = np.fft.rfft(samples, length)
    shorter = length * wanted // rate
    kept = np.zeros(shorter // 2 + 1, complex)
    common = min(kept.size, spectrum.size)
    kept[:common] = spectrum[:common]
    return np.fft.irfft(kept, shorter)[: max(1, round(samples.size * wanted / rate))] * (shorter / length)


def to_pcm(samples: Waveform) -> bytes:
    """16-bit little-endian samples, clipped at full scale."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()


def alaw_table() -> Waveform:
    """What each of the 256 A-law octets means (ITU-T G.711, table 1a), 1.0 = full scale."""
    octet = np.arange(256) ^ 0x55
    segment, step = (octet >> 4) & 7, octet & 15
    magnitude = np.where(segment == 0, step * 16 + 8, (step * 16 + 264) << np.maximum(segment - 1, 0))
    return np.where(octet & 0x80, magnitude, -magnitude) / 32768.0


def ulaw_table() -> Waveform:
    """What each of the 256 µ-law octets means (ITU-T G.711, table 2a), 1.0 = full scale."""
    octet = np.arange(256) ^ 0xFF
    segment, step = (octet >> 4) & 7, octet & 15
    magnitude = ((step * 8 + 132) << segment) - 132
    return np.where(octet & 0x80, -magnitude, magnitude) / 32768.0


ALAW_TABLE = alaw_table()
ULAW_TABLE = ulaw_table()
