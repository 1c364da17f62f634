"""Agents as the dial loop sees them: who works for a campaign, and who is kept for calls before they leave.

Progressive and preview keep one agent a call, power one for several. A call for which nobody can be kept does not leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Protocol

from controller.domain.agents.agent import AgentState, ReservationEnd
from controller.domain.campaigns.pacing import MOST_CALLS_PER_AGENT
from controller.domain.campaigns.plan import RunPlan
from controller.domain.pacing.board import Team
from controller.engine.agent_desk import AgentDesk
from controller.ports import AgentView


class Crew(Protocol):
    """Fulfilled by :class:`Crews` and by ``no_agents.NoAgents``."""

    def views(self) -> Sequence[AgentView]:
        """This node's agents, as last seen."""
        ...

    def keep(self, plan: RunPlan, attempt_ids: Sequence[str], agents: int) -> dict[str, str]:
        """Keep so many agents more, and say who is for which call; calls that are left out have nobody. LiveStateDown."""
        ...

    def keep_promised(self, plan: RunPlan, attempt_id: str, agent: str) -> bool:
        """Keep the agent who promised this call; False when not free. LiveStateDown."""
        ...

    def let_go(self, attempt_id: str, agent: str) -> None:
        """The call does not leave after all."""
        ...


class Crews:
    """The agents of an agent desk."""

    def __init__(self, desk: AgentDesk) -> None:
        self._desk = desk

    def views(self) -> Sequence[AgentView]:
        return self._desk.views()

    def keep(self, plan: RunPlan, attempt_ids: Sequence[str], agents: int) -> dict[str, str]:
        calls = self._desk.calls
        queue = plan.target.address
        if agents:
            calls.reserve([calls.request(attempt_id, queue, plan.campaign) for attempt_id in attempt_ids[:agents]])
        lines = calls.kept_for(plan.campaign)
        most = lines_per_agent(plan)
        kept: dict[str, str] = {}
        for attempt_id in attempt_ids:
            agent = min(lines, key=lambda name: lines[name], default=None)
            if agent is None or lines[agent] >= most:
                break
            lines[agent] += 1
            calls.count_on(agent, attempt_id)
            kept[attempt_id] = agent
        calls.give_back_idle(plan.campaign)
        return kept

    def keep_promised(self, plan: RunPlan, attempt_id: str, agent: str) -> bool:
        return self._desk.calls.keep_promised(attempt_id, plan.target.address, plan.campaign, agent)

    def let_go(self, attempt_id: str, agent: str) -> None:
        self._desk.calls.release(attempt_id, agent, ReservationEnd.RETURNED, wrap_up=False)


def lines_per_agent(plan: RunPlan) -> int:
    """Most calls that are dialled for one kept agent; a formula may say so many."""
    if plan.pacing.formula is not None:
        return ceil(MOST_CALLS_PER_AGENT)
    return ceil(plan.pacing.ratio) if plan.mode in ("power", "predictive") else 1


def team_of(plan: RunPlan, views: Iterable[AgentView]) -> Team:
    """The agents who may take this campaign's calls. In no count are agents whom other campaigns hold, who are away, or who
    asked for a pause after the present call."""
    views = list(views)
    queue = plan.target.address
    mine = [view for view in views if queue in view.queues]
    talking, wrapping = ages([view for view in mine if not view.then_pause], queue)
    return Team(
        pool=_pools(views).get(queue, queue),
        ready=sum(view.state is AgentState.READY for view in mine),
        reserved=sum(
            view.state is AgentState.RESERVED and view.seizure is not None and view.seizure.campaign == plan.campaign
            for view in mine
        ),
        talking=talking,
        wrapping=wrapping,
    )


def ages(views: Iterable[AgentView], queue: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds since each talk and each wrap-up began that has not ended."""
    mine = [view for view in views if queue in view.queues]
    return (
        tuple(view.age_seconds for view in mine if view.state is AgentState.TALKING),
        tuple(view.age_seconds for view in mine if view.state is AgentState.WRAP_UP),
    )


def _pools(views: Sequence[AgentView]) -> Mapping[str, str]:
    """Queue → the name of its pool: queues with an agent in common, however many queues lie between, are one pool."""
    pools: dict[str, str] = {}
    for view in views:
        names = {pools.get(queue, queue) for queue in view.queues}
        if names:
            name = min(names)
            pools |= dict.fromkeys(view.queues, name)
            pools = {queue: name if pool in names else pool for queue, pool in pools.items()}
    return pools
