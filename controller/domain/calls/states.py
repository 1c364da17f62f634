"""A live call: where it stands and what is known of it. Changed by ``machine.py`` alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.calls.actions import DialOrder


class CallState(StrEnum):
    """dialing → ringing → answered → (screening → connecting →) connected → ended; ``ending`` once we hang up."""

    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"  # picked up; the switch is joining it with its target
    SCREENING = "screening"  # picked up; detection listens
    CONNECTING = "connecting"  # judged; on our word the switch joins it with its target
    CONNECTED = "connected"
    ENDING = "ending"  # we asked the switch to hang up
    ENDED = "ended"


@dataclass(slots=True)
class Call:
    """One call from its write-ahead to its end. Times are UTC epoch seconds. launched_at: when its command left us; None while
    it has not, and for a call that was adopted."""

    order: DialOrder
    placed_at: float
    state: CallState = CallState.DIALING
    left: bool = False
    launched_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    connected_at: float | None = None
    connected_to: str | None = None
    connect_failed: str | None = None
    verdict: str | None = None
    verdict_ms: int | None = None
    hang_up_reason: str | None = None
    ended_at: float | None = None

    def expected_silence(self) -> float:
        """Longest time in seconds that can pass now without any event before something must have gone wrong."""
        if self.state in (CallState.DIALING, CallState.RINGING):
            return self.order.ring_seconds + 15.0
        if self.state is CallState.SCREENING:
            return self.order.verdict_seconds + 15.0
        if self.state is CallState.ENDING:
            return 10.0
        return self.order.max_seconds + 30.0
