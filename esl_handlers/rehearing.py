"""Plays a recording to a detector as a call would, 20 ms at a time, and writes down what it said when.

The moments are those at which the audio had been heard, not those a detector claims. Whatever a detector raises is raised on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from esl_handlers.amd import Kind, Verdict

FRAME_BYTES = 320
FRAME_SECONDS = 0.02
FAR_BYTES = 2 * 8000 * 60
"""A minute: no greeting is longer, and no detector listens so long."""


class Listener(Protocol):
    """Whatever keeps the contract of ``Detector.feed``."""

    def feed(self, pcm: bytes) -> Verdict | None:
        """16-bit mono 8 kHz; a verdict when one is due."""
        ...


@dataclass(frozen=True)
class Heard:
    """What a listener made of one recording; times in seconds from its first sample.

    first: its first verdict other than a beep, and when; None when it gave none to the end. final: after a revision.
    beeps: when each was reported. cpu_seconds: processor time for the whole, frames: of 20 ms.
    """

    first: Kind | None
    decided_at: float | None
    final: Kind | None
    revised_at: float | None
    beeps: tuple[float, ...]
    cpu_seconds: float
    frames: int


def rehear(listener: Listener, pcm: bytes) -> Heard:
    """Play at most the first minute of a recording to a fresh listener."""
    said: list[tuple[float, Verdict]] = []
    pcm = pcm[:FAR_BYTES]
    frames = len(pcm) // FRAME_BYTES
    began = time.process_time()
    for frame in range(frames):
        verdict = listener.feed(pcm[frame * FRAME_BYTES : (frame + 1) * FRAME_BYTES])
        if verdict is not None:
            said.append(((frame + 1) * FRAME_SECONDS, verdict))
    while (verdict := listener.feed(b"")) is not None:  # several may have fallen due in the last frame
        said.append((frames * FRAME_SECONDS, verdict))
    cpu = time.process_time() - began
    kinds = [(at, verdict.kind) for at, verdict in said if verdict.kind is not Kind.BEEP]
    beeps = tuple(at for at, verdict in said if verdict.kind is Kind.BEEP)
    if not kinds:
        return Heard(None, None, None, None, beeps, cpu, frames)
    (decided_at, first), (last_at, final) = kinds[0], kinds[-1]
    return Heard(first, decided_at, final, last_at if len(kinds) > 1 else None, beeps, cpu, frames)
