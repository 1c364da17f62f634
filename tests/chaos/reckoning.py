"""The reckoning after a chaos run: ledger = attempts = leads for every contact, nothing left behind, no limit exceeded.

The call-for-call part is ``controller/demo/audit.py``'s; here is what else must hold: every lead final and for a reason, every
run over, the counters true, no lease or lock left in Redis, and the limits kept in the far end's own record.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import redis

from controller.demo.audit import FarCall, Row, audit
from controller.domain.calls.outcome import Outcome
from controller.domain.carriers.launch_rate import MARGIN_SECONDS
from controller.domain.hopper.lead import LeadState
from controller.live import keys
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.exports import AttemptRow, Exports, LeadRow
from controller.storage.runs import SqlRunStore
from tests.chaos.agents import idle, pool_of, stuck, two_at_once
from tests.chaos.files import MAX_ATTEMPTS, Limits

LEASED = ("seats:*", "fleet:*", "channels:*")
UNLEASED = ("phone:*", "hopper:*")
PUNCTUAL_SECONDS = MARGIN_SECONDS
"""A call that the far end has seen so soon after it left was not held up on its way."""


@dataclass(slots=True)
class Reckoning:
    """Sentences about what is wrong, by kind; all empty is the aim. unknown: attempts whose fate could not be learned. bunched:
    carriers that saw more calls in a second than they allow, though these left us in time: a switch that stood still takes all
    that waits for it at once. Only told."""

    contacts: int = 0
    attempts: int = 0
    unknown: int = 0
    doubles: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    over_limit: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    bunched: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What was found, by kind."""
        kinds = ("doubles", "lost", "leaked", "over_limit", "mismatches", "agents")
        return {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}


def reckon(
    database: Database,
    client: redis.Redis,
    far: Sequence[FarCall],
    launched: Mapping[str, float],
    limits: Limits,
    phones: dict[str, list[str]],
    agents: Sequence[str] = (),
) -> Reckoning:
    """Call it when the runs are over and every lease has had time to lapse. launched: attempt → when its command left us.
    agents: who took people of the second campaign."""
    found = Reckoning(contacts=sum(len(numbers) for numbers in phones.values()))
    exports, campaigns, runs = Exports(database), CampaignStore(database), SqlRunStore(database)
    attempts: list[AttemptRow] = []
    leads: list[LeadRow] = []
    for campaign, numbers in phones.items():
        campaign_id = campaigns.get(campaign).id
        own_leads, own_attempts = list(exports.iter_leads(campaign_id)), list(exports.iter_attempts(campaign_id))
        found.lost += _lost(campaign, own_leads, {int(number) for number in numbers})
        (run,) = runs.of(campaign_id)
        if run.ended_at is None:
            found.lost.append(f"run of {campaign} is {run.state}")
        found.mismatches += _untrue_counters(campaign, runs.totals(run.id), own_leads, own_attempts)
        leads += own_leads
        attempts += own_attempts
    rows = [_row(attempt) for attempt in attempts]
    called = audit(rows, far, crashes=True)
    found.attempts, found.outcomes = called.attempts, called.outcomes
    found.unknown = called.outcomes[Outcome.UNKNOWN.value]
    found.doubles += called.doubles
    found.mismatches += called.mismatches
    found.leaked += [f"attempt {attempt.attempt_id} is open" for attempt in attempts if attempt.ended_at is None]
    found.leaked += [f"call {call.uuid} is still up at the far end" for call in far if call.ended is None]
    found.leaked += _left_in_redis(client)
    found.over_limit += over_limit(attempts, far, limits)
    too_many, found.bunched = over_rate(far, launched, limits)
    found.over_limit += too_many
    found.agents += idle(attempts, agents) + two_at_once(attempts, far, set(agents)) + stuck(pool_of(client).snapshot(), agents)
    return found


def _row(attempt: AttemptRow) -> Row:
    return Row(
        attempt_id=attempt.attempt_id,
        contact_id=attempt.contact_id,
        dialled=str(attempt.phone),
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        max_attempts=MAX_ATTEMPTS,
    )


def _lost(campaign: str, leads: Iterable[LeadRow], phones: set[int]) -> list[str]:
    wrong = []
    seen = set()
    for lead in leads:
        seen.add(lead.phone)
        if not LeadState[lead.state.upper()].final:
            wrong.append(f"{campaign}: lead of {lead.phone} is {lead.state}, {lead.reason}")
        elif not lead.reason:
            wrong.append(f"{campaign}: lead of {lead.phone} is {lead.state} for no reason")
    wrong += [f"{campaign}: {phone} has no lead" for phone in sorted(phones - seen)]
    return wrong


def _untrue_counters(
    campaign: str, totals: dict[str, dict[str, int]], leads: Iterable[LeadRow], attempts: Sequence[AttemptRow]
) -> list[str]:
    counted = {
        "lead": Counter(lead.state for lead in leads),
        "outcome": Counter(attempt.outcome for attempt in attempts if attempt.outcome is not None),
    }
    wrong = []
    for kind, truth in counted.items():
        kept = Counter({name: value for name, value in totals.get(kind, {}).items() if value})
        if kept != truth:
            wrong.append(f"{campaign}: counters of {kind} say {dict(kept)}, the rows {dict(truth)}")
    return wrong


def _left_in_redis(client: redis.Redis) -> list[str]:
    """Leases that have not ended, locks, hoppers. Lapsed members of a lease are no leak: nobody counts them."""
    now_ms = client.time()[0] * 1000
    left = []
    for pattern in LEASED:
        for key in client.scan_iter(keys.PREFIX + pattern):
            holders = client.zrangebyscore(key, now_ms, "+inf")
            if holders:
                left.append(f"{key!r} is held by {holders[:3]} and others, {len(holders)} in all")
    for pattern in UNLEASED:
        left += [f"{key!r} is still there" for key in client.scan_iter(keys.PREFIX + pattern)]
    return left


def over_limit(attempts: Iterable[AttemptRow], far: Sequence[FarCall], limits: Limits) -> list[str]:
    """Seats, fleet and channels, in the far end's own times."""
    campaign_of = {attempt.attempt_id: attempt.campaign for attempt in attempts}
    spans: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for call in far:
        span = (call.time, call.ended if call.ended is not None else float("inf"))
        spans["channels", call.gateway].append(span)
        spans["fleet", "bot"].append(span)
        if call.uuid in campaign_of:
            spans["seats", campaign_of[call.uuid]].append(span)
    allowed = {("fleet", "bot"): limits.fleet}
    allowed |= {("channels", name): count for name, count in limits.channels.items()}
    allowed |= {("seats", name): count for name, count in limits.seats.items()}
    wrong = []
    for (kind, name), own in spans.items():
        most, at = most_at_once(own)
        if most > allowed[kind, name]:
            wrong.append(f"{kind} of {name}: {most} at {at:.3f}, {allowed[kind, name]} are allowed")
    return wrong


def over_rate(far: Iterable[FarCall], launched: Mapping[str, float], limits: Limits) -> tuple[list[str], list[str]]:
    """(wrong, bunched): carriers that were sent, or saw, more calls in any one second than they allow.

    launched: attempt → when it left us; a controller that was killed in that moment did not say it of all. Too many that left
    within a second are wrong. Too many that were seen within one are wrong, too, unless one of them was held up on its way, or
    nobody knows whether it was.
    """
    calls: dict[str, list[FarCall]] = defaultdict(list)
    for call in far:
        calls[call.gateway].append(call)
    wrong, bunched = [], []
    for gateway, own in calls.items():
        allowed = limits.calls_per_second[gateway]
        left, at = most_within([launched[call.uuid] for call in own if call.uuid in launched], 1.0)
        seen, since = most_within([call.time for call in own], 1.0)
        among = [call for call in own if since <= call.time < since + 1.0]
        late = max((call.time - launched.get(call.uuid, -math.inf) for call in among), default=0.0)
        if left > allowed:
            wrong.append(f"rate of {gateway}: {left} calls left in the second from {at:.3f}, {allowed} are allowed")
        elif seen > allowed:
            where = bunched if late > PUNCTUAL_SECONDS else wrong
            where.append(
                f"rate of {gateway}: {seen} calls came in the second from {since:.3f}, {allowed} are allowed; the slowest was "
                f"{late * 1000:.0f} ms on its way"
            )
    return wrong, bunched


def most_at_once(spans: Iterable[tuple[float, float]]) -> tuple[int, float]:
    """The most of the spans that lie over one moment, and that moment."""
    changes = sorted([(end, -1) for _, end in spans] + [(begin, 1) for begin, _ in spans])
    most, now, when = 0, 0, 0.0
    for at, change in changes:
        now += change
        if now > most:
            most, when = now, at
    return most, when


def most_within(times: Iterable[float], seconds: float) -> tuple[int, float]:
    """The most moments within any stretch of that length, and when it began."""
    ordered = sorted(times)
    most, begin, first = 0, 0.0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - seconds:
            first += 1
        if last - first + 1 > most:
            most, begin = last - first + 1, ordered[first]
    return most, begin
