"""Who takes the next call: the longest-idle ready agent of the queue who has the skills (features 3.6, 4.5).

An agent may be in several queues and serve several campaigns; which campaign asks first is decided elsewhere (features 1.11).
An agent belongs to one node: joining two legs needs both in one FreeSWITCH.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.agents.agent import Agent, AgentState


def fits(agent: Agent, node: str, queue: str, skills: frozenset[str], only: str | None) -> bool:
    """Whether the agent could ever take such a call. skills: all of them are needed. only: nobody but this agent (a callback
    that was promised by name)."""
    return agent.node == node and queue in agent.queues and skills <= agent.skills and (only is None or agent.name == only)


def longest_idle(
    agents: Iterable[Agent], node: str, queue: str, skills: frozenset[str] = frozenset(), only: str | None = None
) -> Agent | None:
    """The ready agent that has been idle longest; names decide between equals, so that every store decides alike."""
    fitting = (agent for agent in agents if agent.state is AgentState.READY and fits(agent, node, queue, skills, only))
    return min(fitting, key=lambda agent: (agent.idle_since, agent.name), default=None)
