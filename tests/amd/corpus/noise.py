"""What is heard behind the callee: rooms, streets, crowds, television, hum. RMS 1.0; the scene sets the level.

Training and test share no recording: crowds and televisions are made of the split's own voices and tunes, and two kinds
(street and kitchen) are heard in test only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform
from tests.amd.corpus.line import fast_length
from tests.amd.corpus.truth import Split

GENERATED = {
    Split.TRAIN: ("white", "room", "hum", "wind", "car", "office"),
    Split.TEST: ("white", "room", "hum", "wind", "car", "street", "kitchen"),
}
PLAYED = ("babble", "television")
"""Kinds that need voices: the cast gives them."""


def generated(kind: str, seconds: float, rng: np.random.Generator) -> Waveform:
    """``seconds`` of noise of one of GENERATED."""
    makers: dict[str, Callable[[int, np.random.Generator], Waveform]] = {
        "white": lambda size, rng: coloured(size, rng, 0.0),
        "room": lambda size, rng: coloured(size, rng, float(rng.uniform(1.0, 2.0))),
        "hum": hum,
        "wind": wind,
        "car": car,
        "office": lambda size, rng: coloured(size, rng, 1.5) + 1.5 * knocks(size, rng, per_second=3.0, ring=2500.0),
        "street": street,
        "kitchen": lambda size, rng: coloured(size, rng, 1.0) * 0.5 + 2.5 * knocks(size, rng, per_second=2.0, ring=3200.0),
    }
    return unit(makers[kind](round(seconds * TELEPHONE_RATE), rng))


def unit(wave: Waveform) -> Waveform:
    """At RMS 1.0."""
    return wave / max(float(np.sqrt(np.mean(wave**2))), 1e-9)


def coloured(size: int, rng: np.random.Generator, slope: float) -> Waveform:
    """Noise whose power falls with frequency to the power of ``slope``: 0 white, 1 pink, 2 brown; flat below 80 Hz."""
    length = fast_length(size)
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / TELEPHONE_RATE), 80.0)
    spectrum = np.fft.rfft(rng.normal(size=length)) * frequency ** (-slope / 2)
    return unit(np.fft.irfft(spectrum, length)[:size])


def slow(size: int, rng: np.random.Generator, per_second: float) -> Waveform:
    """A random curve from 0 to 1 that changes about ``per_second`` times a second."""
    knots = rng.random(max(4, int(size / TELEPHONE_RATE * per_second) + 4))
    return np.interp(np.linspace(0, knots.size - 1, size), np.arange(knots.size), knots)


def hum(size: int, rng: np.random.Generator) -> Waveform:
    """The mains and its harmonics, over a little noise."""
    at = np.arange(size) / TELEPHONE_RATE
    base = float(rng.choice([50.0, 60.0]))
    harmonics = [np.sin(2 * np.pi * base * n * at + rng.uniform(0, 6)) * rng.uniform(0.2, 1) / n for n in range(1, 9)]
    mains: Waveform = np.sum(harmonics, axis=0)
    return mains + 0.3 * coloured(size, rng, 1.0)


def wind(size: int, rng: np.random.Generator) -> Waveform:
    """Low rumble in gusts."""
    return coloured(size, rng, 2.5) * (0.15 + slow(size, rng, 1.5) ** 2)


def car(size: int, rng: np.random.Generator) -> Waveform:
    """Tyres, and an engine between 70 and 140 Hz."""
    turning = 70 + 70 * slow(size, rng, 0.3)
    engine = np.sin(2 * np.pi * np.cumsum(turning) / TELEPHONE_RATE)
    return coloured(size, rng, 2.0) + 0.5 * engine + 0.25 * np.sign(engine) * coloured(size, rng, 1.0)


def street(size: int, rng: np.random.Generator) -> Waveform:
    """Cars that pass, now and then a horn."""
    passing = 0.2 + slow(size, rng, 0.5) ** 3
    wave = coloured(size, rng, 1.3) * passing
    if rng.random() < 0.3:
        start, length = int(rng.integers(0, size)), int(rng.uniform(0.2, 0.7) * TELEPHONE_RATE)
        at = np.arange(min(length, size - start)) / TELEPHONE_RATE
        wave[start : start + at.size] += 0.5 * (np.sin(2 * np.pi * 410 * at) + np.sin(2 * np.pi * 515 * at))
    return wave


def knocks(size: int, rng: np.random.Generator, per_second: float, ring: float) -> Waveform:
    """Short ringing blows: keys of a keyboard, plates. ring: about the highest resonance in Hz."""
    wave = np.zeros(size)
    at = np.arange(800) / TELEPHONE_RATE
    for start in rng.integers(0, size, int(size / TELEPHONE_RATE * per_second)):
        resonance = ring * rng.uniform(0.3, 1.0)
        blow = np.exp(-at * rng.uniform(40, 200)) * np.sin(2 * np.pi * resonance * at) * rng.uniform(0.2, 1.0)
        wave[start : start + at.size] += blow[: size - start]
    return wave


def cough(rng: np.random.Generator) -> Waveform:
    """A cough or a rattle of the receiver, 0.15 to 0.5 s, RMS 1.0."""
    size = int(rng.uniform(0.15, 0.5) * TELEPHONE_RATE)
    at = np.arange(size) / TELEPHONE_RATE
    bursts = np.exp(-at * rng.uniform(8, 25)) + 0.6 * np.exp(-np.abs(at - at[-1] * 0.6) * 30)
    return unit(coloured(size, rng, float(rng.uniform(0.3, 1.2))) * bursts)
