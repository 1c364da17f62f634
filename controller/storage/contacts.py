"""Contact lists: making, finding, deleting, exporting; and who is using one.

Reading a file into a list lies in ``imports``. Two kinds of lists are never shown; no user's list can have their names:

- ``~new:<digest>.<mode>:<name>``  a list being filled from a file; it becomes ``<name>`` in one step when complete, so nobody
  ever sees half a list, or half the old one and half the new
- ``~gone:<id>:<name>``     a list that was deleted or replaced and whose contacts are still being removed, a chunk at a
  time, so that other writers do not wait

A list that a campaign uses (active, scheduled or paused, or with a run that has not ended) is neither deleted nor replaced;
appending is allowed, a run does not look at its lists again. Who starts a run calls ``lock_lists`` in the transaction that
makes the campaign active: on PostgreSQL that keeps a list from being replaced at the same moment (SQLite has one writer).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from controller.domain.campaigns.lifecycle import IN_USE, RunState
from controller.domain.contacts.phone import known_region
from controller.domain.site import NAME
from controller.errors import LimitReached, NotFound, Refused, WrongState
from controller.storage.database import Database
from controller.storage.tables import Base, CampaignRow, Run

CHUNK = 5_000
"""Rows a transaction: long enough to be quick, short enough that the controller's writes do not wait for long."""

LISTS = Base.metadata.tables["contact_lists"]
CONTACTS = Base.metadata.tables["contacts"]
NEW = "~new:"
GONE = "~gone:"
VISIBLE = ~LISTS.c.name.like("~%")

_LIVE_RUNS = (RunState.PREPARING, RunState.ACTIVE, RunState.PAUSED, RunState.CLOSING)


@dataclass(frozen=True, slots=True)
class ListInfo:
    """A list as it stands. columns: names of its variables; times are UTC epoch seconds."""

    id: int
    name: str
    region: str
    columns: tuple[str, ...]
    size: int
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class ExportedContact:
    """A contact on its way out."""

    phone: int
    attributes: dict[str, str]


class ContactStore:
    """Lists in the database. now: the clock, UTC epoch seconds."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def lists(self) -> list[ListInfo]:
        """Every list, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(LISTS).where(VISIBLE).order_by(LISTS.c.name))
            return [_info(row) for row in rows]

    def find(self, name: str) -> ListInfo:
        """NotFound when there is no such list."""
        with self._database.read() as connection:
            return found(connection, name)

    def create(self, name: str, region: str, limit: int) -> ListInfo:
        """An empty list. limit: how many lists there may be. Refused when the name is taken or bad, LimitReached."""
        with self._database.write() as connection:
            refuse_bad_name(name)
            if find_list(connection, name) is not None:
                raise Refused(f"list {name} exists already; import or append to it, or choose another name")
            insert_list(connection, name, name, region, self._now(), limit)
            return found(connection, name)

    def delete(self, name: str) -> int:
        """Remove a list; how many contacts it had. NotFound; WrongState while a campaign uses it."""
        with self._database.write() as connection:
            info = found(connection, name)
            refuse_if_used(connection, name, "delete")
            hide_unfinished(connection, name)
            hide(connection, info.id, name)
        self.purge()
        return info.size

    def purge(self) -> None:
        """Remove what is left of deleted and replaced lists, chunk by chunk. Harmless at any time, by anybody."""
        while True:
            with self._database.write() as connection:
                gone = connection.scalar(select(LISTS.c.id).where(LISTS.c.name.like(GONE + "%")).limit(1).with_for_update())
                if gone is None:
                    return
                some = select(CONTACTS.c.id).where(CONTACTS.c.list_id == gone).limit(CHUNK)
                if connection.execute(delete(CONTACTS).where(CONTACTS.c.id.in_(some))).rowcount == 0:
                    connection.execute(delete(LISTS).where(LISTS.c.id == gone))

    def export(self, name: str) -> Iterator[ExportedContact]:
        """Every contact in the order it came in, read chunk by chunk. NotFound, also when the list is deleted meanwhile."""
        list_id = self.find(name).id
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    select(CONTACTS.c.id, CONTACTS.c.phone, CONTACTS.c.attributes)
                    .where(CONTACTS.c.list_id == list_id, CONTACTS.c.id > last)
                    .order_by(CONTACTS.c.id)
                    .limit(CHUNK)
                ).all()
                if found(connection, name).id != list_id:
                    raise WrongState(f"list {name} was replaced while it was exported; export it again")
            if not rows:
                return
            for row in rows:
                yield ExportedContact(row.phone, orjson.loads(row.attributes))
            last = rows[-1].id

    def used_by(self, name: str) -> list[str]:
        """Names of the campaigns that keep the list from being deleted or replaced."""
        with self._database.read() as connection:
            return campaigns_using(connection, name)


def lock_lists(connection: Connection, names: Sequence[str]) -> list[ListInfo]:
    """The lists, in the order of ``names``, kept from being replaced or deleted until the transaction ends. NotFound."""
    rows = connection.execute(select(LISTS).where(VISIBLE, LISTS.c.name.in_(names)).order_by(LISTS.c.id).with_for_update())
    by_name = {row.name: _info(row) for row in rows}
    missing = [f"there is no list {name}" for name in names if name not in by_name]
    if missing:
        raise NotFound(*missing)
    return [by_name[name] for name in names]


def campaigns_using(connection: Connection, name: str) -> list[str]:
    """Campaigns that are active, scheduled or paused, or have a run that has not ended, and name the list."""
    live_run = exists().where(Run.campaign_id == CampaignRow.id, Run.state.in_([s.value for s in _LIVE_RUNS]))
    rows = connection.execute(
        select(CampaignRow.name, CampaignRow.spec)
        .where(or_(CampaignRow.state.in_([s.value for s in IN_USE]), live_run))
        .order_by(CampaignRow.name)
    )
    return [row.name for row in rows if name in row.spec.get("lists", ())]


def refuse_if_used(connection: Connection, name: str, verb: str) -> None:
    """WrongState while a campaign uses the list."""
    users = campaigns_using(connection, name)
    if users:
        raise WrongState(f"list {name} is in use by campaign {', '.join(users)}; stop it before you {verb} the list")


def find_list(connection: Connection, name: str, lock: bool = False) -> ListInfo | None:
    """lock: on PostgreSQL, others who want to change the list wait until the transaction ends."""
    query = select(LISTS).where(LISTS.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _info(row)


def found(connection: Connection, name: str) -> ListInfo:
    """The list of that name; NotFound."""
    info = None if name.startswith("~") else find_list(connection, name)
    if info is None:
        raise NotFound(f"there is no list {name}; `trunkline list ls` shows the lists there are")
    return info


def refuse_bad_name(name: str) -> None:
    """Refused unless users' lists can have this name."""
    if not re.fullmatch(NAME, name):
        raise Refused(f"{name!r} cannot name a list: letters, digits and _ . - only, at most 64, a letter or digit first")


def insert_list(connection: Connection, stored_as: str, name: str, region: str, now: float, limit: int) -> int:
    """A new empty list, called ``stored_as`` until it becomes ``name``; its id. Refused, LimitReached."""
    if not known_region(region):
        raise Refused(f"{region!r} is no region; use two capital letters such as IN, US or GB")
    count = connection.scalar(select(func.count()).select_from(LISTS).where(VISIBLE, LISTS.c.name != name)) or 0
    if count >= limit:
        raise LimitReached(f"there are {count} lists, the limit; delete one or raise limits.lists")
    row = {
        "name": stored_as,
        "region": region,
        "columns": [],
        "size": 0,
        "created_at": now,
        "updated_at": now,
    }
    return int(connection.execute(insert(LISTS).values(row).returning(LISTS.c.id)).scalar_one())


def hide(connection: Connection, list_id: int, name: str) -> None:
    """Take a list out of sight, for ``purge`` to remove."""
    connection.execute(update(LISTS).where(LISTS.c.id == list_id).values(name=f"{GONE}{list_id}:{name}"))


def hide_unfinished(connection: Connection, name: str, but: str = "") -> None:
    """Put aside lists that were on their way to becoming ``name``, except the one stored as ``but``."""
    rows = connection.execute(select(LISTS.c.id, LISTS.c.name).where(LISTS.c.name.like(NEW + "%"))).all()
    for row in rows:
        if row.name.rpartition(":")[2] == name and row.name != but:
            hide(connection, row.id, name)


def _info(row: Row[Any]) -> ListInfo:
    return ListInfo(
        id=row.id,
        name=row.name,
        region=row.region,
        columns=tuple(row.columns),
        size=row.size,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
