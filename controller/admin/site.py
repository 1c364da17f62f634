"""Site and campaign files at work: apply, diff, export (features 1.6, 1.8, 1.16).

- Applying a site file makes the site equal to the file: what is not in it is removed. What an active, paused or scheduled
  campaign uses is neither removed nor changed, except for what may be turned while calls run (:data:`LIVE_KEYS`): rates,
  channels, capacity. Those reach the plans of running runs at once.
- Applying a campaign file creates the campaign or changes it. An active or scheduled one is not changed; after the first
  start its identity and contacts are locked; a paused one goes on with a new plan for the same run.
- Applying what is already so changes nothing and is allowed in every state. Several files are applied all or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.admin.campaigns import Named, check, findings, plan_for
from controller.admin.commands import Args, Desk, NoArgs, Verb
from controller.domain.campaigns.campaign import LOCKED_AFTER_START, Campaign
from controller.domain.campaigns.lifecycle import IN_USE, CampaignState, RunState, refusal
from controller.domain.campaigns.plan import compile_plan
from controller.domain.site import Part, Site
from controller.errors import BadFile, Refused, WrongState
from controller.files import Change, Documents, ItemKey, changes, read_document, read_documents, site_items, to_toml
from controller.storage.campaigns import CampaignStore, StoredCampaign
from controller.storage.runs import SqlRunStore
from controller.storage.site import SiteStore

LIVE_KEYS: Mapping[str, frozenset[str]] = {
    "carrier": frozenset({"calls_per_second", "channels", "allowed", "preference"}),
    "bot": frozenset({"capacity", "callbacks"}),
    "number": frozenset(),
    "queue": frozenset({"wrap_up_seconds", "rona_seconds", "skills", "music", "cue"}),
    "agent": frozenset({"phone", "carrier", "method", "queues", "skills"}),
    "disposition": frozenset({"positive", "retry", "dnc", "machine"}),
}
"""Keys of an item that may change while a campaign uses it."""

DIALLED = (RunState.PREPARING, RunState.ACTIVE, RunState.PAUSED)
SETTLED = frozenset({CampaignState.DRAFT, CampaignState.READY})


class Files(Args):
    """files: TOML text by the name to be shown in messages."""

    files: dict[str, str]


class OneFile(Args):
    """toml: the file's text."""

    toml: str


def apply(desk: Desk, args: Files) -> dict[str, Any]:
    """Make the stored site and campaigns equal to the files; what was changed."""
    documents = _documents(args.files)
    reasons: list[str] = []
    found: list[Change] = []
    if documents.site is not None:
        found += _apply_site(desk, documents.site, reasons)
    campaigns = []
    for campaign in documents.campaigns:
        try:
            change, state = _apply_campaign(desk, campaign)
        except Refused as error:
            reasons += error.reasons
            continue
        found += change
        campaigns.append(state)
    if reasons:
        raise Refused(*reasons)
    return {"changes": [change.as_json() for change in found], "campaigns": campaigns}


def apply_site(desk: Desk, args: OneFile) -> dict[str, Any]:
    """:func:`apply` for one site file."""
    if not isinstance(read_document("toml", args.toml.encode("utf-8", "replace")), Site):
        raise BadFile("toml", ["is a campaign; `campaign.apply` is for it"])
    return apply(desk, Files(files={"toml": args.toml}))


def apply_campaign(desk: Desk, args: OneFile) -> dict[str, Any]:
    """:func:`apply` for one campaign file."""
    if isinstance(read_document("toml", args.toml.encode("utf-8", "replace")), Site):
        raise BadFile("toml", ["is a site file; `site.apply` is for it"])
    return apply(desk, Files(files={"toml": args.toml}))


def diff(desk: Desk, args: Files) -> dict[str, Any]:
    """What applying the files would change; nothing is changed, nor asked whether it may be."""
    documents = _documents(args.files)
    found: list[Change] = []
    if documents.site is not None:
        found += changes(site_items(SiteStore(desk.database).site()), site_items(documents.site))
    for campaign in documents.campaigns:
        stored = CampaignStore(desk.database).find(campaign.name)
        found += _campaign_change(stored, campaign)
    return {"changes": [change.as_json() | {"lines": list(change.lines)} for change in found]}


def export_site(desk: Desk, _args: NoArgs) -> dict[str, Any]:
    """The site as a file that ``apply`` reads back to the same."""
    return {"toml": to_toml(SiteStore(desk.database).site())}


def export_campaign(desk: Desk, args: Named) -> dict[str, Any]:
    """The campaign as a file that ``apply`` reads back to the same."""
    return {"toml": to_toml(CampaignStore(desk.database).get(args.name).spec)}


def _documents(files: Mapping[str, str]) -> Documents:
    return read_documents((name, text.encode("utf-8", "replace")) for name, text in files.items())


def _apply_site(desk: Desk, wanted: Site, reasons: list[str]) -> list[Change]:
    store = SiteStore(desk.database)
    stored = store.site()
    found = changes(site_items(stored), site_items(wanted))
    users = _users(desk, stored)
    for change in found:
        refused = _item_refusal(change, users.get((change.kind, change.name), []))
        if refused is not None:
            reasons.append(refused)
    if found and not reasons:
        store.put(wanted, desk.now())
        for change in found:
            if change.change == "remove":
                store.remove(change.kind, change.name)
        _replan(desk)
    return found


def _item_refusal(change: Change, users: list[str]) -> str | None:
    if not users or change.change == "create":
        return None
    using = f"campaign {', '.join(users)}"
    if change.change == "remove":
        return f"{change.kind} {change.name} is used by {using} and cannot be removed; stop it first"
    fixed = [key for key in change.fields if key not in LIVE_KEYS[change.kind]]
    if fixed:
        return f"{change.kind} {change.name} is used by {using}; {', '.join(fixed)} cannot be changed until it is stopped"
    return None


def _users(desk: Desk, site: Site) -> dict[ItemKey, list[str]]:
    """Item → campaigns that may not lose it (features 1.8)."""
    owners = {number.number: number.carrier for number in site.number}
    users: dict[ItemKey, list[str]] = {}
    for campaign in CampaignStore(desk.database).all(states=IN_USE):
        spec = campaign.spec
        pool = spec.numbers.pool if spec.numbers is not None else ()
        linked: set[ItemKey] = {("number", number) for number in pool}
        linked |= {("carrier", owners[number]) for number in pool if number in owners}
        linked |= {("disposition", name) for name in (*spec.dispositions, *spec.retry.dispositions)}
        if spec.connect is not None and spec.connect.bot is not None:
            linked.add(("bot", spec.connect.bot))
        if spec.connect is not None and spec.connect.queue is not None:
            linked.add(("queue", spec.connect.queue))
        for key in linked:
            users.setdefault(key, []).append(campaign.name)
    return users


def _replan(desk: Desk) -> None:
    """New rates, channels and capacities reach the runs that are being dialled."""
    site = SiteStore(desk.database).site()
    runs = SqlRunStore(desk.database)
    specs = {campaign.id: campaign.spec for campaign in CampaignStore(desk.database).all()}
    for run in runs.in_states(DIALLED):
        plan = compile_plan(
            specs[run.campaign_id],
            run.campaign_id,
            run.plan.list_ids,
            run.plan.dnc_list_ids,
            site.carrier,
            site.number,
            site.bot,
            desk.amd,
        )
        if plan != run.plan:
            runs.set_plan(run.id, plan)


def _apply_campaign(desk: Desk, wanted: Campaign) -> tuple[list[Change], dict[str, Any]]:
    store = CampaignStore(desk.database)
    stored = store.find(wanted.name)
    found = _campaign_change(stored, wanted)
    result = check(desk, wanted)
    settled = CampaignState.READY if result.complete else CampaignState.DRAFT
    if stored is None:
        stored = store.create(wanted, settled, desk.now())
    elif found:
        _refuse_locked(stored, wanted)
        if not store.update(stored.id, stored.revision, wanted, desk.now()):
            raise WrongState(f"campaign {wanted.name} was changed by somebody else meanwhile; apply the file again")
        if stored.state is CampaignState.PAUSED:
            if not result.complete:
                raise Refused(*(f"campaign {wanted.name} could not go on: {one.text}" for one in result.refusals))
            _new_plan(desk, stored, wanted)
    if stored.state in SETTLED:
        store.set_state(stored.id, SETTLED, settled, desk.now())
    after = store.get(wanted.name)
    return found, {"campaign": wanted.name, "state": after.state.value, "preflight": findings(result)}


def _refuse_locked(stored: StoredCampaign, wanted: Campaign) -> None:
    name = stored.name
    why_not = refusal("edit", stored.state, name)
    if why_not is not None:
        mend = f"pause it (`trunkline campaign pause {name}`)" if stored.state is CampaignState.ACTIVE else "stop it"
        raise WrongState(f"{why_not}; {mend}, then apply again")
    locked = [key for key in sorted(LOCKED_AFTER_START) if getattr(stored.spec, key) != getattr(wanted, key)]
    if stored.started_once and locked:
        raise WrongState(
            f"campaign {name} has been started, so {', '.join(locked)} cannot be changed; "
            f"`trunkline campaign clone {name} NEW` makes one that can"
        )


def _new_plan(desk: Desk, stored: StoredCampaign, wanted: Campaign) -> None:
    runs = SqlRunStore(desk.database)
    run = runs.by_number(stored.id)
    if run is None or not runs.set_plan(run.id, plan_for(desk, wanted, stored.id)):
        raise WrongState(f"the run of campaign {stored.name} has ended meanwhile; apply the file again")


def _campaign_change(stored: StoredCampaign | None, wanted: Campaign) -> list[Change]:
    key = ("campaign", wanted.name)
    before: dict[ItemKey, Part] = {key: stored.spec} if stored is not None else {}
    return changes(before, {key: wanted})


SITE_VERBS = (
    Verb("apply", Files, "make site and campaigns equal to files", change=apply),
    Verb("diff", Files, "what applying files would change", do=diff, reads=True),
    Verb("site.apply", OneFile, "make the site equal to a file", change=apply_site),
    Verb("site.export", NoArgs, "the site as a file", do=export_site, reads=True),
    Verb("campaign.apply", OneFile, "create or change a campaign", change=apply_campaign),
    Verb("campaign.export", Named, "the campaign as a file", do=export_campaign, reads=True),
)
