"""Campaigns as stored: what their owners wrote, their state, and when they last ran.

States change by comparison: ``set_state`` names the states it may leave, so two hands on one campaign cannot both win. Which
verb is allowed when, and what is locked after the first start, is decided by ``domain/campaigns/lifecycle.py`` and the admin
commands; runs are in ``runs.py``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from controller.domain.campaigns.campaign import Campaign
from controller.domain.campaigns.lifecycle import CampaignState
from controller.errors import NotFound, Refused, WrongState
from controller.storage.database import Database
from controller.storage.driver_sql import execute
from controller.storage.tables import NOT_ENDED, CampaignRow, Run


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """revision: counts changes, 1 at first. started_once: identity and contacts are locked (features 1.6). Times are UTC
    epoch seconds."""

    id: int
    name: str
    spec: Campaign
    state: CampaignState
    revision: int
    started_once: bool
    created_at: float
    updated_at: float
    last_run_at: float | None


class CampaignStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, spec: Campaign, state: CampaignState, now: float) -> StoredCampaign:
        """``Refused`` when the name is taken."""
        values = {"name": spec.name, "spec": spec.model_dump(mode="json"), "state": state.value}
        try:
            with self._database.write() as connection:
                connection.execute(insert(CampaignRow).values(**values, created_at=now, updated_at=now))
        except IntegrityError as error:
            raise Refused(f"campaign {spec.name} exists already; choose another name, or change that one") from error
        return self.get(spec.name)

    def update(self, campaign_id: int, revision: int, spec: Campaign, now: float) -> bool:
        """Replace what the owner wrote (the name too); False when somebody else changed the campaign since ``revision``.

        ``Refused`` when the new name is taken.
        """
        values = {"name": spec.name, "spec": spec.model_dump(mode="json"), "revision": revision + 1, "updated_at": now}
        change = update(CampaignRow).where(CampaignRow.id == campaign_id, CampaignRow.revision == revision).values(**values)
        try:
            with self._database.write() as connection:
                return connection.execute(change).rowcount == 1
        except IntegrityError as error:
            raise Refused(f"campaign {spec.name} exists already; choose another name") from error

    def find(self, name: str) -> StoredCampaign | None:
        """None when there is no campaign of that name."""
        with self._database.read() as connection:
            row = connection.execute(_columns().where(CampaignRow.name == name)).first()
        return None if row is None else _stored(row)

    def get(self, name: str) -> StoredCampaign:
        """``NotFound`` when there is no campaign of that name."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"no campaign named {name}; `trunkline campaign ls` shows what there is")
        return found

    def all(
        self,
        *,
        states: Collection[CampaignState] | None = None,
        title: str | None = None,
        sort: Literal["name", "last_run", "priority"] = "name",
    ) -> list[StoredCampaign]:
        """Those in ``states`` whose name contains ``title`` in any case; latest run, or highest priority, first."""
        query = _columns().order_by(CampaignRow.name)
        if states is not None:
            query = query.where(CampaignRow.state.in_(sorted(states)))
        if title is not None:
            query = query.where(CampaignRow.name.icontains(title, autoescape=True))
        with self._database.read() as connection:
            found = [_stored(row) for row in connection.execute(query)]
        if sort == "last_run":
            found.sort(key=lambda campaign: campaign.last_run_at or 0.0, reverse=True)
        elif sort == "priority":
            found.sort(key=lambda campaign: campaign.spec.priority, reverse=True)
        return found

    def set_state(self, campaign_id: int, leaving: Collection[CampaignState], to: CampaignState, now: float) -> bool:
        """False when the campaign is in none of the states that may be left."""
        change = (
            update(CampaignRow)
            .where(CampaignRow.id == campaign_id, CampaignRow.state.in_(sorted(leaving)))
            .values(state=to.value, updated_at=now)
        )
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    def clone(self, name: str, new_name: str, now: float) -> StoredCampaign:
        """A draft with everything of the other but its name, schedule and runs (features 1.7)."""
        spec = self.get(name).spec.model_copy(update={"name": new_name})
        return self.create(Campaign.model_validate(spec.model_dump()), CampaignState.DRAFT, now)

    def delete(self, campaign_id: int, allowed: Collection[CampaignState], portion: int = 5000) -> None:
        """Remove the campaign with its runs, leads and attempts.

        In portions, so that nobody waits for the write lock; one that was interrupted is finished by the next. ``WrongState``
        when the campaign is in a state outside ``allowed`` or has a run that has not ended.
        """
        deletable = (
            CampaignRow.id == campaign_id,
            CampaignRow.state.in_(sorted(allowed)),
            ~exists().where(Run.campaign_id == campaign_id, NOT_ENDED),
        )
        while True:
            with self._database.write() as connection:
                if connection.execute(select(CampaignRow.id).where(*deletable).with_for_update()).first() is None:
                    raise WrongState("the campaign has a run that has not ended; stop it first")
                removed = 0
                for table in ("attempts", "leads"):
                    removed += execute(
                        connection,
                        f"DELETE FROM {table} WHERE id IN (SELECT t.id FROM {table} t WHERE t.run_id IN "
                        "(SELECT r.id FROM runs r WHERE r.campaign_id = ?) LIMIT ?)",
                        (campaign_id, portion),
                    ).rowcount
                if removed == 0:
                    connection.execute(delete(CampaignRow).where(CampaignRow.id == campaign_id))
                    return


def _columns() -> Select[*tuple[Any, ...]]:
    row = CampaignRow
    return select(
        row.id,
        row.name,
        row.spec,
        row.state,
        row.revision,
        row.started_once,
        row.created_at,
        row.updated_at,
        row.last_run_at,
    )


def _stored(row: Row[*tuple[Any, ...]]) -> StoredCampaign:
    campaign_id, name, spec, state, *rest = row
    return StoredCampaign(campaign_id, name, Campaign.model_validate(spec), CampaignState(state), *rest)
