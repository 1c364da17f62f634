"""Live calls: event → machine → what to do about it, at the switch and in the record.

Each call has a queue and a greenlet of its own from its launch to its end; both are gone after the hang-up. Events are put
into the queue by the link's greenlet and taken in order here. An error in one call's greenlet ends that call, on record.

The end of a call happens once: the machine says ``Finish`` once, and from here on the attempt's end is handed to the ledger,
the slots go back, the carrier's health is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event
from gevent.queue import Empty

from controller.domain.calls.actions import Action, AskSwitch, Finish, HangUp
from controller.domain.calls.disagreement import disagreement
from controller.domain.calls.ending import request_hang_up
from controller.domain.calls.events import CallEvent, Overdue, TimeUp
from controller.domain.calls.machine import hear
from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.calls.record import AttemptEnd
from controller.domain.calls.states import Call, CallState
from controller.domain.pacing.drop_guard import NOBODY, Tally
from controller.engine.asking import ask
from controller.engine.hands import Agents, Hands
from controller.engine.launching import Launches
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.lessons import Lessons
from controller.engine.live_call import HangUpRequest, LiveCall
from controller.engine.slots import SlotDesk
from controller.engine.watch import Watch
from controller.ports import Clock, SlotUse, Switch

log = structlog.get_logger("call")


class CallDesk:
    """``ports.SwitchListener``: told by the switch, and by whoever looks after agents, what happens. may_dial: whether a run
    may still place calls."""

    def __init__(
        self,
        switch: Switch,
        ledger: LedgerDesk,
        slots: SlotDesk,
        clock: Clock,
        watch: Watch,
        agents: Agents,
        lessons: Lessons,
        may_dial: Callable[[int], bool],
        call_ended: Callable[[], None],
    ) -> None:
        self._hands = Hands(switch, agents)
        self._agents = agents
        self._launches = Launches(switch, slots, clock, watch, lessons, may_dial)
        self._lessons = lessons
        self._switch = switch
        self._ledger = ledger
        self._slots = slots
        self._clock = clock
        self._watch = watch
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

    def people(self) -> dict[int, Tally]:
        """Run id → the people on the line whose calls have not ended: those who talk, and those whom nobody took in time."""
        found: dict[int, Tally] = {}
        for live in self._calls.values():
            if live.call.treated:
                one = Tally(abandoned=1)
            elif live.call.state is CallState.CONNECTED:
                one = Tally(connected=1)
            else:
                continue
            found[live.run_id] = found.get(live.run_id, NOBODY) + one
        return found

    def calls_of(self, run_id: int) -> list[Call]:
        """A run's calls."""
        return [live.call for live in self._calls.values() if live.run_id == run_id]

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
            failed = self._launches.launch(live) if launch else None
            if failed is not None:
                self._take(live, failed)
            while live.call.state is not CallState.ENDED:
                self._take(live, self._next(live))
        except Exception as error:
            log.exception("call failed", attempt=live.attempt_id, error=repr(error))
            if live.call.state is not CallState.ENDED:
                live.call.state = CallState.ENDED
                live.call.ended_at = self._clock.now()
                self._hands.do(live, HangUp("controller_error"))
                self._finish(live, Finish(Outcome.UNKNOWN, f"controller_error {type(error).__name__}", None))

    def _next(self, live: LiveCall) -> CallEvent | HangUpRequest:
        """What comes next: an event, or time that ran out."""
        left = live.seconds_left(self._clock.monotonic())
        patience = live.patience()
        try:
            return live.queue.get(timeout=min(patience, left))
        except Empty:
            now = self._clock.now()
            if left > patience:
                return Overdue(now)
            live.time_up_at = None
            return TimeUp(now)

    def _take(self, live: LiveCall, event: CallEvent | HangUpRequest) -> None:
        before = live.call.state
        if isinstance(event, HangUpRequest):
            actions = request_hang_up(live.call, event.why)
        else:
            actions = hear(live.call, event)
        if live.call.state is not before:
            self._log_change(live, before, event)
            self._measure(live, before)
        live.note_limit(self._clock.monotonic())
        self._lessons.heard(live)
        for action in actions:
            self._do(live, action)

    def _do(self, live: LiveCall, action: Action) -> None:
        match action:
            case Finish():
                self._finish(live, action)
            case AskSwitch():
                for event in ask(live, self._switch, self._clock):
                    self._take(live, event)
            case _:
                self._hands.do(live, action)

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
                amd_confidence=call.evidence.confidence,
                amd_detail=call.evidence.detail,
                amd_revised=call.evidence.revised,
                amd_revised_ms=call.evidence.revised_ms,
                beep_at=call.evidence.beep_at,
                key_at=call.evidence.key_at,
                agent=call.seized,
                seizure=call.seizure,
                opted_out=call.opted_out,
                opt_out_list=live.opt_out_list,
            )
        )
        self._calls.pop(live.attempt_id, None)
        self._agents.forget(live.attempt_id)
        self._slots.release(live.use)
        if RULES[finish.outcome].carrier_fault:
            self._slots.carrier_fault(live.use.carrier)
        elif call.ringing_at is not None or call.answered_at is not None:
            self._slots.carrier_ok(live.use.carrier)
        self._watch.call_ended(call.order.campaign, live.use.carrier, finish.outcome.value)
        if call.answered_at is not None and (against := disagreement(call.evidence, now - call.answered_at)):
            self._watch.verdict_contradicted(call.order.campaign, call.evidence.verdict or "", against)
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
