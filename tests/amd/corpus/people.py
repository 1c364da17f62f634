"""How people answer: what they say, when, and what they do while nobody replies.

After the greeting a person waits; unanswered, most say hello again after a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform
from tests.amd.corpus import noise, tones
from tests.amd.corpus.cast import Cast, Speech
from tests.amd.corpus.line import fast_length
from tests.amd.corpus.synthesizers import SPEECH_RMS
from tests.amd.corpus.tape import Tape
from tests.amd.corpus.truth import Kind, Span

Scene = Callable[[Cast, np.random.Generator], Tape]

WAITS_SECONDS = 6.0
"""At least so long a recording goes on after a person's greeting: longer than any verdict needs."""


def reaction(rng: np.random.Generator) -> float:
    """Seconds from lifting the handset to the first sound: mostly 0.3 to 1.2."""
    return float(np.clip(rng.lognormal(np.log(0.46), 0.62), 0.08, 2.4))


def answered(scene: str, rng: np.random.Generator, before: float | None = None) -> Tape:
    """A tape on which a person has lifted the handset and draws breath. before: seconds to the first sound."""
    tape = Tape(Kind.PERSON, scene)
    media_from = float(rng.uniform(0, 0.25)) if rng.random() < 0.5 else 0.0
    tape.quiet(reaction(rng) if before is None else before)
    tape.room = Span(media_from, np.inf) if rng.random() < 0.75 else None  # some handsets send nothing but the voice
    return tape


def waits(tape: Tape, again: Speech | None, rng: np.random.Generator) -> Tape:
    """The person listens; says ``again`` into the silence when given."""
    if again is not None and rng.random() < 0.7:
        tape.quiet(float(rng.uniform(1.8, 4.0)))
        tape.speak(again, greeting=False)
    since = tape.now - (tape.greeting.end if tape.greeting else 0.0)
    tape.quiet(max(1.5, WAITS_SECONDS - since))
    return tape


def hello(cast: Cast, rng: np.random.Generator) -> Tape:
    """One word."""
    tape = answered("hello", rng)
    word = cast.says("hello", rng)
    tape.speak(word)
    return waits(tape, word, rng)


def hello_again(cast: Cast, rng: np.random.Generator) -> Tape:
    """The word again when nothing is heard for a second or two, and once more."""
    tape = answered("hello_again", rng)
    word = cast.says("hello", rng)
    tape.speak(word)
    for _ in range(int(rng.integers(1, 3))):
        tape.quiet(float(rng.uniform(0.7, 1.8)))
        tape.speak(word, greeting=False)
    return waits(tape, None, rng)


def name(cast: Cast, rng: np.random.Generator) -> Tape:
    """A name, or a greeting with one."""
    tape = answered("name", rng)
    tape.speak(cast.says("name", rng), [float(rng.uniform(0.1, 0.4))])
    return waits(tape, cast.says("hello", rng), rng)


def company(cast: Cast, rng: np.random.Generator) -> Tape:
    """The company's greeting, practised and long."""
    tape = answered("company", rng)
    tape.speak(cast.says("company", rng), [float(rng.uniform(0.1, 0.5))])
    return waits(tape, cast.says("hello", rng), rng)


def long_talker(cast: Cast, rng: np.random.Generator) -> Tape:
    """A person who goes straight on talking."""
    tape = answered("long_talker", rng)
    tape.speak(cast.says("talk", rng), [float(rng.uniform(0.15, 0.7)), float(rng.uniform(0.15, 0.9))])
    return waits(tape, None, rng)


def hello_then_name(cast: Cast, rng: np.random.Generator) -> Tape:
    """Hello, a breath, the name."""
    tape = answered("hello_then_name", rng)
    word = cast.says("hello", rng)
    tape.speak(word)
    tape.quiet(float(rng.uniform(0.3, 0.9)))
    tape.speak(cast.says("name", rng))
    return waits(tape, word, rng)


def late(cast: Cast, rng: np.random.Generator) -> Tape:
    """The carrier sends nothing for a while, or the callee takes the time: dead silence first."""
    delay = float(rng.uniform(2.0, 4.0) if rng.random() < 0.6 else rng.uniform(4.0, 7.5))
    tape = answered("late", rng, before=delay + reaction(rng))
    tape.room = Span(delay if rng.random() < 0.7 else 0.0, np.inf)
    word = cast.says(str(rng.choice(["hello", "name"])), rng)
    tape.speak(word)
    return waits(tape, word, rng)


def noise_first(cast: Cast, rng: np.random.Generator) -> Tape:
    """A cough or the handset's rattle before the word."""
    tape = answered("noise_first", rng)
    tape.play(noise.cough(rng) * SPEECH_RMS * float(rng.uniform(0.4, 1.5)))
    tape.quiet(float(rng.uniform(0.15, 1.0)))
    word = cast.says(str(rng.choice(["hello", "name"])), rng)
    tape.speak(word)
    return waits(tape, word, rng)


def two_voices(cast: Cast, rng: np.random.Generator) -> Tape:
    """Two extensions lifted, or somebody in the room says who it may be."""
    tape = answered("two_voices", rng)
    word = cast.says("hello", rng)
    tape.speak(word)
    tape.quiet(float(rng.uniform(0.0, 0.5)))
    other = cast.says(str(rng.choice(["hello", "name"])), rng)
    distance = float(rng.uniform(0.3, 1.0))
    tape.speak(Speech([sentence * distance for sentence in other.sentences], other.label, other.language))
    return waits(tape, word, rng)


def child(cast: Cast, rng: np.random.Generator) -> Tape:
    """A child."""
    tape = answered("child", rng)
    tape.speak(cast.child_says(str(rng.choice(["hello", "name"])), rng), [0.3])
    return waits(tape, None, rng)


def after_ringback(cast: Cast, rng: np.random.Generator) -> Tape:
    """The trunk answered while it still rang: ringback, then a person."""
    tape = Tape(Kind.PERSON, "after_ringback")
    frequencies, pattern = tones.RINGBACK[str(rng.choice(sorted(tones.RINGBACK)))]
    level = SPEECH_RMS * float(rng.uniform(0.3, 1.2))
    tape.play(tones.cadence(frequencies, pattern, float(rng.uniform(1.0, 5.0)), level, start=float(rng.uniform(0, 2))))
    tape.quiet(reaction(rng))
    tape.room = Span(tape.now - 0.1, np.inf)
    word = cast.says("hello", rng)
    tape.speak(word)
    return waits(tape, word, rng)


def in_a_room(speech: Waveform, rng: np.random.Generator) -> Waveform:
    """``speech`` from a distance or by loudspeaker: early reflections and a decaying tail of 0.15 to 0.5 s."""
    seconds = float(rng.uniform(0.15, 0.5))
    at = np.arange(int(seconds * TELEPHONE_RATE))
    response = rng.normal(size=at.size) * np.exp(-at / TELEPHONE_RATE / seconds * 6.9) * float(rng.uniform(0.04, 0.12))
    response[0] = 1.0
    length = fast_length(speech.size + response.size)
    heard = np.fft.irfft(np.fft.rfft(speech, length) * np.fft.rfft(response, length), length)
    return heard[: speech.size]
