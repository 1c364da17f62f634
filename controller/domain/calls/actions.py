"""What to do about a call: the call machine's answers, carried out by ``engine/call_desk.py``."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.calls.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answered person goes.

    kind: ``bot`` (SIP endpoint), ``playback`` (one sound file) or ``ivr`` (dialplan extension).
    address: SIP URI, file or extension. name: what reports and metrics call it.
    headers: fixed SIP headers a bot gets, besides the contact's attributes.
    """

    kind: str
    name: str
    address: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DialOrder:
    """Everything the switch needs to place one call.

    attempt_id is the call's identity everywhere. dial_string_number: the number as this carrier wants it (prefix, strip).
    connect_on_answer: True hands the answered call to ``target`` inside the switch, without a round trip; False parks it
    for a verdict (answering-machine detection), guarded by the dead-man's switch of ``verdict_seconds``.
    attributes: the contact's own variables; hostile until proven otherwise.
    """

    attempt_id: str
    campaign: str
    run_id: int
    gateway: str
    dial_string_number: str
    caller_id: str
    ring_seconds: int
    max_seconds: int
    target: Target
    attributes: tuple[tuple[str, str], ...] = ()
    connect_on_answer: bool = True
    verdict_seconds: int = 10


@dataclass(frozen=True, slots=True)
class Connect:
    """Join the waiting person and the target."""

    target: Target


@dataclass(frozen=True, slots=True)
class StartDetection:
    """Begin answering-machine detection on the call's own audio."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call. why: a word for the record (``stop``, ``machine`` …)."""

    why: str


@dataclass(frozen=True, slots=True)
class AskSwitch:
    """Find out whether the call still lives."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The attempt is over: write its end, free its slots, move its lead. Comes exactly once for a call."""

    outcome: Outcome
    cause: str
    sip_status: int | None


Action = Connect | StartDetection | HangUp | AskSwitch | Finish
