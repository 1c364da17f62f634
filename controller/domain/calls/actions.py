"""What to do about a call: the call machine's answers, carried out by ``engine/call_desk.py``."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.agents.agent import ReservationEnd
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answered person goes.

    kind: ``bot`` (SIP endpoint), ``playback`` (one sound file), ``ivr`` (dialplan extension) or ``queue`` (an agent of
    it; never given to the switch, which gets an agent instead). address: SIP URI, file, extension or queue. name: what reports
    and metrics call it.
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
    for a verdict (answering-machine detection) or an agent, guarded by the dead-man's switch of ``verdict_seconds``.
    attributes: the contact's own variables; hostile until proven otherwise. treatment: what the dead-man's switch plays
    to a person whom nobody fetches; None = the switch's own sound.
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
    treatment: Treatment | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """Join the waiting person and the target."""

    target: Target


@dataclass(frozen=True, slots=True)
class StartDetection:
    """Begin answering-machine detection on the call's own audio. ``VerdictGiven`` follows; unknown, when it cannot listen."""

    detection: Detection


@dataclass(frozen=True, slots=True)
class StopDetection:
    """Nobody wants to hear more of it. Asked for twice, or for a call without detection, it does nothing."""


@dataclass(frozen=True, slots=True)
class Park:
    """Take the call from whatever it is joined with, which is freed, and hold it in silence.

    seconds: after so long without us the switch hangs up by itself.
    """

    seconds: int


@dataclass(frozen=True, slots=True)
class LeaveMessage:
    """Play ``sound`` to a machine from its first word; ``MessagePlayed`` follows. Asked again, it begins anew."""

    sound: str


@dataclass(frozen=True, slots=True)
class StopMessage:
    """Break off the message that plays: a person picked up."""


@dataclass(frozen=True, slots=True)
class Treat:
    """Play the abandoned-call message to a person; ``MessagePlayed`` and any ``KeyPressed`` follow."""

    treatment: Treatment


@dataclass(frozen=True, slots=True)
class ReserveAgent:
    """Find the longest-idle agent of a queue; ``AgentReserved`` or ``NoAgent`` follows within that time."""

    queue: str
    within_seconds: float


@dataclass(frozen=True, slots=True)
class ConnectAgent:
    """Join the waiting person with the reserved agent's line; ``Connected`` or ``AgentLost`` follows."""

    agent: str


@dataclass(frozen=True, slots=True)
class ReleaseAgent:
    """The call does not need the agent any more. end: ``TALK`` when they were joined. wrap_up: whether the agent has something
    to note of it; a provisional person who was a machine leaves nothing.
    """

    agent: str
    end: ReservationEnd
    wrap_up: bool = False


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


Action = (
    Connect
    | StartDetection
    | StopDetection
    | Park
    | LeaveMessage
    | StopMessage
    | Treat
    | ReserveAgent
    | ConnectAgent
    | ReleaseAgent
    | HangUp
    | AskSwitch
    | Finish
)
