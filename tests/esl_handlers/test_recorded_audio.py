"""Recordings of any make are heard as the telephone would have carried them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from esl_handlers.errors import UnreadableAudio
from esl_handlers.recorded_audio import ALAW_TABLE, ULAW_TABLE, read, resample, telephone_pcm


def wav(tag: int, channels: int, rate: int, bits: int, data: bytes, between: bytes = b"") -> bytes:
    """A RIFF WAV file. between: chunks before the samples."""
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + between + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sine(rate: int, hertz: float, seconds: float, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def written(folder: Path, content: bytes, name: str = "call.wav") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_telephone_audio_comes_through_untouched(tmp_path):
    """A WAV of 8 kHz and 16 bits is its own samples."""
    samples = np.array([0, 1, -1, 32767, -32768, 1234], "<i2")
    assert telephone_pcm(written(tmp_path, wav(1, 1, 8000, 16, samples.tobytes()))) == samples.tobytes()


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
def test_other_rates_are_brought_to_8_khz(tmp_path, rate):
    """A second of 1 kHz stays a second of 1 kHz at its level; what is above 4 kHz does not fold into the speech band."""
    sound = sine(rate, 1000, 1.0) + sine(rate, 5000, 1.0, 0.3)
    file = written(tmp_path, wav(1, 1, rate, 16, (sound * 32767).astype("<i2").tobytes()))
    heard = np.frombuffer(telephone_pcm(file), "<i2") / 32768
    assert heard.size == 8000
    assert heard[400:7600] == pytest.approx(sine(8000, 1000, 1.0)[400:7600], abs=0.02)


def test_slow_recordings_are_extended():
    """4 kHz becomes 8 kHz with the same sound."""
    assert resample(sine(4000, 500, 1.0), 4000, 8000)[400:7600] == pytest.approx(sine(8000, 500, 1.0)[400:7600], abs=0.02)


@pytest.mark.parametrize(
    ("tag", "bits", "data", "expected"),
    [
        (1, 8, bytes([0, 128, 192]), [-1.0, 0.0, 0.5]),
        (1, 24, bytes([0, 0, 0x40, 0, 0, 0x80, 0xFF, 0xFF, 0xFF]), [0.5, -1.0, -(2.0**-23)]),
        (1, 32, struct.pack("<2i", 2**30, -(2**31)), [0.5, -1.0]),
        (3, 32, struct.pack("<3f", 0.25, -0.5, float("nan")), [0.25, -0.5, 0.0]),
        (6, 8, bytes([0xD5, 0x55, 0xAA, 0x2A]), [8 / 32768, -8 / 32768, 32256 / 32768, -32256 / 32768]),
        (7, 8, bytes([0xFF, 0x7F, 0x80, 0x00]), [0.0, 0.0, 32124 / 32768, -32124 / 32768]),
    ],
)
def test_every_kind_of_sample_is_read(tmp_path, tag, bits, data, expected):
    """8, 24 and 32 bits, floats, A-law and µ-law mean what their standards say."""
    samples, rate = read(written(tmp_path, wav(tag, 1, 8000, bits, data)))
    assert rate == 8000
    assert samples.tolist() == pytest.approx(expected)


def test_g711_tables_are_those_of_the_recommendation():
    """All 256 octets of each law mean different values, µ-law's two zeros aside; both are odd about zero."""
    assert np.unique(ALAW_TABLE).size == 256
    assert np.unique(ULAW_TABLE).size == 255
    for table in (ALAW_TABLE, ULAW_TABLE):
        assert np.sort(table) == pytest.approx(np.sort(-table))


def test_the_callees_channel_must_be_named(tmp_path):
    """Of a stereo recording one channel is the callee; nobody guesses which, and mixing would add the caller's voice."""
    both = np.array([[1, 100], [2, 200]], "<i2")
    file = written(tmp_path, wav(1, 2, 8000, 16, both.tobytes()))
    assert telephone_pcm(file, channel=2) == both[:, 1].tobytes()
    with pytest.raises(UnreadableAudio, match=r"has 2 channels; say which"):
        telephone_pcm(file)
    with pytest.raises(UnreadableAudio, match=r"has 2 channel\(s\), so no channel 3"):
        telephone_pcm(file, channel=3)


def test_raw_files_are_known_by_their_ending(tmp_path):
    """.sln and .raw are 16-bit samples, .alaw and .ulaw G.711, all at 8 kHz; half a sample at the end is dropped."""
    samples = np.array([5, -5, 300], "<i2").tobytes()
    assert telephone_pcm(written(tmp_path, samples + b"\0", "call.sln")) == samples
    assert telephone_pcm(written(tmp_path, bytes([0x55]), "call.alaw")) == np.array([-8], "<i2").tobytes()


def test_chunks_before_the_samples_and_a_recorder_cut_off(tmp_path):
    """Notes before the samples are skipped (padded to even), and a length beyond the end takes what is there."""
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    samples = np.array([1, 2, 3], "<i2").tobytes()
    whole = wav(1, 1, 8000, 16, samples, between=note)
    assert telephone_pcm(written(tmp_path, whole)) == samples
    assert telephone_pcm(written(tmp_path, whole[:-2])) == samples[:-2]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "call.wav", "is neither WAV nor raw"),
        (b"ID3 mp3", "call.mp3", "is neither WAV nor raw"),
        (b"RIFF\0\0\0\0WAVE", "call.wav", "without its format"),
        (wav(17, 1, 8000, 4, b"\0\0"), "call.wav", r"of a kind not read \(format 17, 4 bits\)"),
        (wav(1, 0, 8000, 16, b"\0\0"), "call.wav", "of a kind not read"),
        (wav(1, 1, 300, 16, b"\0\0"), "call.wav", "300 samples a second"),
        (wav(1, 1, 8000, 16, b""), "call.wav", "holds no samples"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path, content, name, reason):
    """Each refusal says what is wrong with the file."""
    with pytest.raises(UnreadableAudio, match=reason):
        telephone_pcm(written(tmp_path, content, name))


def test_a_missing_file_is_named():
    """A file that is not there is unreadable, with the system's reason."""
    with pytest.raises(UnreadableAudio, match="No such file"):
        telephone_pcm(Path("/nonexistent/call.wav"))
