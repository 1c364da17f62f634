"""Which call has which agent of this node: agents kept before a launch, sought for a person who waits, joined, let go.

The call machine asks (``ReserveAgent``, ``ConnectAgent``, ``ReleaseAgent``) and hears (``AgentReserved``, ``NoAgent``,
``AgentLost``); the pool says who is free, and its word is asked before any two legs are joined. While Redis is away the agents
that are held already go on: they belong to this node's FreeSWITCH, so nobody else can have been given them.

Who is logged in, and what an agent may do with a call, are ``agent_desk.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from controller.domain.agents.agent import RONA, AgentState, ReservationEnd, Seizure, SeizureOutcome
from controller.domain.agents.line import JoinOrder, LineKind, LineOrder
from controller.domain.calls.events import AgentLost, AgentReserved, CallEvent, NoAgent
from controller.engine.watch import Watch
from controller.errors import LiveStateDown, Refused, SwitchDown
from controller.ports import AgentLines, AgentPool, AgentProfile, AgentRequest, Clock, Presence, QueueRules
from controller.ports import NoAgent as NobodyFree

log = structlog.get_logger("agents")

TOLD_OVER_SECONDS = 1.0
"""When the line says that a talk is over, its call says so too, within this; or the call was not ours to hear of any more."""


@dataclass(slots=True)
class Hold:
    """An agent whom this node holds. calls: those that count on the agent; the hold ends with the last of them. rings_for: the
    call for which an on-hook phone rings. over_at: monotonic seconds since the line knows of no talk any more. promised: kept
    for the one call that this agent promised, and for no other."""

    seizure: Seizure
    calls: set[str] = field(default_factory=set)
    rings_for: tuple[str, str, str] | None = None
    over_at: float | None = None
    promised: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person who waits for an agent. since, until: monotonic seconds."""

    request: AgentRequest
    since: float
    until: float


class AgentCalls:
    """tell: the call hears of it. Fields ``profiles`` and ``rules`` are the site's, kept up to date by the agent desk."""

    def __init__(
        self,
        node: str,
        pool: AgentPool,
        lines: AgentLines,
        clock: Clock,
        watch: Watch,
        tell: Callable[[str, CallEvent], None],
    ) -> None:
        self._node = node
        self._pool = pool
        self._lines = lines
        self._clock = clock
        self._watch = watch
        self._tell = tell
        self._holds: dict[str, Hold] = {}
        self._wanted: dict[str, Wanted] = {}
        self.profiles: Mapping[str, AgentProfile] = {}
        self.rules: Mapping[str, QueueRules] = {}

    # ------------------------------------------------------------------ for the dial loop

    def request(self, holder: str, queue: str, campaign: str, only: str | None = None) -> AgentRequest:
        """Who may take a call of this queue here."""
        rules = self.rules.get(queue)
        return AgentRequest(holder, queue, campaign, self._node, rules.skills if rules is not None else frozenset(), only)

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NobodyFree]:
        """Keep agents before calls are launched for them (progressive, power, preview). LiveStateDown: nobody is kept."""
        answers = self._pool.reserve(requests)
        for answer in answers:
            if isinstance(answer, Seizure) and answer.agent not in self._holds:
                self._holds[answer.agent] = Hold(answer)
                self._watch.agent_seizure(answer.campaign, SeizureOutcome.RESERVED.value)
        return answers

    def count_on(self, agent: str, attempt_id: str) -> None:
        """The call is placed for a kept agent; several may be (power). The last one that ends gives the agent back."""
        hold = self._holds.get(agent)
        if hold is not None:
            hold.calls.add(attempt_id)

    def keep_promised(self, attempt_id: str, queue: str, campaign: str, agent: str) -> bool:
        """Keep the agent who promised this call, if free. LiveStateDown."""
        (answer,) = self.reserve([self.request(attempt_id, queue, campaign, agent)])
        if not isinstance(answer, Seizure):
            return False
        hold = self._holds[answer.agent]
        hold.promised = True
        hold.calls.add(attempt_id)
        return True

    def kept_for(self, campaign: str) -> dict[str, int]:
        """Agents kept for this campaign's calls, and how many calls count on each."""
        return {
            agent: len(hold.calls)
            for agent, hold in self._holds.items()
            if hold.seizure.campaign == campaign and not hold.seizure.talking and hold.rings_for is None and not hold.promised
        }

    def give_back_idle(self, campaign: str) -> None:
        """Agents that were kept for the campaign and on whom no call counts are free again."""
        for agent, calls in self.kept_for(campaign).items():
            if not calls:
                self.give_back(self._holds[agent].seizure)

    def give_back(self, seizure: Seizure) -> None:
        """An agent was kept, and no call is placed for it after all."""
        hold = self._holds.get(seizure.agent)
        if hold is not None and not hold.calls:
            self._end(hold, ReservationEnd.RETURNED)

    # ------------------------------------------------------------------ for the calls

    def seek(self, attempt_id: str, queue: str, campaign: str, within_seconds: float, only: str | None = None) -> None:
        """A person waits: ``AgentReserved`` as soon as somebody is free, ``NoAgent`` after that time. Longest wait first."""
        now = self._clock.monotonic()
        self._wanted[attempt_id] = Wanted(self.request(attempt_id, queue, campaign, only), now, now + within_seconds)
        self.serve_waiting()

    def join(self, attempt_id: str, agent: str, name: str = "", number: str = "") -> None:
        """Agent and person are to hear each other; ``Connected`` follows, or ``AgentLost``. name, number: what the agent's
        phone shows. An on-hook phone rings first."""
        hold = self._holds.get(agent)
        if hold is None or hold.seizure.talking:
            self._lost(attempt_id, agent, "taken")
            return
        hold.calls.add(attempt_id)
        profile = self.profiles.get(agent)
        if profile is None or profile.kind is LineKind.NAILED_UP:
            self._join(hold, attempt_id, name, number)
            return
        hold.rings_for = (attempt_id, name, number)
        rules = self.rules.get(hold.seizure.queue)
        order = LineOrder(agent, profile.address, LineKind.ON_HOOK, rules.rona_seconds if rules is not None else 15, number)
        try:
            self._lines.open(order)
        except (Refused, SwitchDown) as error:
            self._drop(hold, ReservationEnd.RONA, str(error))

    def release(self, attempt_id: str, agent: str, end: ReservationEnd, wrap_up: bool) -> None:
        """The call needs its agent no more. end: how it went where they were not joined."""
        hold = self._holds.get(agent)
        if hold is None or attempt_id not in (hold.calls | {hold.seizure.holder}):
            return
        hold.calls.discard(attempt_id)
        if hold.seizure.talking:
            if hold.seizure.holder == attempt_id:
                self._finish(hold, wrap_up)
            return
        rang = hold.rings_for is not None and hold.rings_for[0] == attempt_id
        if rang:
            hold.rings_for = None
            self._close(agent)
        if not hold.calls:
            self._end(hold, end)

    def forget(self, attempt_id: str) -> None:
        """The call is over: it waits for nobody and holds nobody."""
        self._wanted.pop(attempt_id, None)
        for hold in [hold for hold in self._holds.values() if attempt_id in (hold.calls | {hold.seizure.holder})]:
            self.release(attempt_id, hold.seizure.agent, ReservationEnd.RETURNED, wrap_up=True)

    # ------------------------------------------------------------------ for the agent desk

    def talk_of(self, agent: str) -> Seizure | None:
        """The agent's present talk."""
        hold = self._holds.get(agent)
        return hold.seizure if hold is not None and hold.seizure.talking else None

    def adopt(self, seizure: Seizure) -> None:
        """A talk that an earlier life of this controller began."""
        self._holds[seizure.agent] = Hold(seizure, {seizure.holder})

    def line_up(self, agent: str) -> None:
        """An on-hook phone was picked up."""
        hold = self._holds.get(agent)
        if hold is None or hold.rings_for is None:
            self._close(agent)
            return
        attempt_id, name, number = hold.rings_for
        hold.rings_for = None
        self._join(hold, attempt_id, name, number)

    def line_lost(self, agent: str, reason: str, rona: bool) -> None:
        """No line (any more): whoever counted on the agent hears it. rona: the phone rang and nobody took it."""
        hold = self._holds.get(agent)
        if hold is None:
            return
        if hold.seizure.talking:
            self._lost(hold.seizure.holder, agent, reason)
            self._finish(hold, wrap_up=True)
        else:
            self._drop(hold, ReservationEnd.RONA if rona else ReservationEnd.TIMEOUT, RONA if rona else reason)

    def join_failed(self, agent: str, attempt_id: str, reason: str) -> None:
        """They were not joined: the agent is free again, the call looks for another."""
        hold = self._holds.get(agent)
        if hold is not None and hold.seizure.talking and hold.seizure.holder == attempt_id:
            self._finish(hold, wrap_up=False)
            self._lost(attempt_id, agent, reason)

    def talk_ended(self, agent: str, attempt_id: str) -> None:
        """The line knows of no talk any more; the call itself says what is to follow."""
        hold = self._holds.get(agent)
        if hold is not None and hold.seizure.talking and hold.seizure.holder == attempt_id:
            hold.over_at = self._clock.monotonic()

    def end_orphans(self) -> None:
        """Talks that the line has ended and no call speaks for."""
        late = self._clock.monotonic() - TOLD_OVER_SECONDS
        for hold in [hold for hold in self._holds.values() if hold.over_at is not None and hold.over_at <= late]:
            self._finish(hold, wrap_up=True)

    @property
    def waiting(self) -> int:
        """People who wait for an agent here."""
        return len(self._wanted)

    def serve_waiting(self) -> None:
        """Give free agents to those who wait longest; tell those whose time is up."""
        order = sorted(self._wanted.values(), key=lambda wanted: wanted.since)
        if not order:
            return
        try:
            answers: Sequence[Seizure | NobodyFree] = self._pool.reserve([wanted.request for wanted in order])
        except LiveStateDown as error:
            log.warning("nobody sought", reason=str(error), waiting=len(order))
            answers = [NobodyFree(SeizureOutcome.NONE)] * len(order)
        now = self._clock.monotonic()
        for wanted, answer in zip(order, answers, strict=True):
            attempt_id = wanted.request.holder
            if isinstance(answer, Seizure):
                if self._wanted.pop(attempt_id, None) is None:
                    self._pool_release(answer, ReservationEnd.RETURNED)  # the call ended while Redis was asked
                    continue
                self._holds[answer.agent] = Hold(answer, {attempt_id})
                self._watch.agent_seizure(answer.campaign, SeizureOutcome.RESERVED.value)
                self._watch.waited_for_agent(answer.queue, now - wanted.since)
                self._tell(attempt_id, AgentReserved(self._clock.now(), answer.agent))
            elif now >= wanted.until and self._wanted.pop(attempt_id, None) is not None:
                self._watch.agent_seizure(wanted.request.campaign, answer.outcome.value)
                self._tell(attempt_id, NoAgent(self._clock.now(), answer.outcome.value))

    def renew(self) -> None:
        """Keep what is held. Who talks and is no longer ours (Redis was away for long) is taken back. LiveStateDown."""
        holds = list(self._holds.values())
        for hold, kept in zip(holds, self._pool.renew([hold.seizure for hold in holds]), strict=True):
            if kept or self._holds.get(hold.seizure.agent) is not hold:
                continue
            if hold.seizure.talking:
                self._take_back(hold)
            else:
                log.warning("reservation lapsed", agent=hold.seizure.agent, holder=hold.seizure.holder)
                self._drop(hold, ReservationEnd.TIMEOUT, "timeout")

    # ------------------------------------------------------------------ each step once

    def _join(self, hold: Hold, attempt_id: str, name: str, number: str) -> None:
        agent = hold.seizure.agent
        try:
            talk = self._pool.connect(hold.seizure, attempt_id)
        except LiveStateDown:
            talk = replace(hold.seizure, holder=attempt_id, talking=True)
        if talk is None:
            self._holds.pop(agent, None)
            self._close_if_on_hook(agent)
            self._lost_by_all(hold, "timeout")
            return
        hold.seizure = talk
        rules = self.rules.get(talk.queue)
        order = JoinOrder(attempt_id, agent, name=name, number=number)
        try:
            self._lines.join(replace(order, cue=rules.cue) if rules is not None else order)
        except (Refused, SwitchDown) as error:
            log.error("not joined", agent=agent, attempt=attempt_id, reason=str(error))
            self.join_failed(agent, attempt_id, "join_failed")

    def _finish(self, hold: Hold, wrap_up: bool) -> None:
        seizure = hold.seizure
        self._holds.pop(seizure.agent, None)
        rules = self.rules.get(seizure.queue)
        seconds = rules.wrap_up_seconds if wrap_up and rules is not None else 0.0
        try:
            self._pool.finish(seizure, seconds)
        except LiveStateDown as error:
            log.warning("wrap-up not begun", agent=seizure.agent, reason=str(error))

    def _end(self, hold: Hold, end: ReservationEnd) -> None:
        self._holds.pop(hold.seizure.agent, None)
        self._pool_release(hold.seizure, end)

    def _drop(self, hold: Hold, end: ReservationEnd, reason: str) -> None:
        """The agent cannot be had after all; every call that counted on it hears so."""
        if end is ReservationEnd.RONA:
            self._watch.agent_seizure(hold.seizure.campaign, SeizureOutcome.RONA.value)
        self._end(hold, end)
        self._lost_by_all(hold, reason)

    def _pool_release(self, seizure: Seizure, end: ReservationEnd) -> None:
        try:
            self._pool.release(seizure, end)
        except LiveStateDown as error:
            log.warning("reservation left to lapse", agent=seizure.agent, reason=str(error))

    def _take_back(self, hold: Hold) -> None:
        seizure = hold.seizure
        profile = self.profiles.get(seizure.agent)
        queues = profile.queues if profile is not None else (seizure.queue,)
        skills = profile.skills if profile is not None else frozenset()
        self._pool.leave(seizure.agent, self._node, forced=True)
        self._pool.enter([Presence(seizure.agent, self._node, queues, skills, AgentState.TALKING, again=True)])
        self._pool.renew([seizure])
        log.warning("talk taken back", agent=seizure.agent, attempt=seizure.holder)

    def _lost_by_all(self, hold: Hold, reason: str) -> None:
        for attempt_id in sorted(hold.calls):
            self._lost(attempt_id, hold.seizure.agent, reason)

    def _lost(self, attempt_id: str, agent: str, reason: str) -> None:
        self._tell(attempt_id, AgentLost(self._clock.now(), agent, reason))

    def _close_if_on_hook(self, agent: str) -> None:
        profile = self.profiles.get(agent)
        if profile is not None and profile.kind is LineKind.ON_HOOK:
            self._close(agent)

    def _close(self, agent: str) -> None:
        try:
            self._lines.close(agent)
        except SwitchDown as error:
            log.warning("line not closed", agent=agent, reason=str(error))
