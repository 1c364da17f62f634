"""Leads, attempts and runs in memory: the same promises as the database's, for stories and the simulator.

Fulfils the ports ``LeadStore``, ``AttemptStore``, ``RunStore`` and ``DropCounts`` in one class, because they speak of the same
leads; one lock makes each call the transaction that it is in the database. Nothing lasts. How leads get here is up to the
teller of the story: ``add_run``, ``add_leads``, ``add_dnc``.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, OpenAttempt, Opening
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.plan import RunPlan
from controller.domain.hopper.lead import HopperLead, LeadState
from controller.domain.pacing.drop_guard import Reviewed, Tally, WindowName
from controller.domain.pacing.drop_windows import SlotTally, by_window, slot_of, window_starts
from controller.ports import RunningRun
from controller.storage.settling import in_run

GLOBAL_LIST = 1
"""Id of the do-not-call list that applies to every campaign."""


@dataclass(slots=True)
class MemoryLead:
    """The columns of ``tables.Lead`` that a lead needs here."""

    id: int
    run_id: int
    contact_id: int
    phone: int
    rank: int
    attributes: str
    state: LeadState = LeadState.FRESH
    attempts: int = 0
    uncharged: int = 0
    due_at: float | None = None
    reason: str = ""
    last_outcome: str | None = None
    claim: str | None = None
    claimed_until: float | None = None


@dataclass(slots=True)
class MemoryAttempt:
    """end: None while the call lives."""

    draft: AttemptDraft
    end: AttemptEnd | None = None


@dataclass(slots=True)
class MemoryRun:
    """fresh: (rank, lead id); waiting: (due_at, lead id); both heaps may hold leads that have moved on since."""

    number: int
    plan: RunPlan
    state: RunState
    closing_reason: str | None = None
    leads: list[MemoryLead] = field(default_factory=list)
    fresh: list[tuple[float, int]] = field(default_factory=list)
    waiting: list[tuple[float, int]] = field(default_factory=list)
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)


class MemoryStore:
    """number_busy_seconds: a lead whose number is on another call is due again after this."""

    def __init__(self, number_busy_seconds: float = 60.0) -> None:
        self._number_busy_seconds = number_busy_seconds
        self._lock = threading.RLock()
        self._runs: dict[int, MemoryRun] = {}
        self._leads: dict[int, MemoryLead] = {}
        self._hopper: set[int] = set()
        self._attempts: dict[str, MemoryAttempt] = {}
        self._live: dict[int, str] = {}  # phone → attempt
        self._abandoned: dict[int, float] = {}  # phone → end of its last abandoned call
        self._dnc: set[tuple[int, int]] = set()
        self._claims = 0

    def add_run(self, plan: RunPlan, number: int = 1, state: RunState = RunState.ACTIVE) -> int:
        """A new run; its id."""
        with self._lock:
            run_id = len(self._runs) + 1
            self._runs[run_id] = MemoryRun(number, plan, state)
            return run_id

    def add_leads(self, run_id: int, contacts: Iterable[tuple[int, str]]) -> None:
        """Fresh leads after those that are there. contacts: phone (E.164 digits) and attributes (JSON object of texts)."""
        with self._lock:
            run = self._runs[run_id]
            for phone, attributes in contacts:
                lead_id = len(self._leads) + 1
                lead = MemoryLead(lead_id, run_id, lead_id, phone, rank=len(run.leads), attributes=attributes)
                self._leads[lead_id] = lead
                run.leads.append(lead)
                heapq.heappush(run.fresh, (lead.rank, lead_id))
                run.totals["lead", lead.state.word] += 1

    def add_dnc(self, list_id: int, phones: Iterable[int]) -> None:
        """Numbers of a do-not-call list."""
        with self._lock:
            self._dnc.update((list_id, phone) for phone in phones)

    def set_run_state(self, run_id: int, state: RunState, closing_reason: str | None = None) -> None:
        """As a pause, a stop or the end of a window would."""
        with self._lock:
            run = self._runs[run_id]
            run.state = state
            run.closing_reason = run.closing_reason or closing_reason

    def leads(self, run_id: int) -> list[MemoryLead]:
        """A run's leads by rank, to look at."""
        return self._runs[run_id].leads

    def attempts(self) -> list[MemoryAttempt]:
        """All attempts in the order they were opened, to look at."""
        return list(self._attempts.values())

    def totals(self, run_id: int) -> dict[str, dict[str, int]]:
        """As ``SqlRunStore.totals``."""
        found: dict[str, dict[str, int]] = {"lead": {}, "outcome": {}, "attempt": {}}
        for (kind, name), value in sorted(self._runs[run_id].totals.items()):
            found[kind][name] = value
        return found

    # RunStore

    def running(self) -> list[RunningRun]:
        dialled = (RunState.ACTIVE, RunState.PAUSED, RunState.CLOSING)
        with self._lock:
            return [
                RunningRun(run_id, run.number, run.state.value, run.plan)
                for run_id, run in self._runs.items()
                if run.state in dialled
            ]

    # LeadStore

    def claim(self, run_id: int, limit: int, now: float, leased_until: float) -> list[HopperLead]:
        with self._lock:
            run = self._runs[run_id]
            claimed: list[HopperLead] = []
            while run.state is RunState.ACTIVE and len(claimed) < limit:
                lead = self._front(run.fresh, LeadState.FRESH)
                heap = run.fresh
                if lead is None:
                    lead, heap = self._front(run.waiting, LeadState.WAITING), run.waiting
                    if lead is None or heap[0][0] > now:
                        break
                heapq.heappop(heap)
                self._claims += 1
                lead.claim, lead.claimed_until = f"{self._claims:016x}", leased_until
                self._move(lead, LeadState.HOPPER, lead.due_at, lead.reason)
                claimed.append(
                    HopperLead(
                        lead.id,
                        run_id,
                        lead.contact_id,
                        lead.phone,
                        lead.attempts,
                        lead.uncharged,
                        lead.claim,
                        leased_until,
                        lead.attributes,
                    )
                )
            return claimed

    def give_back(self, leads: Sequence[HopperLead]) -> int:
        with self._lock:
            return sum(self._return(held) for lead in leads if (held := self._held(lead.lead_id, lead.claim)))

    def defer(self, lead: HopperLead, due_at: float, reason: str) -> bool:
        with self._lock:
            held = self._held(lead.lead_id, lead.claim)
            if held is not None:
                self._move(held, LeadState.WAITING, due_at, reason)
            return held is not None

    def hold(self, lead: HopperLead, leased_until: float) -> bool:
        with self._lock:
            held = self._held(lead.lead_id, lead.claim)
            if held is not None:
                held.claimed_until = leased_until
            return held is not None

    def reap(self, now: float, limit: int = 5000) -> int:
        with self._lock:
            hopper = [self._leads[lead_id] for lead_id in self._hopper]
            lapsed = sorted((lead.claimed_until or 0.0, lead.id) for lead in hopper if (lead.claimed_until or 0.0) < now)
            return sum(self._return(self._leads[lead_id]) for _until, lead_id in lapsed[:limit])

    def close_waiting(self, run_id: int, into: LeadState, limit: int = 5000) -> int:
        closable = (LeadState.FRESH, LeadState.WAITING, LeadState.HOPPER)
        with self._lock:
            waiting = [lead for lead in self._runs[run_id].leads if lead.state in closable][:limit]
            for lead in waiting:
                self._move(lead, into, None, into.word)
            return len(waiting)

    def unfinished(self, run_id: int) -> bool:
        with self._lock:
            return any(not lead.state.final for lead in self._runs[run_id].leads)

    def next_due(self, run_id: int) -> float | None:
        with self._lock:
            run = self._runs[run_id]
            if self._front(run.fresh, LeadState.FRESH) is not None:
                return 0.0
            return None if self._front(run.waiting, LeadState.WAITING) is None else run.waiting[0][0]

    # DropCounts; nobody gives dispositions, reports first words or listens to recordings here

    def tallies(
        self, campaign_id: int, run_id: int, zone: str, now: float, machine_dispositions: Collection[str] = ()
    ) -> Mapping[WindowName, Tally]:
        with self._lock:
            ended = [
                (attempt.draft.run_id, attempt.end)
                for attempt in self._attempts.values()
                if attempt.draft.campaign_id == campaign_id and attempt.end is not None
            ]
        slots = [
            SlotTally(
                slot_of(end.ended_at),
                of_run,
                Tally(
                    connected=int(end.outcome is Outcome.ANSWERED and end.connected_at is not None),
                    abandoned=int(end.outcome is Outcome.ABANDONED),
                    machines_hung_up=int(end.outcome is Outcome.MACHINE),
                ),
            )
            for of_run, end in ended
            if end.answered_at is not None
        ]
        return by_window(slots, run_id, window_starts(now, zone))

    def reviewed(self, campaign_id: int, now: float) -> Reviewed:
        return Reviewed()

    # AttemptStore

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        with self._lock:
            return [self._open(draft) for draft in drafts]

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        with self._lock:
            return [self._close(end) for end in ends]

    def open_attempts_of(self, node: str) -> list[OpenAttempt]:
        with self._lock:
            live = [attempt.draft for attempt in self._attempts.values() if attempt.end is None]
            return [self._open_attempt(draft) for draft in live if draft.node == node]

    def _open(self, draft: AttemptDraft) -> Opening:
        lead = self._held(draft.lead_id, draft.claim)
        if lead is None or lead.run_id != draft.run_id or self._runs[lead.run_id].state is not RunState.ACTIVE:
            return Opening.CLAIM_LOST
        if lead.attempts >= draft.max_attempts:
            self._move(lead, LeadState.EXHAUSTED, None, "max_attempts")
            return Opening.CLAIM_LOST
        if any((list_id, draft.phone) in self._dnc for list_id in draft.dnc_list_ids):
            self._move(lead, LeadState.DNC, None, "dnc")
            return Opening.DNC
        until = self._abandoned.get(draft.phone, -math.inf) + draft.quiet_seconds
        if draft.created_at < until:
            self._move(lead, LeadState.WAITING, until, "quiet")
            return Opening.QUIET
        if draft.phone in self._live:
            self._move(lead, LeadState.WAITING, draft.created_at + self._number_busy_seconds, "number_live")
            return Opening.NUMBER_LIVE
        self._attempts[draft.attempt_id] = MemoryAttempt(draft)
        self._live[draft.phone] = draft.attempt_id
        self._move(lead, LeadState.DIALING, None, "")
        self._runs[lead.run_id].totals["attempt", "made"] += 1
        return Opening.OPENED

    def _close(self, end: AttemptEnd) -> bool:
        attempt = self._attempts.get(end.attempt_id)
        if attempt is None or attempt.end is not None:
            return False
        attempt.end = end
        del self._live[attempt.draft.phone]
        if end.outcome is Outcome.ABANDONED:
            self._abandoned[attempt.draft.phone] = max(end.ended_at, self._abandoned.get(attempt.draft.phone, -math.inf))
        if end.opted_out:
            self._dnc.add((end.opt_out_list or GLOBAL_LIST, attempt.draft.phone))
        lead = self._leads[attempt.draft.lead_id]
        run = self._runs[lead.run_id]
        run.totals["outcome", end.outcome.value] += 1
        if end.move.charged:
            run.totals["attempt", "charged"] += 1
            lead.attempts, lead.uncharged = lead.attempts + 1, 0
        else:
            lead.uncharged += 1
        lead.last_outcome = end.outcome.value
        move = in_run(end.move, run.state.value, run.closing_reason)
        self._move(lead, move.state, move.due_at, move.reason)
        return True

    def _open_attempt(self, draft: AttemptDraft) -> OpenAttempt:
        lead = self._leads[draft.lead_id]
        return OpenAttempt(
            draft.attempt_id,
            draft.lead_id,
            draft.run_id,
            draft.campaign_id,
            self._runs[draft.run_id].plan.campaign,
            draft.contact_id,
            draft.phone,
            draft.caller_id,
            draft.carrier,
            draft.node,
            draft.created_at,
            lead.attempts,
            lead.uncharged,
        )

    def _held(self, lead_id: int, claim: str) -> MemoryLead | None:
        lead = self._leads.get(lead_id)
        return lead if lead and lead.state is LeadState.HOPPER and lead.claim == claim else None

    def _return(self, lead: MemoryLead) -> int:
        home = LeadState.FRESH if lead.due_at is None else LeadState.WAITING
        self._move(lead, home, lead.due_at, lead.reason)
        return 1

    def _move(self, lead: MemoryLead, state: LeadState, due_at: float | None, reason: str) -> None:
        if state is LeadState.WAITING and due_at is None:
            raise ValueError("a waiting lead needs a due time")
        run = self._runs[lead.run_id]
        run.totals["lead", lead.state.word] -= 1
        run.totals["lead", state.word] += 1
        lead.state, lead.due_at, lead.reason = state, due_at, reason
        if state is LeadState.HOPPER:
            self._hopper.add(lead.id)
            return
        self._hopper.discard(lead.id)
        lead.claim = lead.claimed_until = None
        if state is LeadState.FRESH:
            heapq.heappush(run.fresh, (lead.rank, lead.id))
        elif due_at is not None:
            heapq.heappush(run.waiting, (due_at, lead.id))

    def _front(self, heap: list[tuple[float, int]], state: LeadState) -> MemoryLead | None:
        """The first lead of a heap that still stands there; what has moved on is dropped."""
        while heap:
            lead = self._leads[heap[0][1]]
            if lead.state is state and heap[0][0] == (lead.rank if state is LeadState.FRESH else lead.due_at):
                return lead
            heapq.heappop(heap)
        return None
