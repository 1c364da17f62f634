"""What an agent is shown (features 3.10, 4.6): the contact on a card and what the agent says to it, and who is on the line.

The choice is noted with the card; the controller that shows it sees to the rest within a moment. So any process may take it,
and of two choices the first counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from controller.admin.agents import OneAgent, agent_pool, standing
from controller.admin.commands import Desk, Verb
from controller.domain.agents.agent import AgentState
from controller.domain.agents.preview import Choice, ChoiceRefusal
from controller.domain.contacts.phone import e164
from controller.errors import Unavailable, WrongState
from controller.ports import Previews, ShownCard
from controller.storage.campaigns import CampaignStore
from controller.storage.look_up import LookUp, OnTheLine


def show(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """Where the agent stands; the contact that is shown, with the seconds left to choose; the present or last call, from the
    moment it is dialled for the agent; and the campaign's script for either."""
    with agent_pool(desk) as pool, _previews(desk) as previews:
        shown = previews.of_agent(args.agent)
        row = standing(desk, pool, args.agent)
    call = row["attempt_id"] if row["state"] == AgentState.RESERVED.value else row["last_call"]
    on_line = LookUp(desk.database).on_the_line(call) if call else None
    campaign = shown.card.campaign if shown is not None else on_line.campaign if on_line is not None else row["campaign"]
    stored = CampaignStore(desk.database).find(campaign) if campaign is not None else None
    return row | {
        "card": None if shown is None else _card(shown),
        "call": None if on_line is None else _call(on_line),
        "script": stored.spec.agent_script if stored is not None else "",
    }


def dial(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """The contact is to be rung now."""
    return _choose(desk, args.agent, Choice.DIAL)


def skip(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """The contact is not for this agent."""
    return _choose(desk, args.agent, Choice.SKIP)


def _choose(desk: Desk, agent: str, choice: Choice) -> dict[str, Any]:
    with _previews(desk) as previews:
        refusal = previews.choose(agent, choice)
    if refusal is None:
        return {"agent": agent, "chosen": choice.value}
    mend = "; dial it, or it is dialled when the time is up" if refusal is ChoiceRefusal.NO_SKIPS_LEFT else ""
    raise WrongState(f"agent {agent}: {refusal.value}{mend}")


def _card(shown: ShownCard) -> dict[str, Any]:
    card = shown.card
    return {
        "campaign": card.campaign,
        "phone": e164(card.lead.phone),
        "attributes": json.loads(card.lead.attributes),
        "attempts": card.lead.attempts,
        "seconds_left": round(max(0.0, card.seconds - shown.age_seconds), 1),
        "then": card.on_timeout,
        "skips_left": card.skips_left,
        "chosen": shown.chosen.value if shown.chosen is not None else None,
    }


def _call(on_line: OnTheLine) -> dict[str, Any]:
    return asdict(on_line) | {"phone": e164(on_line.phone)}


@contextmanager
def _previews(desk: Desk) -> Iterator[Previews]:
    if desk.open_previews is None:
        raise Unavailable("cards are in Redis, and it is not at hand; see redis.url")
    with desk.open_previews() as previews:
        yield previews


PREVIEW_VERBS = (
    Verb("agent.show", OneAgent, "one agent, the contact that is shown, who is on the line, the script", do=show, reads=True),
    Verb("agent.dial", OneAgent, "ring the contact that is shown", do=dial),
    Verb("agent.skip", OneAgent, "pass the contact that is shown on", do=skip),
)
