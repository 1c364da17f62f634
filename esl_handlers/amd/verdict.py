"""What the detector says of an answered call: the words, and nothing of how they were found.

What is done about a verdict (connect, hang up, leave a message) is the campaign's decision, not this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Who or what answered; BEEP is no answerer but the end of a mailbox's greeting."""

    PERSON = "person"
    MACHINE = "machine"
    UNKNOWN = "unknown"
    FAX = "fax"
    SIT = "sit"
    BEEP = "beep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding, final unless a later one revises it.

    kind: see :class:`Kind`; it equals the plain word. at_seconds: how much audio had been heard when it was said.
    confidence: 0.0 to 1.0; of a person or machine verdict the calibrated chance that it is right, of an unknown 0.0.
    detail: why, as plain names and values (``reason`` always; times in seconds, frequencies in hertz); ``revised`` is True
    where a machine verdict takes back a person or unknown verdict.
    """

    kind: Kind
    at_seconds: float
    confidence: float
    detail: Mapping[str, float | str | bool] = field(default_factory=dict)
