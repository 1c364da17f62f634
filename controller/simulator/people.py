"""The people of a simulation: who picks up, after how long, and how long they talk. Everything comes from one seeded source of
chance, so the same seed lives the same day."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class End(StrEnum):
    """How a call goes that is left to ring."""

    PERSON = "person"
    MACHINE = "machine"
    NO_ANSWER = "no_answer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Spread:
    """A lognormal duration: mean in seconds, and coefficient of variation."""

    mean: float
    cv: float = 1.0

    def __post_init__(self) -> None:
        if self.mean <= 0 or self.cv < 0:
            raise ValueError(f"a duration needs a mean above 0 and a variation of 0 or more: {self}")

    def draw(self, chance: Random) -> float:
        sigma_squared = math.log1p(self.cv * self.cv)
        return math.exp(chance.gauss(math.log(self.mean) - sigma_squared / 2.0, math.sqrt(sigma_squared)))


@dataclass(frozen=True, slots=True)
class Habits:
    """What is assumed, or was learned, of the people called and of the agents.

    answer_rate: share of calls a person would pick up if left to ring. machine_share, failed_share: of the other calls, those a
    machine picks up and those that fail at once (busy, wrong number); the rest is not answered. ring: until a person or a
    machine picks up. detect_seconds: from pick-up to verdict, for both. wait_seconds: how long a person waits for an agent
    from the verdict on. failed_seconds: until a call fails. machine_talk_seconds: how long a machine that was put through
    keeps an agent or bot.
    """

    answer_rate: float = 0.25
    machine_share: float = 0.2
    failed_share: float = 0.2
    ring: Spread = Spread(12.0, 0.7)
    talk: Spread = Spread(120.0, 1.0)
    wrap_up: Spread = Spread(15.0, 0.5)
    detect_seconds: float = 0.8
    wait_seconds: float = 2.0
    failed_seconds: float = 2.0
    machine_talk_seconds: float = 12.0

    def __post_init__(self) -> None:
        shares = (self.answer_rate, self.machine_share, self.failed_share)
        if not all(0.0 <= share <= 1.0 for share in shares) or self.machine_share + self.failed_share > 1.0:
            raise ValueError(f"answer, machine and failed shares lie between 0 and 1, the latter two together too: {shares}")
        if min(self.detect_seconds, self.wait_seconds, self.failed_seconds, self.machine_talk_seconds) < 0:
            raise ValueError("seconds are 0 or more")


@dataclass(frozen=True, slots=True)
class Lot:
    """What one call will meet: how it ends when left to ring, and when."""

    end: End
    seconds: float


class People:
    """Draws what happens."""

    def __init__(
        self,
        habits: Habits,
        ring_limit_seconds: float,
        chance: Random,
        changing: Callable[[Habits, float], Habits] | None = None,
    ) -> None:
        """changing: the habits at a moment (seconds from the start), for days on which things drift."""
        self._habits = habits
        self._ring_limit = ring_limit_seconds
        self._chance = chance
        self._changing = changing

    def habits(self, now: float) -> Habits:
        return self._habits if self._changing is None else self._changing(self._habits, now)

    def call(self, now: float) -> Lot:
        """What a call launched now will meet."""
        habits, chance = self.habits(now), self._chance
        if chance.random() < habits.answer_rate:
            end = End.PERSON
        else:
            other = chance.random()
            if other < habits.failed_share:
                return Lot(End.FAILED, habits.failed_seconds)
            if other >= habits.failed_share + habits.machine_share:
                return Lot(End.NO_ANSWER, self._ring_limit)
            end = End.MACHINE
        seconds = habits.ring.draw(chance)
        while seconds >= self._ring_limit:
            seconds = habits.ring.draw(chance) if habits.ring.mean < self._ring_limit else self._ring_limit * chance.random()
        return Lot(end, seconds)

    def talk_seconds(self, now: float) -> float:
        return self.habits(now).talk.draw(self._chance)

    def wrap_up_seconds(self, now: float) -> float:
        return self.habits(now).wrap_up.draw(self._chance)
