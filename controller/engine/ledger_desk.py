"""Group commit: many calls' write-aheads and ends in one transaction, without a call waiting longer than for its own.

While one batch is in the database the next one gathers, so the batch grows with the load and no timer is needed. The store
runs in a native thread (it would block the loop); greenlets wait here.

When the database is away: write-aheads fail (no write-ahead, no call), ends are kept and written when it is back. A
write-ahead whose fate is unknown (the commit may have happened while the answer was lost) was never dialled: its row, if it
exists, is closed as ``not_dialled`` as soon as the database answers again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog
from gevent.event import AsyncResult, Event

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.engine.watch import Watch
from controller.errors import StoreDown, Unavailable
from controller.ports import AttemptStore, Clock, InThread

log = structlog.get_logger("ledger")

RETRY_SECONDS = 0.5
LARGEST_BATCH = 200
"""Attempts a transaction: a longer one would keep other writers waiting."""


class LedgerDesk:
    """One for a controller; ``run`` is its lasting greenlet."""

    def __init__(self, store: AttemptStore, in_thread: InThread, clock: Clock, watch: Watch) -> None:
        self._store = store
        self._in_thread = in_thread
        self._clock = clock
        self._watch = watch
        self._openings: list[tuple[Sequence[AttemptDraft], AsyncResult[list[Opening]]]] = []
        self._ends: list[AttemptEnd] = []
        self._work = Event()
        self._idle = Event()
        self._idle.set()
        self.healthy = True

    def open(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        """Write ahead; blocks the greenlet until the rows are durable. StoreDown: nothing may be dialled."""
        answer: AsyncResult[list[Opening]] = AsyncResult()
        self._openings.append((drafts, answer))
        self._work.set()
        openings = answer.get()
        assert openings is not None, "an opening is answered with a list or an error"
        return openings

    def close(self, end: AttemptEnd) -> None:
        """Hand over an end; it is written as soon as the database takes it."""
        self._ends.append(end)
        self._idle.clear()
        self._work.set()

    def flushed(self, seconds: float) -> bool:
        """Wait until every end is written; False when that took longer."""
        return bool(self._idle.wait(seconds))

    def run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while self._openings or self._ends:
                if not self._write_ends():
                    self._refuse_openings()
                    self._clock.sleep(RETRY_SECONDS)
                    continue
                self._write_openings()
            self._idle.set()

    def _write_ends(self) -> bool:
        """False when the database is away; nothing is lost then."""
        while self._ends:
            batch = self._ends[:LARGEST_BATCH]
            try:
                self._in_thread(partial(self._store.close_attempts, batch))
            except Unavailable as error:
                self._note(False, str(error))
                return False
            del self._ends[: len(batch)]
        self._note(True, "")
        return True

    def _write_openings(self) -> None:
        waiting, drafts = self._next_openings()
        if not drafts:
            return
        begun = self._clock.monotonic()
        try:
            answers = self._in_thread(partial(self._store.open_attempts, drafts))
        except Unavailable as error:
            self._note(False, str(error))
            for draft in drafts:
                self.close(never_dialled(draft, self._clock.now()))
            for _, answer in waiting:
                answer.set_exception(StoreDown(f"write-ahead failed: {error}"))
            return
        self._note(True, "")
        self._watch.wrote_ahead(len(drafts), self._clock.monotonic() - begun)
        at = 0
        for own, answer in waiting:
            answer.set(answers[at : at + len(own)])
            at += len(own)

    def _next_openings(self) -> tuple[list[tuple[Sequence[AttemptDraft], AsyncResult[list[Opening]]]], list[AttemptDraft]]:
        waiting: list[tuple[Sequence[AttemptDraft], AsyncResult[list[Opening]]]] = []
        drafts: list[AttemptDraft] = []
        while self._openings and len(drafts) < LARGEST_BATCH:
            waiting.append(self._openings.pop(0))
            drafts += waiting[-1][0]
        return waiting, drafts

    def _refuse_openings(self) -> None:
        refused, self._openings = self._openings, []
        for _, answer in refused:
            answer.set_exception(StoreDown("the database is away; nothing is dialled without a write-ahead"))

    def _note(self, healthy: bool, why: str) -> None:
        if healthy != self.healthy:
            self.healthy = healthy
            log.warning("ledger", to="up" if healthy else "down", reason=why)


def never_dialled(draft: AttemptDraft, now: float) -> AttemptEnd:
    """The end of an attempt that may have been written but was certainly not dialled."""
    return AttemptEnd(
        attempt_id=draft.attempt_id,
        lead_id=draft.lead_id,
        run_id=draft.run_id,
        ended_at=now,
        outcome=Outcome.NOT_DIALLED,
        cause="write_ahead_unconfirmed",
        move=LeadMove(LeadState.WAITING, Outcome.NOT_DIALLED.value, due_at=now, charged=False),
    )
