"""What runs when: every sweep once, with its queue and its pace, and how rq calls it.

A sweep looks for rows that are due and moves them on by conditional updates, so that one missed for an hour is merely late,
one run twice changes nothing, and one killed half-way is finished by the next. That is why no job carries anything but the
sweep's name, and why none is retried: the next beat asks again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from controller.errors import Unavailable
from controller.jobs import world
from controller.jobs.close_runs import close_runs
from controller.jobs.close_windows import close_windows
from controller.jobs.end_lost_calls import end_lost_calls
from controller.jobs.finish_runs import finish_runs
from controller.jobs.prepare_runs import prepare_runs
from controller.jobs.purge_lists import purge_lists
from controller.jobs.queues import RUNS, SWEEPS
from controller.jobs.reap_leases import reap_leases
from controller.jobs.refill_hopper import refill_hopper
from controller.jobs.rescrub import rescrub
from controller.jobs.world import World

log = structlog.get_logger("sweep")


@dataclass(frozen=True)
class Sweep:
    """body: (world, now) → how much it changed. every_seconds: 0 = at every beat."""

    name: str
    body: Callable[[World, float], int]
    queue: str
    every_seconds: float


ALL: tuple[Sweep, ...] = (
    Sweep("refill_hopper", refill_hopper, SWEEPS, 0),
    Sweep("reap_leases", reap_leases, SWEEPS, 5),
    Sweep("finish_runs", finish_runs, SWEEPS, 0),
    Sweep("prepare_runs", prepare_runs, RUNS, 0),
    Sweep("close_windows", close_windows, RUNS, 0),
    Sweep("close_runs", close_runs, RUNS, 0),
    Sweep("rescrub", rescrub, RUNS, 300),
    Sweep("end_lost_calls", end_lost_calls, RUNS, 30),
    Sweep("purge_lists", purge_lists, RUNS, 60),
)

_by_name = {sweep.name: sweep for sweep in ALL}
_away: dict[str, str] = {}  # sweep → what was away when it last ran, so that an outage is one line, not one a second


def run_sweep(name: str) -> None:
    """An rq job. A world that is away ends the sweep quietly: it is asked for again within seconds."""
    begun = time.monotonic()
    try:
        count = _by_name[name].body(world.own(), time.time())
    except Unavailable as error:
        if name not in _away:
            log.warning("sweep waits", sweep=name, reason=str(error))
        _away[name] = str(error)
        return
    if _away.pop(name, None) is not None:
        log.info("sweep goes on", sweep=name)
    log.debug("swept", sweep=name, changed=count, seconds=round(time.monotonic() - begun, 3))
