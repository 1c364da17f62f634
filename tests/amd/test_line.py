"""The corpus's telephone line changes how a recording sounds, never when."""

from __future__ import annotations

import wave
from dataclasses import replace

import numpy as np
import pytest

from tests.amd.corpus import line, tones
from tests.amd.corpus.line import Line

GOOD = Line("alaw", -20.0, 0.0, "repeat", (300.0, 3400.0), 0.0, mobile=False)


def through(sound: np.ndarray, connection: Line) -> np.ndarray:
    return line.through(sound, connection, np.random.default_rng(1))


@pytest.mark.parametrize("codec", ["alaw", "ulaw"])
def test_g711_keeps_38_db_at_speech_level(codec):
    """A sine at −20 dBFS comes back from G.711 with 36 dB or more between it and the error."""
    sound = tones.tone([1000.0], 1.0, 0.1)
    error = line.g711(sound, codec) - sound
    assert 20 * np.log10(0.1 / np.sqrt(np.mean(error**2))) > 36


@pytest.mark.parametrize("codec", ["alaw", "ulaw"])
def test_g711_has_no_more_than_256_values(codec):
    """Eight bits a sample: whatever goes in, at most 256 values come out, and full scale does not wrap."""
    heard = line.g711(np.linspace(-1, 32767 / 32768, 70000), codec)
    assert np.unique(heard).size <= 256
    assert np.all(np.diff(heard) >= 0)


def test_a_burst_stays_where_it_was():
    """A tone from 1.0 to 1.5 s is heard from 1.0 to 1.5 s, through a mobile and a narrow band as well."""
    sound = np.concatenate([tones.silence(1.0), tones.tone([700.0], 0.5, 0.1), tones.silence(1.0)])
    for connection in (GOOD, replace(GOOD, mobile=True), replace(GOOD, codec="ulaw", loss=0.02)):
        heard = through(sound, connection)
        assert heard.size == sound.size
        loud = np.flatnonzero(np.abs(heard) > 0.05)
        assert loud[0] / 8000 == pytest.approx(1.0, abs=0.03)
        assert loud[-1] / 8000 == pytest.approx(1.5, abs=0.03)


def test_the_line_sets_the_level_of_what_is_active():
    """However long the silence around it, the sound arrives at the line's level."""
    sound = np.concatenate([tones.silence(5.0), tones.tone([700.0], 1.0, 0.5)])
    heard = through(sound, replace(GOOD, level_dbfs=-30.0))
    assert 20 * np.log10(np.sqrt(np.mean(heard[41000:47000] ** 2))) == pytest.approx(-30, abs=0.5)


def test_silence_stays_silence():
    """No level is made of digital silence."""
    assert np.max(np.abs(through(tones.silence(2.0), GOOD))) < 0.001


def test_lost_packets_are_whole_packets():
    """With zeroes for what is lost, about the share asked for is missing, in frames of 20 ms."""
    sound = tones.tone([700.0], 20.0, 0.1)
    heard = through(sound, replace(GOOD, loss=0.05, conceal="zero", codec="l16"))
    frames = heard.reshape(-1, 160)
    lost = np.all(frames == 0, axis=1)
    assert 0.05 <= lost.mean() <= 0.06
    assert np.all(np.abs(frames[~lost]).max(axis=1) > 0.05)


def test_written_files_are_read_back_alike(tmp_path):
    """What the corpus writes as WAV, the product's own reader hears sample for sample."""
    from esl_handlers.recorded_audio import telephone_pcm, to_pcm

    pcm = to_pcm(through(tones.tone([700.0], 0.5, 0.1), GOOD))
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(pcm)
    assert telephone_pcm(tmp_path / "a.wav") == pcm
