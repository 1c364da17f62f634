"""Dialling methods to compare with, written from their documented behaviour. Each stands in the place of a pacing method of one
shift, and has a memory of its own.

- ``AdaptiveLevel``: the best-known open dialler as it ships. Every 2.5 s it tops its lines up to level times agents, calls in
  conversation included. Every 15 s the level moves: over the drop limit (counted since midnight) it falls to 1; under it, it
  rises by the share of agents who were waiting, up to a cap of 3.
- ``FixedLevel``: the same, tuned by hand: the level is fixed. Which is best is only known in hindsight.
- ``ErlangB``: agents as a pool of servers with true means, at every moment, and no look at the calls in hand: people are sent
  at the rate at which Erlang's formula blocks as many of them as the limit allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest
from controller.simulator.people import Habits

LOOP_SECONDS = 2.5
LEVEL_SECONDS = 15.0
MOST_LEVEL = 3.0


class FixedLevel:
    """So many lines an agent, those in conversation included."""

    def __init__(self, now: Callable[[], float], level: float = 1.0) -> None:
        self._now = now
        self._level = level
        self._dial_at = 0.0

    def decide(self, board: Board) -> Decision:
        """In the shape of a pacing method; not pure."""
        team, now = board.team, self._now()
        if team is None or now < self._dial_at:
            return Decision(0, "loop", "between two dial loops")
        self._dial_at = now + LOOP_SECONDS
        self._looked(board, team.ready / max(team.staffed, 1), now)
        lines = round(self._level * team.staffed) - len(team.talking) - board.hand.count
        most = min(lines, team.ready) if self._level <= 1.0 else lines
        return tightest(board, [(most, "level", f"level {self._level:.2f}")])

    def _looked(self, board: Board, waiting: float, now: float) -> None:
        """A fixed level learns nothing. waiting: share of the agents who are ready."""


class AdaptiveLevel(FixedLevel):
    """As shipped."""

    def __init__(self, now: Callable[[], float], limit: float) -> None:
        super().__init__(now)
        self._limit = limit
        self._move_at = LEVEL_SECONDS
        self._waiting: list[float] = []

    def _looked(self, board: Board, waiting: float, now: float) -> None:
        self._waiting.append(waiting)
        if now < self._move_at:
            return
        self._move_at = now + LEVEL_SECONDS
        over = board.guard.windows[0].rate > self._limit
        raised = self._level * (1.0 + sum(self._waiting) / len(self._waiting))
        self._level = 1.0 if over else min(MOST_LEVEL, raised)
        self._waiting.clear()


class ErlangB:
    """A steady flow of calls."""

    def __init__(self, now: Callable[[], float], habits: Callable[[float], Habits], limit: float) -> None:
        self._now = now
        self._habits = habits
        self._limit = limit
        self._due = 0.0
        self._at = 0.0

    def decide(self, board: Board) -> Decision:
        """In the shape of a pacing method; not pure."""
        now = self._now()
        habits, staffed = self._habits(now), board.team.staffed if board.team is not None else 0
        served = habits.talk.mean + habits.wrap_up.mean
        people_per_second = offered_load(staffed, self._limit) / served
        self._due += (now - self._at) * people_per_second / max(habits.answer_rate, 1e-6)
        self._at = now
        calls = math.floor(self._due)
        self._due -= calls
        return tightest(board, [(calls, "erlang_b", f"{people_per_second:.2f} people a second")])


def offered_load(servers: int, blocked: float) -> float:
    """The load in erlangs of which that share is blocked by so many servers (Erlang's B formula, by halving)."""
    low, high = 0.0, 2.0 * servers + 10.0
    for _ in range(40):
        middle = (low + high) / 2.0
        if blocking(servers, middle) < blocked:
            low = middle
        else:
            high = middle
    return low


def blocking(servers: int, load: float) -> float:
    """Share of arrivals that find every server busy."""
    share = 1.0
    for server in range(1, servers + 1):
        share = load * share / (server + load * share)
    return share
