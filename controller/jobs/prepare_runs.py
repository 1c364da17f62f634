"""Sweep: a run that was started gets its leads, list by list, and is then dialled.

Do-not-call numbers are leads too, final from the start, so that the run's sums are those of its lists. A worker killed
half-way loses nothing: how far a list has come is stored with each portion.
"""

from __future__ import annotations

from controller.domain.campaigns.lifecycle import RunState
from controller.jobs.ending import end_run
from controller.jobs.world import World
from controller.logs import changed
from controller.storage.runs import StoredRun


def prepare_runs(world: World, now: float) -> int:
    """How many runs were made ready."""
    return sum(_prepare(world, run, now) for run in world.runs.in_states([RunState.PREPARING]))


def _prepare(world: World, run: StoredRun, now: float) -> bool:
    plan = run.plan
    for index in range(run.prepared_lists, len(plan.list_ids)):
        world.preparation.materialise(run.id, index, plan.list_ids[index], plan.order, plan.dnc_list_ids)
    if not world.runs.set_state(run.id, [RunState.PREPARING], RunState.ACTIVE, now):
        return False
    leads = world.runs.totals(run.id)["lead"]
    changed("run", run.id, run.state.value, "active", "its leads are ready", campaign=plan.campaign, leads=leads)
    if not world.leads.unfinished(run.id):
        end_run(world, world.runs.get(run.id), "no contact can be dialled", now)
    return True
