"""A live call: where it stands and what is known of it. Changed by ``machine.py`` and its neighbours alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from controller.domain.agents.agent import SeizureOutcome
from controller.domain.calls.actions import DialOrder
from controller.domain.calls.answering import Answering


class CallState(StrEnum):
    """dialing → ringing → answered → (screening → waiting → connecting →) connected → ended; ``machine.py`` draws it."""

    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"  # picked up; the switch is joining it with its target
    SCREENING = "screening"  # picked up; detection listens
    WAITING = "waiting"  # a person waits, parked, while an agent is sought
    CONNECTING = "connecting"  # on our word the switch joins it with its target, or with its agent
    CONNECTED = "connected"
    AWAITING_BEEP = "awaiting_beep"  # a machine speaks its greeting; a message will be left
    LEAVING_MESSAGE = "leaving_message"
    APOLOGISING = "apologising"  # a person whom nobody took hears the abandoned-call message
    ENDING = "ending"  # we asked the switch to hang up
    ENDED = "ended"


ALIVE = tuple(state for state in CallState if state is not CallState.ENDED)
BEFORE_ANSWER = (CallState.DIALING, CallState.RINGING)
PICKED_UP = tuple(state for state in ALIVE if state not in (*BEFORE_ANSWER, CallState.ENDING))


@dataclass(slots=True)
class Evidence:
    """What detection heard of a call, for the record and for the review of its mistakes.

    verdict: its first word; revised: its second, if there was one. Milliseconds are from the answer. detail: name and value.
    """

    verdict: str | None = None
    verdict_ms: int | None = None
    confidence: float | None = None
    detail: tuple[tuple[str, str | float], ...] = ()
    revised: str | None = None
    revised_ms: int | None = None
    beep_at: float | None = None
    key_at: float | None = None

    @property
    def believed(self) -> str | None:
        """What the call is taken for now."""
        return self.revised or self.verdict


@dataclass(slots=True)
class Call:
    """One call from its write-ahead to its end. Times are UTC epoch seconds. launched_at: when its command left us; None while
    it has not, and for a call that was adopted.

    agent: who is kept for it; seized: who was so last. person_at: since when somebody is owed an agent, bot or message.
    limit_seconds: how long it may stand in its present state, from the moment it got there; entries: how often it has got into
    a state, which tells the one who holds the clock that the limit counts anew. detecting: whether detection was started.
    unbeeped: the message began without a beep.
    """

    order: DialOrder
    placed_at: float
    answering: Answering = field(default_factory=Answering)
    agent: str | None = None
    seized: str | None = None
    state: CallState = CallState.DIALING
    limit_seconds: float | None = None
    entries: int = 0
    left: bool = False
    launched_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    person_at: float | None = None
    connected_at: float | None = None
    connected_to: str | None = None
    connect_failed: str | None = None
    detecting: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    seizure: SeizureOutcome | None = None
    unbeeped: bool = False
    message_left: bool = False
    treated: bool = False
    opted_out: bool = False
    hang_up_reason: str | None = None
    ended_at: float | None = None

    def enter(self, state: CallState, limit_seconds: float | None = None) -> None:
        """Stand in ``state`` from now on, for at most so long."""
        self.state = state
        self.limit_seconds = limit_seconds
        self.entries += 1

    def patience_left(self, now: float) -> float:
        """Seconds until the person counts as abandoned; 0.0 when that moment has passed."""
        since = now if self.person_at is None else self.person_at
        return max(0.0, self.answering.patience_seconds - (now - since))

    def expected_silence(self) -> float:
        """Longest time in seconds that can pass now without any event before something must have gone wrong."""
        if self.state in BEFORE_ANSWER:
            return self.order.ring_seconds + 15.0
        if self.state is CallState.SCREENING:
            return self.order.verdict_seconds + 15.0
        if self.state is CallState.ENDING:
            return 10.0
        return self.order.max_seconds + 30.0
