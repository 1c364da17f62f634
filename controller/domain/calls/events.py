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
    """Answering-machine detection spoke. kind: person, machine, unknown, fax, sit."""

    at: float
    kind: str
    confidence: float
    detect_ms: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The person and the bot, IVR or message hear each other. to: the target's name."""

    at: float
    to: str


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """The target could not be reached; the person is still on the line or was told so."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over. outcome: what it was if nobody answered; cause and sip_status: as recorded, for the export.

    The times, and whether it was connected, are the switch's own memory of the call: they stand in for events that were lost.
    """

    at: float
    outcome: Outcome
    cause: str
    sip_status: int | None = None
    answered_at: float | None = None
    ringing_at: float | None = None
    connected_at: float | None = None
    connect_failed: str | None = None


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


CallEvent = Left | Ringing | Answered | VerdictGiven | Connected | ConnectFailed | HungUp | DialFailed | Overdue | Vanished
