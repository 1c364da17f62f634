"""The drop guard: how near is the campaign to the share of people it may leave without an agent?

A rule is a window (run, 24 hours, calendar month, 30 days), a country's formula and three marks. Several rules hold at once
and the worst one counts. At the hard mark every method places one call a free agent (which abandons nobody) until the rate
is back under the release mark; between soft and hard, power dials at half its extra lines and the operator is warned.

The formulas, all over people who picked up, never over calls:

- US, 47 CFR 64.1200(a)(7) and 16 CFR 310.4(b)(4): abandoned / answered live by a person, per campaign, per 30 days, at most
  3 %. Playing the message does not take a call out of the numerator.
- UK, Ofcom's policy statement: the abandoned calls less a reasoned estimate of those that reached an answering machine, over
  these and the calls that reached an agent, per 24 hours. The estimate is the share of machines among the calls that agents
  took themselves. Since 2017 3 % is no safe harbour there.
- Canada, CRTC telemarketing rules: at most 5 % in a calendar month; over people who picked up, as in the US.

A person whom the detector took for a machine was left alone too: the estimated number of them joins the numerator and the
denominator of every formula. The estimate is the campaign's own once enough of its recordings were listened to (Ofcom wants it
tested, and takes no vendor's figure); until then it is the owner's. Counting, and where a window begins, is storage's; here
counts arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Formula(StrEnum):
    """Which country's arithmetic."""

    US = "us"
    UK = "uk"
    CANADA = "canada"


class WindowName(StrEnum):
    """Over which stretch a rule counts."""

    RUN = "run"
    DAY = "24_hours"
    MONTH = "calendar_month"
    THIRTY_DAYS = "30_days"


class Level(StrEnum):
    """What the guard asks of pacing."""

    OPEN = "open"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Tally:
    """What one window counted, in calls.

    connected: people who reached an agent, a bot or a message they had agreed to, in time. abandoned: calls that were passed
    on as people and found nobody in time, a bot's late first word among them. machines_hung_up: calls that ended, or were left
    a message, because the detector said machine. machines_to_agents: calls an agent took and found to be a machine.
    """

    connected: int = 0
    abandoned: int = 0
    machines_hung_up: int = 0
    machines_to_agents: int = 0

    def __post_init__(self) -> None:
        if min(self.connected, self.abandoned, self.machines_hung_up, self.machines_to_agents) < 0:
            raise ValueError(f"a count is negative: {self}")

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.connected + other.connected,
            self.abandoned + other.abandoned,
            self.machines_hung_up + other.machines_hung_up,
            self.machines_to_agents + other.machines_to_agents,
        )


NOBODY = Tally()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A campaign's calls that detection took for machines and somebody listened to; people: those that were people."""

    machines: int = 0
    people: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.people <= self.machines:
            raise ValueError(f"{self.people} people among {self.machines} reviewed calls")


ENOUGH_REVIEWED = 50
"""Below that a review says less than the owner's setting: 0 of 49 may still be six in a hundred."""


@dataclass(frozen=True, slots=True)
class DropLimit:
    """One rule. The marks are shares, 0.0 to 1.0; soft and release lie at or below hard."""

    window: WindowName
    formula: Formula
    hard: float = 0.03
    soft: float = 0.0285
    release: float = 0.0295

    def __post_init__(self) -> None:
        if not (0.0 < self.hard <= 1.0 and 0.0 <= self.soft <= self.hard and 0.0 <= self.release <= self.hard):
            raise ValueError(f"drop limit {self.window}: soft and release must lie between 0 and hard, hard at most 1")


@dataclass(frozen=True, slots=True)
class WindowStanding:
    """One window by its formula: abandoned of answered people, both estimates where machines are among them; its limit."""

    window: WindowName
    abandoned: float
    answered: float
    limit: float
    level: Level

    @property
    def rate(self) -> float:
        """Abandoned share, 0.0 to 1.0; 0.0 before anybody answered."""
        return self.abandoned / self.answered if self.answered > 0 else 0.0

    @property
    def spare(self) -> float:
        """How many more people may be abandoned, at this many answers, before the limit is reached; below 0 when over it."""
        return self.limit * self.answered - self.abandoned


@dataclass(frozen=True, slots=True)
class Standing:
    """All windows, and the worst level with a sentence about the window that set it."""

    level: Level
    windows: tuple[WindowStanding, ...]
    reason: str


NO_LIMIT = Standing(Level.OPEN, (), "no drop limit is set")


def machine_error(reviewed: Reviewed, setting: float) -> float:
    """Share of the calls taken for machines that were people, 0.0 to 1.0. setting: the owner's, until enough were reviewed.

    Laplace's rule of succession, (k + 1) / (n + 2): that nobody was found among fifty does not mean that nobody was lost.
    """
    if reviewed.machines < ENOUGH_REVIEWED:
        return setting
    return (reviewed.people + 1) / (reviewed.machines + 2)


def people(formula: Formula, tally: Tally, machine_error: float) -> tuple[float, float]:
    """(abandoned, answered) people of a window by one formula.

    machine_error: share of the calls called machine that were people (measured on labelled calls), 0.0 to 1.0.
    """
    if not 0.0 <= machine_error <= 1.0:
        raise ValueError(f"machine_error {machine_error} is not a share")
    mistaken = tally.machines_hung_up * machine_error
    abandoned = float(tally.abandoned)
    if formula is Formula.UK:
        taken = tally.connected + tally.machines_to_agents
        abandoned *= tally.connected / taken if taken else 1.0
    abandoned += mistaken
    return abandoned, abandoned + tally.connected


def stand(
    limits: Sequence[DropLimit],
    tallies: Mapping[WindowName, Tally],
    machine_error: float = 0.0,
    before: Standing = NO_LIMIT,
) -> Standing:
    """Where the campaign stands now. before: the standing a moment ago, for the hysteresis of the hard mark.

    A window without a tally has counted nothing yet.
    """
    was_hard = {one.window for one in before.windows if one.level is Level.HARD}
    windows = []
    for limit in limits:
        abandoned, answered = people(limit.formula, tallies.get(limit.window, Tally()), machine_error)
        rate = abandoned / answered if answered else 0.0
        held = limit.window in was_hard and rate > limit.release
        level = Level.HARD if rate >= limit.hard or held else Level.SOFT if rate >= limit.soft else Level.OPEN
        windows.append(WindowStanding(limit.window, abandoned, answered, limit.hard, level))
    if not windows:
        return NO_LIMIT
    severity = {Level.OPEN: 0, Level.SOFT: 1, Level.HARD: 2}
    worst = max(windows, key=lambda one: (severity[one.level], -one.spare))
    name = worst.window.value.replace("_", " ")
    return Standing(
        worst.level, tuple(windows), f"{worst.rate:.2%} of people abandoned ({name}), the limit is {worst.limit:.2%}"
    )
