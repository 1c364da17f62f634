"""Agents on duty and who holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.domain.agents.agent import LOGIN, AgentState, Refusal, ReservationEnd, Seizure, SeizureOutcome


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """Who wants an agent, and which.

    holder: the attempt id, or any word of the asker's own when one agent is wanted for several calls (power). node: whose
    agents. skills: all are needed. only: nobody but this agent.
    """

    holder: str
    queue: str
    campaign: str
    node: str
    skills: frozenset[str] = frozenset()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class NoAgent:
    """Nobody is free. outcome: TIMEOUT when somebody fitting is logged in, so that waiting may help; NONE when nobody is, or
    (settling) the live state was lost and agents are being re-entered. retry_in_seconds: when to ask again at the latest;
    0.0: when an agent becomes free."""

    outcome: SeizureOutcome
    retry_in_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Presence:
    """An agent whose line is at this node, as the node knows it. state and reason matter only where the pool does not know
    the agent (login, or the live state was lost); RESERVED and TALKING are re-entered by ``AgentPool.renew``. again: not at
    login, but proving later on that the line is up."""

    name: str
    node: str
    queues: tuple[str, ...]
    skills: frozenset[str] = frozenset()
    state: AgentState = AgentState.AWAY
    reason: str = LOGIN
    again: bool = False


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent now, with ages in seconds instead of moments: for boards and pacing.

    age: since the state began. idle: since the agent last became free, READY only. left: until wrap-up is over, WRAP_UP only.
    last_call: attempt of the present or last talk.
    """

    name: str
    node: str
    queues: tuple[str, ...]
    skills: frozenset[str]
    state: AgentState
    reason: str
    age_seconds: float
    idle_seconds: float
    left_seconds: float
    then_pause: str
    seizure: Seizure | None
    last_call: str = ""


@dataclass(frozen=True, slots=True)
class AgentChange:
    """One finished stretch of an agent's day, oldest first from ``AgentPool.changes``.

    number: grows by one a change at a node; a change read twice has the same. state … until: what is over; times are UTC epoch
    seconds of the pool's clock. to, to_reason: what the agent is now; None after leaving the pool. end: how the reservation
    ended, RESERVED only.
    """

    number: int
    agent: str
    node: str
    state: AgentState
    reason: str
    since: float
    until: float
    to: AgentState | None
    to_reason: str
    queue: str = ""
    campaign: str = ""
    holder: str = ""
    end: ReservationEnd | None = None


class AgentPool(Protocol):
    """Agents on duty and who holds them: Redis · in memory. The rules are those of ``domain/agents``.

    Everything is a lease. A node keeps its agents in the pool by ``enter``; who holds an agent keeps the hold by ``renew``.
    What nobody renews ends by itself: an agent whose node is gone leaves, a reservation is a timeout, a talk makes the agent
    away. Each method is atomic for each item, over all controllers.
    """

    def enter(self, agents: Sequence[Presence]) -> list[bool]:
        """Log in, or prove that the line is still up (well within the lease). An agent who is known keeps its state; queues and
        skills are taken as given. False: another node has this agent."""
        ...

    def leave(self, agent: str, node: str, forced: bool) -> Refusal | None:
        """Log out. forced: the line is gone; whatever held the agent loses it. Otherwise refused while reserved or talking."""
        ...

    def ready(self, agent: str) -> Refusal | None:
        """The agent says ready: from away or wrap-up; while talking it takes a pause back. None: done."""
        ...

    def pause(self, agent: str, reason: str) -> Refusal | None:
        """The agent says pause; while talking it follows the call's wrap-up. None: done."""
        ...

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NoAgent]:
        """The longest-idle agent for each, in order. Asked again by the same holder, the answer is the same agent."""
        ...

    def renew(self, seizures: Sequence[Seizure]) -> list[bool]:
        """Extend holds, reserved and talking (well within the lease). After the live state was lost, an agent that is entered
        anew is held again. False: the agent is no longer this holder's; ``connect`` would be refused too."""
        ...

    def connect(self, seizure: Seizure, attempt_id: str) -> Seizure | None:
        """Reserved → talking, before the legs are joined. The hold to ``renew`` and ``finish`` from now on; its holder is the
        attempt. None: the agent is no longer this holder's, or the attempt has another, and must not be joined."""
        ...

    def release(self, seizure: Seizure, end: ReservationEnd) -> bool:
        """Reserved → ready (RETURNED, TIMEOUT) or away (RONA). False: it had ended already."""
        ...

    def finish(self, seizure: Seizure, wrap_up_seconds: float) -> bool:
        """Talking → wrap-up of that length, or on at once for 0. False: it had ended already."""
        ...

    def extend_wrap_up(self, agent: str, seconds: float) -> bool:
        """False: the agent is not in wrap-up."""
        ...

    def snapshot(self, node: str | None = None) -> list[AgentView]:
        """Every agent, or those of a node, by name."""
        ...

    def changes(self, node: str, limit: int = 1000) -> list[AgentChange]:
        """What happened to the node's agents and is not yet noted; lapsed states are ended first."""
        ...

    def noted(self, node: str, number: int) -> None:
        """Changes up to that number are recorded and need not be told again."""
        ...
