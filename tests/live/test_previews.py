"""Contacts shown to agents: one suite over Redis and memory. One card an agent, one agent a contact, one end a card."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from controller.domain.agents.preview import Card, CardEnd, Choice, ChoiceRefusal
from controller.domain.hopper.lead import HopperLead
from controller.errors import LiveStateDown
from controller.live.preview_memory import MemoryPreviews
from controller.live.previews import RedisPreviews
from tests.servers import free_port

LEASE_SECONDS = 1.0


@pytest.fixture(params=["redis", "memory"])
def world(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """The cards, and a way to let time pass."""
    if request.param == "memory":
        clock = [1000.0]

        def pass_time(seconds: float) -> None:
            clock[0] += seconds

        yield SimpleNamespace(previews=MemoryPreviews(lambda: clock[0], LEASE_SECONDS), wait=pass_time)
        return
    client = Redis.from_url(request.getfixturevalue("redis_url"))
    yield SimpleNamespace(previews=RedisPreviews(client, LEASE_SECONDS), wait=time.sleep)
    client.close()


def lead(lead_id: int = 1, claim: str = "c1", **change: Any) -> HopperLead:
    values = {"attempts": 0, "uncharged": 0, "leased_until": 1e10, "attributes": '{"name": "Asha"}'}
    return HopperLead(
        lead_id=lead_id, run_id=7, contact_id=lead_id, phone=919800000000 + lead_id, claim=claim, **values | change
    )


def card(agent: str = "anna", lead_id: int = 1, **change: Any) -> Card:
    values: dict[str, Any] = {"lead": lead(lead_id), "node": "a", "campaign": "june", "seconds": 30.0, "skips_left": 2}
    return Card(agent=agent, on_timeout="dial", **values | change)


def test_agent_sees_the_whole_contact(world: SimpleNamespace):
    """What was shown is what the agent reads, number, variables and promise included."""
    shown = card(lead=lead(3, only_agent="anna"))
    assert world.previews.of_agent("anna") is None
    assert world.previews.show(shown)
    seen = world.previews.of_agent("anna")
    assert (seen.card, seen.chosen) == (shown, None)
    assert 0.0 <= seen.age_seconds < 30.0
    assert [one.card for one in world.previews.shown("a")] == [shown]
    assert world.previews.shown("b") == []


def test_contact_that_is_shown_is_locked_for_the_others(world: SimpleNamespace):
    """Two agents never look at one contact, and no agent at two."""
    assert world.previews.show(card("anna", 1))
    assert not world.previews.show(card("ben", 1))
    assert not world.previews.show(card("anna", 2))
    assert world.previews.show(card("ben", 2))
    assert [one.card.agent for one in world.previews.shown("a")] == ["anna", "ben"]


def test_first_choice_counts(world: SimpleNamespace):
    """Dial, then skip: the contact is dialled; the second choice is refused in words."""
    assert world.previews.choose("anna", Choice.DIAL) is ChoiceRefusal.NO_CARD
    assert world.previews.show(card())
    assert world.previews.choose("anna", Choice.DIAL) is None
    assert world.previews.choose("anna", Choice.SKIP) is ChoiceRefusal.CHOSEN_ALREADY
    assert world.previews.of_agent("anna").chosen is Choice.DIAL


def test_without_skips_left_the_contact_must_be_dialled(world: SimpleNamespace):
    """The limit of skips takes the choice to skip away, and only that."""
    assert world.previews.show(card(skips_left=0))
    assert world.previews.choose("anna", Choice.SKIP) is ChoiceRefusal.NO_SKIPS_LEFT
    assert world.previews.choose("anna", Choice.DIAL) is None


def test_card_has_one_end(world: SimpleNamespace):
    """The timer and the agent's choice may come together: one of them ends the card."""
    shown = card()
    assert world.previews.show(shown)
    assert world.previews.end(shown, CardEnd.DIALLED)
    assert not world.previews.end(shown, CardEnd.DIALLED_BY_TIMER)
    assert world.previews.of_agent("anna") is None
    assert world.previews.show(card("ben", 1)), "the contact is free again"


def test_late_end_of_an_earlier_card_leaves_the_next_alone(world: SimpleNamespace):
    """The same contact with a new claim is another card."""
    first, second = card(), card(lead=lead(1, "c2"))
    assert world.previews.show(first)
    assert world.previews.end(first, CardEnd.WITHDRAWN)
    assert world.previews.show(second)
    assert not world.previews.end(first, CardEnd.SKIPPED)
    assert world.previews.renew([first, second]) == [False, True]
    assert world.previews.skips(7, "anna") == 0


@pytest.mark.parametrize(
    ("how", "skips", "remembered"),
    [
        (CardEnd.SKIPPED, 1, {"anna"}),
        (CardEnd.PASSED_ON, 0, {"anna"}),
        (CardEnd.DIALLED, 0, set()),
        (CardEnd.DIALLED_BY_TIMER, 0, set()),
        (CardEnd.WITHDRAWN, 0, set()),
    ],
)
def test_skips_are_counted_by_agent_and_run(world: SimpleNamespace, how: CardEnd, skips: int, remembered: set[str]):
    """A skip costs one of the agent's; whoever skipped a contact, or let its time pass, is remembered of it."""
    shown = card()
    assert world.previews.show(shown)
    assert world.previews.end(shown, how)
    assert (world.previews.skips(7, "anna"), world.previews.skips(7, "ben"), world.previews.skips(8, "anna")) == (skips, 0, 0)
    assert world.previews.skipped_by(7, [1, 2]) == [remembered, set()]
    assert world.previews.skipped_by(7, []) == []


def test_card_that_nobody_renews_is_gone(world: SimpleNamespace):
    """A controller that died leaves no agent before a dead card and no contact locked."""
    assert world.previews.show(card("anna", 1))
    assert world.previews.show(card("ben", 2))
    world.wait(0.6 * LEASE_SECONDS)
    assert world.previews.renew([card("ben", 2)]) == [True]
    world.wait(0.6 * LEASE_SECONDS)
    assert world.previews.of_agent("anna") is None
    assert world.previews.renew([card("anna", 1)]) == [False]
    assert world.previews.choose("anna", Choice.DIAL) is ChoiceRefusal.NO_CARD
    assert world.previews.show(card("anna", 1))


def test_two_controllers_at_once_show_a_contact_once(redis_url: str):
    """Twenty agents ask for one contact in the same moment: one gets it; its twenty ends are one."""
    start = threading.Barrier(20)

    def ask(number: int) -> tuple[bool, bool]:
        with Redis.from_url(redis_url) as client:
            previews = RedisPreviews(client, 60.0)
            start.wait(30)
            return previews.show(card(f"agent{number}", 1)), previews.end(card(f"agent{number}", 1), CardEnd.DIALLED)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert sum(ended for _, ended in answers) == sum(shown for shown, _ in answers) >= 1


def test_redis_that_is_away_is_said_so():
    """Nothing is shown and nothing chosen while Redis is away; the caller hears which world is down."""
    previews = RedisPreviews(Redis(port=free_port(), socket_connect_timeout=1, retry=None), 60.0)
    for act in (
        lambda: previews.show(card()),
        lambda: previews.of_agent("anna"),
        lambda: previews.shown("a"),
        lambda: previews.skips(7, "anna"),
        lambda: previews.skipped_by(7, [1]),
    ):
        with pytest.raises(LiveStateDown):
            act()
