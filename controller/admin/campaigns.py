"""What may be done with a campaign: preflight, start, rerun, pause, resume, stop, clone, delete (features 1.3–1.12).

A campaign's state and its run's change in one transaction, by comparison, so two hands on one campaign cannot both win.
Starting compiles the plan and leaves a run in ``preparing``; the worker's sweeps make its leads, activate it and, when it
closes, end it. Writing and changing a campaign lies in ``site.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controller.admin.commands import Args, Desk, Verb
from controller.domain.campaigns.campaign import Campaign
from controller.domain.campaigns.lifecycle import VERBS, CampaignState, RunState, refusal
from controller.domain.campaigns.plan import RunPlan, compile_plan
from controller.domain.campaigns.preflight import Preflight, Surroundings, preflight
from controller.domain.site import PREDEFINED_DISPOSITIONS, Name, staff
from controller.errors import Refused, WrongState
from controller.formulas.constant import Constants
from controller.storage.campaigns import CampaignStore, StoredCampaign
from controller.storage.contacts import ContactStore, lock_lists
from controller.storage.dnc import GLOBAL, DncStore
from controller.storage.look_up import LookUp
from controller.storage.runs import SqlRunStore, StoredRun
from controller.storage.site import SiteStore

STOPPABLE = (RunState.PREPARING, RunState.ACTIVE, RunState.PAUSED)


class Named(Args):
    """One campaign."""

    name: str


class Stop(Named):
    """reason: for the audit."""

    reason: str = ""


class Clone(Named):
    """to: the new campaign's name."""

    to: Name


def surroundings(desk: Desk, name: str) -> Surroundings:
    """What the pre-flight check of the campaign compares it with, read now."""
    site = SiteStore(desk.database).site()
    lists = ContactStore(desk.database).lists()
    names = {one.id: one.name for one in lists}
    in_use = SqlRunStore(desk.database).lists_in_use()
    running = CampaignStore(desk.database).all(states={CampaignState.ACTIVE, CampaignState.PAUSED})
    return Surroundings(
        carriers=site.carrier,
        numbers=site.number,
        bots=site.bot,
        dispositions=frozenset(one.name for one in (*PREDEFINED_DISPOSITIONS, *site.disposition)),
        list_sizes={one.name: one.size for one in lists},
        dnc_lists=frozenset({GLOBAL, *LookUp(desk.database).dnc_lists()}),
        busy_lists={names[key]: owner for key, owner in in_use.items() if key in names and owner != name},
        running=sum(1 for other in running if other.name != name),
        running_limit=desk.limits.running_campaigns,
        staff=staff(site.queue, site.agent),
        prometheus=desk.formulas is not None and not isinstance(desk.formulas, Constants),
        amd=desk.amd,
    )


def check(desk: Desk, campaign: Campaign) -> Preflight:
    """The pre-flight check, now."""
    return preflight(campaign, surroundings(desk, campaign.name), datetime.fromtimestamp(desk.now(), UTC))


def findings(result: Preflight) -> dict[str, Any]:
    """The check's answer as JSON values."""
    return {
        "passed": result.passed,
        "refusals": [{"problem": one.problem.value, "text": one.text} for one in result.refusals],
        "warnings": [{"problem": one.problem.value, "text": one.text} for one in result.warnings],
    }


def plan_for(desk: Desk, campaign: Campaign, campaign_id: int) -> RunPlan:
    """The plan that a run of the campaign would be dialled by; its lists stay as they are until the transaction ends."""
    with desk.database.write() as connection:
        list_ids = [one.id for one in lock_lists(connection, campaign.lists)]
    dnc = DncStore(desk.database, desk.now).ids()
    site = SiteStore(desk.database).site()
    return compile_plan(
        campaign,
        campaign_id,
        list_ids,
        [dnc[name] for name in dict.fromkeys((GLOBAL, campaign.dnc or GLOBAL))],
        site.carrier,
        site.number,
        site.bot,
        desk.amd,
    )


def show_preflight(desk: Desk, args: Named) -> dict[str, Any]:
    """The check alone; nothing is changed, and a campaign that may not start is no refusal here."""
    return {"campaign": args.name} | findings(check(desk, CampaignStore(desk.database).get(args.name).spec))


def start(desk: Desk, args: Named) -> dict[str, Any]:
    """A first run, or a new one of a stopped campaign."""
    return _begin(desk, args.name, "start")


def rerun(desk: Desk, args: Named) -> dict[str, Any]:
    """A new run of a completed or stopped campaign, from the first contact."""
    return _begin(desk, args.name, "rerun")


def pause(desk: Desk, args: Named) -> dict[str, Any]:
    """No new calls; those in progress go on, contacts stay where they are."""
    return _move(desk, args.name, "pause", RunState.ACTIVE, RunState.PAUSED, CampaignState.PAUSED)


def resume(desk: Desk, args: Named) -> dict[str, Any]:
    """Dialling goes on from where it was paused."""
    return _move(desk, args.name, "resume", RunState.PAUSED, RunState.ACTIVE, CampaignState.ACTIVE)


def stop(desk: Desk, args: Stop) -> dict[str, Any]:
    """The run ends: no new calls, those in progress end by themselves, contacts that wait become ``stopped``."""
    campaign = _allowed(desk, args.name, "stop")
    run = _last_run(desk, campaign)
    if not SqlRunStore(desk.database).set_state(
        run.id,
        STOPPABLE,
        RunState.CLOSING,
        desk.now(),
        campaign=CampaignState.STOPPED,
        closing_reason="stopped",
    ):
        raise WrongState(f"run {run.number} of campaign {args.name} is {run.state.value} already")
    return _moved(args.name, run, CampaignState.STOPPED, RunState.CLOSING)


def clone(desk: Desk, args: Clone) -> dict[str, Any]:
    """A draft with everything of the other but its schedule and its runs."""
    copy = CampaignStore(desk.database).clone(args.name, args.to, desk.now())
    return {"campaign": copy.name, "state": copy.state.value, "cloned_from": args.name}


def delete(desk: Desk, args: Named) -> dict[str, Any]:
    """The campaign and all its runs, with their leads and attempts."""
    campaign = _allowed(desk, args.name, "delete")
    run = SqlRunStore(desk.database).by_number(campaign.id)
    if run is not None and run.ended_at is None:
        raise WrongState(f"run {run.number} of campaign {args.name} is {run.state.value}; delete it when the run has ended")
    CampaignStore(desk.database).delete(campaign.id, VERBS["delete"])
    return {"campaign": args.name, "deleted": True}


def _begin(desk: Desk, name: str, verb: str) -> dict[str, Any]:
    campaign = _allowed(desk, name, verb)
    result = check(desk, campaign.spec)
    if not result.passed:
        raise Refused(*(f"campaign {name} cannot start: {one.text}" for one in result.refusals))
    plan = plan_for(desk, campaign.spec, campaign.id)
    run = SqlRunStore(desk.database).start(campaign.id, VERBS[verb], plan, desk.now())
    if run is None:
        raise WrongState(f"the last run of campaign {name} has not ended; its calls are still in progress, try again soon")
    return _moved(name, run, CampaignState.ACTIVE, run.state) | {"warnings": findings(result)["warnings"]}


def _move(desk: Desk, name: str, verb: str, leaving: RunState, to: RunState, campaign_to: CampaignState) -> dict[str, Any]:
    campaign = _allowed(desk, name, verb)
    run = _last_run(desk, campaign)
    if not SqlRunStore(desk.database).set_state(run.id, (leaving,), to, desk.now(), campaign=campaign_to):
        if run.state is RunState.PREPARING:
            raise WrongState(f"the contacts of campaign {name} are still being prepared; try again soon, or stop it")
        raise WrongState(f"run {run.number} of campaign {name} is {run.state.value}; {verb} needs it to be {leaving.value}")
    return _moved(name, run, campaign_to, to)


def _allowed(desk: Desk, name: str, verb: str) -> StoredCampaign:
    """The campaign, if its state allows the verb."""
    campaign = CampaignStore(desk.database).get(name)
    why_not = refusal(verb, campaign.state, name)
    if why_not is not None:
        hint = {
            ("start", CampaignState.COMPLETED): f"; `trunkline campaign rerun {name}` makes a new run",
            ("start", CampaignState.PAUSED): f"; `trunkline campaign resume {name}` goes on",
            ("delete", CampaignState.ACTIVE): f"; `trunkline campaign stop {name}` first",
            ("delete", CampaignState.PAUSED): f"; `trunkline campaign stop {name}` first",
        }.get((verb, campaign.state), "")
        raise WrongState(why_not + hint)
    return campaign


def _last_run(desk: Desk, campaign: StoredCampaign) -> StoredRun:
    run = SqlRunStore(desk.database).by_number(campaign.id)
    if run is None:
        raise WrongState(f"campaign {campaign.name} has never run")
    return run


def _moved(name: str, run: StoredRun, state: CampaignState, run_state: RunState) -> dict[str, Any]:
    return {"campaign": name, "state": state.value, "run": run.number, "run_state": run_state.value}


CAMPAIGN_VERBS = (
    Verb("campaign.preflight", Named, "whether the campaign may start, with every reason", do=show_preflight, reads=True),
    Verb("campaign.start", Named, "begin a run", change=start),
    Verb("campaign.rerun", Named, "begin a new run of a completed or stopped campaign", change=rerun),
    Verb("campaign.pause", Named, "no new calls", change=pause),
    Verb("campaign.resume", Named, "go on", change=resume),
    Verb("campaign.stop", Stop, "end the run", change=stop),
    Verb("campaign.clone", Clone, "copy everything but schedule and runs", change=clone),
    Verb("campaign.delete", Named, "remove the campaign and its runs", do=delete),
)
