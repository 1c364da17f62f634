"""A controller of the model: the engine of production on the model's clock, and what ``service`` does around it.

One object is one machine, with its switch; ``life`` is the process on it that lives now. Adoption and renewal are wired as in
``service``, without its threads and sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar, cast

import gevent

from controller.domain.calls.events import CallEvent, Overdue, TimeUp
from controller.domain.pacing.priority import Turns
from controller.engine.adopt import adopt_live_attempts
from controller.engine.agent_calls import AgentCalls
from controller.engine.call_desk import CallDesk
from controller.engine.dial_loop import DialLoop
from controller.engine.drop_desk import DropDesk
from controller.engine.formula_desk import FormulaDesk
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.lessons import Lessons
from controller.engine.no_agents import NoAgents
from controller.engine.preview_desk import PreviewDesk
from controller.engine.slots import SlotDesk
from controller.engine.talks import Talks
from controller.errors import LiveStateDown, StoreDown, SwitchDown, Unavailable
from controller.formulas.constant import Constants
from controller.live.agent_memory import MemoryAgents
from controller.live.memory import MemoryBoard, MemoryHopper, MemoryLimits
from controller.live.preview_memory import MemoryPreviews
from controller.ports import AgentLines
from controller.storage.memory import MemoryStore
from tests.model.far_end import ModelSwitch
from tests.model.steps import Life, LifeClock, Stepped, Steps, settle
from tests.stories.floor import NobodyWatches

T = TypeVar("T")
LEASE_SECONDS = 30.0
RENEW_SECONDS = LEASE_SECONDS / 3.0
PULSE_SECONDS = 30.0
"""Real seconds: the model wakes the loop, no example lasts so long."""
BUSY_SECONDS = 20.0


class Shared:
    """What all controllers share. Redis may lose everything at any moment: then both are new and empty."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.store = MemoryStore(BUSY_SECONDS)
        self.hopper = MemoryHopper()
        self.limits = self._new_limits()

    def lose_redis(self) -> None:
        self.hopper = MemoryHopper()
        self.limits = self._new_limits()

    def _new_limits(self) -> MemoryLimits:
        return MemoryLimits(lambda: self.steps.elapsed, LEASE_SECONDS)


class Machine:
    """Where a controller runs, with the switch beside it; what is kept from one life of the controller to the next.

    clock_ahead: seconds by which its wall clock is wrong.
    """

    def __init__(self, name: str, shared: Shared, switch: ModelSwitch) -> None:
        self.name = name
        self.shared = shared
        self.switch = switch
        self.former_core = ""
        self.clock_ahead = 0.0
        self.process: Process | None = None

    def start(self) -> None:
        if self.process is None:
            self.process = Process(self, self.shared)

    def kill(self) -> None:
        """The controller dies; events that come now are told to nobody."""
        if self.process is not None:
            self.shared.steps.kill(self.process.life)
            self.process = None

    def holds_calls(self) -> bool:
        return self.process is not None and len(self.process.desk) > 0

    def drop_link(self) -> None:
        self.switch.ready = False
        self.switch.wire.clear()
        if self.process is not None:
            self.process.desk.link_lost()
            self.process.loop.wake()
        settle()

    def restore_link(self, same_core: bool) -> None:
        self.switch.ready = True
        if self.process is not None:
            if self.process.adopted:
                self.process.desk.link_restored(same_core)
            self.process.loop.wake()
        settle()

    def deliver(self, place: int, keep: bool) -> None:
        """One of the events on the wire arrives, in whatever order; kept, it will come again."""
        wire = self.switch.wire
        if wire:
            attempt_id, event = wire[place % len(wire)]
            if not keep:
                wire.remove((attempt_id, event))
            if self.process is not None:
                self.process.hear(attempt_id, event)
            settle()


class Process:
    """One life of the controller."""

    def __init__(self, machine: Machine, shared: Shared) -> None:
        self.machine = machine
        self.life = Life(machine.name)
        self.adopted = False
        self.heard_at: dict[str, float] = {}
        self.entered_at: dict[str, tuple[int, float]] = {}
        self.renewed_at = shared.steps.elapsed
        self._steps = shared.steps
        self._clock = clock = LifeClock(shared.steps, self.life, lambda: machine.clock_ahead)
        self._store: Any = Stepped(lambda: shared.store, shared.steps, self.life, StoreDown)
        limits: Any = Stepped(lambda: shared.limits, shared.steps, self.life, LiveStateDown)
        hopper: Any = Stepped(lambda: shared.hopper, shared.steps, self.life, LiveStateDown)
        # the port promises that a command has not left when it says that the switch is down
        switch: Any = Stepped(lambda: machine.switch, shared.steps, self.life, SwitchDown, certain=("dial",), never=("end_of",))
        store = self._store
        watch = NobodyWatches()
        self.ledger = LedgerDesk(store, _at_once, clock, watch)
        self.slots = SlotDesk(limits, clock, freed=lambda: self.loop.wake())
        agents = NoAgents(lambda attempt_id, event: self.desk.hear(attempt_id, event), clock.now)
        lessons = Lessons(clock)
        self.desk = CallDesk(
            switch,
            self.ledger,
            self.slots,
            clock,
            watch,
            agents,
            lessons,
            may_dial=lambda run_id: self.loop.may_dial(run_id),
            call_ended=lambda: self.loop.wake(),
        )
        pool, no_lines = MemoryAgents(clock.monotonic, 60.0), cast(AgentLines, None)
        kept = AgentCalls(machine.name, pool, no_lines, clock, watch, lambda attempt_id, event: None)
        talks = Talks(machine.name, MemoryBoard(), self.desk.people)
        self.loop = DialLoop(
            node=machine.name,
            runs=store,
            leads=store,
            hopper=hopper,
            limits=limits,
            ledger=self.ledger,
            slots=self.slots,
            desk=self.desk,
            switch_ready=lambda: self.adopted and machine.switch.ready,
            switch_backlog=lambda: 0,
            in_thread=_at_once,
            clock=clock,
            watch=watch,
            turns=Turns("strict", Random(1)),
            previews=PreviewDesk(
                machine.name, MemoryPreviews(clock.monotonic, 60.0), kept, pool, hopper, store, _at_once, clock
            ),
            drops=DropDesk(store, _at_once, clock, watch, talks.of, frozenset),
            formulas=FormulaDesk(Constants(clock.now), _at_once, clock, watch),
            crew=agents,
            lessons=lessons,
            pulse_seconds=PULSE_SECONDS,
            number_busy_seconds=BUSY_SECONDS,
        )
        for work in (self.ledger.run, self.slots.run, self._adopt_until_done, self.loop.run):
            gevent.spawn(work)
        settle()

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.heard_at[attempt_id] = self._steps.elapsed
        self.desk.hear(attempt_id, event)

    def ask(self, place: int) -> None:
        """The switch is asked about one of the calls, as after a silence that took too long."""
        calls = self.desk.calls()
        if calls:
            self.hear(calls[place % len(calls)].order.attempt_id, Overdue(self._clock.now()))
            settle()

    def timers(self) -> None:
        """What the clock of a real process would have done by now: ask for silent calls, renew slots, remember the core."""
        now = self._steps.elapsed
        for call in self.desk.calls():
            attempt_id = call.order.attempt_id
            if now - self.heard_at.setdefault(attempt_id, now) >= call.expected_silence():
                self.hear(attempt_id, Overdue(self._clock.now()))
            entries, since = self.entered_at.get(attempt_id, (-1, now))
            if entries != call.entries:
                self.entered_at[attempt_id] = (call.entries, now)
            elif call.limit_seconds is not None and now - since >= call.limit_seconds:
                self.hear(attempt_id, TimeUp(self._clock.now()))
        if now - self.renewed_at >= RENEW_SECONDS:
            self.renewed_at = now
            gevent.spawn(self.slots.renew, self.desk.uses())
        if self.adopted:
            self.machine.former_core = self.desk.core_to_remember(self.machine.former_core)
        settle()

    def _adopt_until_done(self) -> None:
        while not self.adopted:
            if self.machine.switch.ready:
                try:
                    adopt_live_attempts(
                        self.machine.name,
                        self.machine.former_core,
                        self._store,
                        self._store,
                        self.desk,
                        self.slots,
                        _at_once,
                        self._clock,
                    )
                except Unavailable:
                    self._clock.sleep(1.0)
                    continue
                self.adopted = True
                self.loop.nudge()
            else:
                self._clock.sleep(1.0)


def _at_once(work: Callable[[], T]) -> T:
    """The model's stores do not block; a turn is taken within."""
    return work()
