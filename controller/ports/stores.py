"""What must last: attempts, leads, runs, counts of abandoned calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.domain.calls.record import AttemptDraft, AttemptEnd, OpenAttempt, Opening
from controller.domain.campaigns.plan import RunPlan
from controller.domain.hopper.lead import HopperLead, LeadState
from controller.domain.pacing.drop_guard import Reviewed, Tally, WindowName


class AttemptStore(Protocol):
    """The ledger of calls: SQLAlchemy · in memory. Both methods are one transaction for the whole batch."""

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        """Write ahead. One answer a draft, in order.

        OPENED: the attempt row is durable and the lead is DIALING. Otherwise no row exists. A second attempt with the same
        lead, or to a number that has a live attempt, is refused here whatever the caller believes.
        """
        ...

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """Write ends and move the leads. True for each attempt that was open until now; a repeat changes nothing."""
        ...

    def open_attempts_of(self, node: str) -> list[OpenAttempt]:
        """The live attempts that this controller placed."""
        ...


class LeadStore(Protocol):
    """Leads of runs: SQLAlchemy · in memory."""

    def claim(self, run_id: int, limit: int, now: float, leased_until: float) -> list[HopperLead]:
        """Up to ``limit`` leads: promised calls that are due, fresh ones by rank, others that are due by due time, promised
        calls of the next ten minutes. Each becomes HOPPER with a new claim."""
        ...

    def give_back(self, leads: Sequence[HopperLead]) -> int:
        """Leads that will not be dialled now return to where they were, if the claim still holds. How many did."""
        ...

    def defer(self, lead: HopperLead, due_at: float, reason: str) -> bool:
        """A gate refused: WAITING until ``due_at`` for ``reason``, if the claim still holds."""
        ...

    def hold(self, lead: HopperLead, leased_until: float) -> bool:
        """Keep a claimed lead in hand until that moment (it is shown to an agent), if the claim still holds."""
        ...

    def reap(self, now: float, limit: int = 5000) -> int:
        """Return leads whose lease lapsed. How many."""
        ...

    def close_waiting(self, run_id: int, into: LeadState, limit: int = 5000) -> int:
        """Fresh, waiting and hopper leads of a run become final ``into``; call until it returns 0."""
        ...

    def unfinished(self, run_id: int) -> bool:
        """Whether any lead of the run is not final."""
        ...

    def next_due(self, run_id: int) -> float | None:
        """Due time of the earliest waiting lead (0.0 while fresh ones are left); None when none waits."""
        ...


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run as the controller sees it. state: ``RunState`` value."""

    run_id: int
    number: int
    state: str
    plan: RunPlan


class RunStore(Protocol):
    """Which runs there are to dial."""

    def running(self) -> list[RunningRun]:
        """Runs that are active, paused or closing."""
        ...


class DropCounts(Protocol):
    """What the drop guard counts: SQLAlchemy · in memory."""

    def tallies(
        self, campaign_id: int, run_id: int, zone: str, now: float, machine_dispositions: Collection[str] = ()
    ) -> Mapping[WindowName, Tally]:
        """The campaign's ended calls that somebody picked up, by window; the run's window is that run's.

        zone: whose calendar month. now: UTC epoch seconds. machine_dispositions: by which agents say that a machine was on the
        line. A bot's first word later than two seconds makes its call an abandoned one.
        """
        ...

    def reviewed(self, campaign_id: int, now: float) -> Reviewed:
        """The campaign's calls of late that were taken for machines and that somebody has listened to."""
        ...
