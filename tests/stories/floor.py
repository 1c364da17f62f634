"""A call floor in one process: the production engine over in-memory stores, with a scripted switch. For stories."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any, TypeVar

import gevent

from controller.clock import RealClock
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.events import Answered, CallEvent, Connected, DialFailed, HungUp, Left, Ringing
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.campaign import Contactable, Hours, Pacing, Retry
from controller.domain.campaigns.plan import PlannedTarget, RunPlan
from controller.domain.pacing.priority import Turns
from controller.domain.site import Carrier, Number
from controller.engine.agent_calls import AgentCalls
from controller.engine.call_desk import CallDesk
from controller.engine.crews import Crew
from controller.engine.dial_loop import DialLoop
from controller.engine.drop_desk import DropDesk
from controller.engine.formula_desk import FormulaDesk
from controller.engine.hands import Agents
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.lessons import Lessons
from controller.engine.no_agents import NoAgents
from controller.engine.preview_desk import PreviewDesk
from controller.engine.slots import SlotDesk
from controller.engine.supervisor import Supervisor
from controller.engine.talks import Talks
from controller.formulas.constant import Constants
from controller.live.agent_memory import MemoryAgents
from controller.live.memory import MemoryBoard, MemoryHopper, MemoryLimits
from controller.live.preview_memory import MemoryPreviews
from controller.ports import AgentPool, FormulaSource, Missed, SwitchListener
from controller.storage.memory import MemoryStore

T = TypeVar("T")
ALWAYS = Contactable(
    timezone="UTC", open=(Hours(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), hours=("00:00-24:00",)),)
)
EAST = Carrier(name="east", gateway="gw-east", calls_per_second=1000, channels=1000)
WEST = Carrier(name="west", gateway="gw-west", calls_per_second=1000, channels=1000, preference=200)
NUMBERS = (Number(number="+911140001000", carrier="east"), Number(number="+911140001001", carrier="west"))


def plan(campaign: str = "june", **change: Any) -> RunPlan:
    """A plan that limits nothing unless told to."""
    settings: dict[str, Any] = {
        "campaign": campaign,
        "campaign_id": 1,
        "mode": "agentless",
        "priority": 5,
        "list_ids": (1,),
        "dnc_list_ids": (9,),
        "single_day": False,
        "order": "fifo",
        "contactable": ALWAYS,
        "pacing": Pacing(seats=1000),
        "retry": Retry(max_attempts=3, delay_minutes=0.0005, on=tuple(sorted({Outcome.NO_ANSWER, Outcome.BUSY}))),
        "max_ring_seconds": 30,
        "max_call_seconds": 60,
        "target": PlannedTarget(kind="bot", name="bot", address="sip:bot@127.0.0.1:5070", capacity=1000),
        "numbers": NUMBERS,
        "carriers": (EAST,),
    }
    return RunPlan(**(settings | change))


class NobodyWatches:
    """``engine.watch.Watch`` that keeps counts by name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., None]:
        def count(*args: object) -> None:
            self.counts[name] += 1

        return count


@dataclass
class ScriptedSwitch:
    """``ports.Switch``: ``script(order)`` says what will be heard of a call, as (seconds, event) pairs; ``answers``, what will
    be heard after something was asked of it."""

    script: Callable[[DialOrder], Sequence[tuple[float, CallEvent]]]
    listener: SwitchListener | None = None
    ready: bool = True
    backlog: int = 0
    keeps_record: bool = False
    core: str = "core-1"
    ends: dict[str, HungUp] = field(default_factory=dict)
    dialled: list[DialOrder] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    most_live: int = 0
    waiting: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    answers: Mapping[str, Sequence[tuple[float, CallEvent]]] = field(default_factory=dict)
    refuse: DialFailed | Exception | None = None

    def dial(self, order: DialOrder, not_after: float = math.inf) -> DialFailed | Missed | None:
        if monotonic() > not_after:
            return Missed("the loop is late")
        if isinstance(self.refuse, Exception):
            raise self.refuse
        self.dialled.append(order)
        if self.refuse is not None:
            return self.refuse
        self.live.add(order.attempt_id)
        self.most_live = max(self.most_live, len(self.live))
        gevent.spawn(self._play, order)
        return None

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        self._asked(attempt_id, "connect")

    def screen(self, attempt_id: str, detection: Detection) -> None:
        self._asked(attempt_id, "screen")

    def stop_screening(self, attempt_id: str) -> None:
        self.asked.append((attempt_id, "stop_screening"))

    def park(self, attempt_id: str, seconds: int) -> None:
        self._asked(attempt_id, "park")

    def leave_message(self, attempt_id: str, sound: str) -> None:
        self._asked(attempt_id, f"leave {sound}")

    def stop_message(self, attempt_id: str) -> None:
        self._asked(attempt_id, "stop_message")

    def treat(self, attempt_id: str, treatment: Treatment) -> None:
        self._asked(attempt_id, f"treat {treatment.message}")

    def waits(self, attempt_id: str) -> bool:
        return attempt_id in self.waiting

    def hang_up(self, attempt_id: str, why: str) -> None:
        self.hung_up.append(attempt_id)
        self.tell(attempt_id, HungUp(0.0, Outcome.CANCELLED, why))

    def alive(self, attempt_id: str) -> bool:
        return attempt_id in self.live

    def end_of(self, attempt_id: str) -> HungUp | None:
        return self.ends.get(attempt_id)

    def tell(self, attempt_id: str, event: CallEvent) -> None:
        if isinstance(event, HungUp):
            self.live.discard(attempt_id)
        if self.listener is not None:
            self.listener.hear(attempt_id, event)

    def asked_of(self, attempt_id: str) -> list[str]:
        """What was asked of it for that call after the launch, in order."""
        return [word for attempt, word in self.asked if attempt == attempt_id]

    def _asked(self, attempt_id: str, word: str) -> None:
        self.asked.append((attempt_id, word))
        gevent.spawn(self._tell_all, attempt_id, self.answers.get(word, ()))

    def _play(self, order: DialOrder) -> None:
        self._tell_all(order.attempt_id, self.script(order))

    def _tell_all(self, attempt_id: str, script: Sequence[tuple[float, CallEvent]]) -> None:
        for seconds, event in script:
            gevent.sleep(seconds)
            self.tell(attempt_id, event)


def person(order: DialOrder) -> list[tuple[float, CallEvent]]:
    """Picks up at once and talks to the bot for a moment."""
    return [
        (0.001, Left(1.0)),
        (0.001, Ringing(1.0)),
        (0.005, Answered(2.0)),
        (0.001, Connected(2.01, order.target.name)),
        (0.02, HungUp(3.0, Outcome.ERROR, "NORMAL_CLEARING", 200)),
    ]


def busy(order: DialOrder) -> list[tuple[float, CallEvent]]:
    """Is on another call."""
    return [(0.001, Left(1.0)), (0.005, HungUp(1.5, Outcome.BUSY, "USER_BUSY", 486))]


Staff = Callable[["Floor"], tuple[Agents, Crew]]
"""Who works on a floor: agents as calls see them, and as the dial loop does."""


class Floor:
    """The engine at work. Use as a context manager; ``refill`` plays the worker's part."""

    def __init__(
        self,
        script: Callable[[DialOrder], Sequence[tuple[float, CallEvent]]],
        policy: str = "strict",
        store: MemoryStore | None = None,
        staff: Staff | None = None,
        formulas: FormulaSource | None = None,
    ) -> None:
        self.clock = RealClock()
        self.store = store or MemoryStore()
        self.hopper = MemoryHopper()
        self.limits = MemoryLimits(self.clock.monotonic, lease_seconds=30.0)
        self.watch = NobodyWatches()
        self.switch = ScriptedSwitch(script)
        self.ledger = LedgerDesk(self.store, self.in_thread, self.clock, self.watch)
        self.slots = SlotDesk(self.limits, self.clock, freed=lambda: self.loop.wake())
        nobody = NoAgents(self.tell, self.clock.now)
        agents, crew = (nobody, nobody) if staff is None else staff(self)
        lessons = Lessons(self.clock)
        self.desk = CallDesk(
            self.switch,
            self.ledger,
            self.slots,
            self.clock,
            self.watch,
            agents,
            lessons,
            may_dial=lambda run_id: self.loop.may_dial(run_id),
            call_ended=lambda: self.loop.wake(),
        )
        self.switch.listener = self.desk
        self.previews = MemoryPreviews(self.clock.monotonic, lease_seconds=60.0)
        pool: AgentPool = getattr(staff, "pool", None) or MemoryAgents(self.clock.monotonic, lease_seconds=60.0)
        no_lines: Any = None
        kept = (
            agents if isinstance(agents, AgentCalls) else AgentCalls("fs1", pool, no_lines, self.clock, self.watch, self.tell)
        )
        self.formulas = FormulaDesk(formulas or Constants(self.clock.now), self.in_thread, self.clock, self.watch)
        self.talks = Talks("fs1", MemoryBoard(), self.desk.people)
        self.drops = DropDesk(self.store, self.in_thread, self.clock, self.watch, self.talks.of, frozenset)
        self.loop = DialLoop(
            node="fs1",
            runs=self.store,
            leads=self.store,
            hopper=self.hopper,
            limits=self.limits,
            ledger=self.ledger,
            slots=self.slots,
            desk=self.desk,
            switch_ready=lambda: self.switch.ready,
            switch_backlog=lambda: self.switch.backlog,
            in_thread=self.in_thread,
            clock=self.clock,
            watch=self.watch,
            turns=Turns(policy, Random(1)),
            formulas=self.formulas,
            drops=self.drops,
            crew=crew,
            lessons=lessons,
            previews=PreviewDesk("fs1", self.previews, kept, pool, self.hopper, self.store, self.in_thread, self.clock),
            pulse_seconds=0.02,
            number_busy_seconds=0.05,
        )
        self.supervisor = Supervisor()
        self._phones = itertools.count(919_999_000_000)

    def tell(self, attempt_id: str, event: CallEvent) -> None:
        """A call hears of it."""
        self.desk.hear(attempt_id, event)

    def in_thread(self, work: Callable[[], T]) -> T:
        """The stores are in memory; a thread would only race."""
        gevent.sleep(0)
        return work()

    def campaign(self, contacts: int, name: str = "june", phones: Sequence[int] = (), **change: Any) -> int:
        """A running run with so many contacts (or these); its id."""
        run_id = self.store.add_run(plan(name, **change))
        numbers = list(phones) or [next(self._phones) for _ in range(contacts)]
        self.store.add_leads(run_id, [(number, '{"name":"Asha"}') for number in numbers])
        self.loop.nudge()
        return run_id

    def refill(self) -> None:
        """What the worker's sweep does."""
        while True:
            self.fill_once()
            gevent.sleep(0.01)

    def fill_once(self) -> None:
        """Claim what is due and fill the hopper."""
        for run in self.store.running():
            if run.state == "active" and self.hopper.depth(run.run_id) < 50:
                now = self.clock.now()
                self.hopper.push(run.run_id, self.store.claim(run.run_id, 50, now, now + 60.0))

    def wait(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Let the floor work until ``condition``."""
        with gevent.Timeout(seconds, AssertionError(f"not so after {seconds:g} s")):
            while not condition():
                gevent.sleep(0.005)

    def finished(self, *run_ids: int) -> Callable[[], bool]:
        return lambda: not any(self.store.unfinished(run_id) for run_id in run_ids) and not len(self.desk)

    def __enter__(self) -> Floor:
        for name, work in (
            ("ledger", self.ledger.run),
            ("slots", self.slots.run),
            ("formulas", self.formulas.run),
            ("drop guard", self.drops.run),
            ("loop", self.loop.run),
            ("refill", self.refill),
        ):
            self.supervisor.lasting(name, work)
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()
        assert not self.supervisor.failed.is_set(), self.supervisor.failure

    def slots_free(self, *carriers: str) -> bool:
        """Whether every slot has come back."""
        usage = self.limits.usage(["june", "july"], ["bot"], list(carriers or ("east", "west")))
        return not any((*usage.seats.values(), *usage.fleets.values(), *usage.channels.values()))
