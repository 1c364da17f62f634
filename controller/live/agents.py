"""Agents on duty in Redis (port ``AgentPool``): one script a method, so that no two controllers see one agent free.

Presence and holds are leases of the same length. Redis' own clock counts; moments it tells of are in UTC epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from controller.domain.agents.agent import AgentState, Refusal, ReservationEnd, Seizure, SeizureOutcome
from controller.errors import LiveStateDown
from controller.live import agent_scripts as scripts
from controller.live.limits import SETTLE_SECONDS
from controller.ports import AgentChange, AgentRequest, AgentView, NoAgent, Presence


class RedisAgents:
    """lease_seconds: how long an agent or a hold lasts without a renewal. settle_seconds: how long nobody is reserved after
    Redis lost its data or was restarted, so that every controller can re-enter its agents and what it holds."""

    def __init__(self, client: Redis, lease_seconds: float, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._lease_ms = int(lease_seconds * 1000)
        self._settle_ms = int(settle_seconds * 1000)
        self._enter = client.register_script(scripts.ENTER)
        self._leave = client.register_script(scripts.LEAVE)
        self._ready = client.register_script(scripts.READY)
        self._pause = client.register_script(scripts.PAUSE)
        self._reserve = client.register_script(scripts.RESERVE)
        self._renew = client.register_script(scripts.RENEW)
        self._connect = client.register_script(scripts.CONNECT)
        self._release = client.register_script(scripts.RELEASE)
        self._finish = client.register_script(scripts.FINISH)
        self._extend = client.register_script(scripts.EXTEND)
        self._snapshot = client.register_script(scripts.SNAPSHOT)
        self._changes = client.register_script(scripts.CHANGES)
        self._noted = client.register_script(scripts.NOTED)

    def enter(self, agents: Sequence[Presence]) -> list[bool]:
        asked = {"agents": [_presence(presence) for presence in agents], "lease": self._lease_ms}
        return [bool(row) for row in self._run(self._enter, orjson.dumps(asked))]

    def leave(self, agent: str, node: str, forced: bool) -> Refusal | None:
        return _refusal(self._run(self._leave, agent, node, int(forced)))

    def ready(self, agent: str) -> Refusal | None:
        return _refusal(self._run(self._ready, agent))

    def pause(self, agent: str, reason: str) -> Refusal | None:
        return _refusal(self._run(self._pause, agent, reason))

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NoAgent]:
        asked = {
            "requests": [_request(request) for request in requests],
            "lease": self._lease_ms,
            "settle": self._settle_ms,
        }
        return [_reserved(row) for row in self._run(self._reserve, orjson.dumps(asked))]

    def renew(self, seizures: Sequence[Seizure]) -> list[bool]:
        asked = {"seizures": [_seizure(seizure) for seizure in seizures], "lease": self._lease_ms}
        return [bool(row) for row in self._run(self._renew, orjson.dumps(asked))]

    def connect(self, seizure: Seizure, attempt_id: str) -> Seizure | None:
        row = self._run(self._connect, orjson.dumps(_seizure(seizure)), attempt_id, self._lease_ms)
        return Seizure(seizure.agent, attempt_id, _text(row[0]), _text(row[1]), talking=True) if row else None

    def release(self, seizure: Seizure, end: ReservationEnd) -> bool:
        return bool(self._run(self._release, orjson.dumps(_seizure(seizure)), end.value))

    def finish(self, seizure: Seizure, wrap_up_seconds: float) -> bool:
        return bool(self._run(self._finish, orjson.dumps(_seizure(seizure)), wrap_up_seconds * 1000.0))

    def extend_wrap_up(self, agent: str, seconds: float) -> bool:
        return bool(self._run(self._extend, agent, seconds * 1000.0))

    def snapshot(self, node: str | None = None) -> list[AgentView]:
        now, *rows = self._run(self._snapshot, node or "")
        return sorted((_view([_text(cell) for cell in row], float(now)) for row in rows), key=lambda view: view.name)

    def changes(self, node: str, limit: int = 1000) -> list[AgentChange]:
        return [_change(node, orjson.loads(row)) for row in self._run(self._changes, node, limit)]

    def noted(self, node: str, number: int) -> None:
        self._run(self._noted, node, number)

    @staticmethod
    def _run(script: Any, *args: Any) -> Any:
        try:
            return script(args=args)
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error


@contextmanager
def agents_for_any_thread(open_client: Callable[[], Redis], lease_seconds: float) -> Iterator[RedisAgents]:
    """The pool for a block in whatever native thread: in a patched process a connection works only in the thread that opened
    it. open_client: a new client."""
    with open_client() as client:
        yield RedisAgents(client, lease_seconds)


def _presence(presence: Presence) -> dict[str, object]:
    return {
        "name": presence.name,
        "node": presence.node,
        "queues": _json(presence.queues),
        "skills": _json(sorted(presence.skills)),
        "state": presence.state.value,
        "reason": presence.reason,
        "again": presence.again,
    }


def _request(request: AgentRequest) -> dict[str, object]:
    return {
        "holder": request.holder,
        "queue": request.queue,
        "campaign": request.campaign,
        "node": request.node,
        "skills": sorted(request.skills),
        **({"only": request.only} if request.only is not None else {}),
    }


def _seizure(seizure: Seizure) -> dict[str, str]:
    return {
        "agent": seizure.agent,
        "holder": seizure.holder,
        "queue": seizure.queue,
        "campaign": seizure.campaign,
        "talking": "1" if seizure.talking else "",
    }


def _reserved(row: Sequence[Any]) -> Seizure | NoAgent:
    if int(row[0]):
        agent, holder, queue, campaign, talking = (_text(cell) for cell in row[1:])
        return Seizure(agent, holder, queue, campaign, bool(talking))
    return NoAgent(SeizureOutcome(_text(row[1])), float(row[2]) / 1000.0)


def _view(row: Sequence[str], now: float) -> AgentView:
    """row: the agent's name, then ``agent_scripts`` FIELDS. now: ms."""
    name, node, queues, skills, state, reason, since, idle, lapses, holder, queue, campaign, talking, then, _, _, last = row
    stands = AgentState(state)
    return AgentView(
        name,
        node,
        tuple(orjson.loads(queues)),
        frozenset(orjson.loads(skills)),
        stands,
        reason,
        (now - float(since)) / 1000.0,
        (now - float(idle)) / 1000.0 if stands is AgentState.READY else 0.0,
        (float(lapses) - now) / 1000.0 if stands is AgentState.WRAP_UP else 0.0,
        then,
        Seizure(name, holder, queue, campaign, bool(talking)) if holder else None,
        last,
    )


def _change(node: str, row: Sequence[Any]) -> AgentChange:
    number, agent, state, reason, since, until, to, to_reason, queue, campaign, holder, end = row
    return AgentChange(
        int(number),
        agent,
        node,
        AgentState(state),
        reason,
        float(since) / 1000.0,
        float(until) / 1000.0,
        AgentState(to) if to else None,
        to_reason,
        queue or "",
        campaign or "",
        holder,
        ReservationEnd(end) if end else None,
    )


def _refusal(answer: Any) -> Refusal | None:
    word = _text(answer)
    return Refusal(word) if word else None


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(values).decode()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
