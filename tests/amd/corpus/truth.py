"""What is known for certain about one recording of the corpus, and how it is written down.

All times are seconds from the answer, which is the first sample of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


class Kind(StrEnum):
    """Who or what answered. The first four are a detector's to name; nobody may be hung up on for any of the others."""

    PERSON = "person"
    MACHINE = "machine"
    FAX = "fax"
    SIT = "sit"
    SILENCE = "silence"
    NOISE = "noise"
    MUSIC = "music"
    BUSY = "busy"
    RINGBACK = "ringback"
    DTMF = "dtmf"


class Split(StrEnum):
    """Voices, wordings and noises of the two never meet."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True)
class Span:
    """From when to when a sound lasts."""

    start: float
    end: float


@dataclass(frozen=True)
class Truth:
    """One recording.

    scene: the story it tells, e.g. ``hello_again``. greeting: first to last sound of what is said first, up to where the
    callee waits for the caller; None when nobody speaks. voices: synthesizer and voice, or the recorded speaker.
    snr_db: speech over room noise; None without noise. level_dbfs: RMS of the active sound. loss: share of packets lost.
    weight: how often this scene occurs in campaign traffic over how often in the corpus, within its kind.
    """

    name: str
    kind: Kind
    scene: str
    split: Split
    language: str
    voices: tuple[str, ...]
    greeting: Span | None
    beeps: tuple[Span, ...]
    noise: str
    snr_db: float | None
    codec: str
    loss: float
    level_dbfs: float
    weight: float
    seconds: float

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The inverse; ValueError or KeyError when the line is of another make."""
        values: dict[str, Any] = json.loads(line)
        values["kind"], values["split"] = Kind(values["kind"]), Split(values["split"])
        values["greeting"] = Span(**values["greeting"]) if values["greeting"] else None
        values["beeps"] = tuple(Span(**beep) for beep in values["beeps"])
        values["voices"] = tuple(values["voices"])
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def read_truths(file: Path) -> Iterator[Truth]:
    """Each line of a ``truth.jsonl``."""
    with file.open() as lines:
        yield from (Truth.from_json(line) for line in lines)
