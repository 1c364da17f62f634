"""From a campaign as its owner wrote it to a simulated run of it, and what that run says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from controller.domain.calls.answering import OnMachine
from controller.domain.campaigns.campaign import Campaign
from controller.domain.site import Carrier
from controller.simulator.course import SLICE_SECONDS, Course
from controller.simulator.floors import Plan
from controller.simulator.hours import stretches
from controller.simulator.people import Habits, People
from controller.simulator.world import World

SIMULATED_MODES = ("agentless", "progressive", "power", "predictive")
"""Preview is paced by the agents' own hands: there is no rule to simulate."""
RESERVING_MODES = ("progressive", "power")
"""Whom they ring again after an abandoned call an agent is guaranteed: no quiet period."""
UNBOUNDED = 1000.0
"""Calls a second where nothing says otherwise."""
CONFIDENCE = 1.96
"""Standard errors on either side: 95 %."""
LEARNED_FROM = 100
"""Attempts of an earlier run from which on its rates are used."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. agents: at work in all calling hours (0 for agentless); contacts: on the lists; start: aware; hours: at
    most so long from then on, by the clock on the wall; fleet: calls that the campaign's bot can take, None without a bot.
    """

    campaign: Campaign
    carriers: tuple[Carrier, ...]
    contacts: int
    agents: int
    hours: float
    habits: Habits
    start: datetime
    fleet: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.campaign.mode not in SIMULATED_MODES:
            known = ", ".join(SIMULATED_MODES)
            why = "preview is paced by the agents' own hands"
            raise ValueError(f"mode {self.campaign.mode} cannot be simulated, only {known}; {why}")
        if self.campaign.mode != "agentless" and self.agents < 1:
            raise ValueError(f"mode {self.campaign.mode} needs agents")
        if self.contacts < 1:
            raise ValueError("there is nobody on its lists; import contacts first, or say how many there are to be")
        if not 0.0 < self.hours <= 24.0 * 31:
            raise ValueError("more than no time, up to 31 days")


def simulate(question: Question) -> Course:
    """Live the campaign's hours in virtual time; the same question gives the same answer."""
    campaign, chance, seconds = question.campaign, Random(question.seed), question.hours * 3600.0
    pacing = campaign.pacing
    carriers_rate = sum(carrier.calls_per_second for carrier in question.carriers) or UNBOUNDED
    own_rate = pacing.calls_per_second or UNBOUNDED
    quiet_hours = 0.0 if campaign.mode in RESERVING_MODES else pacing.drop_guard.quiet_hours
    detects = bool(campaign.amd.enabled) and campaign.mode != "power"
    plan = Plan(
        name=campaign.name,
        mode=campaign.mode,
        people=People(question.habits, campaign.max_ring_seconds, chance),
        leads=question.contacts,
        priority=campaign.priority,
        seats=pacing.seats,
        channels=sum(carrier.channels for carrier in question.carriers) or 100_000,
        calls_per_second=min(own_rate, carriers_rate),
        rate_limited_by="dialling_rate" if own_rate <= carriers_rate else "carrier_cps",
        fleet=question.fleet,
        ring_limit_seconds=campaign.max_ring_seconds,
        detects=detects,
        passes_machines=not detects or campaign.amd.action_on_machine is OnMachine.CONTINUE,
        retry=campaign.retry.policy(quiet_hours * 3600.0),
        hours=stretches(campaign.window.window(), question.start, seconds, campaign.run == "single_day"),
        manner=pacing.manner(),
        drop_limits=pacing.drop_guard.limits(),
    )
    agents = 0 if campaign.mode == "agentless" else question.agents
    return World([plan], agents, chance).live(seconds)[campaign.name]


def learned(totals: Mapping[str, Any], assumed: Habits) -> tuple[Habits, bool]:
    """The habits an earlier run of the campaign showed, and whether it had enough attempts to show any.

    totals: of a run, ``attempt.made`` and ``outcome`` by name.
    """
    made, outcome = int(totals["attempt"].get("made", 0)), totals["outcome"]
    if made < LEARNED_FROM:
        return assumed, False
    people = outcome.get("answered", 0) + outcome.get("abandoned", 0)
    rest = made - people
    machines = outcome.get("machine", 0) + outcome.get("fax", 0)
    unheard = outcome.get("no_answer", 0) + outcome.get("rnr", 0) + outcome.get("timeout", 0)
    if rest <= 0:
        return Habits(**_fields(assumed) | {"answer_rate": people / made}), True
    shares = {"machine_share": machines / rest, "failed_share": max(rest - machines - unheard, 0) / rest}
    return Habits(**_fields(assumed) | {"answer_rate": people / made} | shares), True


def figures(question: Question, course: Course) -> dict[str, Any]:
    """What a run came to, JSON values. Times in seconds from the start, shares 0.0 to 1.0."""
    low, high = interval(course.abandoned, course.answered)
    finished = course.seconds < question.hours * 3600.0
    local = question.start.astimezone(ZoneInfo(question.campaign.window.timezone))
    return {
        "campaign": question.campaign.name,
        "mode": question.campaign.mode,
        "agents": course.agents,
        "contacts": question.contacts,
        "assumed": asdict(question.habits),
        "seed": question.seed,
        "start": local.isoformat(timespec="minutes"),
        "finish": (local + timedelta(seconds=course.seconds)).isoformat(timespec="minutes") if finished else None,
        "seconds": round(course.seconds, 1),
        "finished": finished,
        "calls": course.calls,
        "connected": course.connected,
        "machines_connected": course.machines_connected,
        "abandoned": course.abandoned,
        "abandoned_share": round(course.abandoned_share, 5),
        "abandoned_share_interval": [round(low, 5), round(high, 5)],
        "machines_and_failures": {end.value: count for end, count in sorted(course.ends.items())},
        "occupancy": round(course.occupancy, 4),
        "mean_wait_seconds": round(course.waited_seconds / course.connected, 3) if course.connected else 0.0,
        "wait_p95_seconds": round(course.wait_seconds(0.95), 2),
        "peak_channels": course.peak_channels,
        "binding": {name: round(seconds / course.seconds, 4) for name, seconds in course.binding().items() if course.seconds},
        "slices": [
            {
                "from": round(place * SLICE_SECONDS),
                "calls": part.calls,
                "connected": part.connected,
                "abandoned": part.abandoned,
                "occupancy": round(part.busy_seconds / max(part.staffed_seconds, 1.0), 4) if course.agents else None,
                "channels": round(part.channel_seconds / SLICE_SECONDS, 1),
                "binding": max(part.binding, key=lambda name: part.binding[name]) if part.binding else None,
            }
            for place, part in enumerate(course.slices)
        ],
    }


def interval(abandoned: int, answered: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share: what the abandon rate may be on another day like this one."""
    if not answered:
        return 0.0, 1.0
    share, square = abandoned / answered, CONFIDENCE * CONFIDENCE
    middle = (share + square / (2 * answered)) / (1 + square / answered)
    half = CONFIDENCE / (1 + square / answered) * math.sqrt(share * (1 - share) / answered + square / (4 * answered**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def text(found: Mapping[str, Any]) -> str:
    """The figures in words, a line each."""
    hours = found["seconds"] / 3600.0
    low, high = found["abandoned_share_interval"]
    done = f"the lists are done after {hours:.1f} h" if found["finished"] else f"the lists are not done after {hours:.1f} h"
    machines = f", {found['machines_connected']} machines among them" if found["machines_connected"] else ""
    binding = ", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in found["binding"].items() if share >= 0.005)
    lines = [
        f"campaign {found['campaign']}, {found['mode']}, {found['contacts']} contacts: {done}",
        f"time             {found['start']} to {found['finish'] or 'the end of the forecast'}",
        f"calls            {found['calls']}, {found['connected']} connected{machines}",
        f"abandoned        {found['abandoned']} people, {found['abandoned_share']:.2%} (95 %: {low:.2%} to {high:.2%})",
        f"channels         {found['peak_channels']} at the peak",
        f"limited by       {binding}",
    ]
    if found["agents"]:
        waits = f"people wait {found['mean_wait_seconds']:.2f} s, 95 % of them under {found['wait_p95_seconds']:.2f} s"
        lines.insert(3, f"occupancy        {found['occupancy']:.1%} of {found['agents']} agents, {waits}")
    return "\n".join(lines)


def _fields(habits: Habits) -> dict[str, Any]:
    return {name: getattr(habits, name) for name in habits.__dataclass_fields__}


def carriers_of(campaign: Campaign, carriers: Sequence[Carrier], numbers: Mapping[str, str]) -> tuple[Carrier, ...]:
    """The carriers a campaign's numbers belong to. numbers: number → carrier."""
    pool = campaign.numbers.pool if campaign.numbers is not None else ()
    names = {numbers[number] for number in pool if number in numbers}
    return tuple(carrier for carrier in carriers if carrier.name in names)
