"""The rule that most dialers live with, for comparison: Asterisk's app_amd with its default parameters, written anew from
its description. It hears loudness only and decides machine on length, on words and on silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esl_handlers.amd import Kind, Verdict

FRAME_MS = 20
FRAME_BYTES = 2 * 8 * FRAME_MS


@dataclass(frozen=True)
class Rule:
    """The published defaults. Times in ms; silence_threshold: mean level of 32768 below which a frame is quiet."""

    initial_silence: int = 2500
    greeting: int = 1500
    after_greeting_silence: int = 800
    total_analysis_time: int = 5000
    min_word_length: int = 100
    between_words_silence: int = 50
    maximum_number_of_words: int = 3
    maximum_word_length: int = 5000
    silence_threshold: int = 256


class RuleBased:
    """Decides once, by the same contract as the detector: ``feed`` audio, receive a verdict or None."""

    def __init__(self, rule: Rule | None = None) -> None:
        self._rule = rule or Rule()
        self._waiting = b""
        self._at = 0
        self._quiet = 0
        self._voice = 0
        self._voice_in_all = 0
        self._words = 0
        self._between_words = False  # the first sound is no word unless quiet came before it
        self._greeted = False
        self._decided = False

    def feed(self, pcm: bytes) -> Verdict | None:
        """The next audio, 16-bit mono 8 kHz; the verdict in the frame that decides it, None before and after."""
        self._waiting += pcm
        while len(self._waiting) >= FRAME_BYTES and not self._decided:
            frame = np.frombuffer(self._waiting[:FRAME_BYTES], "<i2")
            self._waiting = self._waiting[FRAME_BYTES:]
            self._at += FRAME_MS
            decision = self._frame(float(np.mean(np.abs(frame.astype(np.int32)))))
            if decision is not None:
                self._decided = True
                kind, cause = decision
                return Verdict(kind, self._at / 1000, 1.0, {"reason": cause})
        return None

    def _frame(self, level: float) -> tuple[Kind, str] | None:
        if self._at >= self._rule.total_analysis_time:
            return Kind.UNKNOWN, "too long"
        return self._quiet_frame() if level < self._rule.silence_threshold else self._loud_frame()

    def _quiet_frame(self) -> tuple[Kind, str] | None:
        self._quiet += FRAME_MS
        if self._quiet >= self._rule.between_words_silence:
            self._between_words = True
            self._voice = 0
        if not self._greeted and self._quiet >= self._rule.initial_silence:
            return Kind.MACHINE, "initial silence"
        if self._greeted and self._quiet >= self._rule.after_greeting_silence:
            return Kind.PERSON, "quiet after the greeting"
        return None

    def _loud_frame(self) -> tuple[Kind, str] | None:
        self._voice += FRAME_MS
        self._voice_in_all += FRAME_MS
        self._quiet = 0
        if self._voice >= self._rule.min_word_length and self._between_words:
            self._words += 1
            self._between_words = False
        if self._voice >= self._rule.maximum_word_length:
            return Kind.MACHINE, "long word"
        if self._words >= self._rule.maximum_number_of_words:
            return Kind.MACHINE, "words"
        if self._greeted and self._voice_in_all >= self._rule.greeting:
            return Kind.MACHINE, "long greeting"
        self._greeted = self._greeted or self._voice >= self._rule.min_word_length
        return None
