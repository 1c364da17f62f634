"""What happened to one campaign of a simulation, counted while it happens: totals, and slices of time for pictures."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from controller.domain.pacing.board import Decision
from controller.simulator.people import End

SLICE_SECONDS = 300.0
WAIT_STEP_SECONDS = 0.05
JUDGED_AFTER = 300
"""Answers from which on the running abandon rate is watched; before, one person is too large a share."""


@dataclass(slots=True)
class Slice:
    """One stretch of :data:`SLICE_SECONDS`. staffed_seconds, channel_seconds: agents at work and calls in progress, over time;
    binding: seconds by what bound."""

    calls: int = 0
    connected: int = 0
    abandoned: int = 0
    busy_seconds: float = 0.0
    staffed_seconds: float = 0.0
    channel_seconds: float = 0.0
    binding: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(slots=True)
class Course:
    """One campaign's counts. agents: most who were at work; seconds: how long it was dialled, set at the end; waits: people who
    reached an agent, by how many whole :data:`WAIT_STEP_SECONDS` they had waited."""

    agents: int
    seconds: float = 0.0
    calls: int = 0
    connected: int = 0
    machines_connected: int = 0
    abandoned: int = 0
    ends: Counter[End] = field(default_factory=Counter)
    waited_seconds: float = 0.0
    waits: Counter[int] = field(default_factory=Counter)
    longest_wait_seconds: float = 0.0
    worst_running_rate: float = 0.0
    peak_channels: int = 0
    slices: list[Slice] = field(default_factory=list)
    _bound: tuple[float, str, int, int] = (0.0, "", 0, 0)

    def launched(self, now: float) -> None:
        self.calls += 1
        self._slice(now).calls += 1

    def ended(self, end: End) -> None:
        """A call ended without a person."""
        self.ends[end] += 1

    def connect(self, now: float, waited_seconds: float, machine: bool = False) -> None:
        """A person reached an agent or the bot, or a machine that nobody told from a person."""
        self.connected += 1
        self.machines_connected += machine
        self.waited_seconds += waited_seconds
        self.waits[math.ceil(waited_seconds / WAIT_STEP_SECONDS)] += 1
        self.longest_wait_seconds = max(self.longest_wait_seconds, waited_seconds)
        self._slice(now).connected += 1
        self._watch_rate()

    def abandon(self, now: float) -> None:
        """A person found nobody in time."""
        self.abandoned += 1
        self._slice(now).abandoned += 1
        self._watch_rate()

    def busy(self, now: float, seconds: float) -> None:
        """An agent talked or wrapped up for so long until now."""
        left, end = seconds, now
        while left > 1e-9:
            begin = max(end - left, (end - 1e-9) // SLICE_SECONDS * SLICE_SECONDS, 0.0)
            self._slice(begin).busy_seconds += end - begin
            left -= end - begin
            if begin <= 0.0:
                break
            end = begin

    def decided(self, now: float, decision: Decision, channels: int, staffed: int) -> None:
        """What binds from now on, how many calls are in progress and how many agents at work."""
        self._until(now)
        self._bound = (now, decision.binding, channels, staffed)
        self.peak_channels = max(self.peak_channels, channels)

    def end(self, now: float) -> None:
        """Nothing more happens."""
        self._until(now)
        self.seconds = now

    def _until(self, now: float) -> None:
        since, binding, channels, staffed = self._bound
        while since < now:
            end = min(now, (since // SLICE_SECONDS + 1) * SLICE_SECONDS)
            current = self._slice(since)
            current.binding[binding] += end - since
            current.channel_seconds += channels * (end - since)
            current.staffed_seconds += staffed * (end - since)
            since = end

    @property
    def busy_seconds(self) -> float:
        return sum(part.busy_seconds for part in self.slices)

    @property
    def occupancy(self) -> float:
        """Talk and wrap-up over staffed time, 0.0 to 1.0; 0.0 without agents."""
        staffed = sum(part.staffed_seconds for part in self.slices)
        return self.busy_seconds / staffed if staffed else 0.0

    @property
    def answered(self) -> int:
        """People who picked up."""
        return self.connected + self.abandoned

    @property
    def abandoned_share(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0

    def wait_seconds(self, share: float) -> float:
        """Within how long that share of the people who reached an agent did; 0.0 when nobody did."""
        left = share * self.connected
        for steps, people in sorted(self.waits.items()):
            left -= people
            if left <= 0:
                return steps * WAIT_STEP_SECONDS
        return 0.0

    def binding(self) -> dict[str, float]:
        """Seconds by what bound the pace, the longest first."""
        total: dict[str, float] = defaultdict(float)
        for part in self.slices:
            for name, seconds in part.binding.items():
                total[name] += seconds
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def _slice(self, at: float) -> Slice:
        place = int(at // SLICE_SECONDS)
        while len(self.slices) <= place:
            self.slices.append(Slice())
        return self.slices[place]

    def _watch_rate(self) -> None:
        if self.answered >= JUDGED_AFTER:
            self.worst_running_rate = max(self.worst_running_rate, self.abandoned / self.answered)
