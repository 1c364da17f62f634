"""What a campaign's calls and agents have taught so far. A :class:`Learner` is fed with facts; its :class:`Estimates` are what
a board carries.

No clock of its own: every fact brings its moment (monotonic seconds of one process). Memory is bounded, and ``to_dict`` gives
what is worth keeping over a restart. One learner a campaign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.domain.pacing.answer_rate import AnswerRate
from controller.domain.pacing.durations import Durations
from controller.domain.pacing.outlook import CALLS_BY, AgentRows, Outlook, agent_rows, call_rows, pick_ups
from controller.domain.pacing.ring_times import RingCurve, RingTimes

REPORT_SECONDS = 3.0
"""After the ring limit, how late an end may be reported."""
SCREEN_MEMORY_CALLS = 300.0
SHARE_GUESS_CALLS = 4.0
"""Until calls were picked up, a person is as likely behind a pick-up as behind a launch; worth so many calls."""
TALK_GUESS = (120.0, 1.0)
WRAP_UP_GUESS = (15.0, 1.0)
FINISHING_GUESS = (15.0, 1.0)
"""Lognormal guesses until there is evidence: mean seconds, coefficient of variation."""
DURATIONS_MEMORY = 600.0
"""Talks, wrap-ups after which one counts 1/e."""
BACK_MEMORY = 25.0
"""Wrap-ups after which one counts 1/e, for how many agents come back: lunch begins within minutes."""
BACK_MOVED = 0.08
"""A change of that share which is told at once."""
REBUILD_SECONDS = (4.0, 60.0)
"""The tables about agents are made anew after a tenth of the time dialled so far, within these bounds."""
REBUILD_CALLS_SECONDS = 2.0
"""Those about calls so often, because the answer rate moves faster."""
STALE_SECONDS = 900.0
"""After so long without a launch the learner knows the day no more, and begins at one call an agent again."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """What is believed now.

    answer_rate: share of launched calls that a person picks up, and its standard error. screen_seconds: mean time from pick-up
    to verdict. person_share: of picked-up calls, those that are people. launched: calls so far in this run; answered: people of
    them so far. warm: whether calls launched since the last long pause are decided. outlook: the tables for looking ahead.
    """

    answer_rate: float
    answer_rate_error: float
    screen_seconds: float
    person_share: float
    talk_seconds: float
    wrap_up_seconds: float
    launched: int
    warm: bool
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class _Slow:
    """What is not worked out at every call."""

    good_until: float
    rows: AgentRows
    rings: RingCurve
    later: tuple[float, ...]
    talk_seconds: float
    wrap_up_seconds: float


class Learner:
    """Fed by whoever sees the calls: the call desk in production, the world in the simulator."""

    def __init__(self, ring_limit_seconds: float, wait_seconds: float) -> None:
        """ring_limit_seconds: when a call that nobody answers is given up; wait_seconds: how long a
        person waits for an agent, from the verdict on, before the call counts as abandoned."""
        if ring_limit_seconds <= 0 or wait_seconds < 0:
            raise ValueError("ring limit and wait are seconds, and positive")
        self._wait_seconds = wait_seconds
        self._decided_after = ring_limit_seconds + REPORT_SECONDS
        self._rate = AnswerRate(self._decided_after)
        self._rings = RingTimes(ring_limit_seconds)
        self._talks = Durations(*TALK_GUESS, DURATIONS_MEMORY)
        self._wrap_ups = Durations(*WRAP_UP_GUESS, DURATIONS_MEMORY)
        self._finishing = Durations(*FINISHING_GUESS, DURATIONS_MEMORY)
        self._back = self._back_told = 1.0
        self._screened = 0.0
        self._screen_seconds = 0.0
        self._people = 0.0
        self._launched = 0
        self._first_launch: float | None = None
        self._last_launch: float | None = None
        self._slow: _Slow | None = None
        self._calls: tuple[float, Estimates] | None = None

    def call_launched(self, at: float) -> None:
        """A call left the box."""
        self._launched += 1
        if self._last_launch is None or at - self._last_launch > STALE_SECONDS:
            self._first_launch = at
        self._last_launch = at

    def call_picked_up(self, launched_at: float, ring_seconds: float, person: bool, screen_seconds: float = 0.0) -> None:
        """Somebody or something picked up after ``ring_seconds``, and was told from a machine ``screen_seconds`` later."""
        keep = math.exp(-1.0 / SCREEN_MEMORY_CALLS)
        self._screened = self._screened * keep + 1.0
        self._screen_seconds = self._screen_seconds * keep + screen_seconds
        self._people = self._people * keep + person
        self._resolved(launched_at, ring_seconds, person)

    def call_failed(self, launched_at: float, ring_seconds: float) -> None:
        """Nobody picked up: busy, refused, no answer, no route."""
        self._resolved(launched_at, ring_seconds, False)

    def talk_ended(self, seconds: float) -> None:
        """A conversation with an agent lasted so long."""
        self._talks.add(seconds)

    def finishing_ended(self, seconds: float) -> None:
        """A conversation ended so long after the agent said that it was about to."""
        self._finishing.add(seconds)

    def wrap_up_ended(self, seconds: float, back: bool = True) -> None:
        """So long after the talk an agent was ready again, or (not ``back``) went away."""
        self._wrap_ups.add(seconds)
        self._back += (float(back) - self._back) / BACK_MEMORY
        if abs(self._back - self._back_told) > BACK_MOVED:
            self._slow = None

    def estimates(self, now: float, talking: Sequence[float] = (), wrapping: Sequence[float] = ()) -> Estimates:
        """What is believed now. talking, wrapping: ages of what has not ended yet, seconds; they are evidence too."""
        if self._calls is not None and now < self._calls[0]:
            return self._calls[1]
        self._rate.settle(now)
        rate, error = self._rate.estimate()
        screen = self._screen_seconds / self._screened if self._screened else 0.0
        share = (self._people + rate * SHARE_GUESS_CALLS) / (self._screened + SHARE_GUESS_CALLS)
        known = self._about_agents(now, screen, talking, wrapping)
        ringing, in_the_end, screening = call_rows(known.rings, known.later, rate, share)
        warm_at = self._decided_after + (now if self._first_launch is None else self._first_launch)
        found = Estimates(
            answer_rate=rate,
            answer_rate_error=error,
            screen_seconds=screen,
            person_share=share,
            talk_seconds=known.talk_seconds,
            wrap_up_seconds=known.wrap_up_seconds,
            launched=self._launched,
            warm=now >= warm_at and self._rate.decided > 0,
            outlook=Outlook(known.rows, ringing, in_the_end, screening),
        )
        self._calls = (now + REBUILD_CALLS_SECONDS, found)
        return found

    def to_dict(self) -> dict[str, Any]:
        """What is worth keeping: numbers only, about 1 000 of them."""
        return {
            "rate": self._rate.to_dict(),
            "rings": self._rings.to_dict(),
            "talks": self._talks.to_dict(),
            "wrap_ups": self._wrap_ups.to_dict(),
            "finishing": self._finishing.to_dict(),
            "screened": [self._screened, self._screen_seconds, self._people],
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take over what ``to_dict`` gave, of an earlier life or an earlier run; the run's own counts begin at nothing.

        ValueError or KeyError when it is of another shape; the learner is then as before or partly restored, and begins
        anew with a fresh one.
        """
        self._rate.restore(kept["rate"])
        self._rings.restore(kept["rings"])
        self._talks.restore(kept["talks"])
        self._wrap_ups.restore(kept["wrap_ups"])
        self._finishing.restore(kept["finishing"])
        self._screened, self._screen_seconds, self._people = kept["screened"]

    def _resolved(self, launched_at: float, seconds: float, person: bool) -> None:
        self._rate.add(launched_at, person)
        self._rings.add(seconds, person)

    def _about_agents(self, now: float, screen: float, talking: Sequence[float], wrapping: Sequence[float]) -> _Slow:
        if self._slow is None or now >= self._slow.good_until:
            rings = self._rings.curve()
            talk, wrap_up = self._talks.table(talking), self._wrap_ups.table(wrapping)
            rows = agent_rows(rings, screen, self._wait_seconds, talk, wrap_up, self._finishing.table(), self._back)
            self._back_told = self._back
            dialled = now - self._first_launch if self._first_launch is not None else 0.0
            least, most = REBUILD_SECONDS
            good_until = now + min(max(dialled / 10.0, least), most)
            self._slow = _Slow(good_until, rows, rings, pick_ups(rings, rings.quantile(CALLS_BY)), talk.mean(), wrap_up.mean())
        return self._slow
