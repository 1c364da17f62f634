"""The protocol of leads, attempts and slots under every interleaving that hypothesis finds: two controllers, one database, one
Redis, two switches, phones.

The engine is production's own, greenlets and all; its turns, the clock and the network are the model's. What must hold is
asked after every step, at the far end where possible (design section 4: I1, I2, I3, I5). A failing example is a list of steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from controller.domain.calls.answering import OnMachine
from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.campaigns.campaign import Pacing, Retry
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.pacing import DropGuard
from controller.domain.campaigns.plan import PlannedTarget
from controller.domain.hopper.lead import HopperLead, LeadState
from controller.domain.site import Carrier
from controller.storage.settling import final_state
from tests.model.controller import LEASE_SECONDS, Machine, Shared
from tests.model.far_end import FarCall, FarEnd, ModelSwitch
from tests.model.steps import EPOCH, Steps, settle
from tests.stories.floor import plan

MAX_ATTEMPTS = 2
SEATS, FLEET, CHANNELS = 2, 3, 3
LEAD_LEASE_SECONDS = 20.0
EAST = Carrier(name="east", gateway="gw-east", calls_per_second=50, channels=CHANNELS)
RETRY = Retry(
    max_attempts=MAX_ATTEMPTS, delay_minutes=0.2, on=(Outcome.NO_ANSWER, Outcome.BUSY, Outcome.UNKNOWN, Outcome.ERROR)
)
# july's calls are screened, and machines get a message
PHONES = {"june": (919800000001, 919800000002, 919800000003), "july": (919800000003, 919800000004, 919800000001)}
"""Two campaigns want the same people."""
ENDS = (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CONGESTION, Outcome.INVALID_NUMBER, Outcome.ERROR)
UNJOINED = (Outcome.ABANDONED, Outcome.MACHINE, Outcome.MESSAGE_LEFT, Outcome.FAX)
"""What an answered call can be with which nobody was joined; a machine may have been, for a moment."""
WHICH = st.integers(0, 11)
MACHINE = st.integers(0, 1)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of lives are not worth a log."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


class Protocol(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.steps = Steps()
        self.shared = Shared(self.steps)
        self.store = self.shared.store
        self.far_end = FarEnd(self.store)
        self.machines: list[Machine] = []
        self.hands: list[tuple[int, list[HopperLead]]] = []
        self.disturbed = False

    @initialize(keeps_record=st.booleans(), slow=st.sampled_from([False, False, True]))
    def begin(self, keeps_record: bool, slow: bool) -> None:
        self.runs = [
            self.store.add_run(
                plan(
                    name,
                    campaign_id=number,
                    pacing=Pacing(seats=SEATS, drop_guard=DropGuard(quiet_hours=0)),
                    retry=RETRY,
                    carriers=(EAST,),
                    target=PlannedTarget(kind="bot", name="bot", address="sip:bot@127.0.0.1:5070", capacity=FLEET),
                    amd=AmdDefaults(
                        enabled=name == "july", action_on_machine=OnMachine.LEAVE_MESSAGE, message="july.wav", beep_seconds=5.0
                    ),
                )
            )
            for number, name in enumerate(PHONES, 1)
        ]
        for run_id, phones in zip(self.runs, PHONES.values(), strict=True):
            self.store.add_leads(run_id, [(phone, "{}") for phone in phones])
        for name in ("fs1", "fs2"):
            switch = ModelSwitch(name, self.far_end, self.now, lambda: self.steps.elapsed, keeps_record, slow=slow)
            self.machines.append(Machine(name, self.shared, switch))
            self.machines[-1].start()
        self.steps.run_free()
        self.dials()

    def now(self) -> float:
        return EPOCH + self.steps.elapsed

    # ------------------------------------------------------------------ the worker

    @rule(run=MACHINE, limit=st.integers(1, 3))
    def refill(self, run: int, limit: int) -> None:
        """Claimed and not yet pushed: a worker that dies now leaves the leads to their leases."""
        now = self.now()
        self.hands.append((self.runs[run], self.store.claim(self.runs[run], limit, now, now + LEAD_LEASE_SECONDS)))

    @rule(dies=st.sampled_from([False, False, False, True]))
    @precondition(lambda self: self.hands)
    def push(self, dies: bool) -> None:
        hands, self.hands = self.hands, []
        for run_id, leads in hands:
            if not dies:
                self.shared.hopper.push(run_id, leads)
        for machine in self.machines:
            if machine.process is not None:
                machine.process.loop.nudge()
        settle()

    @rule()
    def dials(self) -> None:
        """What a healthy second brings: hoppers are filled, what may be dialled is."""
        for run in range(len(self.runs)):
            self.refill(run, 2)
        self.push(dies=False)
        self.time_passes(0.5, freely=True)
        for machine in self.machines:
            machine.switch.work_off()

    @rule()
    def reap(self) -> None:
        self.store.reap(self.now())

    # ------------------------------------------------------------------ turns and time

    @rule(which=WHICH)
    @precondition(lambda self: self.steps.waiting)
    def one_turn(self, which: int) -> None:
        self.steps.let_go(which)

    @rule(which=WHICH)
    @precondition(lambda self: self.steps.waiting)
    def one_turn_fails(self, which: int) -> None:
        """Database, Redis or switch are away for one of those who ask; it may have been done all the same."""
        self.disturbed = self.disturbed or any("renew" in pause.what for pause in self.steps.waiting)
        self.steps.let_go(which, fail=True)

    @rule()
    @precondition(lambda self: self.steps.waiting)
    def all_turns(self) -> None:
        self.steps.run_free()

    @rule(seconds=st.sampled_from([0.05, 0.05, 0.05, 1.0, 6.0, 25.0, 60.0]), freely=st.booleans())
    def time_passes(self, seconds: float, freely: bool) -> None:
        """In portions shorter than a renewal; ``freely``: everybody has their turns meanwhile."""
        if seconds > 1.0 and not freely:
            self.disturbed = True  # renewals had no turn
        while seconds > 0.0:
            self.note_disturbance()
            portion = min(seconds, 5.0)
            seconds -= portion
            if freely:
                self.steps.run_free()
            self.steps.pass_time(portion, self.steps.run_free if freely else settle)
            for machine in self.machines:
                if machine.process is not None:
                    machine.process.timers()
            if freely:
                self.steps.run_free()

    # ------------------------------------------------------------------ phones and the network

    @rule(which=WHICH)
    @precondition(lambda self: self.far_end.live())
    def rings(self, which: int) -> None:
        self.with_live_call(which, lambda machine, call: machine.switch.ring(call))

    @rule(which=WHICH)
    @precondition(lambda self: self.far_end.live())
    def answers(self, which: int) -> None:
        self.with_live_call(which, lambda machine, call: machine.switch.answer(call))

    @rule(which=WHICH, kind=st.sampled_from(["person", "machine", "unknown", "fax"]))
    @precondition(lambda self: self.far_end.live())
    def is_judged(self, which: int, kind: str) -> None:
        """Detection speaks; the second time about the same call it has changed its mind."""
        self.with_live_call(which, lambda machine, call: machine.switch.judge(call, kind))

    @rule(which=WHICH, how=st.sampled_from(ENDS))
    @precondition(lambda self: self.far_end.live())
    def hangs_up(self, which: int, how: Outcome) -> None:
        self.with_live_call(which, lambda machine, call: machine.switch.end(call, how))

    @rule(how=st.sampled_from(ENDS), answered=st.booleans())
    @precondition(lambda self: self.far_end.live())
    def calls_go_their_way(self, how: Outcome, answered: bool) -> None:
        """Whoever rings is rung and hangs up, and everybody hears of it."""
        for call in self.far_end.live():
            switch = self.machine_of(call).switch
            switch.ring(call)
            if answered:
                switch.answer(call)
            switch.end(call, how)
        for machine in range(len(self.machines)):
            self.all_events_come(machine)
        self.steps.run_free()

    @rule(machine=MACHINE)
    @precondition(lambda self: any(machine.switch.ordered for machine in self.machines))
    def switch_works_off(self, machine: int) -> None:
        self.machines[machine].switch.work_off()

    @rule(machine=MACHINE, which=WHICH, again=st.booleans())
    @precondition(lambda self: any(machine.switch.wire for machine in self.machines))
    def event_comes(self, machine: int, which: int, again: bool) -> None:
        self.machines[machine].deliver(which, keep=again)

    @rule(machine=MACHINE)
    @precondition(lambda self: any(machine.switch.wire for machine in self.machines))
    def all_events_come(self, machine: int) -> None:
        while self.machines[machine].switch.wire:
            self.machines[machine].deliver(0, keep=False)

    @rule(machine=MACHINE)
    @precondition(lambda self: any(machine.switch.wire for machine in self.machines))
    def events_are_lost(self, machine: int) -> None:
        self.machines[machine].switch.wire.clear()

    @rule(machine=MACHINE, which=WHICH)
    @precondition(lambda self: any(machine.holds_calls() for machine in self.machines))
    def silence_is_noticed(self, machine: int, which: int) -> None:
        process = self.machines[machine].process
        if process is not None:
            process.ask(which)

    @rule(machine=MACHINE, which=WHICH)
    @precondition(lambda self: any(machine.holds_calls() for machine in self.machines))
    def operator_hangs_up(self, machine: int, which: int) -> None:
        process = self.machines[machine].process
        calls = process.desk.calls() if process is not None else []
        if process is not None and calls:
            process.desk.hang_up(calls[which % len(calls)].order.attempt_id, "operator")
            settle()

    # ------------------------------------------------------------------ crashes

    @rule(machine=MACHINE)
    def controller_dies(self, machine: int) -> None:
        self.machines[machine].kill()

    @rule(machine=MACHINE)
    @precondition(lambda self: any(machine.process is None for machine in self.machines))
    def controller_starts(self, machine: int) -> None:
        self.machines[machine].start()

    @rule(machine=MACHINE)
    def link_drops(self, machine: int) -> None:
        self.machines[machine].drop_link()

    @rule(machine=MACHINE)
    @precondition(lambda self: not all(machine.switch.ready for machine in self.machines))
    def link_returns(self, machine: int) -> None:
        if not self.machines[machine].switch.ready:
            self.machines[machine].restore_link(same_core=True)

    @rule(machine=MACHINE)
    def switch_dies_and_returns(self, machine: int) -> None:
        self.machines[machine].drop_link()
        self.machines[machine].switch.kill()
        self.machines[machine].restore_link(same_core=False)

    @rule(machine=MACHINE, ahead=st.sampled_from([-600.0, -3.0, 0.0, 3.0, 600.0]))
    def clock_steps(self, machine: int, ahead: float) -> None:
        """The wall clock of one machine is set; durations must not notice."""
        self.machines[machine].clock_ahead = ahead

    @rule()
    def redis_loses_everything(self) -> None:
        self.shared.lose_redis()
        self.disturbed = True

    # ------------------------------------------------------------------ the campaign's states

    @rule(run=MACHINE, to=st.sampled_from([RunState.PAUSED, RunState.ACTIVE, RunState.ACTIVE]))
    def pause_or_resume(self, run: int, to: RunState) -> None:
        if self.state(run) in ("active", "paused"):
            self.store.set_run_state(self.runs[run], to)
            self.nudge()

    @rule(run=MACHINE, reason=st.sampled_from(["stopped", "window_closed"]))
    @precondition(lambda self: self.steps.elapsed > 30.0)
    def stop(self, run: int, reason: str) -> None:
        self.store.set_run_state(self.runs[run], RunState.CLOSING, reason)
        self.nudge()

    @rule(run=MACHINE)
    @precondition(lambda self: "closing" in (self.state(0), self.state(1)))
    def close_waiting(self, run: int) -> None:
        if self.state(run) == "closing":
            self.shared.hopper.drop(self.runs[run])
            self.store.close_waiting(self.runs[run], final_state("stopped"), 2)

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def every_lead_is_somewhere(self) -> None:
        """I2: final, fresh, waiting for something, claimed under a lease, or with one live attempt."""
        live: dict[int, int] = {}
        for attempt in self.store.attempts():
            if attempt.end is None:
                live[attempt.draft.lead_id] = live.get(attempt.draft.lead_id, 0) + 1
        for run_id in getattr(self, "runs", ()):
            for lead in self.store.leads(run_id):
                assert live.get(lead.id, 0) == (lead.state is LeadState.DIALING), lead
                assert lead.attempts <= MAX_ATTEMPTS, lead
                if lead.state is LeadState.WAITING:
                    assert lead.due_at is not None, lead
                    assert lead.reason, lead
                if lead.state is LeadState.HOPPER:
                    assert lead.claim, lead
                    assert lead.claimed_until is not None, lead

    @invariant()
    def nobody_is_rung_more_often_than_allowed(self) -> None:
        """I1, by the phones' own count; doubles are refused by the far end itself."""
        for (run_id, number), count in self.far_end.charged().items():
            assert count <= MAX_ATTEMPTS, (run_id, number, count)

    @invariant()
    def limits_hold_at_the_far_end(self) -> None:
        """I5, while no lease of a live call has lapsed and Redis has kept what it knew."""
        self.note_disturbance()
        if not self.disturbed:
            live = self.far_end.live()
            assert len(live) <= min(CHANNELS, FLEET)
            for run_id in getattr(self, "runs", ()):
                assert sum(call.order.run_id == run_id for call in live) <= SEATS

    @invariant()
    def a_call_that_is_looked_after_keeps_its_slots(self) -> None:
        """I5: nobody gives back the slots of a call that still lives, whatever was heard of it."""
        if not self.disturbed:
            held = sum(self.usage().channels.values())
            assert held >= len(self.far_end.live())

    @invariant()
    def no_greenlet_failed(self) -> None:
        """The engine has an answer to everything that it met."""
        causes = [attempt.end.cause for attempt in self.store.attempts() if attempt.end is not None]
        assert not [cause for cause in causes if cause.startswith("controller_error")]

    # ------------------------------------------------------------------ the end

    def teardown(self) -> None:
        """Everything comes back, and time passes: every run ends, the records agree, nothing is left behind."""
        if not self.machines:
            return
        for machine in self.machines:
            machine.clock_ahead = 0.0
            machine.start()
            machine.restore_link(same_core=True)
        for run in range(len(self.runs)):
            if self.state(run) == "paused":
                self.store.set_run_state(self.runs[run], RunState.ACTIVE)
        for _ in range(60):
            if not any(self.store.unfinished(run_id) for run_id in self.runs):
                break
            self.a_normal_minute()
        for run_id in self.runs:
            assert all(lead.state.final for lead in self.store.leads(run_id)), self.store.leads(run_id)
        for call in self.far_end.live():
            self.machine_of(call).switch.end(call, Outcome.NO_ANSWER)
        self.time_passes(LEASE_SECONDS + 1.0, freely=True)
        usage = self.usage()
        assert not any((*usage.seats.values(), *usage.fleets.values(), *usage.channels.values())), usage
        self.records_agree()
        for machine in self.machines:
            machine.kill()

    def a_normal_minute(self) -> None:
        for run in range(len(self.runs)):
            self.refill(run, 3)
            self.close_waiting(run)
        self.reap()
        self.push(dies=False)
        self.time_passes(1.0, freely=True)
        for machine in self.machines:
            machine.switch.work_off()
            for call in list(machine.switch.calls.values()):
                machine.switch.answer(call)
                machine.switch.end(call, Outcome.ANSWERED)
            self.all_events_come(self.machines.index(machine))
        self.time_passes(60.0, freely=True)
        for machine in self.machines:
            for place in range(len(machine.process.desk) if machine.process is not None else 0):
                self.silence_is_noticed(self.machines.index(machine), place)
        self.every_lead_is_somewhere()
        self.nobody_is_rung_more_often_than_allowed()

    def records_agree(self) -> None:
        """I3: the far end's calls and the attempts, one for one."""
        rang = {call.order.attempt_id: call for call in self.far_end.calls}
        for attempt in self.store.attempts():
            call, end = rang.get(attempt.draft.attempt_id), attempt.end
            assert end is not None, attempt
            if call is None:
                assert end.outcome in (Outcome.NOT_DIALLED, Outcome.UNKNOWN), attempt
                continue
            assert end.outcome is not Outcome.NOT_DIALLED, attempt
            if end.outcome is Outcome.ANSWERED:
                assert call.answered_at is not None, attempt
            elif end.outcome is not Outcome.UNKNOWN:
                assert call.ended is not None, attempt
                assert end.outcome in UNJOINED if call.unjoined else end.outcome is call.ended.outcome, attempt
            assert end.move.charged == RULES[end.outcome].charged

    # ------------------------------------------------------------------ helpers

    def usage(self) -> Any:
        return self.shared.limits.usage(list(PHONES), ["bot"], ["east"])

    def state(self, run: int) -> str:
        return next((one.state for one in self.store.running() if one.run_id == self.runs[run]), "over")

    def nudge(self) -> None:
        for machine in self.machines:
            if machine.process is not None:
                machine.process.loop.nudge()
        settle()

    def machine_of(self, call: FarCall) -> Machine:
        return next(machine for machine in self.machines if call.order.attempt_id in machine.switch.calls)

    def with_live_call(self, which: int, act: Any) -> None:
        live = self.far_end.live()
        if live:
            call = live[which % len(live)]
            act(self.machine_of(call), call)

    def note_disturbance(self) -> None:
        """A live call whose lease has lapsed, because nobody looked after it, no longer counts at the limits."""
        if not self.far_end.live() and all(attempt.end is not None for attempt in self.store.attempts()):
            self.disturbed = False
        elif any(machine.process is None or not machine.process.adopted for machine in self.machines):
            self.disturbed = True


def examined(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            print_blob=True,
        ),
    )


def test_no_interleaving_breaks_the_promises() -> None:
    """Crashes, lost and doubled events, timers, failures and state changes in any order: I1, I2, I3, I5 hold."""
    examined(examples=120, steps=60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_interleaving_breaks_the_promises_for_long() -> None:
    """The same for many more and longer stories."""
    examined(examples=3000, steps=120)
