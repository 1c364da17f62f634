"""What happened to a call, in the trade's words. ``at`` is UTC epoch seconds throughout.

The switch's own vocabulary (channels, causes) has been translated before an event gets here.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.calls.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Left:
    """The invitation has left the box: from here on the contact may be ringing."""

    at: float


@dataclass(frozen=True, slots=True)
class Ringing:
    """The far end rings (or sends early media)."""

    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody or something picked up."""

    at: float


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """Answering-machine detection spoke for the first time. kind: person, machine, unknown, fax, sit.

    detect_ms: from the answer to this verdict. greeting_ms: from the answer to the end of what the person said, when detection
    knows it. confidence: 0 to 1. detail: what it went by, name and value, as it is to be stored.
    """

    at: float
    kind: str
    confidence: float
    detect_ms: int
    greeting_ms: int | None = None
    detail: tuple[tuple[str, str | float], ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictRevised:
    """Detection changed its mind. kind: ``machine`` after a provisional person; ``person`` when somebody picked up while we
    waited for a beep or left a message."""

    at: float
    kind: str
    confidence: float
    detect_ms: int
    detail: tuple[tuple[str, str | float], ...] = ()


@dataclass(frozen=True, slots=True)
class BeepHeard:
    """A voicemail's beep has ended: from now on it records."""

    at: float


@dataclass(frozen=True, slots=True)
class GreetingEnded:
    """After its greeting a machine has been silent so long that no beep will come."""

    at: float


@dataclass(frozen=True, slots=True)
class MessagePlayed:
    """The message left on a machine, or spoken to a person whom no agent took, was played to its end."""

    at: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The far end pressed a key: 0-9, *, # or A-D."""

    at: float
    key: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The person and the bot, IVR, message or agent hear each other. to: the target's or the agent's name."""

    at: float
    to: str


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """The target could not be reached, or nobody fetched the person in time.

    told: whether the switch itself is telling the person so; otherwise the person still waits in silence.
    """

    at: float
    reason: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class AgentReserved:
    """An agent is kept for this call and for no other."""

    at: float
    agent: str


@dataclass(frozen=True, slots=True)
class NoAgent:
    """Nobody of the queue was free in time."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class AgentLost:
    """The agent of this call is not on the line (any more). reason: ``rona``, ``timeout`` or what became of the line."""

    at: float
    agent: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The agent passed the person on to somebody outside (a transfer) and is free. to: who, for the record."""

    at: float
    to: str


@dataclass(frozen=True, slots=True)
class FoundWaiting:
    """The switch, asked, holds the call answered and joined with nobody: its answer was not heard, or an earlier life of this
    controller heard it."""

    at: float


@dataclass(frozen=True, slots=True)
class FoundTalking:
    """The agent's line, looked at after a restart, shows the call joined with the agent, or held by the agent. since: when
    their talk began, as far as anybody remembers."""

    at: float
    agent: str
    since: float


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The call has stood in its present state for as long as it may (``Call.limit_seconds``)."""

    at: float


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over. outcome: what it was if nobody answered; cause and sip_status: as recorded, for the export.

    The times, whether it was connected, and whether the person opted out of further calls, are the switch's own memory of the
    call: they stand in for events that were lost.
    """

    at: float
    outcome: Outcome
    cause: str
    sip_status: int | None = None
    answered_at: float | None = None
    ringing_at: float | None = None
    connected_at: float | None = None
    connect_failed: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class DialFailed:
    """The switch refused to dial. left: False when it is certain that no invitation left the box."""

    at: float
    outcome: Outcome
    cause: str
    left: bool = False


@dataclass(frozen=True, slots=True)
class Overdue:
    """Nothing was heard for longer than the call can last: ask the switch what became of it."""

    at: float


@dataclass(frozen=True, slots=True)
class Vanished:
    """The switch, asked, knows nothing of the call and no record of its end exists.

    recorded: the switch has kept record of every call's end since this one was ordered, so that a call without one never was.
    """

    at: float
    reason: str
    recorded: bool = False


CallEvent = (
    Left
    | Ringing
    | Answered
    | VerdictGiven
    | VerdictRevised
    | BeepHeard
    | GreetingEnded
    | MessagePlayed
    | KeyPressed
    | Connected
    | ConnectFailed
    | AgentReserved
    | NoAgent
    | AgentLost
    | HandedOver
    | FoundWaiting
    | FoundTalking
    | TimeUp
    | HungUp
    | DialFailed
    | Overdue
    | Vanished
)
