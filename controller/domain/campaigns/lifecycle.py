"""The states of a campaign and of a run, and who may do what in which (features 1.3–1.8).

    draft ──apply──► ready ──start──► active ⇄ paused
                       ▲                 │        │
                       │        completed / stopped ◄──┘      start or rerun of these = a new run

A *run* is one instance with data of its own: preparing → active ⇄ paused → closing → completed | stopped.
``closing`` = no new calls, the ones in progress end.
"""

from __future__ import annotations

from enum import StrEnum


class CampaignState(StrEnum):
    """features 1.3; ``scheduled`` waits for its start time (a later issue fills it)."""

    DRAFT = "draft"
    READY = "ready"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"


class RunState(StrEnum):
    """One run's life."""

    PREPARING = "preparing"  # leads are being materialised and scrubbed
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSING = "closing"  # why it closes lies in ``runs.closing_reason``
    COMPLETED = "completed"
    STOPPED = "stopped"


VERBS: dict[str, frozenset[CampaignState]] = {
    "start": frozenset({CampaignState.DRAFT, CampaignState.READY, CampaignState.STOPPED}),
    "rerun": frozenset({CampaignState.COMPLETED, CampaignState.STOPPED}),
    "pause": frozenset({CampaignState.ACTIVE}),
    "resume": frozenset({CampaignState.PAUSED}),
    "stop": frozenset({CampaignState.ACTIVE, CampaignState.PAUSED, CampaignState.SCHEDULED}),
    "edit": frozenset(
        {
            CampaignState.DRAFT,
            CampaignState.READY,
            CampaignState.PAUSED,
            CampaignState.COMPLETED,
            CampaignState.STOPPED,
        }
    ),
    "delete": frozenset({CampaignState.DRAFT, CampaignState.READY, CampaignState.COMPLETED, CampaignState.STOPPED}),
}
"""Which verb is allowed in which state; ``clone`` and reading are always allowed."""

IN_USE: frozenset[CampaignState] = frozenset({CampaignState.ACTIVE, CampaignState.SCHEDULED, CampaignState.PAUSED})
"""While a campaign is in one of these, what it links to cannot be deleted (features 1.8)."""


def refusal(verb: str, state: CampaignState, name: str) -> str | None:
    """Why ``verb`` is not allowed now, as a sentence for the user; None when it is allowed."""
    allowed = VERBS[verb]
    if state in allowed:
        return None
    wanted = " or ".join(sorted(allowed))
    return f"campaign {name} is {state.value}; {verb} needs it to be {wanted}"
