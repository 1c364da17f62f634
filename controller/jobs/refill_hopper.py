"""Sweep: the hopper of every run that may dial now holds what can be dialled in the next seconds; all others are emptied.

Leads are claimed from the database under a lease. Nothing is lost when this stops between claiming and pushing, or between
taking and giving back: the leases lapse and ``reap_leases`` returns the leads.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.plan import RunPlan
from controller.jobs.world import World
from controller.ports import RunningRun

LEAST, MOST = 20, 5000
"""Leads in a hopper: below, a slow campaign would wait for the next sweep; above, leases lapse before they are dialled."""
SEAT_TURNS_PER_SECOND = 1.0
"""A seat is not used faster than this: most numbers ring for longer than a second."""
PORTION = 500
"""Leads given back in one transaction."""


def refill_hopper(world: World, now: float) -> int:
    """How many leads went into hoppers."""
    moment = datetime.fromtimestamp(now, UTC)
    added = 0
    for run in world.runs.running():
        if run.state == RunState.ACTIVE and run.plan.window.is_open(moment):
            added += _fill(world, run, now)
        elif run.state != RunState.CLOSING:  # a closing run's leads become final where they are
            _empty(world, run)
    return added


def hopper_size(plan: RunPlan, hopper_seconds: float) -> int:
    """Leads that can be dialled in ``hopper_seconds``: by the campaign's rate, its carriers' and its seats' turnover."""
    rate = min(
        plan.pacing.calls_per_second or math.inf,
        sum(carrier.calls_per_second for carrier in plan.carriers),
        plan.pacing.seats * SEAT_TURNS_PER_SECOND,
    )
    return max(LEAST, min(MOST, math.ceil(rate * hopper_seconds)))


def _fill(world: World, run: RunningRun, now: float) -> int:
    size = hopper_size(run.plan, world.settings.dialling.hopper_seconds)
    depth = world.hopper.depth(run.run_id)
    if depth > size // 2:
        return 0
    leased_until = now + world.settings.dialling.lead_lease_seconds
    leads = world.leads.claim(run.run_id, size - depth, now, leased_until)
    world.hopper.push(run.run_id, leads)
    return len(leads)


def _empty(world: World, run: RunningRun) -> None:
    while leads := world.hopper.take(run.run_id, PORTION):
        world.leads.give_back(leads)
