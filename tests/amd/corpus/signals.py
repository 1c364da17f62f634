"""What answers and neither is a person nor takes a message: fax, special information tones, silence, noise, music,
progress tones, keys.
"""

from __future__ import annotations

import numpy as np

from tests.amd.corpus import noise, tones
from tests.amd.corpus.cast import Cast
from tests.amd.corpus.recordings import tune
from tests.amd.corpus.synthesizers import SPEECH_RMS
from tests.amd.corpus.tape import Tape
from tests.amd.corpus.truth import Kind, Span

LASTS_SECONDS = 12.0
"""Longer than any deadline of a detector."""


def until_the_end(tape: Tape) -> Tape:
    """Silence up to LASTS_SECONDS."""
    tape.quiet(LASTS_SECONDS - tape.now)
    return tape


def loudness(rng: np.random.Generator) -> float:
    """A tone's RMS, around that of speech."""
    return SPEECH_RMS * float(10 ** (rng.uniform(-10, 6) / 20))


def fax(cast: Cast, rng: np.random.Generator) -> Tape:
    """A machine that receives (answer tone, then V.21), goes straight to V.21, or one that calls (CNG)."""
    tape = Tape(Kind.FAX, "fax_receives")
    level = loudness(rng)
    tape.quiet(float(rng.uniform(0.2, 2.5)))
    nature = rng.random()
    if nature < 0.65:
        tape.play(tones.answer_tone(float(rng.uniform(2.6, 4.0)), level, bool(rng.random() < 0.5), bool(rng.random() < 0.3)))
        tape.quiet(0.075)
    elif nature < 0.85:
        tape.scene = "fax_calls"
        tape.play(tones.calling_tone(float(rng.uniform(7, 9)), level))
        return until_the_end(tape)
    else:
        tape.scene = "fax_v21"
    while tape.now < LASTS_SECONDS - 3:
        tape.play(tones.v21_preamble(rng, level, float(rng.uniform(0.85, 1.15)), int(rng.integers(120, 500))))
        tape.quiet(3.0)
    return until_the_end(tape)


def sit(cast: Cast, rng: np.random.Generator) -> Tape:
    """The three tones, mostly with the announcement after them, sometimes twice or with it before."""
    tape = Tape(Kind.SIT, "sit_itu")
    level = loudness(rng)
    tape.quiet(float(rng.uniform(0.0, 1.8)))
    if rng.random() < 0.1:
        tape.speak(cast.announces(rng), [0.3], greeting=False)
        tape.quiet(0.3)
    if rng.random() < 0.5:
        frequencies = [float(step[0] + rng.uniform(-45, 45)) for step in tones.SIT_FREQUENCIES["itu"]]
        lengths = [float(rng.uniform(0.28, 0.38))] * 3
    else:
        tape.scene = "sit_bellcore"
        frequencies = [float(rng.choice(step)) for step in tones.SIT_FREQUENCIES["bellcore"]]
        lengths = [float(rng.choice([0.274, 0.380])) for _ in range(2)] + [0.380]
    signal = tones.sit(frequencies, lengths, level, gap=float(rng.choice([0.0, 0.0, 0.015, 0.03])))
    for _ in range(2 if rng.random() < 0.15 else 1):
        tape.play(signal)
        tape.quiet(float(rng.uniform(0.1, 0.8)))
    if rng.random() < 0.8:
        tape.speak(cast.announces(rng), [0.4], greeting=False)
    return until_the_end(tape)


def silence(cast: Cast, rng: np.random.Generator) -> Tape:
    """Digital zero, comfort noise or a quiet line."""
    tape = Tape(Kind.SILENCE, str(rng.choice(["digital_silence", "comfort_noise", "quiet_line"])))
    if tape.scene == "comfort_noise":
        tape.play(noise.generated("room", LASTS_SECONDS, rng) * 10 ** (rng.uniform(-62, -48) / 20))
    elif tape.scene == "quiet_line":
        tape.play(noise.generated("white", LASTS_SECONDS, rng) * 10 ** (rng.uniform(-75, -60) / 20))
    return until_the_end(tape)


def constant_noise(cast: Cast, rng: np.random.Generator) -> Tape:
    """A room in which nobody speaks into the telephone."""
    tape = Tape(Kind.NOISE, "room_only")
    kind = str(rng.choice([*noise.GENERATED[cast.split], "babble"]))
    tape.scene = f"noise_{kind}"
    wave = cast.crowd(LASTS_SECONDS, rng) if kind == "babble" else noise.generated(kind, LASTS_SECONDS, rng)
    tape.play(wave * 10 ** (rng.uniform(-45, -25) / 20))
    return until_the_end(tape)


def music(cast: Cast, rng: np.random.Generator) -> Tape:
    """Hold music or a ringback song."""
    tape = Tape(Kind.MUSIC, "music")
    tape.quiet(float(rng.uniform(0, 1.5)))
    tape.play(tune(cast.split, LASTS_SECONDS - tape.now, rng) * float(rng.uniform(0.3, 1.2)))
    return until_the_end(tape)


def busy(cast: Cast, rng: np.random.Generator) -> Tape:
    """Busy or congestion in band."""
    country = str(rng.choice(sorted(tones.BUSY)))
    tape = Tape(Kind.BUSY, f"busy_{country}")
    tape.quiet(float(rng.uniform(0, 1.0)))
    tape.play(tones.cadence(*tones.BUSY[country], LASTS_SECONDS - tape.now, loudness(rng)))
    return until_the_end(tape)


def ringback(cast: Cast, rng: np.random.Generator) -> Tape:
    """The trunk answered, the callee never does."""
    country = str(rng.choice(sorted(tones.RINGBACK)))
    tape = Tape(Kind.RINGBACK, f"ringback_{country}")
    frequencies, pattern = tones.RINGBACK[country]
    tape.play(tones.cadence(frequencies, pattern, LASTS_SECONDS, loudness(rng), start=float(rng.uniform(0, 3))))
    return until_the_end(tape)


def dtmf(cast: Cast, rng: np.random.Generator) -> Tape:
    """Keys at once, then nothing."""
    tape = Tape(Kind.DTMF, "dtmf_at_once")
    tape.quiet(float(rng.uniform(0, 0.8)))
    keys = [int(key) for key in rng.integers(0, 16, int(rng.integers(1, 8)))]
    tape.play(tones.dtmf(keys, float(rng.uniform(0.06, 0.3)), float(rng.uniform(0.05, 0.4)), loudness(rng)))
    tape.room = Span(0.0, np.inf) if rng.random() < 0.3 else None
    return until_the_end(tape)
