"""The agents of a chaos run: they want to be at work, and come back whenever a fault has thrown them out; and what must never
have happened to them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise

import redis

from controller.admin import bus
from controller.demo.audit import FarCall
from controller.domain.agents.agent import AgentState
from controller.errors import TrunklineError
from controller.live.agents import RedisAgents
from controller.ports import AgentView
from controller.storage.exports import AttemptRow
from tests.chaos.floor import Floor

LOOK_SECONDS = 0.5
ANSWER_SECONDS = 2.0
OVERLAP_SECONDS = 0.05
"""The far end's clock and ours are one, but the end of a talk is noted a moment after it."""


def pool_of(client: redis.Redis) -> RedisAgents:
    """The pool, for looking at it and for saying ready."""
    return RedisAgents(client, 30.0)


@contextmanager
def at_work(floor: Floor, agents: Sequence[str]) -> Iterator[None]:
    """Keep the agents logged in and ready, as long as the block lasts; they take turns at the nodes."""
    over = threading.Event()
    thread = threading.Thread(target=_work, args=(floor, agents, over), name="agents", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60.0)


def _work(floor: Floor, agents: Sequence[str], over: threading.Event) -> None:
    # Its own connections: the run's own serves another thread.
    asking, looking = bus.connect(floor.redis.url, blocking=True), bus.connect(floor.redis.url)
    pool = pool_of(looking)
    while agents and not over.wait(LOOK_SECONDS):
        with suppress(TrunklineError):  # whoever is asked may be the one that is down just now
            seen = {view.name: view for view in pool.snapshot()}
            for place, agent in enumerate(agents):
                if agent not in seen:
                    node = floor.nodes[place % len(floor.nodes)].name
                    with suppress(TrunklineError):  # the phone rings already, or nobody answers: the next look tells
                        bus.send(asking, "agent.login", {"agent": agent, "node": node, "ready": True}, "chaos", ANSWER_SECONDS)
                elif seen[agent].state is AgentState.AWAY:
                    pool.ready(agent)


def stuck(views: Iterable[AgentView], agents: Sequence[str]) -> list[str]:
    """Agents who are not ready though nothing is dialled any more and everything works."""
    seen = {view.name: view for view in views}
    wrong = []
    for agent in agents:
        view = seen.get(agent)
        if view is None:
            wrong.append(f"{agent} cannot log in")
        elif view.state is not AgentState.READY:
            held = f" for {view.seizure.holder}" if view.seizure is not None else ""
            wrong.append(f"{agent} is {view.state.value}{held}")
    return wrong


def idle(attempts: Iterable[AttemptRow], agents: Collection[str]) -> list[str]:
    """A run in which no agent talked to anybody proves nothing of them."""
    talked = any(attempt.connected_to in agents for attempt in attempts)
    return [] if talked or not agents else ["nobody talked to an agent"]


def two_at_once(attempts: Iterable[AttemptRow], far: Iterable[FarCall], agents: Collection[str]) -> list[str]:
    """Talks of an agent that began before the one before was over, in the far end's own times."""
    ends = {call.uuid: call.ended for call in far}
    talks: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for attempt in attempts:
        if attempt.connected_to in agents and attempt.connected_at is not None:
            end = ends.get(attempt.attempt_id) or attempt.ended_at or attempt.connected_at
            talks[attempt.connected_to].append((attempt.connected_at, end, attempt.attempt_id))
    return [
        f"{agent} talks in {first[2]} until {first[1]:.3f} and in {second[2]} from {second[0]:.3f}"
        for agent, own in talks.items()
        for first, second in pairwise(sorted(own))
        if second[0] < first[1] - OVERLAP_SECONDS
    ]
