"""Preview at work: real rules, pool and cards in memory, agents without phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from controller.domain.agents.agent import AgentState
from controller.domain.agents.preview import CardEnd, Choice, ChoiceRefusal
from controller.domain.campaigns.campaign import Retry
from controller.domain.campaigns.pacing import Pacing, Preview
from controller.domain.campaigns.plan import PlannedTarget
from controller.domain.hopper.lead import LeadState
from controller.engine.agent_calls import AgentCalls
from controller.engine.preview_desk import LOOK_SECONDS, PreviewDesk
from controller.live.agent_memory import MemoryAgents
from controller.live.memory import MemoryHopper
from controller.live.preview_memory import MemoryPreviews
from controller.ports import Presence, RunningRun
from controller.storage.memory import MemoryStore
from tests.engine.test_formula_desk import Hands, at_once
from tests.stories.floor import NobodyWatches, plan

LEASE = 10.0


class Desk:
    """A floor of agents who look before they dial."""

    def __init__(self, contacts: int = 5, agents: Sequence[str] = ("anna", "ben"), **preview: Any) -> None:
        self.clock = Hands()
        self.pool = MemoryAgents(self.clock.monotonic, LEASE)
        self.previews = MemoryPreviews(self.clock.monotonic, LEASE)
        self.store, self.hopper = MemoryStore(), MemoryHopper()
        self.calls, self.desk = self.begin()
        target = PlannedTarget.model_construct(kind="queue", name="sales", address="sales", headers=(), capacity=None)
        paced = Pacing(preview=Preview.model_validate(preview))
        made = plan(mode="preview", pacing=paced, retry=Retry(delay_minutes=60)).model_copy(update={"target": target})
        self.run = RunningRun(self.store.add_run(made), 1, "active", made)
        self.store.add_leads(self.run.run_id, [(919800000000 + place, '{"name": "Asha"}') for place in range(contacts)])
        for name in agents:
            self.enter(name)
            self.clock.at += 1.0
        self.refill()

    def begin(self) -> tuple[AgentCalls, PreviewDesk]:
        """A life of the controller."""
        no_lines: Any = SimpleNamespace()
        calls = AgentCalls("a", self.pool, no_lines, self.clock, NobodyWatches(), lambda attempt, event: None)
        desk = PreviewDesk("a", self.previews, calls, self.pool, self.hopper, self.store, at_once, self.clock)
        return calls, desk

    def enter(self, name: str) -> None:
        assert self.pool.enter([Presence(name, "a", ("sales",))]) == [True]
        assert self.pool.ready(name) is None

    def refill(self) -> None:
        now = self.clock.now()
        self.hopper.push(self.run.run_id, self.store.claim(self.run.run_id, 50, now, now + 60.0))

    def look(self, seconds: float = LOOK_SECONDS) -> None:
        """Let that much time pass, everybody renewing as in life, and look."""
        while seconds > 0:
            step = min(seconds, LEASE / 3)
            self.clock.at += step
            seconds -= step
            for view in self.pool.snapshot("a"):
                self.pool.enter([Presence(view.name, "a", view.queues)])
            self.calls.renew()
            self.desk.look({self.run.run_id: self.run})

    def shown(self) -> dict[str, int]:
        """Agent → lead."""
        return {one.card.agent: one.card.lead.lead_id for one in self.previews.shown("a")}

    def agent(self, name: str) -> tuple[AgentState, str]:
        view = next(view for view in self.pool.snapshot() if view.name == name)
        return view.state, view.reason

    def lead(self, lead_id: int) -> tuple[LeadState, float | None, str]:
        lead = next(lead for lead in self.store.leads(self.run.run_id) if lead.id == lead_id)
        return lead.state, lead.due_at, lead.reason

    def dialled(self) -> list[tuple[int, str]]:
        """Contacts handed to the dial loop, each with its agent."""
        return [(one.lead.lead_id, one.seizure.agent) for one in self.desk.take(self.run.run_id, 100)]


@pytest.fixture
def floor() -> Desk:
    return Desk()


def test_each_free_agent_is_shown_a_contact_of_its_own(floor: Desk):
    """The longest idle gets the first; both are System Busy while they look."""
    floor.look()
    assert floor.shown() == {"anna": 1, "ben": 2}
    assert floor.agent("anna") == (AgentState.RESERVED, "")
    seen = floor.previews.of_agent("anna")
    assert seen is not None
    assert (seen.card.seconds, seen.card.skips_left, seen.card.campaign) == (30.0, 10, "june")
    assert floor.dialled() == []


def test_agent_who_dials_keeps_the_contact_and_is_kept_for_it(floor: Desk):
    """Dial: the contact goes to the dial loop with its agent, who stays reserved; the other card stays."""
    floor.look()
    assert floor.previews.choose("anna", Choice.DIAL) is None
    floor.look()
    assert floor.desk.chosen(floor.run.run_id) == 1
    assert floor.dialled() == [(1, "anna")]
    assert floor.agent("anna")[0] is AgentState.RESERVED
    assert floor.shown() == {"ben": 2}
    assert floor.lead(1)[0] is LeadState.HOPPER


def test_contact_is_dialled_when_thirty_seconds_are_over(floor: Desk):
    """Nobody chose: both are dialled automatically, and not before."""
    floor.look()
    floor.look(29.0)
    assert floor.dialled() == []
    floor.look(1.5)
    assert floor.dialled() == [(1, "anna"), (2, "ben")]


def test_skipped_contact_goes_to_another_agent(floor: Desk):
    """Anna skips: she gets the next contact, hers waits no time for somebody who has not seen it."""
    floor.look()
    assert floor.previews.choose("anna", Choice.SKIP) is None
    floor.look()
    assert floor.shown() == {"ben": 2}
    assert floor.lead(1)[0::2] == (LeadState.WAITING, "skipped")
    floor.look()
    assert floor.shown() == {"anna": 3, "ben": 2}
    floor.refill()
    floor.previews.choose("ben", Choice.DIAL)
    floor.look()
    seizure = floor.desk.take(floor.run.run_id, 1)[0].seizure
    floor.calls.give_back(seizure)
    leads = []
    for _ in range(3):
        floor.look()
        leads.append(floor.shown()["ben"])
        assert floor.previews.choose("ben", Choice.SKIP) is None
        floor.look()
    assert 1 in leads, "ben was offered what anna skipped"


def test_contact_that_everybody_skipped_waits_like_one_that_was_called():
    """Two agents, two skips: an hour's pause, as between attempts."""
    floor = Desk(contacts=1)
    for name in ("anna", "ben"):
        floor.look()
        assert floor.shown() == {name: 1}
        floor.previews.choose(name, Choice.SKIP)
        floor.look()
        floor.refill()
    due_at = floor.lead(1)[1]
    assert due_at is not None
    assert due_at - floor.clock.now() == pytest.approx(3600.0)
    floor.look()
    assert floor.shown() == {}
    assert floor.agent("anna")[0] is AgentState.READY


def test_campaign_may_send_every_skip_to_retry():
    """``skipped = "retry"``: nobody gets the contact before the delay is over."""
    floor = Desk(skipped="retry")
    floor.look()
    floor.previews.choose("anna", Choice.SKIP)
    floor.look()
    assert floor.lead(1)[1] == pytest.approx(floor.clock.now() + 3600.0)


def test_skips_run_out():
    """After the last skip of the run an agent can only dial, or let the clock dial."""
    floor = Desk(agents=["anna"], most_skips=2)
    for _ in range(2):
        floor.look()
        assert floor.previews.choose("anna", Choice.SKIP) is None
        floor.look()
    floor.look()
    assert floor.previews.choose("anna", Choice.SKIP) is ChoiceRefusal.NO_SKIPS_LEFT
    floor.look(31.0)
    assert floor.dialled() == [(3, "anna")]


def test_where_only_hands_may_dial_the_clock_passes_the_contact_on():
    """Nobody chose: nothing is dialled, the contact goes to another agent, and who is not at the desk is away."""
    floor = Desk(contacts=1, agents=["anna"], on_timeout="skip")
    floor.enter("ben")
    floor.look()
    floor.look(31.0)
    assert floor.dialled() == []
    assert floor.agent("anna") == (AgentState.AWAY, "no_choice")
    floor.refill()
    floor.look()
    assert floor.shown() == {"ben": 1}


def test_paused_run_takes_its_cards_back(floor: Desk):
    """Cards, what was chosen and what is in hand: all as before, and the agents are free."""
    floor.look()
    floor.previews.choose("anna", Choice.DIAL)
    floor.look()
    floor.desk.look({})
    assert floor.shown() == {}
    assert floor.dialled() == []
    assert [floor.agent(name)[0] for name in ("anna", "ben")] == [AgentState.READY] * 2
    assert {floor.lead(lead_id)[0] for lead_id in range(1, 6)} == {LeadState.FRESH}


def test_agent_whose_line_is_gone_dials_nothing(floor: Desk):
    """The agent left while looking: the contact is free for others at once."""
    floor.look()
    floor.pool.leave("anna", "a", forced=True)
    floor.look()
    assert floor.dialled() == []
    assert floor.shown() == {"ben": 2}
    assert floor.lead(1)[0] is LeadState.FRESH


def test_lost_card_is_not_dialled(floor: Desk):
    """Redis forgot the card: nobody sees it any more, so the clock must not dial it."""
    floor.look()
    seen = floor.previews.of_agent("anna")
    assert seen is not None
    assert floor.previews.end(seen.card, CardEnd.WITHDRAWN)
    floor.look(0.25)
    assert floor.dialled() == []
    assert floor.lead(1)[0] is LeadState.FRESH


def test_controller_that_died_leaves_nobody_stuck(floor: Desk):
    """Nobody renews cards, agents and contacts: all of them are free again, and the next life shows them anew."""
    floor.look()
    floor.clock.at += 100.0
    floor.store.reap(floor.clock.now())
    assert floor.previews.shown("a") == []
    assert {floor.lead(lead_id)[0] for lead_id in (1, 2)} == {LeadState.FRESH}
    for name in ("anna", "ben"):
        floor.enter(name)
    floor.calls, floor.desk = floor.begin()
    floor.refill()
    floor.look()
    assert sorted(floor.shown()) == ["anna", "ben"]


def test_promised_contact_is_shown_to_who_promised_it():
    """A call promised by ben is ben's, however long anna has been idle; anna gets the next."""
    floor = Desk(contacts=0)
    floor.store.add_leads(floor.run.run_id, [(919800000009, "{}"), (919800000010, "{}")])
    now = floor.clock.now()
    first, second = floor.store.claim(floor.run.run_id, 2, now, now + 60.0)
    floor.hopper.push(floor.run.run_id, [replace(first, only_agent="ben"), second])
    floor.look()
    assert floor.shown() == {"ben": first.lead_id, "anna": second.lead_id}


def test_slot_that_is_not_free_keeps_the_choice(floor: Desk):
    """No channel was free: the contact and its agent are dialled first at the next pulse; or let go when it cannot be."""
    floor.look()
    floor.previews.choose("anna", Choice.DIAL)
    floor.previews.choose("ben", Choice.DIAL)
    floor.look()
    first, second = floor.desk.take(floor.run.run_id, 5)
    floor.desk.put_back(second)
    floor.calls.give_back(first.seizure)
    assert floor.agent(first.seizure.agent)[0] is AgentState.READY
    assert floor.desk.take(floor.run.run_id, 5) == [second]
