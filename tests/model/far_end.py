"""The far end: phones that ring, and switches in front of them. Its own count is the one that decides whether we kept our word.

A switch outlives its controller; killed, it forgets its calls and writes no record of them. Commands may be slow: a call that
was ordered is created when the model says so, or never.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.events import (
    Answered,
    CallEvent,
    Connected,
    DialFailed,
    HungUp,
    Left,
    MessagePlayed,
    Ringing,
    VerdictGiven,
    VerdictRevised,
)
from controller.domain.calls.outcome import RULES, Outcome
from controller.engine.asking import CREATION_SECONDS
from controller.errors import SwitchDown
from controller.ports import Missed
from controller.storage.memory import MemoryStore

CAUSES = {
    Outcome.BUSY: 486,
    Outcome.NO_ANSWER: None,
    Outcome.CONGESTION: 503,
    Outcome.INVALID_NUMBER: 404,
    Outcome.CANCELLED: 487,
    Outcome.ERROR: None,
}


@dataclass(eq=False)
class FarCall:
    """One phone that was rung. Times are UTC epoch seconds."""

    order: DialOrder
    placed_at: float
    ringing_at: float | None = None
    answered_at: float | None = None
    connected_at: float | None = None
    ended: HungUp | None = None
    judged: bool = False
    cut_off: bool = False  # its switch died: nobody was told

    @property
    def unjoined(self) -> bool:
        """Picked up, and nobody of ours was there, or only until it turned out a machine."""
        return self.answered_at is not None and (self.connected_at is None or self.judged)

    @property
    def live(self) -> bool:
        return self.ended is None and not self.cut_off


@dataclass
class FarEnd:
    """Every phone, with what was written before it was rung."""

    store: MemoryStore
    calls: list[FarCall] = field(default_factory=list)

    def live(self) -> list[FarCall]:
        return [call for call in self.calls if call.live]

    def invite(self, order: DialOrder, now: float) -> FarCall:
        """Ring. I1 and I3 are seen here, at the only place where they count."""
        number = order.dial_string_number
        attempts = {attempt.draft.attempt_id: attempt for attempt in self.store.attempts()}
        assert order.attempt_id in attempts, f"I3: {order.attempt_id} rings without a row"
        assert order.attempt_id not in {call.order.attempt_id for call in self.calls}, "one attempt rang twice"
        assert number not in {call.order.dial_string_number for call in self.live()}, f"I1: {number} has two live calls"
        call = FarCall(order, now)
        self.calls.append(call)
        return call

    def charged(self) -> Counter[tuple[int, str]]:
        """Calls that cost the contact an attempt, by run and number, as the phones count them."""
        return Counter(
            (call.order.run_id, call.order.dial_string_number)
            for call in self.calls
            if call.cut_off or (call.ended is not None and (call.answered_at or RULES[call.ended.outcome].charged))
        )


@dataclass(eq=False)
class ModelSwitch:
    """``ports.Switch``, without anything that could be late: that is the model's business. now: UTC epoch seconds."""

    name: str
    far_end: FarEnd
    now: Callable[[], float]
    monotonic: Callable[[], float]
    keeps_record: bool
    lives: int = 1
    ready: bool = True
    backlog: int = 0
    calls: dict[str, FarCall] = field(default_factory=dict)
    ordered: list[tuple[float, DialOrder]] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    record: dict[str, HungUp] = field(default_factory=dict)
    wire: list[tuple[str, CallEvent]] = field(default_factory=list)
    slow: bool = False

    @property
    def core(self) -> str:
        return f"{self.name}-{self.lives}"

    def dial(self, order: DialOrder, not_after: float = math.inf) -> DialFailed | Missed | None:
        self._must_be_up()
        if self.monotonic() > not_after:
            return Missed("the loop is late")
        if self.slow:
            self.ordered.append((self.now(), order))
        else:
            self._create(order)
        return None

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        """The phone is joined with the bot, if it is still off the hook."""
        self._must_be_up()
        call = self.calls.get(attempt_id)
        if call is not None and call.answered_at is not None and call.connected_at is None:
            call.connected_at = self.now()
            self._tell(call, Connected(self.now(), target.name))

    def screen(self, attempt_id: str, detection: Detection) -> None:
        """Detection listens; the model says when it speaks."""
        self._must_be_up()

    def stop_screening(self, attempt_id: str) -> None:
        self._must_be_up()

    def park(self, attempt_id: str, seconds: int) -> None:
        self._must_be_up()

    def leave_message(self, attempt_id: str, sound: str) -> None:
        """The message lies on the machine, and the switch hangs up."""
        self._must_be_up()
        call = self.calls.get(attempt_id)
        if call is not None and call.answered_at is not None:
            self._tell(call, MessagePlayed(self.now()))
            self.end(call, Outcome.ANSWERED)

    def stop_message(self, attempt_id: str) -> None:
        self._must_be_up()

    def treat(self, attempt_id: str, treatment: Treatment) -> None:
        self._must_be_up()

    def waits(self, attempt_id: str) -> bool:
        self._must_be_up()
        call = self.calls.get(attempt_id)
        return call is not None and call.answered_at is not None and call.connected_at is None

    def hang_up(self, attempt_id: str, why: str) -> None:
        self._must_be_up()
        if attempt_id in self.calls:
            self.end(self.calls[attempt_id], Outcome.CANCELLED)
        else:
            self.killed.add(attempt_id)

    def alive(self, attempt_id: str) -> bool:
        self._must_be_up()
        return attempt_id in self.calls

    def end_of(self, attempt_id: str) -> HungUp | None:
        return self.record.get(attempt_id)

    # what the model does

    def work_off(self) -> None:
        """Create the calls that were ordered; those that took too long are dropped, as every queue in a switch has an end."""
        ordered, self.ordered = self.ordered, []
        for at, order in ordered:
            if self.now() < at + order.ring_seconds + CREATION_SECONDS:
                self._create(order)

    def ring(self, call: FarCall) -> None:
        if call.ringing_at is None and call.answered_at is None:
            call.ringing_at = self.now()
            self._tell(call, Ringing(self.now()))

    def answer(self, call: FarCall) -> None:
        if call.answered_at is None:
            call.answered_at = self.now()
            self._tell(call, Answered(self.now()))
            if call.order.connect_on_answer:
                call.connected_at = self.now()
                self._tell(call, Connected(self.now(), call.order.target.name))

    def judge(self, call: FarCall, kind: str) -> None:
        """Detection speaks, for the first time or again."""
        if call.answered_at is None or call.order.connect_on_answer:
            return
        self._tell(
            call, VerdictRevised(self.now(), kind, 0.9, 900) if call.judged else VerdictGiven(self.now(), kind, 0.9, 500)
        )
        call.judged = True

    def end(self, call: FarCall, outcome: Outcome) -> None:
        """The phone is on the hook again. What FreeSWITCH knows of the call goes into its record, then over the wire."""
        if call.ringing_at is not None and RULES[outcome].carrier_fault:
            outcome = Outcome.ERROR
        if call.answered_at is not None:
            outcome = Outcome.ANSWERED
        call.ended = HungUp(
            self.now(), outcome, outcome.name, CAUSES.get(outcome), call.answered_at, call.ringing_at, call.connected_at
        )
        del self.calls[call.order.attempt_id]
        if self.keeps_record:
            self.record[call.order.attempt_id] = call.ended
        self._tell(call, call.ended)

    def kill(self) -> None:
        """The switch itself dies and comes back: no call survives, none is on record."""
        for call in self.calls.values():
            call.cut_off = True
        self.calls.clear()
        self.ordered.clear()
        self.killed.clear()
        self.wire.clear()
        self.lives += 1

    def _create(self, order: DialOrder) -> None:
        call = self.far_end.invite(order, self.now())
        self.calls[order.attempt_id] = call
        self._tell(call, Left(self.now()))
        if order.attempt_id in self.killed:
            self.end(call, Outcome.CANCELLED)

    def _tell(self, call: FarCall, event: CallEvent) -> None:
        if self.ready:
            self.wire.append((call.order.attempt_id, event))

    def _must_be_up(self) -> None:
        if not self.ready:
            raise SwitchDown(f"{self.name}: no link")
