"""A floor without agents: whoever asks for one hears at once that there is none. For agentless dialling and its proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.domain.agents.agent import ReservationEnd
from controller.domain.calls.events import AgentLost, CallEvent, NoAgent
from controller.domain.campaigns.plan import RunPlan
from controller.ports import AgentView


class NoAgents:
    """``hands.Agents`` and ``crews.Crew``. tell: the call hears of it. now: UTC epoch seconds."""

    def __init__(self, tell: Callable[[str, CallEvent], None], now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now

    def views(self) -> Sequence[AgentView]:
        return ()

    def keep(self, plan: RunPlan, attempt_ids: Sequence[str], agents: int) -> dict[str, str]:
        return {}

    def keep_promised(self, plan: RunPlan, attempt_id: str, agent: str) -> bool:
        return False

    def let_go(self, attempt_id: str, agent: str) -> None:
        """Nobody is kept here."""

    def seek(self, attempt_id: str, queue: str, campaign: str, within_seconds: float) -> None:
        self._tell(attempt_id, NoAgent(self._now(), "no agents here"))

    def join(self, attempt_id: str, agent: str, name: str, number: str) -> None:
        self._tell(attempt_id, AgentLost(self._now(), agent, "no agents here"))

    def release(self, attempt_id: str, agent: str, end: ReservationEnd, wrap_up: bool) -> None:
        """Nobody is held here."""

    def forget(self, attempt_id: str) -> None:
        """Nobody is held here."""
