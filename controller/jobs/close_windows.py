"""Sweep: a single_day run closes when its day's calling hours are over (features 1.10).

Its day is the one on which the hours began that were open when the run became active, or the first ones after that. Hours
with a break (09:00–13:00, 14:00–18:00) are one day's window: lunch does not close a run. Here it is only decided that the
run closes; from then on nothing is dialled, and ``close_runs`` does the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.window import Window
from controller.jobs.ending import WINDOW_CLOSED
from controller.jobs.world import World
from controller.logs import changed
from controller.storage.runs import StoredRun

OPEN = (RunState.ACTIVE, RunState.PAUSED)


def close_windows(world: World, now: float) -> int:
    """How many runs began to close. A paused run closes as well: its day is over too."""
    closing = 0
    for run in world.runs.in_states(OPEN):
        ended_at = window_ended_at(run)
        if ended_at is None or now < ended_at:
            continue
        if world.runs.set_state(run.id, OPEN, RunState.CLOSING, now, closing_reason=WINDOW_CLOSED):
            changed("run", run.id, run.state.value, "closing", "its window ended", campaign=run.plan.campaign)
            closing += 1
    return closing


def window_ended_at(run: StoredRun) -> float | None:
    """When a single_day run's window ends or ended, UTC epoch seconds; None for any other run."""
    if not run.plan.single_day or run.activated_at is None:
        return None
    end = day_ends_at(run.plan.window, datetime.fromtimestamp(run.activated_at, UTC))
    return None if end is None else end.timestamp()


def day_ends_at(window: Window, activated_at: datetime) -> datetime | None:
    """End of the last stretch of hours that begins on the first day with hours after ``activated_at``; None without hours."""
    opening = window.opens_at(activated_at)
    day = None if opening is None else opening.astimezone(window.zone).date()
    end = None
    while opening is not None and opening.astimezone(window.zone).date() == day:
        end = window.closes_at(opening)
        opening = None if end is None else window.opens_at(end)
    return end
