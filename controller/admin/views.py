"""What is shown of campaigns and their runs: lists, one campaign, its status now, and why a contact is not called.

Nothing is changed here. Totals come from the counters that the ledger keeps; the present moment from what the controllers
publish (``live/board.py``). What limits the pace is the dial loop's word; where no controller dials the run, the reason is
found here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from controller.admin.campaigns import Named
from controller.admin.commands import Args, Desk, NoArgs, Verb
from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.campaigns.pacing import Mode
from controller.domain.hopper.lead import LeadState
from controller.errors import LiveStateDown, NotFound
from controller.storage.campaigns import CampaignStore, StoredCampaign
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore, StoredRun

GATE = "gate"
"""The binding limit of a controller that may not dial the run at all."""
STATE = "state"
NO_CONTROLLER = "no_controller"
DIALS_NOTHING = frozenset({GATE, STATE, NO_CONTROLLER})
"""Binding limits under which nothing is dialled, however many slots are free."""


class Search(Args):
    """title: part of the name. mode: dialling mode (features 1.14)."""

    title: str | None = None
    state: CampaignState | None = None
    mode: Mode | None = None
    priority: int | None = Field(default=None, ge=1, le=10)
    sort: Literal["name", "last_run", "priority"] = "name"


def list_campaigns(desk: Desk, args: Search) -> list[dict[str, Any]]:
    """One row a campaign."""
    states = None if args.state is None else {args.state}
    found = CampaignStore(desk.database).all(states=states, title=args.title, sort=args.sort)
    return [
        _row(campaign)
        for campaign in found
        if (args.mode is None or campaign.spec.mode == args.mode)
        and (args.priority is None or campaign.spec.priority == args.priority)
    ]


def show_campaign(desk: Desk, args: Named) -> dict[str, Any]:
    """Everything its owner wrote, its state and its runs."""
    campaign = CampaignStore(desk.database).get(args.name)
    return _row(campaign) | {
        "revision": campaign.revision,
        "started_once": campaign.started_once,
        "created_at": campaign.created_at,
        "spec": campaign.spec.model_dump(mode="json", exclude_none=True),
        "runs": list_runs(desk, args),
    }


def list_runs(desk: Desk, args: Named) -> list[dict[str, Any]]:
    """A campaign's runs, the first one first, with their totals."""
    campaign = CampaignStore(desk.database).get(args.name)
    store = SqlRunStore(desk.database)
    return [_run(run) | {"totals": store.totals(run.id)} for run in store.of(campaign.id)]


def status(desk: Desk, args: Named) -> dict[str, Any]:
    """The last run, its totals, and the present moment: seats, calls per second, hopper, what limits the pace or why nothing
    is dialled. ``until``: UTC epoch seconds at which that may change."""
    campaign = CampaignStore(desk.database).get(args.name)
    store = SqlRunStore(desk.database)
    run = store.by_number(campaign.id)
    nodes, trouble = _board(desk, args.name)
    if run is None or run.ended_at is not None:
        nodes = {}  # what controllers said lately was about a run that is over
    found: dict[str, Any] = {
        "campaign": campaign.name,
        "state": campaign.state.value,
        "run": _run(run) if run is not None else None,
        "totals": store.totals(run.id) if run is not None else {"lead": {}, "outcome": {}, "attempt": {}},
        "seats": {
            "in_use": max((_number(node, "seats") for node in nodes.values()), default=0),
            "limit": campaign.spec.pacing.seats,
        },
        "calls_per_second": round(sum(_number(node, "calls_per_second") for node in nodes.values()), 2),
        "hopper": max((_number(node, "hopper") for node in nodes.values()), default=0),
        "nodes": nodes,
    }
    pace = _standing_pace(campaign, run) or _dialled_pace(desk, run, nodes, trouble)
    return found | {"dialling": pace["binding"] not in DIALS_NOTHING, "pace": pace}


def controllers(desk: Desk, _args: NoArgs) -> list[dict[str, Any]]:
    """The controllers that published lately, with what each says of every campaign."""
    if desk.board is None:
        return []
    boards = desk.board.read()
    return [
        {"node": node, "campaigns": {name: rows[node] for name, rows in sorted(boards.items()) if node in rows}}
        for node in desk.board.nodes()
    ]


def run_of(desk: Desk, campaign: StoredCampaign, number: int | None = None) -> StoredRun:
    """A run by number, or the last; ``NotFound``."""
    run = SqlRunStore(desk.database).by_number(campaign.id, number)
    if run is None:
        which = "has never run" if number is None else f"has no run {number}; `trunkline campaign show` lists its runs"
        raise NotFound(f"campaign {campaign.name} {which}")
    return run


def _standing_pace(campaign: StoredCampaign, run: StoredRun | None) -> dict[str, Any] | None:
    """Why nothing is dialled, where the database alone knows; None for a run that is being dialled."""
    if run is None:
        return _pace(STATE, f"campaign {campaign.name} is {campaign.state.value} and has never run; start it")
    words = {
        RunState.PREPARING: "its contacts are being prepared by the worker",
        RunState.PAUSED: "the run is paused; resume it to go on",
        RunState.CLOSING: f"the run is closing ({run.closing_reason}); calls in progress end, none begin",
        RunState.COMPLETED: "the run is completed",
        RunState.STOPPED: "the run was stopped",
    }
    return _pace(STATE, words[run.state]) if run.state in words else None


def _dialled_pace(desk: Desk, run: StoredRun | None, nodes: dict[str, dict[str, Any]], trouble: str | None) -> dict[str, Any]:
    if run is None or not nodes:
        return _pace(
            NO_CONTROLLER,
            trouble or "no controller dials this run; is `trunkline controller` (or `trunkline run`) running?",
        )
    open_nodes = [node for node in nodes.values() if node.get("binding") != GATE]
    if not open_nodes:
        first = next(iter(nodes.values()))
        return _pace(GATE, str(first.get("reason", "")), first.get("until"))
    chosen = max(open_nodes, key=lambda node: _number(node, "calls_per_second"))
    if chosen.get("binding") == "leads":
        return _waiting_pace(desk, run) or _pace("leads", str(chosen.get("reason", "")))
    return _pace(str(chosen.get("binding", "")), str(chosen.get("reason", "")), chosen.get("until"))


def _waiting_pace(desk: Desk, run: StoredRun) -> dict[str, Any] | None:
    """When every contact that is left waits for its time."""
    due = SqlLeadStore(desk.database).next_due(run.id)
    if due is None or due <= desk.now():
        return None
    waiting = SqlRunStore(desk.database).totals(run.id)["lead"].get(LeadState.WAITING.word, 0)
    at = datetime.fromtimestamp(due, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return _pace("leads", f"all {waiting} contacts that are left wait for their time; the next is due at {at}", due)


def _pace(binding: str, reason: str, until: Any = None) -> dict[str, Any]:
    return {"binding": binding, "reason": reason, "until": until}


def _board(desk: Desk, name: str) -> tuple[dict[str, dict[str, Any]], str | None]:
    """What each controller publishes of the campaign; and what is wrong when nothing can be read."""
    if desk.board is None:
        return {}, None
    try:
        return {node: dict(row) for node, row in sorted(desk.board.read().get(name, {}).items())}, None
    except LiveStateDown as error:
        return {}, f"Redis is away, so nothing is dialled: {error}"


def _number(row: dict[str, Any], key: str) -> float:
    value = row.get(key, 0)
    return value if isinstance(value, int | float) else 0


def _row(campaign: StoredCampaign) -> dict[str, Any]:
    spec = campaign.spec
    return {
        "name": campaign.name,
        "state": campaign.state.value,
        "mode": spec.mode,
        "priority": spec.priority,
        "lists": list(spec.lists),
        "connect": spec.connect.words if spec.connect is not None else None,
        "description": spec.description,
        "last_run_at": campaign.last_run_at,
        "updated_at": campaign.updated_at,
    }


def _run(run: StoredRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "state": run.state.value,
        "closing_reason": run.closing_reason,
        "started_at": run.started_at,
        "activated_at": run.activated_at,
        "ended_at": run.ended_at,
    }


VIEW_VERBS = (
    Verb("campaign.ls", Search, "campaigns, searched and sorted", do=list_campaigns, reads=True),
    Verb("campaign.show", Named, "one campaign, its settings and runs", do=show_campaign, reads=True),
    Verb("campaign.status", Named, "the present moment and the totals of the last run", do=status, reads=True),
    Verb("run.ls", Named, "a campaign's runs", do=list_runs, reads=True),
    Verb("controller.status", NoArgs, "the controllers and what they do", do=controllers, reads=True),
)
