"""Campaigns with agents, from the dial loop to the agent's phone: kept before the launch, busy, gone, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import gevent
import pytest

from controller.domain.agents.agent import AgentState
from controller.domain.agents.line import JoinOrder, LineDown, LineKind, LineOrder, LineUp, RingNoAnswer
from controller.domain.calls.actions import DialOrder
from controller.domain.calls.answering import OnMachine
from controller.domain.calls.events import Answered, CallEvent, Connected, HungUp, Left, MessagePlayed, Ringing, VerdictGiven
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.answers import Abandoned, AmdDefaults
from controller.domain.campaigns.pacing import Pacing
from controller.domain.campaigns.plan import PlannedTarget
from controller.domain.pacing.drop_guard import NO_LIMIT, Tally
from controller.engine import keeping
from controller.engine.agent_desk import AgentDesk
from controller.engine.crews import Crew, Crews
from controller.engine.hands import Agents
from controller.live.agent_memory import MemoryAgents
from controller.ports import AgentProfile, QueueRules
from tests.stories.agents import MemoryRecords, ScriptedLines
from tests.stories.floor import Floor, busy

SALES = PlannedTarget(kind="queue", name="sales", address="sales")
SORRY = Abandoned(message="sorry.wav", opt_out_key="9")
PEOPLE = {"target": SALES, "abandoned": SORRY}
Script = Sequence[tuple[float, CallEvent]]


class Phones(ScriptedLines):
    """Phones of agents who pick up, or never do, and talk for as long as the person stays."""

    def __init__(self, floor: Floor, picks_up: Callable[[str], bool]) -> None:
        super().__init__()
        self.floor = floor
        self.picks_up = picks_up
        self.talks: Counter[str] = Counter()

    def open(self, order: LineOrder) -> None:
        super().open(order)
        up = self.picks_up(order.agent_id)
        gevent.spawn_later(0.002, self.listener.hear_line, order.agent_id, LineUp(1.0) if up else RingNoAnswer(1.0))

    def join(self, order: JoinOrder) -> None:
        super().join(order)
        self.talks[order.agent_id] += 1
        gevent.spawn_later(0.002, self.floor.tell, order.attempt_id, Connected(3.0, order.agent_id))


class Office:
    """Agents on duty at a floor. picks_up: whether that agent takes the phone when it rings."""

    def __init__(
        self, names: Sequence[str], kind: LineKind = LineKind.NAILED_UP, picks_up: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.profiles = {name: AgentProfile(name, f"user/{name}", kind, ("sales",), frozenset()) for name in names}
        self.picks_up = picks_up

    def __call__(self, floor: Floor) -> tuple[Agents, Crew]:
        self.floor = floor
        self.pool = MemoryAgents(floor.clock.monotonic, 30.0)
        self.phones = Phones(floor, self.picks_up)
        records = MemoryRecords(dict(self.profiles), {"sales": QueueRules("sales", 0.0, 1, cue="beep")})
        self.desk = AgentDesk(
            "fs1",
            self.pool,
            self.phones,
            records,
            floor.in_thread,
            floor.clock,
            floor.watch,
            tell=floor.tell,
            hang_up=lambda attempt_id, why: floor.desk.hang_up(attempt_id, why),
            freed=lambda: floor.loop.wake(),
            recordings="/rec",
        )
        self.phones.attend(self.desk)
        return self.desk.calls, Crews(self.desk)

    def come_in(self) -> None:
        """Everybody logs in and says ready."""
        self.floor.supervisor.lasting("lines", self.desk.listen)
        self.floor.supervisor.lasting("agents", self.desk.run)
        for name in self.profiles:
            self.desk.login(name, ready=True)
        self.floor.wait(lambda: self.free() == len(self.profiles))

    def free(self) -> int:
        return sum(view.state is AgentState.READY for view in self.pool.snapshot())


def person(order: DialOrder) -> Script:
    """Picks up, and hangs up after a while; who talks to them meanwhile is the floor's business."""
    return [
        (0.001, Left(1.0)),
        (0.002, Ringing(1.5)),
        (0.005, Answered(2.0)),
        (0.06, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200)),
    ]


def outcomes(floor: Floor) -> Counter[str]:
    return Counter(attempt.end.outcome.value for attempt in floor.store.attempts() if attempt.end is not None)


def test_progressive_keeps_an_agent_for_every_call():
    """Three agents: never more than three calls at once, everybody who picks up is answered, and all agents are free again."""
    office = Office(("asha", "ravi", "maya"))
    with Floor(person, staff=office) as floor:
        office.come_in()
        run_id = floor.campaign(12, mode="progressive", **PEOPLE)
        floor.wait(floor.finished(run_id))
        assert outcomes(floor) == {"answered": 12}
        assert floor.switch.most_live <= 3
        assert sum(office.phones.talks.values()) == 12
        floor.wait(lambda: office.free() == 3)
        ends = [attempt.end for attempt in floor.store.attempts() if attempt.end is not None]
        assert {(end.agent == end.connected_to, str(end.seizure)) for end in ends} == {(True, "reserved")}


def test_a_kept_agent_is_free_again_when_nobody_answers():
    """Busy numbers only: no talk, nobody stays reserved."""
    office = Office(("asha",))
    with Floor(busy, staff=office) as floor:
        office.come_in()
        run_id = floor.campaign(4, mode="progressive", **PEOPLE)
        floor.wait(floor.finished(run_id))
        assert office.phones.talks == {}
        floor.wait(lambda: office.free() == 1)


def test_a_promised_call_is_made_by_who_promised_it(monkeypatch: pytest.MonkeyPatch):
    """Ravi promised to call back: the calls are his, one after the other, though Asha is idle for longer."""
    office = Office(("asha", "ravi"))
    with Floor(person, staff=office) as floor:
        take = floor.hopper.take
        monkeypatch.setattr(
            floor.hopper, "take", lambda run_id, limit: [replace(lead, only_agent="ravi") for lead in take(run_id, limit)]
        )
        monkeypatch.setattr(keeping, "PROMISER_SECONDS", 0.02)
        office.come_in()
        run_id = floor.campaign(3, mode="progressive", **PEOPLE)
        floor.wait(floor.finished(run_id))
        assert office.phones.talks == {"ravi": 3}
        assert outcomes(floor) == {"answered": 3}
        floor.wait(lambda: office.free() == 2)


def test_without_agents_nobody_is_dialled():
    """An empty office: the campaign waits and says why."""
    office = Office(())
    with Floor(person, staff=office) as floor:
        floor.campaign(4, mode="progressive", **PEOPLE)
        floor.wait(lambda: "agents are free" in str(floor.loop.standing().get("june", {}).get("reason")))
        assert floor.switch.dialled == []


def test_power_dials_several_calls_for_one_agent(monkeypatch: pytest.MonkeyPatch):
    """Two lines an agent, where the drop limit leaves room: whoever picks up first gets the agent, a second one who finds
    nobody hears the message."""
    office = Office(("asha",))
    with Floor(person, staff=office) as floor:
        floor.switch.answers = {"treat sorry.wav": [(0.01, MessagePlayed(5.0))]}
        monkeypatch.setattr(floor.drops, "standing", lambda run_id: NO_LIMIT)
        office.come_in()
        hasty = SORRY.model_copy(update={"patience_seconds": 0.5})
        run_id = floor.campaign(30, mode="power", pacing=Pacing(seats=10, ratio=2), target=SALES, abandoned=hasty)
        floor.wait(lambda: floor.switch.most_live == 2)
        floor.wait(floor.finished(run_id))
        assert floor.switch.most_live == 2
        assert set(outcomes(floor)) <= {"answered", "abandoned"}
        assert outcomes(floor)["answered"] >= 2
        floor.wait(lambda: office.free() == 1)


def test_a_machine_gives_the_kept_agent_back_without_a_word():
    """Progressive with detection: the agent never hears the machine, and has no wrap-up."""

    def machine(order: DialOrder) -> Script:
        return [(0.001, Left(1.0)), (0.002, Answered(2.0))]

    office = Office(("asha",))
    with Floor(machine, staff=office) as floor:
        floor.switch.answers = {"screen": [(0.005, VerdictGiven(2.5, "machine", 0.9, 500))]}
        office.come_in()
        amd = AmdDefaults(enabled=True, action_on_machine=OnMachine.TEARDOWN)
        run_id = floor.campaign(3, mode="progressive", amd=amd, **PEOPLE)
        floor.wait(floor.finished(run_id))
        assert outcomes(floor) == {"machine": 3}
        assert office.phones.talks == {}
        floor.wait(lambda: office.free() == 1)


def test_who_hears_the_message_is_lost_from_its_first_word():
    """The only agent does not pick up: while the message plays the person counts as abandoned, and once the call is over no
    longer from here."""

    def listens(order: DialOrder) -> Script:
        return [(0.001, Left(1.0)), (0.002, Answered(2.0)), (1.0, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200))]

    office = Office(("asha",), LineKind.ON_HOOK, picks_up=lambda name: False)
    with Floor(listens, staff=office) as floor:
        office.come_in()
        hasty = SORRY.model_copy(update={"patience_seconds": 0.5})
        run_id = floor.campaign(1, mode="progressive", target=SALES, abandoned=hasty)
        floor.wait(lambda: floor.desk.people() == {run_id: Tally(abandoned=1)})
        assert floor.loop.standing()["june"]["apologising"] == 1
        floor.wait(floor.finished(run_id))
        assert outcomes(floor) == {"abandoned": 1}
        assert floor.desk.people() == {}


def test_a_phone_that_nobody_takes_sends_the_person_to_somebody_else():
    """RONA: the agent who does not pick up is away from then on, the person is served by the other one."""

    def patient(order: DialOrder) -> Script:
        return [(0.001, Left(1.0)), (0.002, Answered(2.0)), (0.5, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200))]

    office = Office(("asha", "ravi"), LineKind.ON_HOOK, picks_up=lambda name: name == "ravi")
    with Floor(patient, staff=office) as floor:
        office.come_in()
        run_id = floor.campaign(1, mode="progressive", **PEOPLE)
        floor.wait(floor.finished(run_id))
        assert outcomes(floor) == {"answered": 1}
        assert set(office.phones.talks) == {"ravi"}
        away = {view.name: view.reason for view in office.pool.snapshot() if view.state is AgentState.AWAY}
        assert away == {"asha": "rona"}


def test_an_agent_whose_line_drops_while_talking_leaves_nobody_in_silence():
    """Nobody else is free: the person hears the message; the call stays an answered one."""

    def patient(order: DialOrder) -> Script:
        return [(0.001, Left(1.0)), (0.002, Answered(2.0))]

    office = Office(("asha",))
    with Floor(patient, staff=office) as floor:
        floor.switch.answers = {"treat sorry.wav": [(0.01, MessagePlayed(5.0))]}
        office.come_in()
        run_id = floor.campaign(1, mode="progressive", **PEOPLE)
        floor.wait(lambda: office.phones.talks["asha"] == 1 and any(call.connected_at for call in floor.desk.calls()))
        office.desk.hear_line("asha", LineDown(3.0, "hung_up"))
        floor.wait(floor.finished(run_id))
        (order,) = floor.switch.dialled
        assert floor.switch.asked_of(order.attempt_id) == ["treat sorry.wav"]
        assert outcomes(floor) == {"answered": 1}
