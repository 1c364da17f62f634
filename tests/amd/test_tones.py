"""The corpus's signals are those of the specifications."""

from __future__ import annotations

import numpy as np
import pytest

from tests.amd.corpus import tones


def strongest(wave: np.ndarray, count: int = 1) -> list[float]:
    """The ``count`` strongest frequencies in Hz, at least 30 Hz apart."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 65536))
    found: list[float] = []
    for index in np.argsort(spectrum)[::-1]:
        hertz = float(index * 8000 / 65536)
        if all(abs(hertz - other) > 30 for other in found):
            found.append(hertz)
        if len(found) == count:
            break
    return sorted(found)


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(wave**2)))


@pytest.mark.parametrize("country", sorted(tones.BUSY))
def test_busy_has_its_countrys_frequencies(country):
    """Busy of each country is its one or two frequencies, in its rhythm."""
    frequencies, (on, off, *_) = tones.BUSY[country]
    wave = tones.cadence(frequencies, (on, off), 4 * (on + off), 0.1)
    assert strongest(wave[: tones.seconds_to_samples(on)], len(frequencies)) == pytest.approx(sorted(frequencies), abs=3)
    gap = wave[tones.seconds_to_samples(on) : tones.seconds_to_samples(on + off)]
    assert np.max(np.abs(gap)) == 0


def test_special_information_tone_has_three_steps_in_order():
    """950, 1400 and 1800 Hz for 330 ms each, one after another."""
    wave = tones.sit([950, 1400, 1800], [0.33, 0.33, 0.33], 0.1, gap=0.03)
    steps = [wave[start : start + 2640] for start in (0, 2880, 5760)]
    assert [strongest(step)[0] for step in steps] == pytest.approx([950, 1400, 1800], abs=3)
    assert wave.size == 3 * 2640 + 2 * 240


def test_answer_tone_reverses_its_phase_every_450_ms():
    """CED with reversals is 2100 Hz whose sign turns at 450 ms; without, it never turns."""
    at = np.arange(8000) / 8000
    reference = np.sin(2 * np.pi * 2100 * at)
    turning = tones.answer_tone(1.0, 0.1, reversals=True, modulated=False)
    before, after = slice(1000, 3000), slice(4000, 6000)
    assert np.sign(turning[before] @ reference[before]) == -np.sign(turning[after] @ reference[after])
    steady = tones.answer_tone(1.0, 0.1, reversals=False, modulated=False)
    assert np.sign(steady[before] @ reference[before]) == np.sign(steady[after] @ reference[after])


def test_calling_tone_is_half_a_second_of_1100_hz_each_three_and_a_half():
    """CNG sounds at 0, 3.5 and 7 s and is silent between."""
    wave = tones.calling_tone(8.0, 0.1)
    assert strongest(wave[:4000])[0] == pytest.approx(1100, abs=3)
    assert np.max(np.abs(wave[4000:28000])) == 0
    assert rms(wave[28000:32000]) == pytest.approx(0.1, rel=0.05)


def test_v21_flags_alternate_between_mark_and_space():
    """The preamble of T.30 sits on 1650 and 1850 Hz, six marks to two spaces."""
    wave = tones.v21_preamble(np.random.default_rng(1), 0.1, flags_seconds=1.0, frame_bits=0)
    assert wave.size == pytest.approx(8000, abs=250)
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(wave.size, 1 / 8000)
    assert spectrum[(hertz > 1450) & (hertz < 2050)].sum() > 0.9 * spectrum.sum()


def test_dtmf_five_is_its_row_and_its_column():
    """Key 5 is 770 and 1336 Hz."""
    assert strongest(tones.dtmf([5], 0.2, 0.1, 0.1)[:1600], 2) == pytest.approx([770, 1336], abs=5)


def test_every_beep_is_within_what_voicemail_uses():
    """Beeps last 0.1 to 1 s, and their lowest strong frequency lies between 400 and 2800 Hz (warbles go above 2000)."""
    for seed in range(200):
        wave = tones.beep(np.random.default_rng(seed), 0.05)
        assert 0.099 <= wave.size / 8000 <= 1.001
        assert 390 <= strongest(wave)[0] <= 2850
        assert 0.01 < rms(wave) < 0.08


def test_a_progress_tone_may_be_entered_in_its_middle():
    """A call answered while it rang hears the rest of the ring first."""
    wave = tones.cadence((425.0,), (1.0, 4.0), 5.0, 0.1, start=0.5)
    assert rms(wave[:4000]) > 0.05
    assert np.max(np.abs(wave[4000:36000])) == 0
