"""One campaign of a simulation: what is planned, and where its calls, agents and contacts stand while it is dialled. What
happens to them is ``world.py``'s.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.pacing.board import Manner
from controller.domain.pacing.drop_guard import DropLimit, Standing
from controller.domain.pacing.estimates import Learner
from controller.simulator.course import Course
from controller.simulator.hours import Stretch
from controller.simulator.people import Lot, People

RING_LIMIT_SECONDS = 25.0
USUAL = Manner()
ONE_ATTEMPT = RetryPolicy(max_attempts=1)
ALWAYS: tuple[Stretch, ...] = ((0.0, math.inf),)


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign of the simulation. seats, channels, calls_per_second, rate_limited_by as on a board; leads: contacts on its
    list; fleet: calls its bot can take. detects: machines are told from people, which takes time; passes_machines: they are
    connected all the same. hours: when people may be rung; left out: always.
    """

    name: str
    mode: str
    people: People
    leads: int
    priority: int = 5
    seats: int = 100_000
    channels: int = 100_000
    calls_per_second: float = 1000.0
    rate_limited_by: str = "carrier_cps"
    fleet: int | None = None
    ring_limit_seconds: float = RING_LIMIT_SECONDS
    detects: bool = True
    passes_machines: bool = False
    retry: RetryPolicy = ONE_ATTEMPT
    hours: tuple[Stretch, ...] = ALWAYS
    manner: Manner = USUAL
    drop_limits: tuple[DropLimit, ...] = ()


@dataclass(slots=True)
class Call:
    number: int
    floor: Floor
    launched_at: float
    lot: Lot
    attempt: int
    asked_at: float = 0.0


@dataclass(slots=True)
class Floor:
    """One campaign while it is dialled. retries: when due, which attempt; again: those that are due. ringing, screening,
    waiting: calls by number, and since when."""

    plan: Plan
    learner: Learner
    course: Course
    fresh: int
    guard: Standing
    retries: list[tuple[float, int]] = field(default_factory=list)
    again: deque[int] = field(default_factory=deque)
    ringing: dict[int, float] = field(default_factory=dict)
    screening: dict[int, float] = field(default_factory=dict)
    waiting: dict[int, float] = field(default_factory=dict)
    reserved: deque[int] = field(default_factory=deque)
    launches: deque[float] = field(default_factory=deque)
    talks: int = 0

    @property
    def in_hand(self) -> int:
        return len(self.ringing) + len(self.screening) + len(self.waiting)

    @property
    def channels(self) -> int:
        return self.in_hand + self.talks

    def opens_at(self, now: float) -> float:
        """The next moment in calling hours; ``now`` itself within them, infinity after the last."""
        return next((max(opens, now) for opens, closes in self.plan.hours if closes > now), math.inf)

    def due(self, now: float) -> int:
        """Leads that may be dialled now."""
        while self.retries and self.retries[0][0] <= now:
            self.again.append(heapq.heappop(self.retries)[1])
        return self.fresh + len(self.again)

    def take(self) -> int:
        """The next lead: which attempt it is. Retries that are due come first."""
        if self.again:
            return self.again.popleft()
        self.fresh -= 1
        return 1
