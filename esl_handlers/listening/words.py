"""What controller and listener say to each other: datagrams of JSON, each one of the classes here.

Orders go to the listener, findings come back. A datagram is whole or not there at all; one that nobody understands is a
mistake of ours and raises.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

MAX_BYTES = 16 * 1024

Detail = dict[str, str | float]


@dataclass(frozen=True, slots=True)
class Listen:
    """Begin with a call.

    path: the recording that grows, or empty; then port: the local port at FreeSWITCH that its datagrams come from.
    preset: the detector's. max_seconds: without a verdict by then it is unknown. beep: go on until the machine records.
    keep_as: file that the first ``keep_seconds`` of audio are kept in; empty = none.
    """

    call: str
    path: str = ""
    port: int = 0
    preset: str = "balanced"
    max_seconds: float = 5.0
    beep: bool = False
    keep_as: str = ""
    keep_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ExpectPerson:
    """A message is being left: from now on listen for somebody who picks up."""

    call: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Listen to that call no more."""

    call: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The listener takes orders. port: where datagrams of audio are to be sent, on loopback."""

    port: int


@dataclass(frozen=True, slots=True)
class Found:
    """Something was heard. what: ``verdict``, ``revised``, ``beep`` or ``quiet``.

    kind, confidence: of a verdict. ms: audio from the beginning until then; greeting_ms: until the person had stopped speaking.
    """

    call: str
    what: str
    kind: str = ""
    confidence: float = 0.0
    ms: int = 0
    greeting_ms: int | None = None
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Over:
    """Nobody listens to that call any more. why: ``done``, ``stopped``, ``begun anew``, or ``no file`` and the reason.
    read: bytes of audio."""

    call: str
    why: str
    read: int


Word = Listen | ExpectPerson | Stop | Ready | Found | Over

_KINDS: dict[str, type[Word]] = {kind.__name__: kind for kind in (Listen, ExpectPerson, Stop, Ready, Found, Over)}


def encode(word: Word) -> bytes:
    return json.dumps([type(word).__name__, asdict(word)], separators=(",", ":")).encode()


def decode(datagram: bytes) -> Word:
    name, fields = json.loads(datagram)
    return _KINDS[name](**fields)
