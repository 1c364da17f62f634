"""The agent pool under any interleaving: the Redis scripts and the rules of the domain, step by step, side by side.

Time passes in Redis by making everything it holds older; both pools then have lived through the same. What is checked after
every step is invariant I9: nobody has two calls, nobody is lost, every reservation ends.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis

from controller.domain.agents.agent import AgentState, ReservationEnd, Seizure
from controller.live.agent_memory import MemoryAgents
from controller.live.agents import RedisAgents
from controller.ports import AgentChange, AgentPool, AgentRequest, AgentView, NoAgent, Presence
from tests.servers import RedisServer

LEASE_SECONDS = 1000.0
STEP_SECONDS = 300.0
"""No lease and no wrap-up is a multiple of it, so that the milliseconds that Redis really takes decide nothing."""
NAMES = ("ann", "bob", "cem")
QUEUES = (("sales",), ("service",), ("sales", "service"))
SKILLS = (frozenset[str](), frozenset({"tamil"}))
NODES = ("a", "b")
HOLDERS = ("c1", "c2", "c3", "c4")
"""Few, so that a holder comes back after its reservation ended, and finds nothing of it left."""

names = st.sampled_from(NAMES)
nodes = st.sampled_from(NODES)
AGE = """
local by = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', 'trunkline:agent:*')) do
  for _, field in ipairs({'since', 'idle', 'lapses', 'lease'}) do
    local at = redis.call('HGET', key, field)
    if at ~= '' then redis.call('HSET', key, field, string.format('%.3f', tonumber(at) - by)) end
  end
end
for _, pattern in ipairs({'agents:', 'agents-due:', 'agents-ready:'}) do
  for _, key in ipairs(redis.call('KEYS', 'trunkline:' .. pattern .. '*')) do
    for _, name in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -by, name) end
  end
end
return 1
"""


class TwoPools(RuleBasedStateMachine):
    """Every step is done to both."""

    client: Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self._clock = 1000.0
        self._age = self.client.register_script(AGE)
        self.memory = MemoryAgents(lambda: self._clock, LEASE_SECONDS)
        self.redis = RedisAgents(self.client, LEASE_SECONDS, settle_seconds=0.0)
        self.held: list[Seizure] = []
        self.granted = 0
        self.ends: Counter[str] = Counter()
        self.reentered = 0

    def both(self, name: str, *args: object) -> object:
        """The one answer of both pools."""
        self._clock += 0.001
        first, second = (getattr(pool, name)(*args) for pool in (self.memory, self.redis))
        assert first == second, f"{name}{args}: memory says {first}, Redis {second}"
        return first

    @initialize(queues=st.tuples(*[st.sampled_from(QUEUES)] * len(NAMES)), node=nodes)
    def begin_the_day(self, queues: tuple[tuple[str, ...], ...], node: str) -> None:
        """Everybody is at work; what follows is what a day brings."""
        for name, theirs in zip(NAMES, queues, strict=True):
            self.both("enter", [Presence(name, node, theirs)])
            self.both("ready", name)

    @rule(name=names, node=nodes, queues=st.sampled_from(QUEUES), skills=st.sampled_from(SKILLS))
    def log_in(self, name: str, node: str, queues: tuple[str, ...], skills: frozenset[str]) -> None:
        self.both("enter", [Presence(name, node, queues, skills)])

    @rule()
    def prove_presence(self) -> None:
        """The nodes say that all lines are up."""
        self.both("enter", [_as_known(view) for view in self.memory.snapshot()])

    @rule(name=names, node=nodes, forced=st.booleans())
    def leave(self, name: str, node: str, forced: bool) -> None:
        self.both("leave", name, node, forced)

    @rule(name=names)
    def say_ready(self, name: str) -> None:
        self.both("ready", name)

    @rule(name=names, reason=st.sampled_from(("lunch", "meeting")))
    def say_pause(self, name: str, reason: str) -> None:
        self.both("pause", name, reason)

    @rule(
        node=nodes,
        queue=st.sampled_from(("sales", "service")),
        skills=st.sampled_from(SKILLS),
        only=st.sampled_from((None, None, *NAMES)),
        holders=st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=3, unique=True),
    )
    def reserve(self, node: str, queue: str, skills: frozenset[str], only: str | None, holders: list[str]) -> None:
        before = {view.seizure for view in self.memory.snapshot()}
        answers = self.both("reserve", [AgentRequest(one, queue, "june", node, skills, only) for one in holders])
        assert isinstance(answers, list)
        for answer in answers:
            assert isinstance(answer, Seizure | NoAgent)
            if isinstance(answer, Seizure):
                self.held.append(answer)
                self.granted += answer not in before

    @rule(data=st.data(), other=st.sampled_from((None, None, "c9", *HOLDERS)))
    def connect(self, data: st.DataObject, other: str | None) -> None:
        """By the call that holds the agent, or (power) by another for which it was held."""
        seizure = self._one(data)
        if seizure is not None:
            talk = self.both("connect", seizure, other or seizure.holder)
            if isinstance(talk, Seizure):
                self.held.append(talk)

    @rule(name=names, holder=st.sampled_from(HOLDERS), lunch=st.booleans(), wrap_up=st.sampled_from((0.0, 250.0)))
    def whole_call(self, name: str, holder: str, lunch: bool, wrap_up: float) -> None:
        """From ready to wrap-up without a disturbance, as most calls go: interleavings begin beyond it, too."""
        for view in self.memory.snapshot():
            if view.name == name and view.state is AgentState.READY:
                self.reserve(view.node, view.queues[0], view.skills, name, [holder])
                talk = self.both("connect", Seizure(name, holder, view.queues[0], "june"), holder)
                if lunch:
                    self.both("pause", name, "lunch")
                if isinstance(talk, Seizure):
                    self.both("finish", talk, wrap_up)

    @rule(data=st.data(), end=st.sampled_from((ReservationEnd.RETURNED, ReservationEnd.RONA, ReservationEnd.TIMEOUT)))
    def release(self, data: st.DataObject, end: ReservationEnd) -> None:
        seizure = self._one(data)
        if seizure is not None:
            self.both("release", seizure, end)

    @rule(data=st.data(), wrap_up=st.sampled_from((0.0, 250.0)))
    def finish(self, data: st.DataObject, wrap_up: float) -> None:
        seizure = self._one(data)
        if seizure is not None:
            self.both("finish", seizure, wrap_up)

    @rule(name=names)
    def extend(self, name: str) -> None:
        self.both("extend_wrap_up", name, 250.0)

    @rule(data=st.data(), unheard=st.booleans())
    def renew(self, data: st.DataObject, unheard: bool) -> None:
        """unheard: they were joined meanwhile, and the pool could not be told."""
        seizure = self._one(data)
        if seizure is not None:
            seizure = replace(seizure, talking=seizure.talking or unheard)
            before = {view.name: view.state for view in self.memory.snapshot()}.get(seizure.agent)
            (kept,) = self.both("renew", [seizure])  # type: ignore[misc]
            if kept and not seizure.talking and before in (AgentState.AWAY, AgentState.READY):
                self.reentered += 1

    @rule(steps=st.integers(1, 4))
    def wait(self, steps: int) -> None:
        self._clock += steps * STEP_SECONDS
        self._age(args=[steps * STEP_SECONDS * 1000.0])

    @rule()
    def lose_everything(self) -> None:
        """Redis comes back empty; the nodes enter their agents, and those who hold some go on renewing."""
        known = [_as_known(view) for view in self.memory.snapshot()]
        self._collect()
        reserved = sum(view.state is AgentState.RESERVED for view in self.memory.snapshot())
        self.ends["lost with Redis"] += reserved
        self.client.flushall()
        self.memory = MemoryAgents(lambda: self._clock, LEASE_SECONDS)
        self.both("enter", known)

    @invariant()
    def both_see_the_same(self) -> None:
        first, second = self.memory.snapshot(), self.redis.snapshot()
        assert [_told(view) for view in first] == [_told(view) for view in second]

    @invariant()
    def nobody_has_two_calls(self) -> None:
        holds = [view.seizure for view in self.memory.snapshot() if view.seizure is not None]
        assert len({hold.holder for hold in holds}) == len(holds)
        for view in self.memory.snapshot():
            assert (view.seizure is not None) == (view.state in (AgentState.RESERVED, AgentState.TALKING))

    @invariant()
    def every_reservation_ends_or_lasts(self) -> None:
        self._collect()
        lasting = sum(view.state is AgentState.RESERVED for view in self.memory.snapshot())
        assert self.granted + self.reentered == lasting + sum(self.ends.values())

    def teardown(self) -> None:
        """Everybody falls silent: nobody stays reserved or talking."""
        self._clock += 2 * LEASE_SECONDS
        self._age(args=[2000.0 * LEASE_SECONDS])
        assert self.memory.snapshot() == self.redis.snapshot() == []
        self.every_reservation_ends_or_lasts()

    def _one(self, data: st.DataObject) -> Seizure | None:
        """A hold of now, or one of long ago."""
        known = [view.seizure for view in self.memory.snapshot() if view.seizure is not None] + self.held[-2:]
        return data.draw(st.sampled_from(known)) if known else None

    def _collect(self) -> None:
        """What both tell of the reservations that ended, agent by agent the same."""
        for node in NODES:
            told = [pool.changes(node) for pool in (self.memory, self.redis)]
            assert _by_agent(told[0]) == _by_agent(told[1])
            self.ends.update(change.end.value for change in told[0] if change.end is not None)
            for pool, changes in zip((self.memory, self.redis), told, strict=True):
                _note(pool, node, changes)


def _as_known(view: AgentView) -> Presence:
    return Presence(view.name, view.node, view.queues, view.skills, view.state, view.reason, again=True)


def _told(view: AgentView) -> tuple[object, ...]:
    """All that does not hang on milliseconds."""
    return (
        view.name,
        view.node,
        view.queues,
        view.skills,
        view.state,
        view.reason,
        view.then_pause,
        view.seizure,
        view.last_call,
    )


def _by_agent(changes: list[AgentChange]) -> dict[str, list[tuple[object, ...]]]:
    found: dict[str, list[tuple[object, ...]]] = {}
    for c in changes:
        row = (c.node, c.state, c.reason, c.to, c.to_reason, c.queue, c.campaign, c.holder, c.end)
        found.setdefault(c.agent, []).append(row)
    return found


def _note(pool: AgentPool, node: str, changes: list[AgentChange]) -> None:
    if changes:
        pool.noted(node, max(change.number for change in changes))


@pytest.fixture
def client(redis_server: RedisServer) -> Redis:
    return Redis.from_url(redis_server.url)


def _live_through(client: Redis, days: int) -> None:
    machine = type("Machine", (TwoPools,), {"client": client})
    usual = settings(max_examples=days, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=usual)
    client.close()


def test_the_rules_hold_under_interleavings(client: Redis):
    """Logins, calls, pauses, lost lines, dead holders, an empty Redis, in any order: both forms agree, and I9 holds."""
    _live_through(client, 50)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_rules_hold_under_many_interleavings(client: Redis):
    """The same for two thousand days."""
    _live_through(client, 2000)
