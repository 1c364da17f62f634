"""The speakers of one split: who can say what, and the crowds and televisions made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform, resample
from tests.amd.corpus.noise import unit
from tests.amd.corpus.recordings import Studio, studios, tune, volunteers
from tests.amd.corpus.synthesizers import Booth, Silent, Voice, voices
from tests.amd.corpus.texts import Texts, texts_of
from tests.amd.corpus.truth import Split

SENTENCE_END = re.compile(r"(?<=[.!?;।])\s+|(?<=[。！？])")
"""The semicolon is Greek's question mark; no other text here has one."""

CLIP_SECONDS = {
    "hello": (0.2, 1.0),
    "name": (0.7, 1.7),
    "company": (1.6, 4.5),
    "talk": (2.5, 9.0),
    "personal": (0.9, 4.0),
}
"""How long a volunteer's recording lasts that stands for each way of answering."""


PERSONAL_SECONDS = 2.5
"""Speech in a personal greeting that is joined of recordings, at least; what owners say in short is said by synthesizers."""


@dataclass(frozen=True)
class Speech:
    """What one speaker says, sentence by sentence; label: who speaks."""

    sentences: list[Waveform]
    label: str
    language: str


class Cast:
    """Every speaker of a split. recorded: the share of volunteers among people and personal greetings."""

    def __init__(self, split: Split, cache: Path, recorded: float = 0.3) -> None:
        self.split = split
        self._booth = Booth(cache)
        self._texts = texts_of(split)
        self._recorded = recorded
        self._voices: dict[str, list[Voice]] = {}
        for voice in voices(split, set(self._texts)):
            self._voices.setdefault(voice.language, []).append(voice)
        self._volunteers = volunteers(split, cache)
        self._studios = studios(split)
        self._crowds: list[Waveform] = []

    def says(self, manner: str, rng: np.random.Generator) -> Speech:
        """Somebody speaks in the manner of one of the lists of ``Texts``, or a volunteer's recordings of such length."""

        def take() -> Speech | None:
            recorded = manner in CLIP_SECONDS and rng.random() < self._recorded
            return self._volunteer(manner, rng) if recorded else self._synthetic(manner, rng)

        return first_heard(take)

    def announces(self, rng: np.random.Generator) -> Speech:
        """A carrier's announcement: a studio voice, or a synthetic one."""
        if rng.random() < 0.4:
            studio = self._studio(rng)
            return Speech(studio.announcement(rng), studio.label, studio.language)
        return self.says("carrier", rng)

    def counts(self, rng: np.random.Generator) -> Speech:
        """Nothing but a number, digit by digit."""
        if rng.random() < 0.4:
            studio = self._studio(rng)
            return Speech(studio.number(rng), studio.label, studio.language)

        def take() -> Speech:
            texts, voice = self._speaker(rng)
            digits = [self._booth.speak(voice, str(digit)) for digit in rng.choice(texts.digits, int(rng.integers(5, 12)))]
            return Speech(digits, voice.label, voice.language)

        return first_heard(take)

    def child_says(self, manner: str, rng: np.random.Generator) -> Speech:
        """As ``says`` with pitch and formants of a child, 1.2 to 1.5 times an adult's, and its slower words."""
        speech = self.says(manner, rng)
        factor = float(rng.uniform(1.2, 1.45))
        smaller = [
            resample(sentence, round(TELEPHONE_RATE * factor / 20) * 20, TELEPHONE_RATE) for sentence in speech.sentences
        ]
        return Speech(smaller, f"{speech.label}+child", speech.language)

    def crowd(self, seconds: float, rng: np.random.Generator) -> Waveform:
        """Five to nine people talking at once, RMS 1.0."""
        if len(self._crowds) < 6:
            self._crowds.append(unit(np.sum([self._talk(30.0, rng) for _ in range(int(rng.integers(5, 10)))], axis=0)))
        return piece(self._crowds[int(rng.integers(len(self._crowds)))], seconds, rng)

    def television(self, seconds: float, rng: np.random.Generator) -> Waveform:
        """One voice with music under it, RMS 1.0."""
        return unit(
            self._talk(seconds, rng)
            + float(rng.uniform(0.1, 0.8)) * tune(self.split, seconds, rng)[: round(seconds * TELEPHONE_RATE)]
        )

    def _talk(self, seconds: float, rng: np.random.Generator) -> Waveform:
        """Sentences of one manner after another until ``seconds`` are full."""
        parts: list[Waveform] = []
        while sum(part.size for part in parts) < seconds * TELEPHONE_RATE:
            parts += self.says(str(rng.choice(["talk", "company", "personal"])), rng).sentences
            parts.append(np.zeros(int(rng.uniform(0.1, 0.6) * TELEPHONE_RATE)))
        return np.concatenate(parts)[: round(seconds * TELEPHONE_RATE)]

    def _speaker(self, rng: np.random.Generator) -> tuple[Texts, Voice]:
        """A language, then a voice of it; a quarter are of the synthesizers that know few languages."""
        if rng.random() < 0.25:
            rare = [voice for chosen in self._voices.values() for voice in chosen if voice.engine != "espeak-ng"]
            voice = rare[int(rng.integers(len(rare)))]
        else:
            chosen = self._voices[str(rng.choice(sorted(self._voices)))]
            voice = chosen[int(rng.integers(len(chosen)))]
        return self._texts[voice.language], voice

    def _synthetic(self, manner: str, rng: np.random.Generator) -> Speech:
        texts, voice = self._speaker(rng)
        lines: tuple[str, ...] = getattr(texts, manner)
        sentences = [part for part in SENTENCE_END.split(lines[int(rng.integers(len(lines)))]) if part.strip()]
        return Speech([self._booth.speak(voice, sentence) for sentence in sentences], voice.label, voice.language)

    def _volunteer(self, manner: str, rng: np.random.Generator) -> Speech | None:
        """None when the volunteer drawn has no such recordings. A personal greeting is joined of two to six."""
        speaker = self._volunteers[int(rng.integers(len(self._volunteers)))]
        if speaker.letters and manner not in ("hello", "name"):
            return None
        shortest, longest = CLIP_SECONDS[manner]
        count = int(rng.integers(2, 5)) if manner == "personal" else 1
        clips: list[Waveform] = []
        while len(clips) < count or (manner == "personal" and len(clips) < 6 and seconds_of(clips) < PERSONAL_SECONDS):
            if (clip := speaker.clip(rng, shortest, longest)) is None:
                return None
            clips.append(clip)
        return Speech(clips, speaker.label, speaker.language)

    def _studio(self, rng: np.random.Generator) -> Studio:
        return self._studios[int(rng.integers(len(self._studios)))]


def seconds_of(clips: list[Waveform]) -> float:
    """Of all together."""
    return sum(clip.size for clip in clips) / TELEPHONE_RATE


def first_heard(take: Callable[[], Speech | None], takes: int = 30) -> Speech:
    """The first take on which something is heard: some voices have no rules for some words, some volunteers no such clip.

    Silent when that many takes gave nothing, which means a synthesizer that does not work.
    """
    reasons = []
    for _ in range(takes):
        try:
            if (speech := take()) is not None:
                return speech
        except Silent as silent:
            reasons.append(str(silent))
    raise Silent(f"nothing heard in {takes} takes; last: {reasons[-1] if reasons else 'no recording of that length'}")


def piece(wave: Waveform, seconds: float, rng: np.random.Generator) -> Waveform:
    """``seconds`` from a random place of ``wave``, which is repeated when it is too short."""
    size = round(seconds * TELEPHONE_RATE)
    return np.take(wave, np.arange(size) + int(rng.integers(wave.size)), mode="wrap")
