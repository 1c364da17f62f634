"""Preview: an agent looks at a contact, then dials or skips, and the clock runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.agents.preview import (
    Card,
    CardEnd,
    Choice,
    ChoiceRefusal,
    card_for,
    end_of,
    refusal,
    skips_left,
    waits_seconds,
)
from controller.domain.hopper.lead import HopperLead


def lead(lead_id: int, only_agent: str | None = None) -> HopperLead:
    return HopperLead(lead_id, 1, lead_id, 919800000000 + lead_id, 0, 0, "c", 1e10, "{}", only_agent)


def card(**change: Any) -> Card:
    values: dict[str, Any] = {"lead": lead(1), "agent": "anna", "node": "a", "campaign": "june", "seconds": 30.0}
    return Card(**values | {"on_timeout": "dial", "skips_left": 1} | change)


def test_agent_has_thirty_seconds():
    """Nothing ends the card before its time but the agent."""
    assert end_of(card(), None, 29.9) is None
    assert end_of(card(), Choice.DIAL, 3.0) is CardEnd.DIALLED
    assert end_of(card(), Choice.SKIP, 3.0) is CardEnd.SKIPPED


def test_contact_is_dialled_when_the_time_is_up():
    """Neither dialled nor skipped: dialled automatically, unless every call must be begun by hand."""
    assert end_of(card(), None, 30.0) is CardEnd.DIALLED_BY_TIMER
    assert end_of(card(on_timeout="skip"), None, 30.0) is CardEnd.PASSED_ON


@given(age=st.floats(0, 1e6), on_timeout=st.sampled_from(["dial", "skip"]), skips=st.integers(0, 3))
def test_choice_counts_even_if_it_was_read_late(age: float, on_timeout: str, skips: int):
    """A slow loop must not dial a contact that the agent skipped, nor pass on one that was to be dialled."""
    shown = card(on_timeout=on_timeout, skips_left=skips)
    assert end_of(shown, Choice.SKIP, age) is CardEnd.SKIPPED
    assert end_of(shown, Choice.DIAL, age) is CardEnd.DIALLED


@given(age=st.floats(0, 1e6))
def test_by_hand_alone_means_by_hand_alone(age: float):
    """Where the time that is up passes a contact on, no clock ever dials."""
    end = end_of(card(on_timeout="skip"), None, age)
    assert end is None or not end.dials


@pytest.mark.parametrize(
    ("shown", "chosen", "wish", "refused"),
    [
        (None, None, Choice.DIAL, ChoiceRefusal.NO_CARD),
        (card(), None, Choice.SKIP, None),
        (card(), Choice.SKIP, Choice.DIAL, ChoiceRefusal.CHOSEN_ALREADY),
        (card(skips_left=0), None, Choice.SKIP, ChoiceRefusal.NO_SKIPS_LEFT),
        (card(skips_left=0), None, Choice.DIAL, None),
    ],
)
def test_which_wishes_are_taken(shown: Card | None, chosen: Choice | None, wish: Choice, refused: ChoiceRefusal | None):
    """One choice a card; no skip without skips left."""
    assert refusal(shown, chosen, wish) is refused


def test_skips_run_out():
    """Ten skips a run; an owner who lowers the limit takes away what is left, not what is used."""
    assert [skips_left(10, used) for used in (0, 9, 10, 12)] == [10, 1, 0, 0]


def test_next_contact_is_the_first_that_fits():
    """In dialling order: not one that the agent skipped, not one that another promised to call."""
    leads = [lead(1), lead(2, "ben"), lead(3, "anna"), lead(4)]
    nobody: list[frozenset[str]] = [frozenset()] * 4
    assert card_for(leads, "anna", nobody) == leads[0]
    assert card_for(leads, "anna", [frozenset({"anna"}), *nobody[1:]]) == leads[2]
    assert card_for(leads, "ben", [frozenset({"ben"}), *nobody[1:]]) == leads[1]
    assert card_for(leads, "cora", [frozenset({"ben", "anna"}), *nobody[1:]]) == leads[0]
    assert card_for([lead(2, "ben")], "anna", [frozenset()]) is None
    assert card_for([], "anna", []) is None


def test_skipped_contact_goes_to_somebody_who_has_not_seen_it():
    """At once, as long as there is such an agent at work; else it waits like one that was called."""
    at_work = {"anna", "ben"}
    assert waits_seconds("another_agent", 3600.0, {"anna"}, at_work) == 0.0
    assert waits_seconds("another_agent", 3600.0, {"anna", "ben"}, at_work) == 3600.0
    assert waits_seconds("another_agent", 3600.0, {"anna"}, {"anna"}) == 3600.0
    assert waits_seconds("retry", 3600.0, {"anna"}, at_work) == 3600.0
