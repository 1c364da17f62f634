"""From a campaign as its owner wrote it to a simulated run of it, and what that run says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from controller.domain.campaigns.campaign import Campaign
from controller.domain.site import Carrier
from controller.simulator.course import SLICE_SECONDS, Course
from controller.simulator.people import Habits, People
from controller.simulator.world import Plan, World

SIMULATED_MODES = ("agentless", "progressive", "power", "predictive")
"""Preview is paced by the agents' own hands: there is no rule to simulate."""
CONFIDENCE = 1.96
"""Standard errors on either side: 95 %."""
LEARNED_FROM = 100
"""Attempts of an earlier run from which on its rates are used."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. agents: at work all the time (0 for agentless); contacts: on the lists; hours: at most so long."""

    campaign: Campaign
    carriers: tuple[Carrier, ...]
    contacts: int
    agents: int
    hours: float
    habits: Habits
    seed: int = 1

    def __post_init__(self) -> None:
        if self.campaign.mode not in SIMULATED_MODES:
            raise ValueError(f"mode {self.campaign.mode} is paced by the agents' own hands; nothing to simulate")
        if self.campaign.mode != "agentless" and self.agents < 1:
            raise ValueError(f"mode {self.campaign.mode} needs agents")
        if self.contacts < 1 or not 0.0 < self.hours <= 24.0 * 31:
            raise ValueError("at least one contact, and more than no time up to 31 days")


def simulate(question: Question) -> Course:
    """Live the campaign's hours in virtual time; the same question gives the same answer."""
    campaign, chance = question.campaign, Random(question.seed)
    pacing = campaign.pacing
    carriers_rate = sum(carrier.calls_per_second for carrier in question.carriers) or 1000.0
    plan = Plan(
        name=campaign.name,
        mode=campaign.mode,
        people=People(question.habits, campaign.max_ring_seconds, chance),
        leads=question.contacts,
        priority=campaign.priority,
        seats=pacing.seats,
        channels=sum(carrier.channels for carrier in question.carriers) or 100_000,
        calls_per_second=min(pacing.calls_per_second or carriers_rate, carriers_rate),
        ring_limit_seconds=campaign.max_ring_seconds,
        max_attempts=campaign.retry.max_attempts,
        retry_delay_seconds=campaign.retry.delay_minutes * 60.0,
        manner=pacing.manner(),
        drop_limits=pacing.drop_guard.limits(),
    )
    agents = 0 if campaign.mode == "agentless" else question.agents
    return World([plan], agents, chance).live(question.hours * 3600.0)[campaign.name]


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
    return {
        "campaign": question.campaign.name,
        "mode": question.campaign.mode,
        "agents": course.agents,
        "contacts": question.contacts,
        "assumed": asdict(question.habits),
        "seed": question.seed,
        "seconds": round(course.seconds, 1),
        "finished": course.seconds < question.hours * 3600.0,
        "calls": course.calls,
        "connected": course.connected,
        "abandoned": course.abandoned,
        "abandoned_share": round(course.abandoned_share, 5),
        "abandoned_share_interval": [round(low, 5), round(high, 5)],
        "machines_and_failures": {end.value: count for end, count in sorted(course.ends.items())},
        "occupancy": round(course.occupancy, 4),
        "mean_wait_seconds": round(course.waited_seconds / course.connected, 3) if course.connected else 0.0,
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
    binding = ", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in found["binding"].items() if share >= 0.005)
    lines = [
        f"campaign {found['campaign']}, {found['mode']}, {found['contacts']} contacts: {done}",
        f"calls            {found['calls']}, {found['connected']} people connected",
        f"abandoned        {found['abandoned']} people, {found['abandoned_share']:.2%} (95 %: {low:.2%} to {high:.2%})",
        f"channels         {found['peak_channels']} at the peak",
        f"limited by       {binding}",
    ]
    if found["agents"]:
        waits = f"people wait {found['mean_wait_seconds']:.2f} s"
        lines.insert(2, f"occupancy        {found['occupancy']:.1%} of {found['agents']} agents, {waits}")
    return "\n".join(lines)


def _fields(habits: Habits) -> dict[str, Any]:
    return {name: getattr(habits, name) for name in habits.__dataclass_fields__}


def carriers_of(campaign: Campaign, carriers: Sequence[Carrier], numbers: Mapping[str, str]) -> tuple[Carrier, ...]:
    """The carriers a campaign's numbers belong to. numbers: number → carrier."""
    pool = campaign.numbers.pool if campaign.numbers is not None else ()
    names = {numbers[number] for number in pool if number in numbers}
    return tuple(carrier for carrier in carriers if carrier.name in names)
