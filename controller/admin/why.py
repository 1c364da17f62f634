"""Why a contact is, or is not, called now: each gate's verdict and the time at which it may clear (design section 3, step 3).

The gates here are those a call passes on its way out, in that order; the first that does not pass is what keeps the contact
waiting. Verdicts are of this moment: the dial loop asks again for every call.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from controller.admin.campaigns import Named
from controller.admin.commands import Desk, Verb
from controller.admin.views import DIALS_NOTHING, status
from controller.domain.campaigns.lifecycle import CampaignState
from controller.domain.carriers.routing import routes
from controller.domain.contacts.phone import BadNumber, e164, normalise
from controller.domain.hopper.lead import LeadState
from controller.errors import NotFound, Refused
from controller.storage.campaigns import CampaignStore, StoredCampaign
from controller.storage.dnc import GLOBAL, DncStore
from controller.storage.look_up import LeadStanding, LookUp
from controller.storage.runs import SqlRunStore, StoredRun
from controller.storage.site import SiteStore


class Contact(Named):
    """phone: E.164, with or without the plus."""

    phone: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's word. clears_at: UTC epoch seconds at which it may pass; None when it passes, or when no time is known."""

    gate: str
    passes: bool
    text: str
    clears_at: float | None = None


def why(desk: Desk, args: Contact) -> dict[str, Any]:
    """Every gate's verdict for one number in the campaign's last run."""
    campaign = CampaignStore(desk.database).get(args.name)
    phone = normalise(args.phone if args.phone.startswith("+") else f"+{args.phone}", "ZZ")
    if isinstance(phone, BadNumber):
        raise Refused(f"phone {args.phone!r}: {phone.reason}; give it as E.164 such as +919999999999")
    run = SqlRunStore(desk.database).by_number(campaign.id)
    lead = LookUp(desk.database).lead(run.id, phone) if run is not None else None
    if lead is None and not LookUp(desk.database).lists_with(phone, campaign.spec.lists):
        raise NotFound(f"{e164(phone)} is in no list of campaign {campaign.name}; `trunkline list export` shows who is")
    verdicts = [
        _campaign(campaign, run),
        _lead(run, lead),
        _attempts(run, lead),
        _window(desk, campaign),
        _dnc(desk, campaign, phone),
        _quiet(desk, campaign, phone),
        _route(desk, campaign, run, phone),
        _number(desk, phone),
        _pace(desk, args),
    ]
    first = next((verdict for verdict in verdicts if not verdict.passes), None)
    return {
        "campaign": campaign.name,
        "phone": e164(phone),
        "run": run.number if run is not None else None,
        "lead": _standing(lead),
        "verdict": first.text if first is not None else "nothing keeps it from being dialled",
        "clears_at": first.clears_at if first is not None else None,
        "gates": [asdict(verdict) for verdict in verdicts],
    }


def _campaign(campaign: StoredCampaign, run: StoredRun | None) -> Verdict:
    if campaign.state is CampaignState.ACTIVE and run is not None:
        return Verdict("campaign", True, f"the campaign is active, run {run.number} is {run.state.value}")
    return Verdict("campaign", False, f"the campaign is {campaign.state.value}")


def _lead(run: StoredRun | None, lead: LeadStanding | None) -> Verdict:
    if run is None:
        return Verdict("lead", False, "the campaign has never run")
    if lead is None:
        return Verdict("lead", False, f"the number is not among the contacts of run {run.number} (yet)")
    last = f", last outcome {lead.last_outcome}" if lead.last_outcome else ""
    if lead.state.final:
        because = f" ({lead.reason})" if lead.reason else ""
        return Verdict("lead", False, f"the contact is final: {lead.state.word}{because}{last}")
    if lead.state is LeadState.WAITING:
        return Verdict("lead", False, f"the contact waits for {lead.reason or 'its time'}{last}", lead.due_at)
    if lead.state is LeadState.DIALING:
        return Verdict("lead", True, "the contact is being called right now")
    if lead.state is LeadState.HOPPER:
        return Verdict("lead", True, "the contact is in the hopper, about to be dialled")
    return Verdict("lead", True, "the contact is fresh and waits for its turn")


def _attempts(run: StoredRun | None, lead: LeadStanding | None) -> Verdict:
    if run is None or lead is None:
        return Verdict("attempts", True, "no attempt has been made")
    allowed = run.plan.retry.max_attempts
    return Verdict("attempts", lead.attempts < allowed, f"{lead.attempts} of {allowed} attempts are made")


def _window(desk: Desk, campaign: StoredCampaign) -> Verdict:
    window = campaign.spec.window.window()
    now = datetime.fromtimestamp(desk.now(), UTC)
    closes, opens = window.closes_at(now), window.opens_at(now)
    if closes is not None:
        local = closes.astimezone(window.zone)
        return Verdict("window", True, f"calling hours last until {local:%a %H:%M} {window.zone_name}")
    if opens is None:
        return Verdict("window", False, "the calling window has no hours")
    local = opens.astimezone(window.zone)
    text = f"outside calling hours until {local:%a %Y-%m-%d %H:%M} {window.zone_name}"
    return Verdict("window", False, text, opens.timestamp())


def _dnc(desk: Desk, campaign: StoredCampaign, phone: int) -> Verdict:
    applies = {GLOBAL, campaign.spec.dnc}
    listed = [entry for entry in DncStore(desk.database).entries_of(phone) if entry.list_name in applies]
    if not listed:
        return Verdict("dnc", True, "on no do-not-call list that applies")
    return Verdict("dnc", False, "; ".join(f"on do-not-call list {one.list_name} ({one.reason})" for one in listed))


def _quiet(desk: Desk, campaign: StoredCampaign, phone: int) -> Verdict:
    hours = campaign.spec.pacing.drop_guard.quiet_hours
    last = LookUp(desk.database).abandoned_last(phone)
    if campaign.spec.pacing.reserves_first(campaign.spec.mode):
        return Verdict("quiet", True, "an agent is reserved before the call, so no quiet period is kept")
    if last is None or desk.now() >= last + hours * 3600.0:
        return Verdict("quiet", True, f"no call to this number was abandoned in the last {hours:g} hours")
    return Verdict("quiet", False, f"a call to this number was abandoned less than {hours:g} hours ago", last + hours * 3600.0)


def _route(desk: Desk, campaign: StoredCampaign, run: StoredRun | None, phone: int) -> Verdict:
    if run is not None:
        carriers, numbers = run.plan.carriers, run.plan.numbers
    else:
        site = SiteStore(desk.database).site()
        pool = campaign.spec.numbers.pool if campaign.spec.numbers is not None else ()
        carriers, numbers = site.carrier, tuple(number for number in site.number if number.number in pool)
    names = [carrier.name for carrier, _ in routes(phone, carriers, numbers)]
    if names:
        return Verdict("route", True, f"carriers in this order: {', '.join(names)}")
    return Verdict("route", False, "no carrier with a number of the pool is allowed to call this destination")


def _number(desk: Desk, phone: int) -> Verdict:
    live = LookUp(desk.database).live_call_to(phone)
    if live is None:
        return Verdict("number", True, "no call to this number is in progress")
    text = f"a call to this number is in progress: {live.attempt_id} of campaign {live.campaign}, on {live.node}"
    return Verdict("number", False, text)


def _pace(desk: Desk, args: Contact) -> Verdict:
    pace = status(desk, Named(name=args.name))["pace"]
    return Verdict("pace", pace["binding"] not in DIALS_NOTHING, f"{pace['binding']}: {pace['reason']}", pace["until"])


def _standing(lead: LeadStanding | None) -> dict[str, Any] | None:
    if lead is None:
        return None
    return asdict(lead) | {"state": lead.state.word}


WHY_VERBS = (Verb("campaign.why", Contact, "each gate's verdict for one contact", do=why, reads=True),)
