"""Tones of machines, and the sounds that only resemble them."""

from __future__ import annotations

import numpy as np
import pytest

from esl_handlers.amd import Kind
from tests.esl_handlers.amd.sounds import Sound, noise, pcm, silence, talk, tone
from tests.esl_handlers.amd.test_detector import heard

GREETING = np.concatenate((silence(0.3), talk(4.0), silence(0.4)))


@pytest.mark.parametrize("hertz", [425, 440, 600, 852, 1000, 1100, 1400, 1780, 2000])
@pytest.mark.parametrize("seconds", [0.12, 0.5, 1.5])
def test_the_beep_after_a_greeting_is_reported_as_it_ends(hertz: float, seconds: float) -> None:
    """A mailbox's beep of any usual pitch and length is reported within 60 ms of its end."""
    ends = len(GREETING) / 8000 + seconds
    beeps = [verdict for verdict in heard(pcm(GREETING, tone(seconds, hertz), silence(1))) if verdict.kind is Kind.BEEP]
    assert len(beeps) == 1
    assert ends < beeps[0].at_seconds <= ends + 0.06
    assert beeps[0].detail["hertz"] == pytest.approx(hertz, rel=0.01)


def test_a_beep_in_noise_is_heard() -> None:
    """A noisy line does not hide the beep."""
    audio = np.concatenate((GREETING, tone(0.4, 1000), silence(1)))
    assert Kind.BEEP in [verdict.kind for verdict in heard(pcm(audio + noise(len(audio) / 8000, 0.02)))]


def cadence(on: float, off: float, times: int, *hertz: float) -> Sound:
    return np.concatenate([part for _ in range(times) for part in (tone(on, *hertz), silence(off))])


@pytest.mark.parametrize(
    "audio",
    [
        cadence(2, 4, 3, 440, 480),
        cadence(1, 4, 3, 425),
        cadence(0.4, 0.2, 10, 400, 450),
        cadence(0.5, 0.5, 10, 480, 620),
        cadence(0.5, 0.5, 10, 425),
        cadence(0.1, 0.1, 20, 770, 1336),
        np.concatenate((GREETING, cadence(0.2, 0.2, 5, 941, 1477))),
        np.concatenate((GREETING, talk(6, pitch=300))),
    ],
    ids=["ringback US", "ringback EU", "ringback UK", "busy US", "busy EU", "DTMF", "DTMF after talk", "a child"],
)
def test_what_is_no_beep(audio: Sound) -> None:
    """Ringing, busy tones, keys and voices are no beep."""
    assert Kind.BEEP not in [verdict.kind for verdict in heard(pcm(audio))]


@pytest.mark.parametrize(
    "audio",
    [
        np.concatenate((silence(1), cadence(0.5, 3, 2, 1100))),
        np.concatenate((silence(1.5), tone(3, 2100))),
        np.concatenate((silence(0.5), *[sign * tone(0.45, 2100) for sign in (1, -1, 1, -1)])),
    ],
    ids=["CNG", "CED", "CED with phase reversals"],
)
def test_a_fax_is_named(audio: Sound) -> None:
    """Fax calling and answering tones are a fax, and nothing else."""
    assert [verdict.kind for verdict in heard(pcm(audio, silence(1)))] == [Kind.FAX]


def test_v21_flags_are_a_fax() -> None:
    """A fax that begins with its preamble alone is known by it."""
    bits = np.tile([0, 1, 1, 1, 1, 1, 1, 0], 60)
    hertz = np.where(np.repeat(bits, 27)[: 8000 * 2], 1650, 1850)
    flags = 0.2 * np.sin(2 * np.pi * np.cumsum(hertz) / 8000)
    assert [verdict.kind for verdict in heard(pcm(silence(0.5), flags))] == [Kind.FAX]


@pytest.mark.parametrize("first", [913.8, 985.2, 950.0])
@pytest.mark.parametrize("length", [0.276, 0.38, 0.33])
def test_special_information_tones_are_named(first: float, length: float) -> None:
    """The three rising tones of the network mean that this number reaches nobody, whatever is said after them."""
    steps = tone(length, first), tone(length, 1400), tone(length, 1776.7)
    verdicts = heard(pcm(silence(0.5), *steps, silence(0.3), talk(3)))
    assert [verdict.kind for verdict in verdicts] == [Kind.SIT]


def test_ringing_after_a_false_answer_holds_the_clock() -> None:
    """Where the network answers before it rings, the callee's time begins when the ringing ends."""
    verdicts = heard(pcm(cadence(2, 4, 3, 440, 480), talk(0.6), silence(2)))
    assert [verdict.kind for verdict in verdicts] == [Kind.PERSON]


def test_a_busy_line_is_told_at_once() -> None:
    """A busy tone behind an answer is unknown before the patience with silence ends, and its detail says why."""
    (verdict,) = heard(pcm(cadence(0.5, 0.5, 10, 480, 620)))
    assert verdict.kind is Kind.UNKNOWN
    assert verdict.detail["reason"] == "busy tone"
    assert verdict.at_seconds < 6
