"""A preview campaign from card to talk, in the production engine: agents look, then dial, skip, or let the clock dial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from controller.domain.agents.agent import AgentState
from controller.domain.agents.preview import Choice
from controller.domain.calls.actions import DialOrder
from controller.domain.calls.events import Answered, CallEvent, HungUp, Left
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.pacing import Pacing, Preview
from controller.domain.campaigns.plan import PlannedTarget
from tests.stories.floor import Floor, busy
from tests.stories.test_calls_with_agents import Office

SALES = PlannedTarget(kind="queue", name="sales", address="sales")
AGENTS = ("anna", "ben")


def picks_up(order: DialOrder) -> Sequence[tuple[float, CallEvent]]:
    return [(0.001, Left(1.0)), (0.002, Answered(2.0)), (0.06, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200))]


@contextmanager
def at_work(
    script: Callable[[DialOrder], Sequence[tuple[float, CallEvent]]], names: Sequence[str] = AGENTS
) -> Iterator[tuple[Floor, Office]]:
    """A floor whose agents are logged in and ready."""
    office = Office(names)
    with Floor(script, staff=office) as floor:
        office.come_in()
        yield floor, office


def preview(floor: Floor, contacts: int, seats: int = 10, **keys: Any) -> int:
    pacing = Pacing(seats=seats, preview=Preview.model_validate({"seconds": 600} | keys))
    return floor.campaign(contacts, mode="preview", target=SALES, pacing=pacing)


def cards(floor: Floor) -> dict[str, int]:
    """Agent → lead on the card, where no choice is made yet."""
    return {one.card.agent: one.card.lead.lead_id for one in floor.previews.shown("fs1") if one.chosen is None}


def everybody_dials(floor: Floor) -> bool:
    """One step of agents who dial whatever they are shown; True when no card is left and nothing is in progress."""
    for agent in cards(floor):
        floor.previews.choose(agent, Choice.DIAL)
    return False


def states(office: Office) -> list[AgentState]:
    return [view.state for view in office.pool.snapshot()]


def test_each_contact_is_seen_dialled_and_talked_to_by_one_agent():
    """Ten contacts, two agents: each contact is called once, by an agent who was kept for it, and the run is done."""
    with at_work(picks_up) as (floor, office):
        run_id = preview(floor, 10)
        over = floor.finished(run_id)
        floor.wait(lambda: everybody_dials(floor) or over(), 60)
        floor.wait(floor.slots_free)
        ends = [attempt.end for attempt in floor.store.attempts()]
        assert Counter(end.outcome for end in ends if end is not None) == {Outcome.ANSWERED: 10}
        assert sum(office.phones.talks.values()) == 10
        assert set(office.phones.talks) == set(AGENTS)
        floor.wait(lambda: states(office) == [AgentState.READY] * 2)


def test_nothing_is_dialled_while_agents_look():
    """Nobody chooses: two cards, no call, both agents System Busy, and the reason is told."""
    with at_work(picks_up) as (floor, office):
        preview(floor, 5)
        floor.wait(lambda: len(cards(floor)) == 2)
        floor.wait(lambda: floor.loop.standing()["june"]["binding"] == "choices")
        assert floor.switch.dialled == []
        assert states(office) == [AgentState.RESERVED] * 2


def test_agent_is_free_again_when_nobody_picks_up():
    """Everybody is busy: the agent gets the next card at once, and contacts are tried again by the campaign's rules."""
    with at_work(busy, ["anna"]) as (floor, office):
        run_id = preview(floor, 3)
        over = floor.finished(run_id)
        floor.wait(lambda: everybody_dials(floor) or over(), 60)
        assert len(floor.switch.dialled) == 9
        assert not office.phones.talks
        floor.wait(lambda: states(office) == [AgentState.READY])


def test_chosen_contact_waits_for_a_seat():
    """One seat, two choices at once: one call after the other, and no choice is lost."""
    with at_work(picks_up) as (floor, office):
        run_id = preview(floor, 2, seats=1)
        floor.wait(lambda: len(cards(floor)) == 2)
        everybody_dials(floor)
        floor.wait(floor.finished(run_id))
        assert sum(office.phones.talks.values()) == 2
        assert floor.switch.most_live == 1


def test_pause_takes_the_cards_away():
    """The run is paused while agents look: no card, nobody reserved, every contact as before."""
    with at_work(picks_up) as (floor, office):
        run_id = preview(floor, 5)
        floor.wait(lambda: len(cards(floor)) == 2)
        floor.store.set_run_state(run_id, RunState.PAUSED)
        floor.loop.nudge()
        floor.wait(lambda: not cards(floor) and states(office) == [AgentState.READY] * 2)
        floor.wait(lambda: {lead.state.word for lead in floor.store.leads(run_id)} <= {"fresh", "hopper"})
        assert floor.switch.dialled == []
