"""Live calls: event → machine → what to do about it, at the switch and in the record.

Each call has a queue and a greenlet of its own from its launch to its end; both are gone after the hang-up. Events are put
into the queue by the link's greenlet and taken in order here. An error in one call's greenlet ends that call, on record.

The end of a call happens once: the machine says ``Finish`` once, and from here on the attempt's end is handed to the ledger,
the slots go back, the carrier's health is told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
import structlog
from gevent.event import Event
from gevent.queue import Empty, SimpleQueue

from controller.domain.calls.actions import Action, AskSwitch, Connect, Finish, HangUp, StartDetection
from controller.domain.calls.ending import request_hang_up
from controller.domain.calls.events import CallEvent, DialFailed, Left, Overdue, Vanished
from controller.domain.calls.machine import hear
from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.calls.record import AttemptEnd
from controller.domain.calls.states import Call, CallState
from controller.domain.campaigns.retry import RetryPolicy
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.slots import SlotDesk
from controller.engine.watch import Watch
from controller.errors import LiveStateDown, SwitchDown
from controller.ports import Clock, Launch, Missed, SlotUse, Switch

log = structlog.get_logger("call")

GRACE_SECONDS = 0.5
"""Between learning that a call is gone and looking for its end: the event may be on its way."""
CREATION_SECONDS = 10.0
"""After the ring limit and this, a call that the switch neither has nor recorded was never created there."""
ASK_AGAIN_SECONDS = 1.0
"""A question that could not be put to the switch is put again after this."""
LATE_SECONDS = 0.01
"""A call that is later than this for its launch time asks for a new one: a stalled loop must not turn into a burst."""


@dataclass(frozen=True, slots=True)
class HangUpRequest:
    """Somebody wants the call to end; takes its turn in the call's queue."""

    why: str


@dataclass(slots=True)
class LiveCall:
    """One call and all that hangs on it.

    launch: None for an adopted call, which has left long ago. launch_at: monotonic seconds. not_after: UTC epoch seconds, the
    window's end. core: the life of the switch that was asked to dial. known_since: monotonic seconds at which it was taken
    over; a step of the wall clock must not make a young call look old. unasked: the switch could not be asked about it;
    events may have been missed meanwhile, so its usual patience does not hold.
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
    core: str = ""
    known_since: float = 0.0
    unasked: bool = False
    queue: SimpleQueue[CallEvent | HangUpRequest] = field(default_factory=SimpleQueue)
    greenlet: gevent.Greenlet[..., None] | None = None

    @property
    def attempt_id(self) -> str:
        return self.call.order.attempt_id

    def patience(self) -> float:
        """Seconds that may pass without an event before the switch is asked about the call."""
        return ASK_AGAIN_SECONDS if self.unasked else self.call.expected_silence()


class CallDesk:
    """``ports.SwitchListener``: told by the switch what happens. may_dial: whether a run may still place calls."""

    def __init__(
        self,
        switch: Switch,
        ledger: LedgerDesk,
        slots: SlotDesk,
        clock: Clock,
        watch: Watch,
        may_dial: Callable[[int], bool],
        call_ended: Callable[[], None],
    ) -> None:
        self._switch = switch
        self._ledger = ledger
        self._slots = slots
        self._clock = clock
        self._watch = watch
        self._may_dial = may_dial
        self._call_ended = call_ended
        self._calls: dict[str, LiveCall] = {}
        self._empty = Event()
        self._empty.set()

    def place(self, live: LiveCall) -> None:
        """Take over a call whose write-ahead is durable; it leaves at its launch time."""
        self._enter(live)
        live.greenlet = gevent.spawn(self._serve, live, True)

    def adopt(self, live: LiveCall) -> None:
        """Take over a call that is already in progress at the switch."""
        self._enter(live)
        live.greenlet = gevent.spawn(self._serve, live, False)

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        live = self._calls.get(attempt_id)
        if live is not None:
            live.queue.put(event)

    def link_lost(self) -> None:
        log.warning("link", to="down", live_calls=len(self._calls))

    def link_restored(self, same_core: bool) -> None:
        """What happened meanwhile is not told again: ask for each call."""
        log.warning("link", to="up", same_core=same_core, live_calls=len(self._calls))
        for live in self._calls.values():
            live.queue.put(Overdue(self._clock.now()))

    def hang_up(self, attempt_id: str, why: str) -> bool:
        """Ask for a call to end; False when there is none of that identity."""
        live = self._calls.get(attempt_id)
        if live is None:
            return False
        live.queue.put(HangUpRequest(why))
        return True

    def holds(self, attempt_id: str) -> bool:
        return attempt_id in self._calls

    def calls(self) -> list[Call]:
        return [live.call for live in self._calls.values()]

    def talking(self) -> Counter[int]:
        """Calls in which a person talks at this moment, by run id."""
        return Counter(live.run_id for live in self._calls.values() if live.call.state is CallState.CONNECTED)

    def uses(self) -> list[SlotUse]:
        """The slots that living calls hold, for renewal."""
        return [live.use for live in self._calls.values()]

    def core_to_remember(self, known: str) -> str:
        """Which life of the switch the next life of this controller should take its calls to belong to; ``known`` so far.

        While a call of an earlier one is not settled, that stays: held against the present core, a call that died with the
        switch and left no record would pass for one that was never dialled.
        """
        core = self._switch.core
        left = (live for live in self._calls.values() if live.core or live.launch is None)
        settled = all(live.core == core for live in left) and self._ledger.flushed(0.0)
        return core if settled else known

    def open_since(self) -> float:
        """When the oldest call began whose end is not in the ledger, monotonic seconds: infinite when there is none, minus
        infinity when it may be one of an earlier life."""
        if any(live.launch is None for live in self._calls.values()) or not self._ledger.flushed(0.0):
            return -math.inf
        return min((live.known_since for live in self._calls.values()), default=math.inf)

    def wait_empty(self, seconds: float) -> bool:
        """Wait for the last call to end; False when that took longer."""
        return bool(self._empty.wait(seconds))

    def __len__(self) -> int:
        return len(self._calls)

    def _enter(self, live: LiveCall) -> None:
        live.known_since = self._clock.monotonic()
        self._calls[live.attempt_id] = live
        self._empty.clear()
        self._watch.live_calls(len(self._calls))

    def _serve(self, live: LiveCall, launch: bool) -> None:
        try:
            if launch:
                self._launch(live)
            while live.call.state is not CallState.ENDED:
                try:
                    event = live.queue.get(timeout=live.patience())
                except Empty:
                    event = Overdue(self._clock.now())
                self._take(live, event)
        except Exception as error:
            log.exception("call failed", attempt=live.attempt_id, error=repr(error))
            if live.call.state is not CallState.ENDED:
                live.call.state = CallState.ENDED
                live.call.ended_at = self._clock.now()
                self._try_hang_up(live, "controller_error")
                self._finish(live, Finish(Outcome.UNKNOWN, f"controller_error {type(error).__name__}", None))

    def _launch(self, live: LiveCall) -> None:
        """Wait for the launch time, look once more whether the call may leave, and let it go."""
        answer: DialFailed | Missed | None = Missed("its launch time is to come")
        while isinstance(answer, Missed):
            answer = self._launch_once(live)
        if answer is not None:
            self._take(live, answer)

    def _launch_once(self, live: LiveCall) -> DialFailed | Missed | None:
        """Wait for the launch time and dial; Missed when it passed meanwhile, and the call has another one."""
        wait = live.launch_at - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(wait)
        now = self._clock.now()
        if not self._may_dial(live.run_id) or now >= live.not_after:
            return DialFailed(now, Outcome.NOT_DIALLED, "run_or_window_closed")
        live.call.placed_at = live.call.launched_at = now
        live.core = self._switch.core
        try:
            answer = self._switch.dial(live.call.order, live.launch_at + LATE_SECONDS)
        except SwitchDown as error:
            answer = DialFailed(self._clock.now(), Outcome.NOT_DIALLED, f"switch_down: {error}")
        if answer is None:
            self._watch.call_placed(live.call.order.campaign, live.use.carrier)
            return None
        live.call.launched_at = None
        if isinstance(answer, Missed):
            try:
                self._give_another_launch(live)
            except LiveStateDown as error:
                return DialFailed(self._clock.now(), Outcome.NOT_DIALLED, f"limits unknown: {error}")
        return answer

    def _give_another_launch(self, live: LiveCall) -> None:
        assert live.launch is not None, "only calls that have not left wait for it"
        self._watch.launched_late(live.use.carrier)
        live.launch_at, live.launch = self._slots.relaunch(live.launch)

    def _take(self, live: LiveCall, event: CallEvent | HangUpRequest) -> None:
        before = live.call.state
        if isinstance(event, HangUpRequest):
            actions = request_hang_up(live.call, event.why)
        else:
            actions = hear(live.call, event)
        if live.call.state is not before:
            self._log_change(live, before, event)
            self._measure(live, before)
        for action in actions:
            self._do(live, action)

    def _do(self, live: LiveCall, action: Action) -> None:
        match action:
            case Finish():
                self._finish(live, action)
            case HangUp(why):
                self._try_hang_up(live, why)
            case Connect(target):
                try:
                    self._switch.connect(live.attempt_id, target, live.call.order.attributes)
                except SwitchDown as error:
                    # The dead-man's switch in the dialplan speaks to the person; the call's end comes as an event.
                    log.error("connect failed", attempt=live.attempt_id, error=str(error))
            case AskSwitch():
                self._ask(live)
            case StartDetection():
                log.error("detection asked for, but this build has none", attempt=live.attempt_id)

    def _ask(self, live: LiveCall) -> None:
        """Whether the call still lives; if not, how it ended, from the switch's record if need be."""
        live.unasked = True
        try:
            alive = self._switch.alive(live.attempt_id)
        except SwitchDown:
            return
        live.unasked = False
        if alive:
            self._take(live, Left(self._clock.now()))
            return
        # Its end may be on its way: an event that is already queued wins over the question's answer.
        self._clock.sleep(GRACE_SECONDS)
        if not live.queue.empty():
            return
        try:
            end = self._switch.end_of(live.attempt_id)
        except SwitchDown as error:
            # Taken for a call without a record, it would pass for one that was never dialled.
            log.error("journal not read", attempt=live.attempt_id, error=str(error))
            live.unasked = True
            return
        if end is not None:
            self._take(live, end)
            return
        same_core = live.core == self._switch.core
        age = self._clock.monotonic() - live.known_since
        if same_core and not live.call.left and age < live.call.order.ring_seconds + CREATION_SECONDS:
            # The command may still be on its way inside the switch; the overdue timer asks again.
            return
        recorded = self._switch.keeps_record and same_core
        self._take(live, Vanished(self._clock.now(), "not known to the switch", recorded))

    def _try_hang_up(self, live: LiveCall, why: str) -> None:
        try:
            self._switch.hang_up(live.attempt_id, why)
        except SwitchDown as error:
            log.error("hang-up not sent", attempt=live.attempt_id, reason=why, error=str(error))

    def _finish(self, live: LiveCall, finish: Finish) -> None:
        call = live.call
        now = call.ended_at or self._clock.now()
        move = live.policy.after(finish.outcome, live.attempts, live.uncharged, now)
        self._ledger.close(
            AttemptEnd(
                attempt_id=live.attempt_id,
                lead_id=live.lead_id,
                run_id=live.run_id,
                ended_at=now,
                outcome=finish.outcome,
                cause=finish.cause,
                sip_status=finish.sip_status,
                move=move,
                launched_at=call.launched_at,
                ringing_at=call.ringing_at,
                answered_at=call.answered_at,
                connected_to=call.connected_to,
                connected_at=call.connected_at,
                amd_verdict=call.evidence.verdict,
                amd_ms=call.evidence.verdict_ms,
            )
        )
        self._calls.pop(live.attempt_id, None)
        self._slots.release(live.use)
        if RULES[finish.outcome].carrier_fault:
            self._slots.carrier_fault(live.use.carrier)
        elif call.ringing_at is not None or call.answered_at is not None:
            self._slots.carrier_ok(live.use.carrier)
        self._watch.call_ended(call.order.campaign, live.use.carrier, finish.outcome.value)
        if call.answered_at is None and call.ringing_at is not None:
            self._watch.rang(call.order.campaign, now - call.placed_at)
        self._watch.live_calls(len(self._calls))
        if not self._calls:
            self._empty.set()
        self._call_ended()

    def _measure(self, live: LiveCall, before: CallState) -> None:
        call = live.call
        if before in (CallState.DIALING, CallState.RINGING) and call.answered_at is not None:
            self._watch.rang(call.order.campaign, call.answered_at - call.placed_at)
        if call.state is CallState.CONNECTED and call.connected_at is not None and call.answered_at is not None:
            self._watch.connected(call.order.campaign, call.connected_at - call.answered_at)

    def _log_change(self, live: LiveCall, before: CallState, event: object) -> None:
        log.info(
            "call",
            attempt=live.attempt_id,
            campaign=live.call.order.campaign,
            phone=live.use.phone,
            frm=before.value,
            to=live.call.state.value,
            reason=_reason(event),
        )


def _reason(event: object) -> str:
    words = [type(event).__name__]
    for name in ("outcome", "cause", "reason", "why", "kind"):
        value = getattr(event, name, None)
        if value:
            words.append(str(value))
    return " ".join(words)
