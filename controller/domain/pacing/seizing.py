"""Requests for agents that a formula makes, and how those end that nobody could meet (features 3.9, 4.7).

A formula wants so many agents seized. For each one that is missing there is a request; it ends when an agent is there
(*reserved*, counted where the agent is reserved), or after the campaign's time to live: *timeout* when agents are logged in and
none became free, *none* when nobody is logged in. A request that ended so is made anew as long as the formula wants it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from controller.domain.agents.agent import SeizureOutcome
from controller.domain.pacing.board import Team


@dataclass(slots=True)
class SeizeRequests:
    """Those of one campaign that wait, the oldest first: since when, in seconds of one clock."""

    since: deque[float] = field(default_factory=deque)

    def look(self, target: int, team: Team, now: float, live_seconds: float) -> list[SeizureOutcome]:
        """How requests ended since the last look, but for those that were met. target: agents to hold seized.

        live_seconds: how long a request waits.
        """
        missing = max(0, target - team.ready - team.reserved)
        while len(self.since) > missing:
            self.since.popleft()
        ended = 0
        while self.since and now - self.since[0] >= live_seconds:
            self.since.popleft()
            ended += 1
        while len(self.since) < missing:
            self.since.append(now)
        return [SeizureOutcome.TIMEOUT if team.staffed else SeizureOutcome.NONE] * ended
