"""A day of dialling in virtual time: the production ``tick``, pacing, estimates and drop guard, with made-up people.

An event queue and a clock that jumps from event to event. Decisions are made as in production: when a call is resolved,
when an agent becomes ready, and on a pulse. What is simplified: an answer is reported at once and reservations never fail.
Agents who go, to lunch or home, tell nobody before: they leave when free or after the wrap-up, and pacing has to find out.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from controller.domain.carriers.launch_rate import next_launch, whole_rate
from controller.domain.pacing.board import Board, CallsInHand, Manner, Team
from controller.domain.pacing.drop_guard import DropLimit, Standing, Tally, WindowName, stand
from controller.domain.pacing.estimates import Learner
from controller.domain.pacing.priority import Turns
from controller.engine.tick import Wish, tick
from controller.simulator.course import Course
from controller.simulator.people import End, Lot, People

PULSE_SECONDS = 0.5
BREATH_SECONDS = 0.1
"""A decision follows an event so soon, and covers what else happens until then. The dial loop is ten times quicker, which
changes no figure and would cost large teams hours of computing."""
HORIZON_SECONDS = 0.3
"""As the dial loop's."""
RING_LIMIT_SECONDS = 25.0
USUAL = Manner()


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign of the simulation. seats, channels, calls_per_second as on a board; leads: contacts on its list."""

    name: str
    mode: str
    people: People
    leads: int
    priority: int = 5
    seats: int = 100_000
    channels: int = 100_000
    calls_per_second: float = 1000.0
    ring_limit_seconds: float = RING_LIMIT_SECONDS
    max_attempts: int = 1
    retry_delay_seconds: float = 3600.0
    manner: Manner = USUAL
    drop_limits: tuple[DropLimit, ...] = ()


@dataclass(slots=True)
class _Call:
    number: int
    floor: _Floor
    launched_at: float
    lot: Lot
    attempt: int
    asked_at: float = 0.0


@dataclass(slots=True)
class _Floor:
    """One campaign while it is dialled. retries: when due, which attempt; again: those that are due. ringing, screening,
    waiting: calls by number, and since when."""

    plan: Plan
    learner: Learner
    course: Course
    fresh: int
    guard: Standing
    retries: list[tuple[float, int]] = field(default_factory=list)
    again: deque[int] = field(default_factory=deque)
    ringing: dict[int, float] = field(default_factory=dict)
    screening: dict[int, float] = field(default_factory=dict)
    waiting: dict[int, float] = field(default_factory=dict)
    reserved: deque[int] = field(default_factory=deque)
    launches: deque[float] = field(default_factory=deque)
    talks: int = 0

    @property
    def in_hand(self) -> int:
        return len(self.ringing) + len(self.screening) + len(self.waiting)

    @property
    def channels(self) -> int:
        return self.in_hand + self.talks

    def due(self, now: float) -> int:
        """Leads that may be dialled now."""
        while self.retries and self.retries[0][0] <= now:
            self.again.append(heapq.heappop(self.retries)[1])
        return self.fresh + len(self.again)

    def take(self) -> int:
        """The next lead: which attempt it is. Retries that are due come first."""
        if self.again:
            return self.again.popleft()
        self.fresh -= 1
        return 1


class World:
    """Built for one :meth:`live`."""

    def __init__(
        self,
        plans: Sequence[Plan],
        agents: int,
        chance: Random,
        priority: str = "weighted",
        staffing: Callable[[float], int] | None = None,
    ) -> None:
        """agents: who share all campaigns; 0 for agentless ones. chance: decides between equals. priority: as ``Turns``.

        staffing: how many of them ought to be at work at a moment (seconds from the start); left out: all, all the time.
        """
        self._now = 0.0
        self._look_at = 0.0
        self._agents = agents
        self._staffing = staffing
        self._away: deque[int] = deque()
        self._leaving = 0  # of those who talk or wrap up, how many go when they are done
        self._ready: deque[int] = deque(range(agents))
        self._talking: dict[int, float] = {}
        self._wrapping: dict[int, float] = {}
        self._serving: dict[int, Course] = {}
        self._asking: deque[_Call] = deque()
        self._turns = Turns(priority, chance)
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._numbers = count()
        self._floors = {plan.name: self._floor(plan) for plan in plans}

    def live(self, seconds: float) -> dict[str, Course]:
        """Dial until every list is done or the time is up; what happened, by campaign."""
        while True:
            if not self._events or self._look_at <= self._events[0][0]:
                self._now = self._look_at
                self._look_at += PULSE_SECONDS
                if self._now >= seconds or self._done():
                    break
                self._decide()
            else:
                self._now, _, happen, about = heapq.heappop(self._events)
                happen(*about)
        for busy in (self._talking, self._wrapping):
            for agent, since in busy.items():
                self._serving[agent].busy(self._now, self._now - since)
        for floor in self._floors.values():
            floor.course.end(self._now)
        return {name: floor.course for name, floor in self._floors.items()}

    def _floor(self, plan: Plan) -> _Floor:
        learner = Learner(plan.ring_limit_seconds, plan.people.habits(0.0).wait_seconds)
        return _Floor(plan, learner, Course(self._agents), plan.leads, stand(plan.drop_limits, {}))

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def _at(self, moment: float, happen: Callable[..., None], *about: object) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happen, about))

    def _look_soon(self) -> None:
        self._look_at = min(self._look_at, self._now + BREATH_SECONDS)

    def _done(self) -> bool:
        return all(
            not floor.fresh and not floor.retries and not floor.again and not floor.channels for floor in self._floors.values()
        )

    # ------------------------------------------------------------------ deciding

    def _decide(self) -> None:
        now = self._now
        self._staff()
        talking = tuple([now - at for at in self._talking.values()])
        wrapping = tuple([now - at for at in self._wrapping.values()])
        wishes = {
            name: Wish(floor.plan.mode, floor.plan.priority, self._board(floor, talking, wrapping))
            for name, floor in self._floors.items()
        }
        decided = tick(wishes, self._turns)
        for name in decided.order:
            self._turns.granted(name)
            self._launch(self._floors[name])
        for name, decision in decided.decisions.items():
            floor = self._floors[name]
            reserve = min(decision.agents, len(self._ready))
            floor.reserved += [self._ready.popleft() for _ in range(reserve)]
            while len(floor.reserved) > floor.in_hand:
                self._ready.append(floor.reserved.pop())
            floor.course.decided(now, decision, floor.channels, self._agents - len(self._away))

    def _staff(self) -> None:
        """Send agents away, the free ones first, or have them back."""
        if self._staffing is None:
            return
        more = min(self._staffing(self._now), self._agents) - (self._agents - len(self._away) - self._leaving)
        stay = min(max(more, 0), self._leaving)
        self._leaving -= stay
        for _ in range(more - stay):
            self._ready.append(self._away.popleft())
        free = min(max(-more, 0), len(self._ready))
        self._away += [self._ready.popleft() for _ in range(free)]
        busy = len(self._talking) + len(self._wrapping)
        self._leaving = min(self._leaving + max(-more, 0) - free, busy)

    def _board(self, floor: _Floor, talking: tuple[float, ...], wrapping: tuple[float, ...]) -> Board:
        plan, now = floor.plan, self._now
        hand = CallsInHand(
            tuple([now - at if now > at else 0.0 for at in floor.ringing.values()]),
            tuple([now - at for at in floor.screening.values()]),
            tuple([now - at for at in floor.waiting.values()]),
        )
        team = Team("all", len(self._ready), len(floor.reserved), talking, (), wrapping) if self._agents else None
        return Board(
            seats=plan.seats,
            in_progress=floor.channels,
            fleet_free=None,
            channels_free=plan.channels - floor.channels,
            calls_per_second=plan.calls_per_second,
            rate_limited_by="carrier_cps",
            leads=floor.due(now),
            horizon_seconds=HORIZON_SECONDS,
            team=team,
            hand=hand,
            estimates=floor.learner.estimates(now, talking, wrapping) if team and plan.mode == "predictive" else None,
            guard=floor.guard,
            manner=plan.manner,
        )

    # ------------------------------------------------------------------ calls

    def _launch(self, floor: _Floor) -> None:
        rate = floor.plan.calls_per_second
        at = next_launch(self._now, floor.launches, rate)
        floor.launches.appendleft(at)
        while len(floor.launches) > whole_rate(rate)[0]:
            floor.launches.pop()
        lot = floor.plan.people.call(self._now)
        call = _Call(next(self._numbers), floor, at, lot, floor.take())
        floor.ringing[call.number] = at
        floor.learner.call_launched(at)
        floor.course.launched(self._now)
        self._at(at + lot.seconds, self._rung, call)

    def _rung(self, call: _Call) -> None:
        floor = call.floor
        del floor.ringing[call.number]
        if call.lot.end in (End.PERSON, End.MACHINE):
            floor.screening[call.number] = self._now
            self._at(self._now + floor.plan.people.habits(self._now).detect_seconds, self._told, call)
            return
        floor.learner.call_failed(call.launched_at, call.lot.seconds)
        floor.course.ended(call.lot.end)
        self._again(call)
        self._look_soon()

    def _told(self, call: _Call) -> None:
        """The verdict."""
        floor = call.floor
        picked_up = floor.screening.pop(call.number)
        person = call.lot.end is End.PERSON
        floor.learner.call_picked_up(call.launched_at, call.lot.seconds, person, self._now - picked_up)
        if person:
            call.asked_at = self._now
            if not self._agents:
                self._talk(call, -1)
            elif floor.reserved or self._ready:
                self._talk(call, (floor.reserved or self._ready).popleft())
            else:
                floor.waiting[call.number] = self._now
                self._asking.append(call)
                self._at(self._now + floor.plan.people.habits(self._now).wait_seconds, self._lost_patience, call)
        else:
            floor.course.ended(End.MACHINE)
            self._again(call)
        self._look_soon()

    def _lost_patience(self, call: _Call) -> None:
        if call.number not in call.floor.waiting:
            return
        del call.floor.waiting[call.number]
        self._asking.remove(call)
        call.floor.course.abandon(self._now)
        self._judge(call.floor)
        self._look_soon()

    def _again(self, call: _Call) -> None:
        plan = call.floor.plan
        if call.attempt < plan.max_attempts:
            heapq.heappush(call.floor.retries, (self._now + plan.retry_delay_seconds, call.attempt + 1))

    def _judge(self, floor: _Floor) -> None:
        course = floor.course
        tally = Tally(course.connected, course.abandoned)
        floor.guard = stand(floor.plan.drop_limits, dict.fromkeys(WindowName, tally), before=floor.guard)

    # ------------------------------------------------------------------ agents

    def _talk(self, call: _Call, agent: int) -> None:
        floor = call.floor
        floor.talks += 1
        floor.course.connect(self._now, self._now - call.asked_at)
        self._judge(floor)
        seconds = floor.plan.people.talk_seconds(self._now)
        if agent >= 0:
            self._talking[agent] = self._now
            self._serving[agent] = floor.course
        self._at(self._now + seconds, self._talked, call, agent, seconds)

    def _talked(self, call: _Call, agent: int, seconds: float) -> None:
        floor = call.floor
        floor.talks -= 1
        if agent < 0:
            self._look_soon()
            return
        floor.course.busy(self._now, seconds)
        del self._talking[agent]
        self._wrapping[agent] = self._now
        floor.learner.talk_ended(seconds)
        after = floor.plan.people.wrap_up_seconds(self._now)
        self._at(self._now + after, self._wrapped_up, call, agent, after)

    def _wrapped_up(self, call: _Call, agent: int, seconds: float) -> None:
        del self._wrapping[agent]
        call.floor.course.busy(self._now, seconds)
        call.floor.learner.wrap_up_ended(seconds, back=not self._leaving)
        if self._leaving:
            self._leaving -= 1
            self._away.append(agent)
        elif self._asking:
            waited = self._asking.popleft()
            del waited.floor.waiting[waited.number]
            self._talk(waited, agent)
        else:
            self._ready.append(agent)
        self._look_soon()
