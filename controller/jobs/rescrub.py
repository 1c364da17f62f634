"""Sweep: contacts that came onto a do-not-call list while their run goes on leave it, and its sums say so.

Nobody is rung because this is late: the ledger looks at the lists again before every call.
"""

from __future__ import annotations

from controller.domain.campaigns.lifecycle import RunState
from controller.jobs.world import World
from controller.logs import changed


def rescrub(world: World, now: float) -> int:
    """How many leads became final."""
    total = 0
    for run in world.runs.in_states([RunState.ACTIVE, RunState.PAUSED]):
        found = world.preparation.rescrub(run.id, run.plan.dnc_list_ids)
        if found:
            changed("leads", found, "waiting", "dnc", "put on a list since", run=run.id, campaign=run.plan.campaign)
        total += found
    return total
