"""Sweep: a run that closes (stopped by hand, or its window ended) lets go of its contacts and ends with its last call.

Waiting leads become final in portions, each a transaction of its own: one large statement would hold the database's write
lock, and the calls in progress need it. A crash between portions costs nothing; the next sweep goes on. The run ends when no
lead is being dialled any more.
"""

from __future__ import annotations

from controller.domain.campaigns.lifecycle import RunState
from controller.jobs.close_windows import window_ended_at
from controller.jobs.ending import STOPPED, WINDOW_CLOSED, end_run, final_state
from controller.jobs.world import World
from controller.logs import changed
from controller.storage.runs import StoredRun

PORTION = 5000
"""Leads a transaction."""


def close_runs(world: World, now: float) -> int:
    """How many leads were closed."""
    return sum(_close(world, run, now) for run in world.runs.in_states([RunState.CLOSING]))


def _close(world: World, run: StoredRun, now: float) -> int:
    world.hopper.drop(run.id)
    into = final_state(run.closing_reason)
    total = 0
    while closed := world.leads.close_waiting(run.id, into, PORTION):
        total += closed
    ended_at = window_ended_at(run)
    if run.closing_reason == WINDOW_CLOSED and ended_at is not None and world.runs.close_window(run.id, ended_at, now):
        changed("window", run.id, "open", "closed", "its leads are final", campaign=run.plan.campaign, leads=total)
    end_run(world, run, run.closing_reason or STOPPED, now)
    return total
