"""A day of dialling in virtual time: the production ``tick``, pacing, estimates and drop guard, with made-up people.

An event queue and a clock that jumps from event to event. Decisions are made as in production: when a call is resolved,
when an agent becomes ready, and on a pulse. What is simplified: an answer is reported at once and reservations never fail.
Agents who go, to lunch or home, tell nobody before: they leave when free or after the wrap-up, and pacing has to find out.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from random import Random

from controller.domain.calls.outcome import Outcome
from controller.domain.carriers.launch_rate import next_launch, whole_rate
from controller.domain.pacing.board import Board, CallsInHand, Decision, Team
from controller.domain.pacing.drop_guard import Tally, WindowName, stand
from controller.domain.pacing.estimates import Learner
from controller.domain.pacing.priority import Turns
from controller.engine.tick import Wish, tick
from controller.simulator.course import Course
from controller.simulator.floors import Call, Floor, Plan
from controller.simulator.people import End

PULSE_SECONDS = 0.5
SHUT = Decision(0, "hours", "outside calling hours")
BREATH_SECONDS = 0.1
"""A decision follows an event so soon, and covers what else happens until then. The dial loop is ten times quicker, which
changes no figure and would cost large teams hours of computing."""
HORIZON_SECONDS = 0.3
"""As the dial loop's."""
OUTCOMES = {
    End.PERSON: Outcome.ABANDONED,
    End.MACHINE: Outcome.MACHINE,
    End.NO_ANSWER: Outcome.NO_ANSWER,
    End.FAILED: Outcome.BUSY,
}
"""As what a call counts, for its retry, that reached nobody."""


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
        self._end = math.inf
        self._agents = agents
        self._staffing = staffing
        self._away: deque[int] = deque()
        self._leaving = 0  # of those who talk or wrap up, how many go when they are done
        self._ready: deque[int] = deque(range(agents))
        self._talking: dict[int, float] = {}
        self._wrapping: dict[int, float] = {}
        self._serving: dict[int, Course] = {}
        self._asking: deque[Call] = deque()
        self._turns = Turns(priority, chance)
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._numbers = count()
        self._floors = {plan.name: self._floor(plan) for plan in plans}

    def live(self, seconds: float) -> dict[str, Course]:
        """Dial until every list is done or the time is up; what happened, by campaign."""
        self._end = seconds
        while True:
            if not self._events or self._look_at <= self._events[0][0]:
                self._now = min(self._look_at, seconds)
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

    def _floor(self, plan: Plan) -> Floor:
        learner = Learner(plan.ring_limit_seconds, plan.people.habits(0.0).wait_seconds)
        return Floor(plan, learner, Course(self._agents), plan.leads, stand(plan.drop_limits, {}))

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
        open_floors = {name: floor for name, floor in self._floors.items() if floor.opens_at(now) <= now}
        wishes = {
            name: Wish(floor.plan.mode, floor.plan.priority, self._board(floor, talking, wrapping))
            for name, floor in open_floors.items()
        }
        decided = tick(wishes, self._turns)
        refused: set[str] = set()
        for name in decided.order:
            if name not in refused and self._launch(self._floors[name]):
                self._turns.granted(name)
            else:
                refused.add(name)
        for name, floor in self._floors.items():
            decision = decided.decisions.get(name, SHUT)
            if name in refused:
                decision = replace(decision, binding=floor.plan.rate_limited_by, reason="the rate is used up")
            reserve = min(decision.agents, len(self._ready))
            floor.reserved += [self._ready.popleft() for _ in range(reserve)]
            while len(floor.reserved) > floor.in_hand:
                self._ready.append(floor.reserved.pop())
            at_work = self._agents - len(self._away) if open_floors else len(talking) + len(wrapping)
            floor.course.decided(now, decision, floor.channels, at_work)
        if not open_floors:
            self._look_at = max(self._look_at, min(self._end, *(floor.opens_at(now) for floor in self._floors.values())))

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

    def _board(self, floor: Floor, talking: tuple[float, ...], wrapping: tuple[float, ...]) -> Board:
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
            fleet_free=None if plan.fleet is None else plan.fleet - floor.channels,
            channels_free=plan.channels - floor.channels,
            calls_per_second=plan.calls_per_second,
            rate_limited_by=plan.rate_limited_by,
            leads=floor.due(now),
            horizon_seconds=HORIZON_SECONDS,
            team=team,
            hand=hand,
            estimates=floor.learner.estimates(now, talking, wrapping) if team and plan.mode == "predictive" else None,
            guard=floor.guard,
            manner=plan.manner,
        )

    # ------------------------------------------------------------------ calls

    def _launch(self, floor: Floor) -> bool:
        """Place a call; False when the rate gives it no moment within the horizon."""
        rate = floor.plan.calls_per_second
        at = next_launch(self._now, floor.launches, rate)
        if at > self._now + HORIZON_SECONDS:
            return False
        floor.launches.appendleft(at)
        while len(floor.launches) > whole_rate(rate)[0]:
            floor.launches.pop()
        lot = floor.plan.people.call(self._now)
        call = Call(next(self._numbers), floor, at, lot, floor.take())
        floor.ringing[call.number] = at
        floor.learner.call_launched(at)
        floor.course.launched(self._now)
        self._at(at + lot.seconds, self._rung, call)
        return True

    def _rung(self, call: Call) -> None:
        floor = call.floor
        del floor.ringing[call.number]
        if call.lot.end in (End.PERSON, End.MACHINE):
            floor.screening[call.number] = self._now
            detect_seconds = floor.plan.people.habits(self._now).detect_seconds if floor.plan.detects else 0.0
            self._at(self._now + detect_seconds, self._told, call)
            return
        floor.learner.call_failed(call.launched_at, call.lot.seconds)
        floor.course.ended(call.lot.end)
        self._again(call)
        self._look_soon()

    def _told(self, call: Call) -> None:
        """The verdict."""
        floor = call.floor
        picked_up = floor.screening.pop(call.number)
        person = call.lot.end is End.PERSON
        wanted = person or floor.plan.passes_machines
        floor.learner.call_picked_up(
            call.launched_at, call.lot.seconds, person or not floor.plan.detects, self._now - picked_up
        )
        if wanted:
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

    def _lost_patience(self, call: Call) -> None:
        if call.number not in call.floor.waiting:
            return
        del call.floor.waiting[call.number]
        self._asking.remove(call)
        call.floor.course.abandon(self._now)
        self._again(call)
        self._judge(call.floor)
        self._look_soon()

    def _again(self, call: Call) -> None:
        move = call.floor.plan.retry.after(OUTCOMES[call.lot.end], call.attempt - 1, 0, self._now)
        if move.due_at is not None:
            heapq.heappush(call.floor.retries, (move.due_at, call.attempt + 1))

    def _judge(self, floor: Floor) -> None:
        course = floor.course
        tally = Tally(course.connected, course.abandoned)
        floor.guard = stand(floor.plan.drop_limits, dict.fromkeys(WindowName, tally), before=floor.guard)

    # ------------------------------------------------------------------ agents

    def _talk(self, call: Call, agent: int) -> None:
        floor = call.floor
        floor.talks += 1
        machine = call.lot.end is End.MACHINE
        floor.course.connect(self._now, self._now - call.asked_at, machine)
        self._judge(floor)
        people = floor.plan.people
        seconds = people.habits(self._now).machine_talk_seconds if machine else people.talk_seconds(self._now)
        if agent >= 0:
            self._talking[agent] = self._now
            self._serving[agent] = floor.course
        self._at(self._now + seconds, self._talked, call, agent, seconds)

    def _talked(self, call: Call, agent: int, seconds: float) -> None:
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

    def _wrapped_up(self, call: Call, agent: int, seconds: float) -> None:
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
