"""Time and turns in the hands of the model: nothing in the engine goes on, and no second passes, before the model says so.

Every look at a store, at Redis or at a switch is a turn with a pause before and a pause behind it. At either the model may let
it go on, let it fail, or kill the process: what was done stays done, and the process never learns of it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import AsyncResult

from controller.errors import Unavailable

EPOCH = 1_800_000_000.0
HUB_TURNS = 12
"""Turns of the hub after which nobody has anything left to do: the longest chain of wake-ups in the engine is shorter."""

MOST_TURNS = 2000
"""Without any time passing, two controllers and a handful of calls need a fraction of it."""


@dataclass(eq=False)
class Life:
    """One life of a process. A dead one does nothing more to the world."""

    name: str
    dead: bool = False


@dataclass(eq=False)
class Pause:
    """A greenlet of ``life`` that waits before or behind ``what``. error: what it may meet there; None = nothing."""

    life: Life
    what: str
    error: type[Unavailable] | None
    turn: AsyncResult[Unavailable | None] = field(default_factory=AsyncResult)


class Steps:
    """The turns that wait, in the order of their arrival, and the virtual clock."""

    def __init__(self) -> None:
        self.waiting: list[Pause] = []
        self.elapsed = 0.0
        self._sleepers: list[tuple[float, int, Life, AsyncResult[None]]] = []
        self._numbers = itertools.count()

    def pause(self, life: Life, what: str, error: type[Unavailable] | None) -> None:
        """Wait for the model; raises what the model wants to happen here."""
        mine = Pause(life, what, error)
        self.waiting.append(mine)
        failure = None if life.dead else mine.turn.get()
        if life.dead:
            raise gevent.GreenletExit
        if failure is not None:
            raise failure

    def let_go(self, place: int, fail: bool = False) -> None:
        """Let one turn go on, or fail if something can fail there."""
        if self.waiting:
            pause = self.waiting.pop(place % len(self.waiting))
            pause.turn.set(pause.error(f"{pause.what}: away") if fail and pause.error is not None else None)
            settle()

    def run_free(self) -> None:
        """Everybody goes on until nobody has a turn."""
        for _ in range(MOST_TURNS):
            if not self.waiting:
                return
            self.let_go(0)
        raise AssertionError(f"no end of turns while no time passes: {[pause.what for pause in self.waiting]}")

    def kill(self, life: Life) -> None:
        """As ``kill -9``: at whatever point its greenlets are, they go no further."""
        life.dead = True
        mine = [pause for pause in self.waiting if pause.life is life]
        self.waiting = [pause for pause in self.waiting if pause.life is not life]
        for pause in mine:
            pause.turn.set(None)
        for _, _, sleeper, turn in self._sleepers:
            if sleeper is life:
                turn.set(None)
        self._sleepers = [entry for entry in self._sleepers if entry[2] is not life]
        heapq.heapify(self._sleepers)
        settle()

    def sleep(self, life: Life, seconds: float) -> None:
        turn: AsyncResult[None] = AsyncResult()
        heapq.heappush(self._sleepers, (self.elapsed + max(seconds, 0.0), next(self._numbers), life, turn))
        turn.get()
        if life.dead:
            raise gevent.GreenletExit

    def pass_time(self, seconds: float, after_each: Callable[[], None]) -> None:
        """Sleepers wake at their own times, one after the other."""
        until = self.elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, _, turn = heapq.heappop(self._sleepers)
            self.elapsed = max(self.elapsed, at)
            turn.set(None)
            settle()
            after_each()
        self.elapsed = until


class LifeClock:
    """``ports.Clock`` of one process; its sleeps end with it. ahead: seconds by which its machine's wall clock is wrong."""

    def __init__(self, steps: Steps, life: Life, ahead: Callable[[], float]) -> None:
        self._steps = steps
        self._life = life
        self._ahead = ahead

    def now(self) -> float:
        return EPOCH + self._steps.elapsed + self._ahead()

    def monotonic(self) -> float:
        return self._steps.elapsed

    def sleep(self, seconds: float) -> None:
        self._steps.sleep(self._life, seconds)


class Stepped:
    """A port as one process sees it: each call of a method is a turn. port: gives what fulfils it at that moment. certain:
    methods that fail only before anything was done, because the port promises so. never: methods that do not fail."""

    def __init__(
        self,
        port: Callable[[], Any],
        steps: Steps,
        life: Life,
        error: type[Unavailable],
        certain: tuple[str, ...] = (),
        never: tuple[str, ...] = (),
    ) -> None:
        self._port = port
        self._steps = steps
        self._life = life
        self._error = error
        self._certain = certain
        self._never = never

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port(), name)
        if not callable(found):
            return found

        def turn(*args: Any) -> Any:
            self._steps.pause(self._life, f"before {name}", None if name in self._never else self._error)
            result = getattr(self._port(), name)(*args)
            self._steps.pause(self._life, f"behind {name}", None if name in (*self._certain, *self._never) else self._error)
            return result

        return turn


def settle() -> None:
    """Let all greenlets run until each waits for the model."""
    for _ in range(HUB_TURNS):
        gevent.sleep(0)
