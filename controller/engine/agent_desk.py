"""The agents of this node: who is logged in, and whose phone is up.

    login ──► phone rings ──► line up ──► in the pool, away ──ready──► …
                                 logout, line down ──► out of the pool, session over

A nailed-up agent is in the pool while the one line stands; an on-hook agent from login to logout. What happens to agents is
told by the pool and written to the database from here, stretch by stretch. Agents who are held for calls are
``agent_calls.py``'s; what is done with a talk is in ``agent_talks.py``.

After a restart of this controller the switch tells which lines stand; the pool still knows their agents, or is told anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from gevent.queue import SimpleQueue

from controller.domain.agents.agent import AgentState, Refusal, Seizure
from controller.domain.agents.line import (
    JoinFailed,
    LineDown,
    LineEvent,
    LineKind,
    LineOrder,
    LineUp,
    LiveLine,
    RingNoAnswer,
    TalkEnded,
    Transferred,
)
from controller.domain.calls.events import CallEvent, FoundTalking, HandedOver
from controller.engine.agent_calls import AgentCalls
from controller.engine.agent_talks import AgentTalks
from controller.engine.watch import Watch
from controller.errors import LiveStateDown, NotFound, Unavailable, WrongState
from controller.ports import (
    AgentLines,
    AgentPool,
    AgentProfile,
    AgentRecords,
    AgentView,
    Clock,
    InThread,
    Presence,
)

log = structlog.get_logger("agents")

LOGIN_RING_SECONDS = 45
WAITING_PULSE_SECONDS = 0.05
"""How often free agents are looked for while somebody waits for one."""
PULSE_SECONDS = 0.25
WRITE_SECONDS = 0.5
RENEW_SECONDS = 1.0
"""How often the pool hears that the lines stand: after it lost everything, its agents are back within this."""
REFRESH_SECONDS = 5.0
"""How often the site is read for what it says of agents and queues."""
LINE_LOST = "line_down"


@dataclass(slots=True)
class OnDuty:
    """An agent logged in here. up: in the pool. wants_ready: ready as soon as the line is up. leaving: why, once known."""

    profile: AgentProfile
    up: bool = False
    wants_ready: bool = False
    leaving: str = ""
    view: AgentView | None = field(default=None, repr=False)


class AgentDesk(AgentTalks):
    """``ports.LineListener``. One for a controller. tell: a call hears of it. freed: somebody became ready."""

    def __init__(
        self,
        node: str,
        pool: AgentPool,
        lines: AgentLines,
        records: AgentRecords,
        in_thread: InThread,
        clock: Clock,
        watch: Watch,
        tell: Callable[[str, CallEvent], None],
        hang_up: Callable[[str, str], bool],
        freed: Callable[[], None],
        recordings: str,
    ) -> None:
        calls = AgentCalls(node, pool, lines, clock, watch, tell)
        super().__init__(calls, lines, records, in_thread, hang_up, recordings)
        self._node = node
        self._pool = pool
        self._clock = clock
        self._watch = watch
        self._tell = tell
        self._freed = freed
        self._on_duty: dict[str, OnDuty] = {}
        self._heard: SimpleQueue[tuple[str, LineEvent]] = SimpleQueue()
        self._talks_found: dict[str, FoundTalking] = {}
        self._unwritten: deque[Callable[[], None]] = deque()

    # ------------------------------------------------------------------ by command

    def holds(self, agent: str) -> bool:
        """Whether the agent is logged in here."""
        return agent in self._on_duty

    def login(self, agent: str, ready: bool) -> str:
        """Begin the agent's day: ``ringing`` while a nailed-up phone rings, ``away`` or ``ready`` for an on-hook one.

        NotFound: no such agent in the site. WrongState: logged in already, here or elsewhere. SwitchDown, StoreDown,
        LiveStateDown: not done.
        """
        if agent in self._on_duty:
            raise WrongState(f"agent {agent} is logged in already; `trunkline agent logout {agent}` first")
        self.refresh()
        profile = self.calls.profiles.get(agent)
        if profile is None:
            raise NotFound(f"agent {agent} is not in the site; add an [[agent]] to the site file and apply it")
        elsewhere = next((view.node for view in self._pool.snapshot() if view.name == agent), None)
        if elsewhere is not None:
            raise WrongState(f"agent {agent} is logged in at {elsewhere} already")
        on_duty = self._on_duty[agent] = OnDuty(profile, wants_ready=ready)
        try:
            if profile.kind is LineKind.ON_HOOK:
                self._come_in(on_duty)
                return self._state(agent)
            self.lines.open(LineOrder(agent, profile.address, profile.kind, LOGIN_RING_SECONDS, music=self._music(profile)))
        except Exception:
            self._on_duty.pop(agent, None)
            raise
        return "ringing"

    def logout(self, agent: str) -> None:
        """End the agent's day. WrongState: System Busy, or on a call. SwitchDown: logged out, but the phone was not hung up."""
        on_duty = self._present(agent)
        refusal = self._pool.leave(agent, self._node, forced=False) if on_duty.up else None
        if refusal is not None and refusal is not Refusal.NOT_LOGGED_IN:
            raise WrongState(f"agent {agent} cannot log out: {refusal.value}")
        on_duty.leaving = "logout"
        try:
            self.lines.close(agent)
        finally:
            self._gone(agent, "logout")

    def views(self) -> list[AgentView]:
        """This node's agents as last seen, at most a pulse ago: for the boards of pacing."""
        return [on_duty.view for on_duty in self._on_duty.values() if on_duty.view is not None]

    # ------------------------------------------------------------------ ports.LineListener

    def hear_line(self, agent_id: str, event: LineEvent) -> None:
        """See ``ports.LineListener``."""
        self._heard.put((agent_id, event))

    def listen(self) -> None:
        """Take what is heard of the lines, one after the other; a lasting greenlet."""
        while True:
            self.take(*self._heard.get())

    def take(self, agent_id: str, event: LineEvent) -> None:
        """One event of a line."""
        match event:
            case LineUp():
                self._line_up(agent_id)
            case RingNoAnswer():
                self._line_gone(agent_id, "no_answer", rona=True)
            case LineDown(_, reason, cause):
                self._line_gone(agent_id, reason, rona=False, cause=cause)
            case JoinFailed(_, attempt_id, reason):
                self.calls.join_failed(agent_id, attempt_id, reason)
            case TalkEnded(_, attempt_id, person_waits) if not person_waits:
                self.calls.talk_ended(agent_id, attempt_id)
            case Transferred(at, attempt_id, to):
                self._tell(attempt_id, HandedOver(at, to))
                self.calls.talk_ended(agent_id, attempt_id)
            case _:
                log.debug("line", agent=agent_id, heard=type(event).__name__)

    def _line_up(self, agent: str) -> None:
        on_duty = self._on_duty.get(agent)
        if on_duty is None:
            self.lines.close(agent)
        elif on_duty.profile.kind is LineKind.ON_HOOK:
            self.calls.line_up(agent)
        else:
            try:
                self._come_in(on_duty)
            except (LiveStateDown, WrongState) as error:
                log.warning("agent not let in", agent=agent, reason=str(error))
                self.lines.close(agent)

    def _line_gone(self, agent: str, reason: str, rona: bool, cause: str = "") -> None:
        on_duty = self._on_duty.get(agent)
        if on_duty is None:
            return
        on_hook = on_duty.profile.kind is LineKind.ON_HOOK
        if on_hook and reason == "talk_over":
            return
        self.calls.line_lost(agent, reason, rona=rona or (on_hook and reason == "refused"))
        if not on_hook:
            self._leave(agent)
            why = f"{reason} ({cause})" if cause and reason == "refused" else reason
            self._gone(agent, on_duty.leaving or f"{LINE_LOST}: {why}")

    # ------------------------------------------------------------------ work for the supervisor

    def refresh(self) -> None:
        """What the site says of agents and queues. StoreDown."""
        self.calls.profiles, self.calls.rules = self._in_thread(lambda: (self._records.agents(), self._records.queues()))
        for name, on_duty in self._on_duty.items():
            on_duty.profile = self.calls.profiles.get(name, on_duty.profile)

    def adopt(self) -> None:
        """Agents whose lines an earlier life of this controller opened. StoreDown, LiveStateDown, SwitchDown: ask again."""
        self.refresh()
        known = {view.name: view for view in self._pool.snapshot(self._node)}
        lines = {line.agent_id: line for line in self.lines.lines() if line.up}
        for name, profile in self.calls.profiles.items():
            nailed = profile.kind is LineKind.NAILED_UP
            if name in self._on_duty or name not in (lines if nailed else known):
                continue
            self._on_duty[name] = OnDuty(profile, up=True, view=known.get(name))
            self._take_over(name, lines.get(name), known.get(name))
        self.tell_talks()
        self._in_thread(lambda: self._end_sessions(set(self._on_duty)))
        if self._on_duty:
            self.renew()
            log.warning("agents of an earlier life", count=len(self._on_duty))

    def _take_over(self, name: str, line: LiveLine | None, view: AgentView | None) -> None:
        if line is None or line.attempt_id is None:
            return
        held = view.seizure if view is not None else None
        fits = held is not None and held.talking and held.holder == line.attempt_id
        talk = held if fits and held is not None else Seizure(name, line.attempt_id, "", "", talking=True)
        now = self._clock.now()
        lasts = view.age_seconds if fits and view is not None else 0.0
        self._talks_found[line.attempt_id] = FoundTalking(now, name, now - lasts)
        self.calls.adopt(talk)

    def tell_talks(self) -> None:
        """Tell the calls that an earlier life joined with agents who has them. Lines and calls are taken over in either order;
        what is told of a call that is not known yet is told again when the calls are."""
        for attempt_id, found in self._talks_found.items():
            self._tell(attempt_id, found)

    def _end_sessions(self, here: set[str]) -> None:
        for agent in self._records.sessions(self._node):
            if agent not in here:
                self._records.logged_out(agent, self._clock.now(), "controller_restarted")

    def renew(self) -> None:
        """Prove to the pool that the lines stand, and keep what is held. LiveStateDown passes through."""
        present = {name: on_duty for name, on_duty in self._on_duty.items() if on_duty.up}
        entered = self._pool.enter([self._presence(on_duty, again=True) for on_duty in present.values()])
        for name, here in zip(present, entered, strict=True):
            if not here:
                log.error("agent is at another node", agent=name)
                self.lines.close(name)
                self._gone(name, "elsewhere")
        self.calls.renew()

    def run(self) -> None:
        """Look at the agents again and again, and find one for whoever waits; a lasting greenlet. No database here, once the
        agents of an earlier life are known: a slow one must not keep a person waiting."""
        look_at = renew_at = self._clock.monotonic()
        adopted = False
        while True:
            self._clock.sleep(WAITING_PULSE_SECONDS if self.calls.waiting else PULSE_SECONDS)
            now = self._clock.monotonic()
            if now < look_at:
                self.calls.serve_waiting()
                continue
            look_at = now + PULSE_SECONDS
            try:
                if not adopted:
                    self.adopt()
                    adopted = True
                if now >= renew_at:
                    renew_at = now + RENEW_SECONDS
                    self.renew()
                self.look()
            except Unavailable as error:
                log.debug("agents not looked after", reason=str(error))

    def write(self) -> None:
        """Write down what happened and read what the site says, again and again; a lasting greenlet."""
        refresh_at = self._clock.monotonic()
        while True:
            self._clock.sleep(WRITE_SECONDS)
            try:
                self.write_down()
                if self._clock.monotonic() >= refresh_at:
                    refresh_at = self._clock.monotonic() + REFRESH_SECONDS
                    self.refresh()
            except Unavailable as error:
                log.debug("agents' day not written", reason=str(error))

    def look(self) -> None:
        """Where everybody stands; who waits is served, who became ready is told. LiveStateDown."""
        self.calls.end_orphans()
        self.calls.serve_waiting()
        views = {view.name: view for view in self._pool.snapshot(self._node)}
        freed = False
        for name, on_duty in self._on_duty.items():
            view = views.get(name, on_duty.view)
            was = on_duty.view.state if on_duty.view is not None else None
            freed = freed or (view is not None and view.state is AgentState.READY and was is not AgentState.READY)
            on_duty.view = view
        self._watch.agents(_counts(list(views.values())))
        if freed:
            self._freed()

    def write_down(self) -> None:
        """Logins, logouts and stretches of agents' days into the database. LiveStateDown, StoreDown: told again."""
        while self._unwritten:
            self._in_thread(self._unwritten[0])
            self._unwritten.popleft()
        changes = self._pool.changes(self._node)
        if not changes:
            return
        self._in_thread(lambda: self._records.note(changes))
        self._pool.noted(self._node, changes[-1].number)
        for change in changes:
            if change.end is not None:
                self._watch.reservation_ended(change.queue, change.end.value)

    # ------------------------------------------------------------------ each step once

    def _come_in(self, on_duty: OnDuty) -> None:
        profile, at = on_duty.profile, self._clock.now()
        if self._pool.enter([self._presence(on_duty, again=False)]) != [True]:
            raise WrongState(f"agent {profile.name} is logged in at another node already")
        on_duty.up = True
        self._unwritten.append(lambda: self._records.logged_in(profile.name, self._node, profile.address, profile.kind, at))
        log.info("agent", agent=profile.name, to="logged in", kind=profile.kind.value)
        if on_duty.wants_ready:
            self._pool.ready(profile.name)

    def _leave(self, agent: str) -> None:
        try:
            self._pool.leave(agent, self._node, forced=True)
        except LiveStateDown as error:
            log.warning("agent left to lapse", agent=agent, reason=str(error))

    def _gone(self, agent: str, reason: str) -> None:
        on_duty = self._on_duty.pop(agent, None)
        if on_duty is None:
            return
        log.info("agent", agent=agent, to="logged out", reason=reason)
        profile, at = on_duty.profile, self._clock.now()
        if not on_duty.up:  # the login that failed is a session of no length: whoever asks is told why
            self._unwritten.append(lambda: self._records.logged_in(agent, self._node, profile.address, profile.kind, at))
        self._unwritten.append(lambda: self._records.logged_out(agent, at, reason))

    def _presence(self, on_duty: OnDuty, again: bool) -> Presence:
        profile, view = on_duty.profile, on_duty.view
        if view is None:
            return Presence(profile.name, self._node, profile.queues, profile.skills, again=again)
        talk = self.calls.talk_of(profile.name)
        state = AgentState.TALKING if talk is not None else view.state
        return Presence(profile.name, self._node, profile.queues, profile.skills, state, view.reason, again)

    def _present(self, agent: str) -> OnDuty:
        on_duty = self._on_duty.get(agent)
        if on_duty is None:
            raise WrongState(f"agent {agent} has just logged out")
        return on_duty

    def _state(self, agent: str) -> str:
        return next((view.state.value for view in self._pool.snapshot(self._node) if view.name == agent), "logged out")

    def _music(self, profile: AgentProfile) -> str:
        return next((rules.music for name, rules in self.calls.rules.items() if name in profile.queues and rules.music), "")


def _counts(views: list[AgentView]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for view in views:
        for queue in view.queues:
            for state in AgentState:
                counts[queue, state.value] = counts.get((queue, state.value), 0) + (view.state is state)
    return counts
