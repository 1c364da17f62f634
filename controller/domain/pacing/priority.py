"""Priority between running campaigns (features 1.11): in which order they may ask for what is scarce.

``strict``: every call a higher priority wants comes before any of a lower one; random among equals.
``weighted``: calls in proportion to priority. Each campaign has a virtual clock that advances by 1/priority for each call it
really got; the one furthest behind goes next (stride scheduling). Two campaigns at 5 and 3 that both always want more get
62.5 % and 37.5 %. One that wanted nothing for a while does not save up: it rejoins at the clock of those who did. Only a few
calls are kept for it, so that a campaign which wants a call now and then still gets its share of those moments.

Both are work-conserving: what the first cannot use (its own seats are full), the next may.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from random import Random

SAVED_CALLS = 3.0
"""Weighted: calls by which one that wants nothing at the moment may stay behind."""


class Turns:
    """Keeps the virtual clocks; one for a controller."""

    def __init__(self, policy: str, chance: Random) -> None:
        """policy: ``strict`` or ``weighted``; ValueError otherwise."""
        if policy not in ("strict", "weighted"):
            raise ValueError(f"priority policy {policy!r} is neither strict nor weighted")
        self._strict = policy == "strict"
        self._chance = chance
        self._clocks: dict[str, float] = {}
        self._priorities: dict[str, int] = {}

    def order(self, wants: Mapping[str, tuple[int, int]]) -> list[str]:
        """Who asks, call by call. wants: campaign → (priority 1–10, calls wanted)."""
        active = {key: (priority, calls) for key, (priority, calls) in wants.items() if calls > 0}
        self._priorities = {key: priority for key, (priority, _) in wants.items()}
        return self._by_rank(active) if self._strict else self._by_share(active)

    def granted(self, key: str) -> None:
        """One call of ``key`` really got what it asked for."""
        if not self._strict:
            self._clocks[key] = self._clocks.get(key, 0.0) + 1.0 / self._priorities.get(key, 1)

    def first(self, priorities: Mapping[str, int]) -> str:
        """Who should go first among campaigns that are each asked how much they want. priorities: campaign → priority."""
        if self._strict:
            return max(priorities, key=lambda key: (priorities[key], self._chance.random()))
        return min(priorities, key=lambda key: (self._clocks.get(key, 0.0), self._chance.random()))

    def _by_rank(self, active: Mapping[str, tuple[int, int]]) -> list[str]:
        order: list[str] = []
        for rank in sorted({priority for priority, _ in active.values()}, reverse=True):
            equals = [key for key, (priority, calls) in active.items() if priority == rank for _ in range(calls)]
            self._chance.shuffle(equals)
            order += equals
        return order

    def _by_share(self, active: Mapping[str, tuple[int, int]]) -> list[str]:
        behind = min((self._clocks[key] for key in active if key in self._clocks), default=0.0)
        for key, priority in self._priorities.items():
            least = behind if key in active else behind - SAVED_CALLS / priority
            self._clocks[key] = max(self._clocks.get(key, behind), least)
        self._clocks = {key: clock for key, clock in self._clocks.items() if key in self._priorities}
        left = {key: calls for key, (_, calls) in active.items()}
        queue = [(self._clocks[key], self._chance.random(), key) for key in active]
        heapq.heapify(queue)
        order: list[str] = []
        while queue:
            clock, _, key = heapq.heappop(queue)
            order.append(key)
            left[key] -= 1
            if left[key]:
                heapq.heappush(queue, (clock + 1.0 / active[key][0], self._chance.random(), key))
        return order
