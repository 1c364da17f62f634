"""What a check found: the word that ``trunkline check`` is made of. Who looks at what lies with the checks themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """OK: as it should be. WARN: works, but not as well or as safely as it could. FAIL: a campaign cannot run like this."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. subject: what, in two or three words. detail: what was seen. mend: what to do about it,
    one sentence; empty when there is nothing to do."""

    level: Level
    subject: str
    detail: str
    mend: str = ""


def ok(subject: str, detail: str) -> Finding:
    return Finding(Level.OK, subject, detail)


def warn(subject: str, detail: str, mend: str) -> Finding:
    return Finding(Level.WARN, subject, detail, mend)


def fail(subject: str, detail: str, mend: str) -> Finding:
    return Finding(Level.FAIL, subject, detail, mend)
