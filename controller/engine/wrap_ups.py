"""How long agents wrap up and whether they come back, told from looking at them again and again.

An agent who wrapped up at the last look and does something else now has finished; one who talked and is ready now had no
wrap-up to speak of. What is made of it is ``lessons.py``'s. A look is a pulse apart, so a duration is right to about a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.domain.agents.agent import AgentState
from controller.ports import AgentView

SAME_SECONDS = 2.0
"""Two looks at one wrap-up may disagree by so much on when it began."""


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    """queues: the agent's. seconds: from the end of the talk on. back: for the next call, rather than away or logged out."""

    queues: tuple[str, ...]
    seconds: float
    back: bool


@dataclass(frozen=True, slots=True)
class _Busy:
    """An agent who talked, or wrapped up, at the last look. since: monotonic seconds."""

    state: AgentState
    since: float
    queues: tuple[str, ...]


class WrapUps:
    """One for a controller."""

    def __init__(self) -> None:
        self._busy: dict[str, _Busy] = {}

    def look(self, views: Sequence[AgentView], now: float) -> list[WrapUpEnded]:
        """The wrap-ups that ended since the last look. now: monotonic seconds."""
        seen = {view.name: view for view in views}
        ended = []
        for name, busy in self._busy.items():
            view = seen.get(name)
            if view is None:
                if busy.state is AgentState.WRAP_UP:
                    ended.append(WrapUpEnded(busy.queues, now - busy.since, back=False))
                continue
            since = now - view.age_seconds
            if view.state is AgentState.WRAP_UP or (view.state is busy.state and abs(since - busy.since) <= SAME_SECONDS):
                continue
            seconds = max(0.0, since - busy.since) if busy.state is AgentState.WRAP_UP else 0.0
            ended.append(WrapUpEnded(busy.queues, seconds, back=view.state is not AgentState.AWAY))
        self._busy = {
            name: _Busy(view.state, now - view.age_seconds, view.queues)
            for name, view in seen.items()
            if view.state in (AgentState.TALKING, AgentState.WRAP_UP)
        }
        return ended
