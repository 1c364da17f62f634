"""``make bench-pacing``: dialling methods beside each other on simulated shifts, ours by the production pacing code.

Shifts of some hours from a cold start, as ``pacing_worlds.py`` has them. Printed a line a shift and method: occupancy (talk and
wrap-up over staffed time), abandoned share of the people who picked up, the worst day, the highest running rate after 300
answers, how long people waited who reached an agent (half, and 95 %). The last line is one JSON object.

``table`` is a choice of ``facts`` and the two days that change: some minutes. ``best level`` tries levels until it has the
busiest that keeps the limit over the day, on the very days it is then measured on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from random import Random

from controller.domain.pacing.board import Manner
from controller.domain.pacing.drop_guard import DropLimit, Formula, WindowName
from controller.engine.tick import PACING
from controller.simulator.course import Course
from controller.simulator.floors import Plan
from controller.simulator.people import People
from controller.simulator.world import World
from tests.load.pacing_methods import AdaptiveLevel, ErlangB, FixedLevel
from tests.load.pacing_worlds import Shift, shifts

BEST_LEVEL = "best level"
METHODS = ("progressive", "power 2", "power 3", "adaptive level", BEST_LEVEL, "erlang-b", "predictive")
GUARDED = ("predictive", "adaptive")
"""Methods that are told how many were abandoned; the others are compared as their makers describe them."""
TABLE = (
    "5 agents, 0.25 answered",
    "10 agents, 0.25 answered",
    "50 agents, 0.25 answered",
    "50 agents, 0.10 answered",
    "100 agents, 0.25 answered",
    "300 agents, 0.25 answered",
)
TRIALS = 8
MOST_LEVEL = 16.0


@dataclass(frozen=True, slots=True)
class Row:
    """One shift by one method, over all its days."""

    shift: str
    method: str
    limit: float
    occupancy: float
    abandoned: float
    worst_day: float
    worst_running: float
    wait_p50_seconds: float
    wait_p95_seconds: float
    peak_channels: int
    cpu_seconds: float


def day(shift: Shift, method: str, seed: int, seconds: float) -> Course:
    """One day. method: one of :data:`METHODS`, or ``level`` and a number."""
    chance = Random(seed)
    mode, _, detail = method.partition(" ")
    limit = DropLimit(WindowName.RUN, Formula.US, shift.limit, 0.95 * shift.limit, 0.983 * shift.limit)
    people = People(shift.habits, shift.ring_limit_seconds, chance, shift.changing)
    plan = Plan(
        "shift",
        mode,
        people,
        leads=10**9,
        ring_limit_seconds=shift.ring_limit_seconds,
        manner=Manner(ratio=float(detail)) if mode == "power" else Manner(),
        drop_limits=(limit,) if mode in GUARDED else (),
    )
    world = World([plan], shift.agents, chance, staffing=shift.staffing)
    PACING["adaptive"] = AdaptiveLevel(lambda: world.now, shift.limit).decide
    PACING["erlang-b"] = ErlangB(lambda: world.now, people.habits, shift.limit).decide
    PACING["level"] = FixedLevel(lambda: world.now, float(detail) if mode == "level" else 1.0).decide
    return world.live(seconds)["shift"]


def days(shift: Shift, method: str, seeds: int, seconds: float) -> list[Course]:
    """All days of a shift by one method."""
    if method != BEST_LEVEL:
        return [day(shift, method, seed, seconds) for seed in range(1, seeds + 1)]

    @cache
    def at(level: float) -> list[Course]:
        return [day(shift, f"level {level}", seed, seconds) for seed in range(1, seeds + 1)]

    low, high = 1.0, MOST_LEVEL
    for _ in range(TRIALS):
        middle = round((low * high) ** 0.5, 2)
        low, high = (middle, high) if _abandoned(at(middle)) <= shift.limit else (low, middle)
    return at(low)


def measure(shift: Shift, method: str, seeds: int, seconds: float) -> Row:
    """The figures of all days."""
    began = time.process_time()
    courses = days(shift, method, seeds, seconds)
    together = Course(shift.agents)
    for course in courses:
        together.connected += course.connected
        together.waits += course.waits
    return Row(
        shift.name,
        method,
        shift.limit,
        round(sum(course.occupancy for course in courses) / seeds, 4),
        round(_abandoned(courses), 5),
        round(max(course.abandoned_share for course in courses), 5),
        round(max(course.worst_running_rate for course in courses), 5),
        round(together.wait_seconds(0.5), 2),
        round(together.wait_seconds(0.95), 2),
        max(course.peak_channels for course in courses),
        round((time.process_time() - began) / seeds, 1),
    )


def _abandoned(courses: Sequence[Course]) -> float:
    return sum(course.abandoned for course in courses) / max(sum(course.answered for course in courses), 1)


def _chosen(groups: Sequence[str], seconds: float) -> list[Shift]:
    chosen: list[Shift] = []
    for group in groups:
        if group == "table":
            chosen += [shift for shift in shifts("facts", seconds) if shift.name in TABLE] + shifts("changing", seconds)
        else:
            chosen += shifts(group, seconds)
    return chosen


def main() -> None:
    """Run what is asked for; the figures as they come, then one JSON line."""
    ask = argparse.ArgumentParser(description="Dialling methods on simulated shifts")
    ask.add_argument("--settings", nargs="*", default=["table"], choices=["table", "facts", "changing", "unseen"])
    ask.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    ask.add_argument("--seeds", type=int, default=1)
    ask.add_argument("--hours", type=float, default=4.0)
    given = ask.parse_args()
    seconds = given.hours * 3600.0
    rows: list[Row] = []
    for shift in _chosen(given.settings, seconds):
        for method in given.methods:
            row = measure(shift, method, given.seeds, seconds)
            rows.append(row)
            print(
                f"{shift.name:48s} {method:14s} occupancy {row.occupancy:.3f} abandoned {row.abandoned:6.2%} "
                f"(worst day {row.worst_day:.2%}, running {row.worst_running:.2%}) "
                f"wait {row.wait_p50_seconds:.2f}/{row.wait_p95_seconds:.2f} s, {row.cpu_seconds:.1f} s CPU"
                f"{' OVER THE LIMIT' if row.worst_day > row.limit else ''}",
                flush=True,
            )
    means = {}
    for method in given.methods:
        own = [row.occupancy for row in rows if row.method == method]
        means[method] = round(sum(own) / len(own), 4)
        print(f"mean occupancy of {len(own)} shifts, {method}: {means[method]:.3f}")
    print(json.dumps({"mean_occupancy": means, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
