"""Runs: one instance of a campaign each (features 1.4), their states, counters and closed windows (port ``RunStore``).

A run's state and its campaign's change in one transaction, or a crash between the two would leave a campaign active that
nobody dials. A run ends only when every one of its leads is final; the statement itself makes sure (invariant I2).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, Text, cast, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.campaigns.plan import RunPlan
from controller.errors import NotFound
from controller.ports import RunningRun
from controller.storage.database import Database
from controller.storage.driver_sql import execute
from controller.storage.leads import any_unfinished
from controller.storage.tables import NOT_ENDED, CampaignRow, Run, RunTotal

ENDED = frozenset({RunState.COMPLETED, RunState.STOPPED})


@dataclass(frozen=True, slots=True)
class StoredRun:
    """prepared_lists: lists whose leads are all there. closing_reason: why it closes or closed: ``stopped``,
    ``window_closed``, ``end_date``; None when every contact became final by itself. Times are UTC epoch seconds."""

    id: int
    campaign_id: int
    number: int
    state: RunState
    plan: RunPlan
    prepared_lists: int
    closing_reason: str | None
    started_at: float
    activated_at: float | None
    ended_at: float | None


class SqlRunStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, campaign_id: int, leaving: Collection[CampaignState], plan: RunPlan, now: float) -> StoredRun | None:
        """Make the campaign active with a new run in ``preparing``, numbered one above the last.

        None when the campaign is in none of the states that may be left, or has a run that has not ended.
        """
        change = (
            update(CampaignRow)
            .where(
                CampaignRow.id == campaign_id,
                CampaignRow.state.in_(sorted(leaving)),
                ~exists().where(Run.campaign_id == campaign_id, NOT_ENDED),
            )
            .values(state=CampaignState.ACTIVE.value, started_once=True, last_run_at=now, updated_at=now)
        )
        last = select(func.coalesce(func.max(Run.number), 0)).where(Run.campaign_id == campaign_id)
        try:
            with self._database.write() as connection:
                if connection.execute(change).rowcount != 1:
                    return None
                run_id = connection.execute(
                    insert(Run)
                    .values(
                        campaign_id=campaign_id,
                        number=connection.execute(last).scalar_one() + 1,
                        state=RunState.PREPARING.value,
                        plan=plan.model_dump(mode="json"),
                        started_at=now,
                    )
                    .returning(Run.id)
                ).scalar_one()
        except IntegrityError:
            return None  # the database's own guard: somebody else's run came first
        return self.get(run_id)

    def set_state(
        self,
        run_id: int,
        leaving: Collection[RunState],
        to: RunState,
        now: float,
        *,
        campaign: CampaignState | None = None,
        closing_reason: str | None = None,
    ) -> bool:
        """Move a run, and its campaign with it; False, and nothing changed, when the run is in none of ``leaving``, or when
        it would end while a lead is not final.

        closing_reason: kept once given.
        """
        values: dict[str, Any] = {"state": to.value}
        if closing_reason is not None:
            values["closing_reason"] = func.coalesce(Run.closing_reason, closing_reason)
        if to is RunState.ACTIVE:
            values["activated_at"] = func.coalesce(Run.activated_at, now)
        if to in ENDED:
            values["ended_at"] = now
        run = select(Run.campaign_id).where(Run.id == run_id, Run.state.in_(sorted(leaving))).with_for_update()
        with self._database.write() as connection:
            campaign_id = connection.execute(run).scalar()
            if campaign_id is None or (to in ENDED and any_unfinished(connection, run_id)):
                return False
            connection.execute(update(Run).where(Run.id == run_id).values(**values))
            if campaign is not None:
                connection.execute(
                    update(CampaignRow).where(CampaignRow.id == campaign_id).values(state=campaign.value, updated_at=now)
                )
        return True

    def set_plan(self, run_id: int, plan: RunPlan) -> bool:
        """A paused campaign was edited; False when the run has ended."""
        change = update(Run).where(Run.id == run_id, NOT_ENDED).values(plan=plan.model_dump(mode="json"))
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    def running(self) -> list[RunningRun]:
        """See the port."""
        dialled = (RunState.ACTIVE, RunState.PAUSED, RunState.CLOSING)
        return [RunningRun(run.id, run.number, run.state.value, run.plan) for run in self.in_states(dialled)]

    def in_states(self, states: Collection[RunState]) -> list[StoredRun]:
        """All runs in those states, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(_columns().where(Run.state.in_(sorted(states))).order_by(Run.id))
            return [_stored(row) for row in rows]

    def get(self, run_id: int) -> StoredRun:
        """``NotFound`` when there is none."""
        with self._database.read() as connection:
            row = connection.execute(_columns().where(Run.id == run_id)).first()
        if row is None:
            raise NotFound(f"no run with id {run_id}")
        return _stored(row)

    def of(self, campaign_id: int) -> list[StoredRun]:
        """A campaign's runs, first one first."""
        with self._database.read() as connection:
            rows = connection.execute(_columns().where(Run.campaign_id == campaign_id).order_by(Run.number))
            return [_stored(row) for row in rows]

    def by_number(self, campaign_id: int, number: int | None = None) -> StoredRun | None:
        """A campaign's run of that number, or its last; None when there is none."""
        query = _columns().where(Run.campaign_id == campaign_id)
        query = query.order_by(Run.number.desc()) if number is None else query.where(Run.number == number)
        with self._database.read() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _stored(row)

    def totals(self, run_id: int) -> dict[str, dict[str, int]]:
        """Counters by kind and name: ``lead``, ``outcome``, ``disposition``, ``attempt`` (``made``, ``charged``)."""
        found: dict[str, dict[str, int]] = {"lead": {}, "outcome": {}, "attempt": {}, "disposition": {}}
        with self._database.read() as connection:
            query = select(RunTotal.kind, RunTotal.name, RunTotal.value).where(RunTotal.run_id == run_id)
            for kind, name, value in connection.execute(query.order_by(RunTotal.kind, RunTotal.name)):
                found[kind][name] = value
        return found

    def lists_in_use(self) -> dict[int, str]:
        """Contact list → campaign, of runs that have not ended (features 1.12)."""
        running = self.in_states([state for state in RunState if state not in ENDED])
        return {list_id: run.plan.campaign for run in running for list_id in run.plan.list_ids}

    def close_window(self, run_id: int, window_ended_at: float, now: float) -> bool:
        """Note that a window of the run has been closed; True the first time only."""
        with self._database.write() as connection:
            noted = execute(
                connection,
                "INSERT INTO closed_windows (run_id, window_ended_at, closed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, window_ended_at, now),
            )
            return noted.rowcount == 1


def _columns() -> Select[*tuple[Any, ...]]:
    return select(
        Run.id,
        Run.campaign_id,
        Run.number,
        Run.state,
        cast(Run.plan, Text),
        Run.prepared_list,
        Run.closing_reason,
        Run.started_at,
        Run.activated_at,
        Run.ended_at,
    )


def _stored(row: Row[*tuple[Any, ...]]) -> StoredRun:
    run_id, campaign_id, number, state, plan, *rest = row
    return StoredRun(run_id, campaign_id, number, RunState(state), _plan(plan), *rest)


@lru_cache(maxsize=256)
def _plan(text: str) -> RunPlan:
    """Runs are read every pulse and plans hardly ever change; equal text is the same plan."""
    return RunPlan.model_validate_json(text)
