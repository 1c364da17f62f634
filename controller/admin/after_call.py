"""After a conversation: its disposition with notes, and the call that was promised (features 5.3 to 5.5).

A disposition is one of the campaign's set (or, where it names none, of the site's). ``dnc`` puts the number on the campaign's
do-not-call list, or on the global one where it has none; ``retry``, of the site or of the campaign's ``retry.dispositions``,
has the contact called again. A promised call must lie inside the calling hours; one that a bot promises needs campaign and bot
to allow it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from controller.admin.agents import OneAgent, agent_pool
from controller.admin.calls import OneCall
from controller.admin.commands import Args, Desk, Verb
from controller.domain.campaigns.plan import RunPlan
from controller.domain.site import PREDEFINED_DISPOSITIONS, Disposition, Site
from controller.errors import NotFound, Refused, WrongState
from controller.storage.after_call import AfterCall, TalkedCall
from controller.storage.agents import SqlAgentRecords
from controller.storage.campaigns import CampaignStore
from controller.storage.dnc import GLOBAL, DncLimits, DncStore
from controller.storage.runs import SqlRunStore
from controller.storage.site import SiteStore

NOTES = 4000
"""Characters of notes."""
MOST_DAYS_AHEAD = 60.0


class Result(Args):
    """disposition: one of the campaign's. notes: None leaves those that are there."""

    disposition: str
    notes: str | None = Field(default=None, max_length=NOTES)
    by: str = Field(default="", max_length=128)


class Dispose(Result, OneCall):
    """Of which call."""


class DisposeOfLast(Result, OneAgent):
    """Of the agent's present or last call."""


class When(Args):
    """at: ISO 8601 with a zone, as ``2026-11-21T15:30:00+05:30``. notes: for whoever calls."""

    at: datetime
    notes: str = Field(default="", max_length=NOTES)


class CallLater(When, OneCall):
    """agent: who alone shall call, as long as ten minutes after the time; none = anybody of the queue, or the bot."""

    agent: str | None = None


class PromiseOfAgent(When, OneAgent):
    """mine: by this agent; else by anybody of the queue."""

    mine: bool = False


def dispose(desk: Desk, args: Dispose) -> dict[str, Any]:
    """Say what a call came to."""
    return _dispose(desk, args.attempt_id, args)


def dispose_of_last(desk: Desk, args: DisposeOfLast) -> dict[str, Any]:
    """Say what the agent's present or last call came to."""
    return _dispose(desk, _last_call(desk, args.agent), args.model_copy(update={"by": args.by or args.agent}))


def call_later(desk: Desk, args: CallLater) -> dict[str, Any]:
    """Promise a call."""
    return _promise(desk, args.attempt_id, args, args.agent, made_by=args.agent or "")


def agent_calls_later(desk: Desk, args: PromiseOfAgent) -> dict[str, Any]:
    """The agent promises a call to the person of the present or last call."""
    return _promise(desk, _last_call(desk, args.agent), args, args.agent if args.mine else None, made_by=args.agent)


def _dispose(desk: Desk, attempt_id: str, said: Result) -> dict[str, Any]:
    call, plan = _call(desk, attempt_id)
    spec = CampaignStore(desk.database).get(plan.campaign).spec
    disposition = _known(SiteStore(desk.database).site(), said.disposition, spec.dispositions)
    after = AfterCall(desk.database)
    now = desk.now()
    after.dispose(call, disposition.name, said.notes, said.by, now)
    done: dict[str, Any] = {"attempt_id": attempt_id, "disposition": disposition.name, "again_at": None, "dnc_list": None}
    if disposition.dnc:
        limits = DncLimits(desk.limits.dnc_lists, desk.limits.dnc_numbers_per_list, desk.limits.dnc_numbers)
        done["dnc_list"] = spec.dnc or GLOBAL
        DncStore(desk.database, desk.now).add(done["dnc_list"], {call.phone: f"disposition {disposition.name}"}, limits)
    elif disposition.retry or disposition.name in plan.retry.dispositions:
        due_at = now + plan.retry.delay_minutes * 60.0
        why_not = after.call_again(call, due_at, f"disposition {disposition.name}", plan.retry.max_attempts)
        done |= {"again_at": due_at} if why_not is None else {"not_again": why_not}
    return done


def _promise(desk: Desk, attempt_id: str, said: When, agent: str | None, made_by: str) -> dict[str, Any]:
    call, plan = _call(desk, attempt_id)
    _in_time(desk, said.at, plan)
    if agent is not None and agent not in SqlAgentRecords(desk.database).agents():
        raise NotFound(f"agent {agent} is not in the site; `trunkline agent ls` shows who is")
    if plan.target.kind == "bot":
        _double_gate(desk, plan)
    due_at = said.at.timestamp()
    store = AfterCall(desk.database)
    why_not = store.promise(call, due_at, agent, said.notes, made_by, desk.now(), plan.retry.max_attempts)
    if why_not is not None:
        raise WrongState(f"call {attempt_id}: no call can be promised: {why_not}")
    return {"attempt_id": attempt_id, "at": due_at, "agent": agent}


def _call(desk: Desk, attempt_id: str) -> tuple[TalkedCall, RunPlan]:
    call = AfterCall(desk.database).find(attempt_id)
    if call is None:
        raise NotFound(f"no call has the id {attempt_id}; `trunkline call ls` shows those in progress")
    return call, SqlRunStore(desk.database).get(call.run_id).plan


def _known(site: Site, name: str, of_campaign: tuple[str, ...]) -> Disposition:
    """Names are those of the campaign's set; case does not matter, as people type them."""
    known = {one.name.casefold(): one for one in (*PREDEFINED_DISPOSITIONS, *site.disposition)}
    allowed = {one.casefold() for one in of_campaign} or set(known)
    found = known.get(name.casefold())
    if found is None or name.casefold() not in allowed:
        choice = ", ".join(sorted(known[one].name for one in allowed if one in known))
        raise Refused(f"disposition {name!r} is not one of this campaign's: {choice}")
    return found


def _in_time(desk: Desk, at: datetime, plan: RunPlan) -> None:
    if at.tzinfo is None:
        raise Refused("at: give the time with its zone, as 2026-11-21T15:30:00+05:30")
    ahead = at.timestamp() - desk.now()
    if not 0.0 < ahead <= MOST_DAYS_AHEAD * 86_400:
        raise Refused(f"at: {at.isoformat()} is over already or more than {MOST_DAYS_AHEAD:g} days ahead")
    if not plan.window.is_open(at):
        opens = plan.window.opens_at(at)
        when = opens.astimezone(plan.window.zone).isoformat(timespec="minutes") if opens is not None else "never"
        raise Refused(f"at: {at.isoformat()} is outside the calling hours of {plan.campaign}; they begin again {when}")


def _double_gate(desk: Desk, plan: RunPlan) -> None:
    bot = next((bot for bot in SiteStore(desk.database).site().bot if bot.name == plan.target.name), None)
    spec = CampaignStore(desk.database).get(plan.campaign).spec
    if not spec.callback_detection:
        raise Refused(f"campaign {plan.campaign} takes no callbacks from bots; set callback_detection = true")
    if bot is None or not bot.callbacks:
        raise Refused(f"bot {plan.target.name} may promise no callbacks; set callbacks = true in the site file")


def _last_call(desk: Desk, agent: str) -> str:
    with agent_pool(desk) as pool:
        view = next((view for view in pool.snapshot() if view.name == agent), None)
    if view is None or not view.last_call:
        raise WrongState(f"agent {agent} has had no call since login; name the call: `trunkline call dispose CALL`")
    return view.last_call


AFTER_CALL_VERBS = (
    Verb("call.dispose", Dispose, "say what a call came to", change=dispose),
    Verb("call.later", CallLater, "promise a call", change=call_later),
    Verb("agent.dispose", DisposeOfLast, "say what the agent's last call came to", change=dispose_of_last),
    Verb("agent.later", PromiseOfAgent, "the agent promises a call", change=agent_calls_later),
)
