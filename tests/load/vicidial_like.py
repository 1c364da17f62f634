"""For comparison: an adaptive dial level as the best-known open dialler ships it, in its hard-limit manner.

Every 2.5 s it tops the lines up to level times agents, calls in conversation included. Every 15 s the level moves: over the
drop limit (counted since the start of the day) it falls to 1; under it, it rises by the share of agents who were waiting, up to
a cap of 3. Written from the documented behaviour; it stands in the place of a pacing method, with a memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.bounds import tightest

LOOP_SECONDS = 2.5
LEVEL_SECONDS = 15.0
MOST_LEVEL = 3.0
LIMIT = 0.03


class AdaptiveLevel:
    """One campaign's level."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._level = 1.0
        self._dial_at = 0.0
        self._move_at = LEVEL_SECONDS
        self._waiting: list[float] = []

    def decide(self, board: Board) -> Decision:
        """In the shape of a pacing method; not pure."""
        team, now = board.team, self._now()
        if team is None or now < self._dial_at:
            return Decision(0, "loop", "between two dial loops")
        self._dial_at = now + LOOP_SECONDS
        self._waiting.append(team.ready / team.staffed)
        if now >= self._move_at:
            self._move_at = now + LEVEL_SECONDS
            self._move(board)
        lines = round(self._level * team.staffed) - len(team.talking) - board.hand.count
        ready_bound = team.ready if self._level <= 1.0 else lines
        return tightest(board, [(min(lines, ready_bound), "level", f"level {self._level:.2f}")])

    def _move(self, board: Board) -> None:
        window = board.guard.windows[0]
        if window.rate > LIMIT:
            self._level = 1.0
        else:
            self._level = min(MOST_LEVEL, self._level * (1.0 + sum(self._waiting) / len(self._waiting)))
        self._waiting.clear()
