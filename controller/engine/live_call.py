"""A call as the desk holds it: the domain's call and all that hangs on it. Plain data; what is done with it is elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import gevent
from gevent.queue import SimpleQueue

from controller.domain.calls.events import CallEvent
from controller.domain.calls.states import Call
from controller.domain.campaigns.retry import RetryPolicy
from controller.ports import Launch, SlotUse

ASK_AGAIN_SECONDS = 1.0
"""A question that could not be put to the switch is put again after this."""


@dataclass(frozen=True, slots=True)
class HangUpRequest:
    """Somebody wants the call to end; takes its turn in the call's queue."""

    why: str


@dataclass(slots=True)
class LiveCall:
    """One call and all that hangs on it.

    launch: None for an adopted call, which has left long ago. launch_at: monotonic seconds. not_after: UTC epoch seconds, the
    window's end. opt_out_list: where the number goes if the person wants no more calls; None = the global list. core: the life
    of the switch that was asked to dial. known_since: monotonic seconds at which it was taken over; a step of the wall clock
    must not make a young call look old. unasked: the switch could not be asked about it; events may have been missed meanwhile,
    so its usual patience does not hold. time_up_at: monotonic seconds at which its present state has lasted too long, and
    entries: for which entry into a state that holds. learned: whether pacing knows who picked up, or that nobody did.
    """

    call: Call
    lead_id: int
    contact_id: int
    run_id: int
    attempts: int
    uncharged: int
    policy: RetryPolicy
    use: SlotUse
    launch: Launch | None
    launch_at: float
    not_after: float
    opt_out_list: int | None = None
    core: str = ""
    known_since: float = 0.0
    unasked: bool = False
    time_up_at: float | None = None
    entries: int = 0
    learned: bool = False
    queue: SimpleQueue[CallEvent | HangUpRequest] = field(default_factory=SimpleQueue)
    greenlet: gevent.Greenlet[..., None] | None = None

    @property
    def attempt_id(self) -> str:
        return self.call.order.attempt_id

    def patience(self) -> float:
        """Seconds that may pass without an event before the switch is asked about the call."""
        return ASK_AGAIN_SECONDS if self.unasked else self.call.expected_silence()

    def seconds_left(self, now: float) -> float:
        """Until its present state has lasted too long; infinite when it may last."""
        return math.inf if self.time_up_at is None else max(0.0, self.time_up_at - now)

    def note_limit(self, now: float) -> None:
        """The call may have got into another state at ``now``, monotonic seconds: its limit counts from here."""
        if self.call.entries != self.entries:
            self.entries = self.call.entries
            limit = self.call.limit_seconds
            self.time_up_at = None if limit is None else now + limit
