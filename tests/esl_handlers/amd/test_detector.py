"""What the detector says of whole calls, made of simple sounds."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from controller.errors import Refused
from esl_handlers.amd import PRESETS, Detector, Kind, Settings, Verdict
from esl_handlers.amd.front_end import analysed_together
from tests.esl_handlers.amd.sounds import noise, pcm, silence, talk, tone

FRAME_BYTES = 320


def heard(audio: bytes, piece: int = FRAME_BYTES, settings: Settings | None = None) -> list[Verdict]:
    """Every verdict on this audio, fed in pieces of so many bytes."""
    detector = Detector(settings)
    verdicts = [detector.feed(audio[start : start + piece]) for start in range(0, len(audio), piece)]
    while (late := detector.feed(b"")) is not None:
        verdicts.append(late)
    return [verdict for verdict in verdicts if verdict is not None]


def test_a_word_and_a_pause_is_a_person() -> None:
    """Who says a word and waits is a person, and is known before they have waited two seconds, on a dead quiet line too."""
    (verdict,) = heard(pcm(silence(0.4), talk(0.7), silence(2.5)))
    assert verdict.kind is Kind.PERSON
    assert 1.1 < verdict.at_seconds < 3.1
    assert verdict.confidence >= 0.3
    assert verdict.detail["talk"] == pytest.approx(0.7, abs=0.1)


def test_who_talks_on_is_no_person() -> None:
    """Seven seconds of talk without a breath are no person's greeting."""
    kinds = [verdict.kind for verdict in heard(pcm(silence(0.3), talk(7.0)))]
    assert Kind.PERSON not in kinds
    assert kinds


def test_talk_and_a_beep_is_a_machine() -> None:
    """What talks and then beeps is a mailbox, and both are told."""
    kinds = [verdict.kind for verdict in heard(pcm(silence(0.3), talk(4.0), silence(0.3), tone(0.4, 1000), silence(0.5)))]
    assert kinds[-2:] == [Kind.MACHINE, Kind.BEEP]


def test_a_beep_before_any_word_is_only_told() -> None:
    """A headset may beep as it answers; the person has yet to speak."""
    kinds = [verdict.kind for verdict in heard(pcm(silence(0.3), tone(0.3, 1200), silence(0.6), talk(0.6), silence(2.5)))]
    assert kinds == [Kind.BEEP, Kind.PERSON]


@pytest.mark.parametrize("preset", PRESETS)
def test_silence_is_unknown_and_never_a_machine(preset: str) -> None:
    """A line on which nobody speaks is handed on as unknown when the preset's patience ends."""
    settings = PRESETS[preset]
    (verdict,) = heard(pcm(silence(12)), settings=settings)
    assert verdict.kind is Kind.UNKNOWN
    assert verdict.at_seconds == pytest.approx(settings.silence_seconds, abs=0.1)
    assert verdict.confidence == 0.0


@pytest.mark.parametrize(
    "audio",
    [
        noise(12, 0.01),
        noise(12, 0.2),
        np.full(12 * 8000, -1 / 32767),
        np.concatenate((silence(1), noise(11, 0.03))),
        np.concatenate([noise(0.2, 0.02) if step % 5 == 0 else silence(0.2) for step in range(60)]),
        np.full(12 * 8000, 0.9),
        np.clip(noise(12, 2.0), -1, 1),
    ],
    ids=["comfort noise", "loud noise", "0xFF bytes", "noise switched on", "noise in bursts", "direct current", "overload"],
)
def test_noise_is_unknown_and_never_a_machine(audio: np.ndarray) -> None:
    """Noise of any kind is doubt, and doubt never hangs up."""
    assert [verdict.kind for verdict in heard(pcm(audio))] == [Kind.UNKNOWN]


def test_dtmf_at_once_is_unknown() -> None:
    """A key pressed into the call is neither a beep nor a machine."""
    keys = [piece for low, high in ((697, 1209), (770, 1336), (941, 1477)) for piece in (tone(0.2, low, high), silence(0.3))]
    assert [verdict.kind for verdict in heard(pcm(*keys, silence(9)))] == [Kind.UNKNOWN]


WORD_PAUSE_REST = pcm(silence(0.3), talk(0.6), silence(1.4), talk(2.5, seed=2), silence(0.2), tone(0.3, 1000), silence(0.5))


def test_a_machine_that_pauses_is_found_out_afterwards() -> None:
    """A mailbox that says hello and waits passes for a person, until it beeps; within five seconds it is taken back."""
    verdicts = heard(WORD_PAUSE_REST)
    assert [verdict.kind for verdict in verdicts] == [Kind.PERSON, Kind.MACHINE, Kind.BEEP]
    assert verdicts[1].detail["revised"] is True
    assert verdicts[1].at_seconds - verdicts[0].at_seconds <= 5.0


def test_a_person_is_final_where_nobody_listens_on() -> None:
    """listen_on_seconds = 0 switches the second thoughts off; a beep is still told."""
    verdicts = heard(WORD_PAUSE_REST, settings=Settings(listen_on_seconds=0))
    assert [verdict.kind for verdict in verdicts] == [Kind.PERSON, Kind.BEEP]


@pytest.mark.parametrize("piece", [1, 2, 7, 319, 320, 321, 960, 16000, 10**6])
def test_the_pieces_that_audio_arrives_in_make_no_difference(piece: int) -> None:
    """Single bytes or the whole call at once: the same verdicts at the same times."""
    audio = pcm(silence(0.2), talk(3.5), silence(0.3), tone(0.3, 950), silence(0.5))
    assert heard(audio, piece) == heard(audio)
    assert Kind.BEEP in [verdict.kind for verdict in heard(audio, piece)]


def test_calls_analysed_together_hear_what_each_hears_alone() -> None:
    """Two calls in one go, in pieces that end amid a frame: the same verdicts at the same moments as one by one."""
    sounds = (
        pcm(silence(0.4), talk(0.5), silence(5.3)),
        pcm(silence(0.2), talk(4.0), silence(0.4), tone(0.4, 1000), silence(1.2)),
    )
    together: list[list[tuple[str, float]]] = [[], []]
    detectors = [Detector() for _ in sounds]
    for start in range(0, len(sounds[0]), 500):
        windows = [each.windows(audio[start : start + 500]) for each, audio in zip(detectors, sounds, strict=True)]
        for said, each, frames in zip(together, detectors, analysed_together(windows), strict=True):
            each.hear(frames)
            if (verdict := each.feed(b"")) is not None:
                said.append((verdict.kind, verdict.at_seconds))
    alone = [[(verdict.kind, verdict.at_seconds) for verdict in heard(audio, 500)] for audio in sounds]
    assert together == alone
    assert [said[0][0] for said in together] == [Kind.PERSON, Kind.MACHINE]


def test_no_audio_is_no_verdict() -> None:
    """Nothing heard, nothing said."""
    assert Detector().feed(b"") is None


def test_a_long_call_keeps_no_more_than_a_frame() -> None:
    """What a detection remembers does not grow with the call."""
    detector = Detector()
    spoken = pcm(talk(5.0), silence(1.0))
    sizes = []
    for _ in range(10):
        while detector.feed(spoken) is not None:
            spoken = spoken[:]
        sizes.append(len(detector._waiting) + len(detector._due))
    assert max(sizes) <= 3 * FRAME_BYTES


@pytest.mark.parametrize("name", [setting.name for setting in fields(Settings)])
@pytest.mark.parametrize("value", [-0.1, 1000.0, math.nan])
def test_settings_outside_their_range_are_refused_by_name(name: str, value: float) -> None:
    """A setting that makes no sense is refused before a call is made, and named."""
    with pytest.raises(Refused, match=name):
        replace(Settings(), **{name: value})


def test_a_shorter_pause_cannot_ask_for_less() -> None:
    """To be less sure in a shorter pause would connect machines between two sentences."""
    with pytest.raises(Refused, match="must not be larger"):
        Settings(short_pause_chance=0.8, middle_pause_chance=0.95)


def test_presets_differ_in_the_way_their_names_say() -> None:
    """Careful asks for more certainty of a machine than balanced, and balanced than fast."""
    assert PRESETS["careful"].machine_chance < PRESETS["balanced"].machine_chance < PRESETS["fast"].machine_chance
    assert PRESETS["fast"].decide_within_seconds < PRESETS["balanced"].decide_within_seconds
