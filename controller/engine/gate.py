"""The gate of a run, before any lead is looked at: may it dial now, and if not, why not and until when.

The order is the order of seriousness; the first reason is the one shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from controller.domain.campaigns.lifecycle import RunState
from controller.ports import RunningRun


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whether switch and database answer, and whether this controller wants to dial at all.

    Redis is not among them: the next thing after the gate is to read the limits there, which tells.
    """

    switch_ready: bool
    ledger_healthy: bool
    draining: bool


@dataclass(frozen=True, slots=True)
class Shut:
    """Nothing is dialled for this run now. until: UTC epoch seconds at which it may clear, if that is known."""

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """The run may dial; not_after: UTC epoch seconds, the end of the calling hours."""

    not_after: float


def gate(run: RunningRun, around: Surroundings, now: float) -> Open | Shut:
    """The first thing that keeps ``run`` from dialling at ``now`` (UTC epoch seconds), or how long it may."""
    if around.draining:
        return Shut("this controller is draining: calls end, none begin")
    if run.state != RunState.ACTIVE:
        return Shut(f"the run is {run.state}")
    if not around.switch_ready:
        return Shut("the link to FreeSWITCH is down")
    if not around.ledger_healthy:
        return Shut("the database is away; no call without a write-ahead")
    moment = datetime.fromtimestamp(now, UTC)
    closes = run.plan.window.closes_at(moment)
    if closes is not None:
        return Open(closes.timestamp())
    opens = run.plan.window.opens_at(moment)
    if opens is None:
        return Shut("the calling hours are empty")
    local = opens.astimezone(run.plan.window.zone)
    return Shut(f"outside calling hours until {local:%a %Y-%m-%d %H:%M} {run.plan.window.zone_name}", opens.timestamp())
