"""How machines answer: owners' greetings, carriers' announcements, menus, bare beeps; and what follows the beep."""

from __future__ import annotations

import numpy as np

from tests.amd.corpus import tones
from tests.amd.corpus.cast import Cast, Speech
from tests.amd.corpus.recordings import tune
from tests.amd.corpus.synthesizers import SPEECH_RMS
from tests.amd.corpus.tape import Tape
from tests.amd.corpus.truth import Kind, Span


def starts(rng: np.random.Generator) -> float:
    """Seconds from the answer to the greeting: mostly under one, sometimes up to eight."""
    if rng.random() < 0.85:
        return float(np.clip(rng.lognormal(np.log(0.55), 0.7), 0.05, 3.0))
    return float(rng.uniform(1.5, 8.0))


def answered(scene: str, rng: np.random.Generator, before: float | None = None) -> Tape:
    """A tape on which a machine has taken the call."""
    tape = Tape(Kind.MACHINE, scene)
    tape.quiet(starts(rng) if before is None else before)
    return tape


def recorded_room(tape: Tape, rng: np.random.Generator, share: float = 0.6) -> None:
    """The owner's room, heard while the recording plays: it comes on a moment before the voice and goes with it.

    One in four is a machine in a room (an old answering machine by the telephone), or on a noisy line: heard throughout.
    """
    if rng.random() < 0.25:
        tape.room = Span(0.0, np.inf)
    elif tape.greeting and rng.random() < share:
        tape.room = Span(
            max(0.0, tape.greeting.start - float(rng.uniform(0, 0.5))), tape.greeting.end + float(rng.uniform(0, 0.6))
        )


def then_beep(tape: Tape, rng: np.random.Generator, share: float = 0.8) -> Tape:
    """Most beep after 0.1 to 2 s; all then record in silence."""
    recorded_room(tape, rng)
    if rng.random() < share:
        tape.quiet(float(rng.uniform(0.05, 0.6) if rng.random() < 0.7 else rng.uniform(0.6, 2.0)))
        tape.beep(tones.beep(rng, SPEECH_RMS * float(10 ** (rng.uniform(-14, 8) / 20))))
        if rng.random() < 0.1:  # some beep twice
            tape.quiet(float(rng.uniform(0.05, 0.3)))
            tape.beep(tones.beep(rng, SPEECH_RMS * float(10 ** (rng.uniform(-14, 8) / 20))))
    tape.quiet(max(2.5, 6.0 - (tape.now - (tape.greeting.start if tape.greeting else 0.0))))
    return tape


def personal(cast: Cast, rng: np.random.Generator) -> Tape:
    """The owner's greeting, spoken through."""
    tape = answered("personal", rng)
    tape.speak(cast.says("personal", rng), [float(rng.uniform(0.15, 0.6)) for _ in range(6)])
    return then_beep(tape, rng)


def personal_with_pauses(cast: Cast, rng: np.random.Generator) -> Tape:
    """The owner thinks between the sentences, up to 1.9 s."""
    tape = answered("personal_with_pauses", rng)
    tape.speak(cast.says("personal", rng), [float(rng.uniform(0.5, 1.9)) for _ in range(6)])
    return then_beep(tape, rng)


def short_personal(cast: Cast, rng: np.random.Generator) -> Tape:
    """One sentence and the beep."""
    tape = answered("short_personal", rng)
    speech = cast.says("personal", rng)
    shortest = min(speech.sentences, key=len)
    tape.speak(Speech([shortest], speech.label, speech.language))
    return then_beep(tape, rng, share=0.95)


def word_pause_rest(cast: Cast, rng: np.random.Generator) -> Tape:
    """Hello; a pause as long as a person's waiting; then the greeting."""
    tape = answered("word_pause_rest", rng)
    speech = cast.says("personal", rng)
    word = cast.says("hello", rng)
    tape.speak(word)
    tape.quiet(float(rng.uniform(0.7, 1.9)))
    tape.speak(speech, [float(rng.uniform(0.2, 0.9)) for _ in range(6)])
    return then_beep(tape, rng)


def carrier(cast: Cast, rng: np.random.Generator) -> Tape:
    """The network's announcement."""
    tape = answered("carrier", rng)
    tape.speak(cast.announces(rng), [float(rng.uniform(0.1, 0.8)) for _ in range(6)])
    return then_beep(tape, rng, share=0.7)


def digits_only(cast: Cast, rng: np.random.Generator) -> Tape:
    """A number read out, and the rest of the sentence if any."""
    tape = answered("digits_only", rng)
    tape.speak(cast.counts(rng), [float(rng.uniform(0.05, 0.35)) for _ in range(12)])
    if rng.random() < 0.5:
        tape.quiet(float(rng.uniform(0.2, 0.6)))
        tape.speak(cast.announces(rng), [0.3])
    return then_beep(tape, rng, share=0.85)


def menu(cast: Cast, rng: np.random.Generator) -> Tape:
    """An announcement that goes on and on: a menu, opening hours."""
    tape = answered("menu", rng)
    for _ in range(2):
        tape.speak(cast.announces(rng), [float(rng.uniform(0.3, 0.7)) for _ in range(6)])
        tape.quiet(float(rng.uniform(0.4, 0.9)))
    return then_beep(tape, rng, share=0.1)


def over_music(cast: Cast, rng: np.random.Generator) -> Tape:
    """The greeting over music."""
    tape = answered("over_music", rng)
    lead = float(rng.uniform(0.0, 2.5))
    greeting = Tape(Kind.MACHINE, "")
    greeting.speak(cast.says(str(rng.choice(["personal", "carrier"])), rng), [float(rng.uniform(0.2, 0.8)) for _ in range(6)])
    voice = greeting.wave()
    start = tape.now
    under = tune(cast.split, lead + voice.size / 8000 + 0.5, rng) * 10 ** (rng.uniform(-20, -6) / 20)
    under[int(lead * 8000) : int(lead * 8000) + voice.size] += voice
    tape.play(under)
    tape.greeting = Span(round(start + lead, 4), round(start + lead + voice.size / 8000, 4))
    tape.voices, tape.language = greeting.voices, greeting.language
    if rng.random() < 0.7:
        tape.quiet(float(rng.uniform(0.05, 1.0)))
        tape.beep(tones.beep(rng, SPEECH_RMS * float(10 ** (rng.uniform(-14, 8) / 20))))
    tape.quiet(3.0)
    return tape


def beep_only(cast: Cast, rng: np.random.Generator) -> Tape:
    """No greeting, a beep."""
    tape = answered("beep_only", rng, before=float(rng.uniform(0.3, 5.0)))
    tape.beep(tones.beep(rng, SPEECH_RMS * float(10 ** (rng.uniform(-10, 8) / 20))))
    tape.quiet(max(3.0, 10.0 - tape.now))
    return tape


def after_ringback(cast: Cast, rng: np.random.Generator) -> Tape:
    """The trunk answered while it still rang; then a mailbox."""
    tape = Tape(Kind.MACHINE, "after_ringback")
    frequencies, pattern = tones.RINGBACK[str(rng.choice(sorted(tones.RINGBACK)))]
    level = SPEECH_RMS * float(rng.uniform(0.3, 1.2))
    tape.play(tones.cadence(frequencies, pattern, float(rng.uniform(1.0, 5.0)), level, start=float(rng.uniform(0, 2))))
    tape.quiet(float(rng.uniform(0.2, 1.0)))
    tape.speak(cast.says("personal", rng), [float(rng.uniform(0.15, 0.9)) for _ in range(6)])
    return then_beep(tape, rng)
