"""Cards by command (features 3.10): what an agent is shown, and what the agent says to it.

The choice is noted with the card; the controller that shows it sees to the rest within a moment. So any process may take it,
and of two choices the first counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from controller.admin.agents import OneAgent, agent_pool, standing
from controller.admin.commands import Desk, Verb
from controller.domain.agents.preview import Choice, ChoiceRefusal
from controller.domain.contacts.phone import e164
from controller.errors import Unavailable, WrongState
from controller.ports import Previews, ShownCard


def show(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """Where the agent stands, and the contact that is shown, with the seconds left to choose."""
    with agent_pool(desk) as pool, _previews(desk) as previews:
        shown = previews.of_agent(args.agent)
        return standing(pool, args.agent) | {"card": None if shown is None else _card(shown)}


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


@contextmanager
def _previews(desk: Desk) -> Iterator[Previews]:
    if desk.open_previews is None:
        raise Unavailable("cards are in Redis, and it is not at hand; see redis.url")
    with desk.open_previews() as previews:
        yield previews


PREVIEW_VERBS = (
    Verb("agent.show", OneAgent, "one agent, and the contact that is shown", do=show, reads=True),
    Verb("agent.dial", OneAgent, "ring the contact that is shown", do=dial),
    Verb("agent.skip", OneAgent, "pass the contact that is shown on", do=skip),
)
