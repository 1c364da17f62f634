"""``make bench-pacing``: dialling methods beside each other on simulated shifts, by the production pacing code.

Shifts of four hours from a cold start: talk lognormal (mean 120 s, cv 1), wrap-up (15 s, cv 0.5), pick-up (12 s, cv 0.7), ring
limit 25 s, verdict after 0.8 s, a person waits until 2 s after pick-up, a fifth of the other calls is a machine and a fifth
fails at once. Printed a line a setting and method: occupancy (talk and wrap-up over staffed time), abandoned share of the
people who picked up, the worst shift, the highest running rate after 300 answers, the mean wait. The last line is one JSON
object. ``--talk``, ``--talk-cv``, ``--ring``, ``--wrap-up``, ``--machines`` try other worlds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from random import Random

from controller.domain.pacing.board import Manner
from controller.domain.pacing.drop_guard import DropLimit, Formula, WindowName
from controller.engine.tick import PACING
from controller.simulator.course import Course
from controller.simulator.people import Habits, People, Spread
from controller.simulator.world import RING_LIMIT_SECONDS, Plan, World
from tests.load.vicidial_like import AdaptiveLevel

TEAMS = (3, 5, 10, 20, 50, 100, 300)
ANSWER_RATES = (0.1, 0.25, 0.5)
METHODS = ("progressive", "power 2", "power 3", "vicidial-like", "predictive")
LIMIT = (DropLimit(WindowName.RUN, Formula.US),)
Changing = Callable[[Habits, float], Habits]


def halves(seconds: float) -> Changing:
    """The answer rate halves in the middle of the shift."""

    def at(habits: Habits, now: float) -> Habits:
        return habits if now < seconds / 2 else replace(habits, answer_rate=habits.answer_rate / 2)

    return at


def drifts(seconds: float) -> Changing:
    """Everything drifts: answer rate down to a half, talks to 1.5 times, pick-ups to 1.3 times, wrap-ups to 1.5 times, machines
    to 1.5 times, evenly over the shift."""

    def at(habits: Habits, now: float) -> Habits:
        done = min(now / seconds, 1.0)
        return replace(
            habits,
            answer_rate=habits.answer_rate * (1 - done / 2),
            machine_share=min(habits.machine_share * (1 + done / 2), 1 - habits.failed_share),
            talk=replace(habits.talk, mean=habits.talk.mean * (1 + done / 2)),
            ring=replace(habits.ring, mean=habits.ring.mean * (1 + 0.3 * done)),
            wrap_up=replace(habits.wrap_up, mean=habits.wrap_up.mean * (1 + done / 2)),
        )

    return at


@dataclass(frozen=True, slots=True)
class Row:
    """One setting by one method, over all its shifts."""

    agents: int
    answer_rate: float
    day: str
    method: str
    occupancy: float
    abandoned: float
    worst_shift: float
    worst_running: float
    wait_seconds: float
    peak_channels: int
    cpu_seconds: float


def shift(method: str, agents: int, habits: Habits, seed: int, seconds: float, changing: Changing | None) -> Course:
    """One day."""
    chance = Random(seed)
    mode, _, ratio = method.partition(" ")
    plan = Plan(
        "shift",
        mode,
        People(habits, RING_LIMIT_SECONDS, chance, changing),
        leads=10**9,
        manner=Manner(ratio=float(ratio or 2.0)),
        drop_limits=LIMIT if mode in ("predictive", "vicidial-like") else (),
    )
    world = World([plan], agents, chance)
    PACING["vicidial-like"] = AdaptiveLevel(lambda: world.now).decide
    return world.live(seconds)["shift"]


def measure(method: str, agents: int, habits: Habits, day: str, seeds: int, hours: float) -> Row:
    """All shifts of a setting."""
    seconds = hours * 3600.0
    changing = {"halves": halves(seconds), "drifts": drifts(seconds)}.get(day)
    began = time.process_time()
    courses = [shift(method, agents, habits, seed, seconds, changing) for seed in range(1, seeds + 1)]
    connected = sum(course.connected for course in courses)
    return Row(
        agents,
        habits.answer_rate,
        day,
        method,
        round(sum(course.occupancy for course in courses) / seeds, 4),
        round(sum(course.abandoned for course in courses) / max(sum(course.answered for course in courses), 1), 5),
        round(max(course.abandoned_share for course in courses), 5),
        round(max(course.worst_running_rate for course in courses), 5),
        round(sum(course.waited_seconds for course in courses) / max(connected, 1), 3),
        max(course.peak_channels for course in courses),
        round((time.process_time() - began) / seeds, 1),
    )


def main() -> None:
    """Run the settings asked for; the figures as they come, then one JSON line."""
    ask = argparse.ArgumentParser(description="Dialling methods on simulated shifts")
    ask.add_argument("--agents", type=int, nargs="*", default=TEAMS)
    ask.add_argument("--answer-rates", type=float, nargs="*", default=ANSWER_RATES)
    ask.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    ask.add_argument("--days", nargs="*", default=["steady", "halves", "drifts"], choices=["steady", "halves", "drifts"])
    ask.add_argument("--seeds", type=int, default=2)
    ask.add_argument("--hours", type=float, default=4.0)
    ask.add_argument("--talk", type=float, default=120.0)
    ask.add_argument("--talk-cv", type=float, default=1.0)
    ask.add_argument("--ring", type=float, default=12.0)
    ask.add_argument("--ring-cv", type=float, default=0.7)
    ask.add_argument("--wrap-up", type=float, default=15.0)
    ask.add_argument("--wrap-up-cv", type=float, default=0.5)
    ask.add_argument("--machines", type=float, default=0.2)
    given = ask.parse_args()
    world = Habits(
        machine_share=given.machines,
        ring=Spread(given.ring, given.ring_cv),
        talk=Spread(given.talk, given.talk_cv),
        wrap_up=Spread(given.wrap_up, given.wrap_up_cv),
        detect_seconds=0.8,
        wait_seconds=1.2,
    )
    settings = [(agents, rate, "steady") for agents in given.agents for rate in given.answer_rates if "steady" in given.days]
    settings += [(50, 0.25, day) for day in given.days if day != "steady"]
    rows = []
    for agents, rate, day in settings:
        for method in given.methods:
            row = measure(method, agents, replace(world, answer_rate=rate), day, given.seeds, given.hours)
            rows.append(row)
            print(
                f"{agents:4d} agents, {rate:.2f} answered, {day:6s} {method:14s} occupancy {row.occupancy:.3f} "
                f"abandoned {row.abandoned:6.2%} (worst shift {row.worst_shift:.2%}, running {row.worst_running:.2%}) "
                f"wait {row.wait_seconds:.2f} s, {row.cpu_seconds:.1f} s CPU",
                flush=True,
            )
    means = {}
    for method in given.methods:
        steady = [row.occupancy for row in rows if row.method == method and row.day == "steady"]
        if steady:
            means[method] = round(sum(steady) / len(steady), 4)
            print(f"mean occupancy of {len(steady)} steady settings, {method}: {means[method]:.3f}")
    print(json.dumps({"mean_occupancy": means, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
