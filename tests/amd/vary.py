"""Changes of the line that say nothing of who answered: a model trained with them cannot lean on the make of the corpus.

Networks send digital silence or comfort noise instead of a quiet room (silence suppression), add noise of their own, answer
early, amplify, and quantise coarsely; they do it to people and to machines alike. Without this a model learns that only
machines are preceded by digital silence, and takes a person on such a line for one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from esl_handlers.recorded_audio import TELEPHONE_RATE, resample

Samples = NDArray[np.int16]

UNCHANGED = 0.25
"""Share of the recordings that stay as they are."""

SUPPRESSED, NOISY = 0.45, 0.35
"""Of the others: share of lines with silence suppression, and with noise throughout."""

ANOTHER_SPEAKER = 0.5
"""And of the others: share played slower or faster, which is another voice with another rhythm."""

FRAME = 160


def varied(pcm: Samples, rng: np.random.Generator) -> Samples:
    """The recording (8 kHz) over a line that may differ; what is said stays."""
    if rng.random() < UNCHANGED:
        return pcm
    wave = pcm.astype(np.float64)
    if rng.random() < ANOTHER_SPEAKER:
        pace = float(rng.uniform(0.88, 1.14))
        wave = resample(wave, round(TELEPHONE_RATE * pace / 20) * 20, TELEPHONE_RATE)
    drawn = rng.random()
    if drawn < SUPPRESSED:
        wave = with_silence_suppressed(wave, rng)
    elif drawn < SUPPRESSED + NOISY:
        wave = wave + hiss(wave.size, rng, -75, -42)
    if rng.random() < 0.3:
        early = int(rng.uniform(0.05, 1.5) * 8000)
        wave = np.concatenate((np.zeros(early) if rng.random() < 0.5 else hiss(early, rng, -75, -45), wave))
    if rng.random() < 0.3:
        wave = wave * 10 ** (rng.uniform(-8, 8) / 20)
    if rng.random() < 0.25:  # small samples in steps of 16, as A-law has them
        wave = np.where(np.abs(wave) < 256, np.round((wave - 8) / 16) * 16 + 8, wave)
    return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


def with_silence_suppressed(wave: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Nothing is sent but talk and up to 100 ms on either side: digital silence, or comfort noise, in its place."""
    whole = wave[: wave.size // FRAME * FRAME].copy()
    levels = np.sqrt(np.mean(whole.reshape(-1, FRAME) ** 2, axis=1))
    loud = levels > (np.quantile(levels, 0.97) + 1) * 10 ** (-rng.uniform(26, 34) / 20)
    sent = np.repeat(np.convolve(loud, np.ones(2 * int(rng.integers(0, 6)) + 1), "same") > 0, FRAME)
    instead = np.zeros(whole.size) if rng.random() < 0.7 else hiss(whole.size, rng, -75, -60)
    return np.where(sent, whole, instead)


def hiss(size: int, rng: np.random.Generator, least_db: float, most_db: float) -> NDArray[np.float64]:
    """White or slightly dull noise at a level between the two, dB of full scale."""
    noise = rng.standard_normal(size)
    if rng.random() < 0.5 and size > 4:
        noise = np.convolve(noise, np.ones(4) / 2, "same")
    return noise * 10 ** (rng.uniform(least_db, most_db) / 20) * 32768
