"""`trunkline agent show`, `dial` and `skip`: a card as its agent sees it, and the agent's choice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from controller.domain.agents.preview import Card, Choice
from controller.domain.hopper.lead import HopperLead
from controller.live.agents import RedisAgents
from controller.live.previews import RedisPreviews
from controller.ports import Presence
from tests.cli.conftest import Shell

LEAD = HopperLead(1, 7, 1, 919812345601, 2, 0, "c1", 1e10, '{"NAME": "Asha <b>"}')


@pytest.fixture
def previews(redis_url: str) -> Iterator[RedisPreviews]:
    """Cards as a controller shows them; anna is at work."""
    with Redis.from_url(redis_url) as client:
        assert RedisAgents(client, 600.0).enter([Presence("anna", "n1", ("sales",))]) == [True]
        yield RedisPreviews(client, 600.0)


def card(skips_left: int = 2) -> Card:
    return Card(LEAD, "anna", "n1", "june", 30.0, "dial", skips_left)


def test_agent_sees_whom_and_how_long(shell: Shell, previews: RedisPreviews):
    """Number, variables, earlier attempts, the seconds that are left and what follows."""
    assert shell.ask("agent", "show", "anna")["card"] is None
    assert previews.show(card())
    found = shell.ask("agent", "show", "anna")
    shown = found["card"]
    assert 0.0 <= shown.pop("seconds_left") <= 30.0
    assert shown == {
        "campaign": "june",
        "phone": "+919812345601",
        "attributes": {"NAME": "Asha <b>"},
        "attempts": 2,
        "then": "dial",
        "skips_left": 2,
        "chosen": None,
    }
    answer = shell.give("agent", "show", "anna")
    assert answer.code == 0
    assert "NAME Asha <b>" in answer.out


@pytest.mark.parametrize("choice", list(Choice))
def test_choice_reaches_the_card(shell: Shell, previews: RedisPreviews, choice: Choice):
    """Dial and skip work from any shell; the first choice counts."""
    assert previews.show(card())
    assert shell.ask("agent", choice.value, "anna")["chosen"] == choice.value
    seen = previews.of_agent("anna")
    assert seen is not None
    assert seen.chosen is choice
    again = shell.give("agent", "dial", "anna")
    assert again.code == 1
    assert "a choice has been made already" in again.err


def test_refusals_say_what_to_do(shell: Shell, previews: RedisPreviews):
    """No card, or no skips left: one line that says so."""
    nothing = shell.give("agent", "dial", "anna")
    assert (nothing.code, nothing.err) == (1, "trunkline: agent anna: no contact is shown\n")
    assert previews.show(card(skips_left=0))
    refused = shell.give("agent", "skip", "anna")
    assert refused.code == 1
    assert "no skips are left in this run; dial it" in refused.err
