"""A recording in the making: sounds one after another, and the times that become its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform
from tests.amd.corpus.cast import Speech
from tests.amd.corpus.truth import Kind, Span


@dataclass
class Tape:
    """What happens on the answering side, in order. Levels: speech at SPEECH_RMS.

    room: from when to when the callee's room is heard (None: never); before it the line is digitally silent.
    """

    kind: Kind
    scene: str
    parts: list[Waveform] = field(default_factory=list)
    samples: int = 0
    greeting: Span | None = None
    beeps: list[Span] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    language: str = ""
    room: Span | None = None

    @property
    def now(self) -> float:
        """Seconds recorded so far."""
        return self.samples / TELEPHONE_RATE

    def quiet(self, seconds: float) -> None:
        """Nothing of the scene's own."""
        self.play(np.zeros(round(max(0.0, seconds) * TELEPHONE_RATE)))

    def play(self, wave: Waveform) -> Span:
        """A sound; from when to when it lasts."""
        start = self.now
        self.parts.append(wave)
        self.samples += wave.size
        return Span(round(start, 4), round(self.now, 4))

    def speak(self, speech: Speech, pauses: Sequence[float] = (), greeting: bool = True) -> Span:
        """Every sentence, ``pauses`` seconds between them (the last one again when there are more gaps).

        greeting: it counts as (part of) the greeting, which then lasts to its end.
        """
        start = self.now
        for index, sentence in enumerate(speech.sentences):
            if index:
                self.quiet(pauses[min(index - 1, len(pauses) - 1)] if pauses else 0.2)
            self.play(sentence)
        if speech.label not in self.voices:
            self.voices.append(speech.label)
        self.language = self.language or speech.language
        if greeting:
            first = self.greeting.start if self.greeting else round(start, 4)
            self.greeting = Span(first, round(self.now, 4))
        return Span(start, self.now)

    def beep(self, wave: Waveform) -> None:
        """A machine's beep."""
        self.beeps.append(self.play(wave))

    def wave(self) -> Waveform:
        """Everything recorded."""
        return np.concatenate(self.parts) if self.parts else np.zeros(0)
