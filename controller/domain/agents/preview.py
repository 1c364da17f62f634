"""Preview (features 3.10): a contact is shown to an agent, who dials or skips before the time is up.

    lead ──shown──► card ─┬─ dial ─────────────► the call is placed, the agent kept for it
                          ├─ skip, while any are left ► another agent, or retry
                          ├─ time is up ──► dialled all the same, or passed on where a human hand must begin every call
                          └─ withdrawn (run paused, agent gone) ──► the contact goes back as it was

While a card is shown the contact is nobody else's and the agent is System Busy. Rules only: which contact comes next is the
hopper's order, who is longest idle the pool's; cards are kept by the port ``Previews``. Ages are seconds since the card was
shown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from controller.domain.hopper.lead import HopperLead


class Choice(StrEnum):
    """What an agent may say to a card."""

    DIAL = "dial"
    SKIP = "skip"


class CardEnd(StrEnum):
    """How a card ended. Each card has exactly one end."""

    DIALLED = "dialled"
    DIALLED_BY_TIMER = "dialled_by_timer"
    SKIPPED = "skipped"
    PASSED_ON = "passed_on"  # the time is up and nobody may dial but by hand; the agent is not at the desk
    WITHDRAWN = "withdrawn"

    @property
    def dials(self) -> bool:
        return self in (CardEnd.DIALLED, CardEnd.DIALLED_BY_TIMER)


class ChoiceRefusal(StrEnum):
    """Why a choice is not taken."""

    NO_CARD = "no contact is shown"
    NO_SKIPS_LEFT = "no skips are left in this run"
    CHOSEN_ALREADY = "a choice has been made already"


@dataclass(frozen=True, slots=True)
class Card:
    """A contact shown to an agent. seconds: the agent's time. skips_left: before this card, in this run."""

    lead: HopperLead
    agent: str
    node: str
    campaign: str
    seconds: float
    on_timeout: Literal["dial", "skip"]
    skips_left: int


def card_for(leads: Sequence[HopperLead], agent: str, skipped_by: Sequence[Collection[str]]) -> HopperLead | None:
    """The first of ``leads`` (in dialling order) that may be shown to the agent; None when none may.

    A call promised by one agent is that agent's alone; who skipped a contact does not get it again in this run.
    skipped_by: for each lead the agents that skipped it.
    """
    for lead, skippers in zip(leads, skipped_by, strict=True):
        if lead.only_agent in (None, agent) and agent not in skippers:
            return lead
    return None


def skips_left(most_skips: int, used: int) -> int:
    """How many skips an agent still has; an owner may lower the limit below what is used."""
    return max(0, most_skips - used)


def refusal(card: Card | None, chosen: Choice | None, wish: Choice) -> ChoiceRefusal | None:
    """Why the agent's wish is not taken; None when it is. chosen: what was chosen before."""
    if card is None:
        return ChoiceRefusal.NO_CARD
    if chosen is not None:
        return ChoiceRefusal.CHOSEN_ALREADY
    if wish is Choice.SKIP and card.skips_left <= 0:
        return ChoiceRefusal.NO_SKIPS_LEFT
    return None


def end_of(card: Card, chosen: Choice | None, age: float) -> CardEnd | None:
    """How the card ends now; None while the agent still has time. A choice counts even if it was read after the time."""
    if chosen is Choice.DIAL:
        return CardEnd.DIALLED
    if chosen is Choice.SKIP:
        return CardEnd.SKIPPED
    if age < card.seconds:
        return None
    return CardEnd.DIALLED_BY_TIMER if card.on_timeout == "dial" else CardEnd.PASSED_ON


def waits_seconds(
    skipped: Literal["another_agent", "retry"], retry_seconds: float, skippers: Collection[str], others: Collection[str]
) -> float:
    """How long a skipped contact waits.

    retry_seconds: the campaign's delay between attempts. skippers: agents that skipped it, this one included. others: agents
    of the queue who are at work; a contact that all of them have skipped waits like one that was called.
    """
    if skipped == "another_agent" and not set(others) <= set(skippers):
        return 0.0
    return retry_seconds
