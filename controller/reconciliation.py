"""The ledger of attempts held against the switch's journal and a carrier's file, call for call; repaired where that is certain.

The journal goes through in portions, each looked up in the ledger; attempts that no line spoke of are looked at afterwards.
What counts as a difference is decided in ``domain/reconcile``. A repair writes the end that the journal proves, with its line
in the audit, in one transaction; whoever wrote the end first wins, a running controller included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from controller.domain.calls.events import HungUp
from controller.domain.campaigns.plan import RunPlan
from controller.domain.reconcile.calls import Difference, Kind, Recorded, compare, without_attempt
from controller.domain.reconcile.carrier import CarrierRecord
from controller.storage.attempts import SqlAttemptStore
from controller.storage.audit import Audit
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.one_transaction import one_transaction
from controller.storage.reconciling import Reconciling
from controller.storage.runs import SqlRunStore, StoredRun

PORTION = 5000
"""Lines of the journal that are looked up together."""

Line = tuple[str, HungUp]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which attempts are compared. campaign: None = all. run: its number, None = all. node: whose journal it is."""

    campaign: str | None
    run: int | None
    node: str


@dataclass(slots=True)
class Report:
    """lines: calls in the journal. attempts: compared with it. in_progress: open ones that may well be. before_journal: ended
    before the journal begins, so that it proves nothing about them. repaired: attempts whose end was written."""

    lines: int = 0
    attempts: int = 0
    in_progress: int = 0
    before_journal: int = 0
    carrier_calls: int = 0
    differences: list[Difference] = field(default_factory=list)
    repaired: set[str] = field(default_factory=set)

    @property
    def remaining(self) -> list[Difference]:
        return [one for one in self.differences if one.end is None or one.attempt_id not in self.repaired]


class Reconciliation:
    """One comparison. now: UTC epoch seconds. Which campaign or run there is, is the caller's to know."""

    def __init__(self, database: Database, scope: Scope, now: float) -> None:
        self._database = database
        self._attempts = Reconciling(database)
        self._runs = SqlRunStore(database)
        self._scope = scope
        self._now = now
        self._all_runs = [run for stored in CampaignStore(database).all() for run in self._runs.of(stored.id)]
        self._in_scope = {run.id: run for run in self._all_runs if self._wanted(run)}
        self.report = Report()

    def with_journal(self, lines: Iterable[Line]) -> None:
        """Compare with the journal's lines, oldest first."""
        spoken_of: set[str] = set()
        begin: float | None = None
        since = min((run.started_at for run in self._in_scope.values()), default=float("inf"))
        for portion in _portions(lines):
            fresh = {attempt_id: end for attempt_id, end in portion if attempt_id not in spoken_of}
            begin = min(end.at for _, end in portion) if begin is None else begin
            spoken_of.update(fresh)
            known = self._attempts.by_id(list(fresh))
            for attempt_id, end in fresh.items():
                attempt = known.get(attempt_id)
                if attempt is not None:
                    self._compare(attempt, end)
                elif end.at >= since:
                    self.report.differences.append(without_attempt(attempt_id, end))
        self.report.lines = len(spoken_of)
        for run in self._in_scope.values():
            for attempt in self._attempts.of_run(run.id):
                if attempt.node == self._scope.node and attempt.attempt_id not in spoken_of:
                    self._without_line(attempt, begin)

    def with_carrier(self, record: CarrierRecord, carrier: str | None) -> None:
        """Compare with a carrier's calls. carrier: its name in the site; None = the file speaks of all carriers.

        Attempts outside the file's period are left alone; calls of campaigns outside the scope count as known.
        """
        self.report.carrier_calls = len(record)
        period = record.period()
        if period is None:
            return
        last: list[tuple[StoredRun, Recorded]] = []  # a refused call must not claim the one that was made in its place
        for run in self._all_runs:
            for attempt in self._attempts.of_run(run.id, period):
                if carrier is not None and attempt.carrier != carrier:
                    continue
                if attempt.maybe_refused_here:
                    last.append((run, attempt))
                else:
                    self._match(record, run, attempt)
        for run, attempt in last:
            self._match(record, run, attempt)
        self.report.differences += record.unclaimed()

    def repair(self, by: str) -> None:
        """Write the ends that are certain. by: who, for the audit."""
        for one in self.report.differences:
            if one.end is None:
                continue
            with one_transaction(self._database) as joined:
                store = SqlAttemptStore(joined)
                if one.kind is Kind.STILL_OPEN:
                    done = store.close_attempts([one.end])[0]
                else:
                    done = store.correct_end(one.end)
                if done:
                    self.report.repaired.add(one.attempt_id)
                    args = {"attempt_id": one.attempt_id, "kind": one.kind.value}
                    Audit(joined).write(self._now, by, "reconcile", args, True, f"{one.ours} → {one.theirs}")

    def _match(self, record: CarrierRecord, run: StoredRun, attempt: Recorded) -> None:
        difference = record.match(attempt, _numbers(attempt, run.plan))
        if difference is not None and run.id in self._in_scope:
            self.report.differences.append(difference)

    def _wanted(self, run: StoredRun) -> bool:
        return self._scope.campaign in (None, run.plan.campaign) and self._scope.run in (None, run.number)

    def _compare(self, attempt: Recorded, end: HungUp) -> None:
        run = self._in_scope.get(attempt.run_id)
        if run is None:
            return
        self.report.attempts += 1
        difference = compare(attempt, run.plan, end, self._now)
        if difference is not None:
            self.report.differences.append(difference)

    def _without_line(self, attempt: Recorded, journal_begins: float | None) -> None:
        if attempt.ended_at is not None and journal_begins is not None and attempt.ended_at < journal_begins:
            self.report.before_journal += 1
            return
        self.report.attempts += 1
        difference = compare(attempt, self._in_scope[attempt.run_id].plan, None, self._now)
        if difference is not None:
            self.report.differences.append(difference)
        elif attempt.outcome is None:
            self.report.in_progress += 1


def _portions(lines: Iterable[Line]) -> Iterator[Sequence[Line]]:
    rest = iter(lines)
    while portion := list(islice(rest, PORTION)):
        yield portion


def _numbers(attempt: Recorded, plan: RunPlan) -> tuple[str, ...]:
    """What a carrier may call the number: as we store it, and as it was sent."""
    sent = [carrier.dial_number(attempt.phone) for carrier in plan.carriers if carrier.name == attempt.carrier]
    return (str(attempt.phone), *("".join(filter(str.isdigit, number)) for number in sent))
