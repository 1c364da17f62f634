"""Sweep: a run whose every contact is final is completed, and its campaign with it (features 1.5)."""

from __future__ import annotations

from controller.domain.campaigns.lifecycle import RunState
from controller.jobs.ending import end_run
from controller.jobs.world import World


def finish_runs(world: World, now: float) -> int:
    """How many runs were completed. A paused run is over too when nothing is left to resume."""
    return sum(
        end_run(world, run, "every contact is final", now)
        for run in world.runs.in_states([RunState.ACTIVE, RunState.PAUSED])
        if not world.leads.unfinished(run.id)
    )
