"""The shifts on which dialling methods are compared: who is called, who works, what changes during the day.

``facts``: talk lognormal (mean 120 s, cv 1), wrap-up (15 s, cv 0.5), pick-up (12 s, cv 0.7), ring limit 25 s, verdict after
0.8 s, a person waits until 2 s after pick-up, a fifth of the other calls is a machine and a fifth fails at once; 3 to 300
agents and three answer rates. ``changing``: fifty of those agents, while the answer rate halves or everything drifts.
``unseen``: everything that nobody tuned pacing on, a thing or two changed at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi, sin
from typing import Any

from controller.simulator.people import Habits, Spread

Changing = Callable[[Habits, float], Habits]
Staffing = Callable[[float], int]

TEAMS = (3, 5, 10, 20, 50, 100, 300)
ANSWER_RATES = (0.1, 0.25, 0.5)
USUAL = Habits(wait_seconds=1.2)
"""A person waits 2 s from the pick-up on, 0.8 s of them for the verdict."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One kind of day. changing and staffing: as for ``People`` and ``World``. limit: abandoned share that is allowed."""

    name: str
    agents: int
    habits: Habits
    changing: Changing | None = None
    staffing: Staffing | None = None
    limit: float = 0.03
    ring_limit_seconds: float = 25.0


def shifts(group: str, seconds: float) -> list[Shift]:
    """The shifts of a group, for days of so many seconds; KeyError for a group nobody knows."""
    return {"facts": _facts, "changing": _changing, "unseen": _unseen}[group](seconds)


def _facts(_: float) -> list[Shift]:
    return [
        Shift(f"{agents} agents, {rate:.2f} answered", agents, replace(USUAL, answer_rate=rate))
        for agents in TEAMS
        for rate in ANSWER_RATES
    ]


def _changing(seconds: float) -> list[Shift]:
    return [
        Shift("50 agents, answer rate halves", 50, USUAL, steps(seconds / 2, 0.5)),
        Shift("50 agents, everything drifts", 50, USUAL, drifts(seconds)),
    ]


def _unseen(seconds: float) -> list[Shift]:
    def day(name: str, agents: int = 40, changing: Changing | None = None, **changed: Any) -> Shift:
        given = {key: changed.pop(key) for key in ("staffing", "limit", "ring_limit_seconds") if key in changed}
        return Shift(name, agents, replace(USUAL, **changed), changing, **given)

    half = seconds / 2
    return [
        day("answer rate 3 %", answer_rate=0.03),
        day("answer rate 5 %, 15 agents", 15, answer_rate=0.05),
        day("answer rate 60 %", answer_rate=0.6),
        day("answer rate 90 %", answer_rate=0.9),
        day("answer rate 90 %, 8 agents", 8, answer_rate=0.9),
        day("talks of 15 s, wrap-up 5 s", talk=Spread(15.0), wrap_up=Spread(5.0)),
        day("talks of 15 s, 6 agents", 6, talk=Spread(15.0), wrap_up=Spread(5.0)),
        day("talks of 10 min", talk=Spread(600.0)),
        day("talks of 10 min, 12 agents, few answer", 12, answer_rate=0.1, talk=Spread(600.0)),
        day("heavy-tailed talks", talk=Spread(120.0, 3.0)),
        day("talks all alike", talk=Spread(120.0, 0.1), wrap_up=Spread(15.0, 0.1)),
        day("no wrap-up", wrap_up=Spread(0.1, 0.1)),
        day("wrap-up of 60 s, uneven", wrap_up=Spread(60.0, 1.5)),
        day("pick-up after 4 s", ring=Spread(4.0, 0.4)),
        day("pick-up after 25 s of 60", ring=Spread(25.0, 0.5), ring_limit_seconds=60.0),
        day("3 agents, 60 % answered", 3, answer_rate=0.6),
        day("4 agents, talks of 5 min", 4, talk=Spread(300.0)),
        day("7 agents, 15 % answered", 7, answer_rate=0.15),
        day("400 agents, 15 % answered", 400, answer_rate=0.15),
        day("lunch: half leave for an hour", 50, staffing=lunch(50, 25, half - 1800.0, half + 1800.0)),
        day("lunch in turns, 12 agents", 12, staffing=waves(12, 6, 1800.0)),
        day("nearly all leave for a quarter of an hour", 30, staffing=lunch(30, 3, half, half + 900.0)),
        day("staff grows from 5 to 60", 60, staffing=lambda now: 5 + int(55 * min(now / half, 1.0))),
        day("answer rate doubles at once", changing=steps(half, 2.0)),
        day("answer rate doubles at once, 12 agents", 12, steps(half, 2.0), answer_rate=0.1),
        day("answer rate halves and doubles every 20 min", changing=swings(2400.0)),
        day("list goes bad: 25 % to 2 %", changing=steps(half, 0.08)),
        day("list gets good: 5 % to 50 %", changing=steps(half, 10.0), answer_rate=0.05),
        day("talks grow threefold in ten minutes", changing=longer_talks(half, 600.0)),
        day("half of the rest are machines, verdict after 3 s", machine_share=0.5, detect_seconds=3.0, wait_seconds=2.0),
        day("80 % machines, told in 1.5 s", 20, machine_share=0.8, answer_rate=0.15, detect_seconds=1.5, wait_seconds=2.0),
        day("limit 1 %", limit=0.01),
        day("limit 1 %, 10 agents", 10, limit=0.01),
        day("limit 5 %", limit=0.05),
        day("people wait half a second", wait_seconds=0.5),
        day("people wait 10 s", wait_seconds=10.0),
        day("half of the calls fail at once", failed_share=0.65),
    ]


def steps(at: float, factor: float) -> Changing:
    """The answer rate is multiplied at a moment."""

    def habits_at(habits: Habits, now: float) -> Habits:
        return habits if now < at else replace(habits, answer_rate=min(habits.answer_rate * factor, 0.95))

    return habits_at


def swings(period: float) -> Changing:
    """The answer rate goes up and down, between a half and twice what it was."""

    def habits_at(habits: Habits, now: float) -> Habits:
        return replace(habits, answer_rate=min(habits.answer_rate * 2.0 ** sin(2 * pi * now / period), 0.95))

    return habits_at


def longer_talks(begin: float, within: float) -> Changing:
    """Talks grow to three times their length."""

    def habits_at(habits: Habits, now: float) -> Habits:
        done = min(max((now - begin) / within, 0.0), 1.0)
        return replace(habits, talk=replace(habits.talk, mean=habits.talk.mean * (1 + 2 * done)))

    return habits_at


def drifts(seconds: float) -> Changing:
    """Everything drifts: answer rate down to a half, talks to 1.5 times, pick-ups to 1.3 times, wrap-ups to 1.5 times, machines
    to 1.5 times, evenly over the shift."""

    def habits_at(habits: Habits, now: float) -> Habits:
        done = min(now / seconds, 1.0)
        return replace(
            habits,
            answer_rate=habits.answer_rate * (1 - done / 2),
            machine_share=min(habits.machine_share * (1 + done / 2), 1 - habits.failed_share),
            talk=replace(habits.talk, mean=habits.talk.mean * (1 + done / 2)),
            ring=replace(habits.ring, mean=habits.ring.mean * (1 + 0.3 * done)),
            wrap_up=replace(habits.wrap_up, mean=habits.wrap_up.mean * (1 + done / 2)),
        )

    return habits_at


def lunch(agents: int, left: int, begin: float, end: float) -> Staffing:
    """All but so many are away for a while."""

    def at_work(now: float) -> int:
        return left if begin <= now < end else agents

    return at_work


def waves(agents: int, least: int, period: float) -> Staffing:
    """Agents go and come back one by one, and again."""

    def at_work(now: float) -> int:
        return round(least + (agents - least) * abs(1.0 - 2.0 * (now % period) / period))

    return at_work
