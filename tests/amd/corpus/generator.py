"""Recordings one after another from a seed: which scene comes how often, in which room, over which line.

``stream`` yields (truth, samples) for ever the same for the same split and seed; nothing is written but the cache of
utterances. The shares are those of a hard corpus; ``weight`` in the truth turns figures into those of campaign traffic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform
from tests.amd.corpus import line, machines, noise, people, signals
from tests.amd.corpus.cast import Cast
from tests.amd.corpus.people import Scene
from tests.amd.corpus.synthesizers import SPEECH_RMS
from tests.amd.corpus.tape import Tape
from tests.amd.corpus.truth import Kind, Span, Split, Truth


@dataclass(frozen=True)
class Share:
    """One scene: its share of the corpus and its share of campaign traffic, both within its kind, in any unit."""

    scene: Scene
    corpus: float
    traffic: float


SCENES: dict[Kind, tuple[Share, ...]] = {
    Kind.PERSON: (
        Share(people.hello, 30, 50),
        Share(people.hello_again, 11, 9),
        Share(people.name, 18, 16),
        Share(people.company, 8, 6),
        Share(people.long_talker, 3, 1.5),
        Share(people.hello_then_name, 8, 6),
        Share(people.late, 6, 4),
        Share(people.noise_first, 5, 3),
        Share(people.two_voices, 3, 1.5),
        Share(people.child, 6, 2),
        Share(people.after_ringback, 2, 1),
    ),
    Kind.MACHINE: (
        Share(machines.personal, 34, 30),
        Share(machines.personal_with_pauses, 12, 7),
        Share(machines.short_personal, 5, 4),
        Share(machines.word_pause_rest, 9, 4),
        Share(machines.carrier, 26, 42),
        Share(machines.digits_only, 8, 6),
        Share(machines.menu, 5, 4),
        Share(machines.over_music, 3, 1.5),
        Share(machines.beep_only, 1.5, 0.5),
        Share(machines.after_ringback, 1.5, 1),
    ),
    Kind.FAX: (Share(signals.fax, 1, 1),),
    Kind.SIT: (Share(signals.sit, 1, 1),),
    Kind.SILENCE: (Share(signals.silence, 1, 1),),
    Kind.NOISE: (Share(signals.constant_noise, 1, 1),),
    Kind.MUSIC: (Share(signals.music, 1, 1),),
    Kind.BUSY: (Share(signals.busy, 1, 1),),
    Kind.RINGBACK: (Share(signals.ringback, 1, 1),),
    Kind.DTMF: (Share(signals.dtmf, 1, 1),),
}

FULL = {
    Kind.PERSON: 860, Kind.MACHINE: 920, Kind.FAX: 60, Kind.SIT: 80, Kind.SILENCE: 80,
    Kind.NOISE: 50, Kind.MUSIC: 40, Kind.BUSY: 40, Kind.RINGBACK: 40, Kind.DTMF: 30,
}  # fmt: skip
"""Recordings of each kind in the full test corpus."""


IN_A_ROOM = {Kind.PERSON: 0.2, Kind.MACHINE: 0.08}
"""How often the voice comes from a distance; of machines those are answering machines that were recorded so."""


@dataclass(frozen=True)
class Size:
    """Recordings of each kind, in turn so that any beginning of the stream is mixed alike."""

    counts: dict[Kind, int]

    @classmethod
    def of(cls, total: int) -> Size:
        """About ``total`` recordings in the proportions of FULL."""
        whole = sum(FULL.values())
        return cls({kind: max(1, round(count * total / whole)) for kind, count in FULL.items()})

    def order(self, rng: np.random.Generator) -> list[Kind]:
        """Every recording's kind, shuffled."""
        kinds = [kind for kind, count in self.counts.items() for _ in range(count)]
        return [kinds[index] for index in rng.permutation(len(kinds))]


def stream(
    split: Split, cache: Path, size: Size, seed: int = 1, only: Collection[Kind] = tuple(Kind)
) -> Iterator[tuple[Truth, Waveform]]:
    """Recordings with their truths. Each has a generator of its own, seeded by split, seed and place in the order.

    only: recordings of other kinds are left out.
    """
    cast = Cast(split, cache)
    for index, kind in enumerate(size.order(np.random.default_rng([seed, list(Split).index(split)]))):
        if kind not in only:
            continue
        rng = np.random.default_rng([seed, list(Split).index(split), index])
        yield recording(f"{split}-{seed}-{index:05d}-{kind}", kind, cast, rng)


def recording(name: str, kind: Kind, cast: Cast, rng: np.random.Generator) -> tuple[Truth, Waveform]:
    """One recording of ``kind``."""
    shares = SCENES[kind]
    odds = np.array([share.corpus for share in shares])
    chosen = shares[int(rng.choice(len(shares), p=odds / odds.sum()))]
    tape = chosen.scene(cast, rng)
    wave = tape.wave()
    if rng.random() < IN_A_ROOM.get(kind, 0.0):
        wave = people.in_a_room(wave, rng)
    wave, kind_of_noise, snr = in_its_room(wave, tape, cast, rng)
    connection = line.draw_line(rng, voice=kind in (Kind.PERSON, Kind.MACHINE, Kind.NOISE, Kind.MUSIC))
    traffic = chosen.traffic / sum(share.traffic for share in shares)
    silent_level = kind in (Kind.SILENCE, Kind.NOISE)  # their level is the point of them: the line must not raise it
    heard = line.through(wave, connection, rng, keep_level=silent_level)
    truth = Truth(
        name=name,
        kind=kind,
        scene=tape.scene,
        split=cast.split,
        language=tape.language,
        voices=tuple(tape.voices),
        greeting=tape.greeting,
        beeps=tuple(tape.beeps),
        noise=kind_of_noise,
        snr_db=snr,
        codec=connection.codec,
        loss=connection.loss,
        level_dbfs=round(connection.level_dbfs, 1),
        weight=round(traffic / (chosen.corpus / odds.sum()), 4),
        seconds=round(wave.size / TELEPHONE_RATE, 3),
    )
    return truth, heard


def in_its_room(wave: Waveform, tape: Tape, cast: Cast, rng: np.random.Generator) -> tuple[Waveform, str, float | None]:
    """``wave`` with the room's noise, which noise, and speech over it in dB; most rooms are quiet (None)."""
    span = tape.room
    if span is None:
        return wave, "none", None
    if rng.random() < 0.64:
        floor = noise.generated("room", wave.size / TELEPHONE_RATE, rng)[: wave.size]
        return wave + gated(floor, span) * 10 ** (rng.uniform(-72, -58) / 20), "quiet_room", None
    snr = float(np.clip(rng.normal(21, 7), 4, 35))
    kind = str(rng.choice([*noise.GENERATED[cast.split], *noise.PLAYED]))
    seconds = wave.size / TELEPHONE_RATE
    if kind == "babble":
        sound = cast.crowd(seconds, rng)
    elif kind == "television":
        sound = cast.television(seconds, rng)
    else:
        sound = noise.generated(kind, seconds, rng)
    sound = np.resize(sound, wave.size)
    return wave + gated(sound, span) * SPEECH_RMS * 10 ** (-snr / 20), kind, round(snr, 1)


def gated(sound: Waveform, span: Span) -> Waveform:
    """Heard during ``span`` only."""
    start = round(span.start * TELEPHONE_RATE)
    end = sound.size if np.isinf(span.end) else round(span.end * TELEPHONE_RATE)
    heard = np.zeros(sound.size)
    heard[start:end] = sound[start:end]
    return heard
