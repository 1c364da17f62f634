"""The agent pool without Redis: for stories, the model check and the simulator. One process, any clock.

The rules are ``domain/agents``' own; the Redis scripts tell the same in Lua, and ``tests/live`` runs one suite over both.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from controller.domain.agents import agent as rules
from controller.domain.agents.agent import Agent, AgentState, Refusal, ReservationEnd, Seizure, SeizureOutcome
from controller.domain.agents.assignment import fits, longest_idle
from controller.ports import AgentChange, AgentRequest, AgentView, NoAgent, Presence


class MemoryAgents:
    """``ports.AgentPool``. now: seconds on any clock that does not jump. lease_seconds: of presence and of holds."""

    def __init__(self, now: Callable[[], float], lease_seconds: float) -> None:
        self._now = now
        self._lease = lease_seconds
        self._agents: dict[str, Agent] = {}
        self._present_until: dict[str, float] = {}
        self._changes: dict[str, deque[AgentChange]] = defaultdict(deque)
        self._number = 0

    def enter(self, agents: Sequence[Presence]) -> list[bool]:
        return [self._enter(presence) for presence in agents]

    def _enter(self, presence: Presence) -> bool:
        now = self._settle()
        known = self._agents.get(presence.name)
        if known is not None and known.node != presence.node:
            return False
        if known is None:
            p = presence
            self._agents[p.name] = rules.entered(p.name, p.node, p.queues, p.skills, p.state, p.reason, p.again, now)
        else:
            self._agents[presence.name] = replace(known, queues=presence.queues, skills=presence.skills)
        self._present_until[presence.name] = now + self._lease
        return True

    def leave(self, agent: str, node: str, forced: bool) -> Refusal | None:
        now = self._settle()
        known = self._agents.get(agent)
        if known is None or known.node != node:
            return Refusal.NOT_LOGGED_IN
        refusal = None if forced else rules.may_leave(known)
        if refusal is None:
            self._remove(known, now)
        return refusal

    def ready(self, agent: str) -> Refusal | None:
        return self._wish(agent, rules.ready)

    def pause(self, agent: str, reason: str) -> Refusal | None:
        return self._wish(agent, lambda known, now: rules.pause(known, reason, now))

    def _wish(self, name: str, rule: Callable[[Agent, float], Agent | Refusal]) -> Refusal | None:
        now = self._settle()
        known = self._agents.get(name)
        if known is None:
            return Refusal.NOT_LOGGED_IN
        after = rule(known, now)
        if isinstance(after, Refusal):
            return after
        self._put(known, after)
        return None

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NoAgent]:
        return [self._reserve(request) for request in requests]

    def _reserve(self, request: AgentRequest) -> Seizure | NoAgent:
        now = self._settle()
        for agent in self._agents.values():
            if agent.node == request.node and agent.seizure is not None and agent.seizure.holder == request.holder:
                return agent.seizure
        chosen = longest_idle(self._agents.values(), request.node, request.queue, request.skills, request.only)
        if chosen is None:
            who = (request.node, request.queue, request.skills, request.only)
            logged_in = any(fits(agent, *who) for agent in self._agents.values())
            return NoAgent(SeizureOutcome.TIMEOUT if logged_in else SeizureOutcome.NONE)
        seizure = Seizure(chosen.name, request.holder, request.queue, request.campaign)
        after = rules.reserve(chosen, seizure, now + self._lease, now)
        assert after is not None, "the longest-idle agent is ready"
        self._put(chosen, after)
        return seizure

    def renew(self, seizures: Sequence[Seizure]) -> list[bool]:
        return [self._renew(seizure) for seizure in seizures]

    def _renew(self, seizure: Seizure) -> bool:
        if self._has_another(seizure.holder, seizure.agent):
            return False
        renewed = self._apply(
            seizure, lambda agent, now: rules.renew(agent, seizure, now + self._lease, now), ReservationEnd.TALK
        )
        return renewed is not None

    def connect(self, seizure: Seizure, attempt_id: str) -> Seizure | None:
        until = self._settle() + self._lease
        if self._has_another(attempt_id, seizure.agent):
            return None
        after = self._apply(
            seizure, lambda agent, now: rules.connect(agent, seizure, attempt_id, until, now), ReservationEnd.TALK
        )
        return after.seizure if after is not None else None

    def release(self, seizure: Seizure, end: ReservationEnd) -> bool:
        return self._apply(seizure, lambda agent, now: rules.release(agent, seizure, end, now), end) is not None

    def finish(self, seizure: Seizure, wrap_up_seconds: float) -> bool:
        return self._apply(seizure, lambda agent, now: rules.finish(agent, seizure, wrap_up_seconds, now)) is not None

    def extend_wrap_up(self, agent: str, seconds: float) -> bool:
        self._settle()
        known = self._agents.get(agent)
        after = rules.extend_wrap_up(known, seconds) if known is not None else None
        if known is None or after is None:
            return False
        self._put(known, after)
        return True

    def _has_another(self, holder: str, than: str) -> bool:
        """Whether the holder has another agent: nobody holds two."""
        node = self._agents[than].node if than in self._agents else ""
        return any(
            agent.node == node and agent.name != than and agent.seizure is not None and agent.seizure.holder == holder
            for agent in self._agents.values()
        )

    def _apply(
        self, seizure: Seizure, rule: Callable[[Agent, float], Agent | None], end: ReservationEnd | None = None
    ) -> Agent | None:
        now = self._settle()
        known = self._agents.get(seizure.agent)
        after = rule(known, now) if known is not None else None
        if known is not None and after is not None:
            self._put(known, after, end)
        return after

    def snapshot(self, node: str | None = None) -> list[AgentView]:
        now = self._settle()
        chosen = (agent for _, agent in sorted(self._agents.items()) if node in (None, agent.node))
        return [
            AgentView(
                agent.name,
                agent.node,
                agent.queues,
                agent.skills,
                agent.state,
                agent.reason,
                now - agent.since,
                now - agent.idle_since if agent.state is AgentState.READY else 0.0,
                (agent.lapses_at or now) - now if agent.state is AgentState.WRAP_UP else 0.0,
                agent.then_pause,
                agent.seizure,
                agent.last_call,
            )
            for agent in chosen
        ]

    def changes(self, node: str, limit: int = 1000) -> list[AgentChange]:
        self._settle()
        return list(self._changes[node])[:limit]

    def noted(self, node: str, number: int) -> None:
        told = self._changes[node]
        while told and told[0].number <= number:
            told.popleft()

    def _settle(self) -> float:
        """End what is due, in the order in which it was due; the present moment."""
        now = self._now()
        for agent in list(self._agents.values()):
            gone_at = self._present_until[agent.name]
            lapsed = rules.lapse(agent, min(now, gone_at))
            if lapsed is not None:
                self._put(agent, lapsed, ReservationEnd.TIMEOUT)
            if gone_at <= now:
                self._remove(self._agents[agent.name], gone_at)
        return now

    def _remove(self, agent: Agent, at: float) -> None:
        del self._agents[agent.name], self._present_until[agent.name]
        self._tell(agent, at, None, "", ReservationEnd.TIMEOUT)

    def _put(self, before: Agent, after: Agent, end: ReservationEnd | None = None) -> None:
        self._agents[after.name] = after
        if (before.state, before.reason, before.since) != (after.state, after.reason, after.since):
            self._tell(before, after.since, after.state, after.reason, end)

    def _tell(self, over: Agent, until: float, to: AgentState | None, reason: str, end: ReservationEnd | None) -> None:
        self._number += 1
        held = over.seizure
        self._changes[over.node].append(
            AgentChange(
                self._number,
                over.name,
                over.node,
                over.state,
                over.reason,
                over.since,
                until,
                to,
                reason,
                held.queue if held is not None else "",
                held.campaign if held is not None else "",
                held.holder if held is not None else "",
                end if over.state is AgentState.RESERVED else None,
            )
        )
