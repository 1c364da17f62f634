"""What must last of agents: who they are, and how they spent their day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.domain.agents.line import LineKind
from controller.ports.agent_pool import AgentChange


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """An agent as the site has it. address: as ``LineOrder.phone``."""

    name: str
    address: str
    kind: LineKind
    queues: tuple[str, ...]
    skills: frozenset[str]


@dataclass(frozen=True, slots=True)
class QueueRules:
    """A queue as the site has it. skills: needed of every agent who takes its calls. music, cue: sounds."""

    name: str
    wrap_up_seconds: float
    rona_seconds: int
    skills: frozenset[str] = frozenset()
    music: str = ""
    cue: str = ""


class AgentRecords(Protocol):
    """What lasts of agents: SQLAlchemy · in memory. Raises StoreDown."""

    def agents(self) -> dict[str, AgentProfile]:
        """Everybody who may log in, by name."""
        ...

    def queues(self) -> dict[str, QueueRules]:
        """The queues, by name."""
        ...

    def address(self, phone: str, carrier: str | None) -> str:
        """Where a line to ``phone`` goes, as ``LineOrder.phone``: an agent of the site by name, a user or extension, a SIP URI,
        or a number with the carrier that rings it. Refused."""
        ...

    def transfers(self, campaign: str) -> frozenset[str]:
        """Which transfers the campaign allows: ``blind``, ``attended``."""
        ...

    def logged_in(self, agent: str, node: str, address: str, kind: LineKind, at: float) -> None:
        """A session begins; one of the same agent that was never ended, ends. at: UTC epoch seconds, as below."""
        ...

    def logged_out(self, agent: str, at: float, reason: str) -> None:
        """The agent's session ends. Twice is harmless."""
        ...

    def sessions(self, node: str) -> list[str]:
        """Agents with a session at that node that was not ended."""
        ...

    def note(self, changes: Sequence[AgentChange]) -> None:
        """Stretches of agents' days that are over. One that is known already is not written twice."""
        ...

    def recorded(self, attempt_id: str, file: str) -> None:
        """A recording of the call is being made, in that file."""
        ...
