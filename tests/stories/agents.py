"""Agents' phones for stories: a scripted switch side, records in memory, and a desk over both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from controller.domain.agents.line import JoinOrder, LineKind, LineOrder, LiveLine, SuperviseMode, TransferOrder
from controller.domain.calls.events import CallEvent
from controller.engine.agent_desk import AgentDesk
from controller.errors import Refused
from controller.live.agent_memory import MemoryAgents
from controller.ports import AgentChange, AgentProfile, LineListener, QueueRules
from tests.stories.floor import NobodyWatches

T = TypeVar("T")
LEASE_SECONDS = 30.0


@dataclass
class HandClock:
    """A clock that a test moves."""

    seconds: float = 1000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class ScriptedLines:
    """``ports.AgentLines`` that keeps what it was asked; a test tells the listener what comes of it."""

    asked: list[tuple[object, ...]] = field(default_factory=list)
    standing: list[LiveLine] = field(default_factory=list)
    refuse: Exception | None = None

    def attend(self, listener: LineListener) -> None:
        self.listener = listener

    def _ask(self, *what: object) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.asked.append(what)

    def open(self, order: LineOrder) -> None:
        self._ask("open", order.agent_id, order.phone, order.kind, order.ring_seconds)

    def close(self, agent_id: str) -> None:
        self._ask("close", agent_id)

    def join(self, order: JoinOrder) -> None:
        self._ask("join", order.agent_id, order.attempt_id, order.name, order.number)

    def part(self, agent_id: str) -> None:
        self._ask("part", agent_id)

    def hold(self, agent_id: str) -> None:
        self._ask("hold", agent_id)

    def resume(self, agent_id: str) -> None:
        self._ask("resume", agent_id)

    def mute(self, agent_id: str, muted: bool) -> None:
        self._ask("mute", agent_id, muted)

    def send_keys(self, agent_id: str, keys: str) -> None:
        self._ask("send_keys", agent_id, keys)

    def transfer(self, agent_id: str, order: TransferOrder) -> None:
        self._ask("transfer", agent_id, order.to)

    def consult(self, agent_id: str, order: TransferOrder) -> None:
        self._ask("consult", agent_id, order.to)

    def complete(self, agent_id: str) -> None:
        self._ask("complete", agent_id)

    def start_recording(self, attempt_id: str, file: str) -> None:
        self._ask("start_recording", attempt_id, file)

    def pause_recording(self, attempt_id: str, paused: bool) -> None:
        self._ask("pause_recording", attempt_id, paused)

    def stop_recording(self, attempt_id: str) -> None:
        self._ask("stop_recording", attempt_id)

    def supervise(self, agent_id: str, supervisor: str, phone: str, mode: SuperviseMode) -> None:
        self._ask("supervise", agent_id, supervisor, phone, mode)

    def stop_supervising(self, agent_id: str, supervisor: str) -> None:
        self._ask("stop_supervising", agent_id, supervisor)

    def lines(self) -> list[LiveLine]:
        return list(self.standing)


@dataclass
class MemoryRecords:
    """``ports.AgentRecords``."""

    profiles: dict[str, AgentProfile]
    rules: dict[str, QueueRules]
    allowed: frozenset[str] = frozenset({"blind"})
    open_sessions: dict[str, str] = field(default_factory=dict)
    ended: list[tuple[str, str]] = field(default_factory=list)
    stretches: list[AgentChange] = field(default_factory=list)
    recordings: dict[str, str] = field(default_factory=dict)

    def agents(self) -> dict[str, AgentProfile]:
        return dict(self.profiles)

    def queues(self) -> dict[str, QueueRules]:
        return dict(self.rules)

    def address(self, phone: str, carrier: str | None) -> str:
        if phone == "":
            raise Refused("phone '' is none")
        return f"user/{phone}"

    def transfers(self, campaign: str) -> frozenset[str]:
        return self.allowed

    def logged_in(self, agent: str, node: str, address: str, kind: LineKind, at: float) -> None:
        self.open_sessions[agent] = node

    def logged_out(self, agent: str, at: float, reason: str) -> None:
        if self.open_sessions.pop(agent, None) is not None:
            self.ended.append((agent, reason))

    def sessions(self, node: str) -> list[str]:
        return [agent for agent, at in self.open_sessions.items() if at == node]

    def note(self, changes: Sequence[AgentChange]) -> None:
        self.stretches += changes

    def recorded(self, attempt_id: str, file: str) -> None:
        self.recordings[attempt_id] = file


class Floor:
    """A desk with its pool, phones and records. heard: what calls were told. down: the pool answers no more."""

    def __init__(self, *profiles: AgentProfile, wrap_up: float = 10.0) -> None:
        self.clock = HandClock()
        self.pool = MemoryAgents(self.clock.now, LEASE_SECONDS)
        self.lines = ScriptedLines()
        rules = {"sales": QueueRules("sales", wrap_up, 12, cue="beep")}
        self.records = MemoryRecords({profile.name: profile for profile in profiles}, rules)
        self.heard: list[tuple[str, CallEvent]] = []
        self.hung_up: list[tuple[str, str]] = []
        self.freed = 0
        self.watch = NobodyWatches()
        self.new_life()

    def new_life(self) -> None:
        """The controller starts (again): nothing in its memory, everything else as it was."""
        self.desk = AgentDesk(
            "a",
            self.pool,
            self.lines,
            self.records,
            at_once,
            self.clock,
            self.watch,
            tell=lambda attempt_id, event: self.heard.append((attempt_id, event)),
            hang_up=self._hang_up,
            freed=self._free,
            recordings="/rec",
        )
        self.desk.refresh()

    def told(self, attempt_id: str) -> list[CallEvent]:
        return [event for to, event in self.heard if to == attempt_id]

    def state(self, agent: str) -> str:
        return next((view.state.value for view in self.pool.snapshot() if view.name == agent), "out")

    def _hang_up(self, attempt_id: str, why: str) -> bool:
        self.hung_up.append((attempt_id, why))
        return attempt_id != "over"

    def _free(self) -> None:
        self.freed += 1


def at_once(work: Callable[[], T]) -> T:
    return work()


def nailed(name: str) -> AgentProfile:
    return AgentProfile(name, f"user/{name}", LineKind.NAILED_UP, ("sales",), frozenset())


def on_hook(name: str) -> AgentProfile:
    return AgentProfile(name, f"user/{name}", LineKind.ON_HOOK, ("sales",), frozenset())
