"""Do-not-call lists: the one named ``global`` applies to every campaign, others to the campaigns that name them.

A number on a list is not rung, whatever else is known of it; ``numbers_on`` is asked again at the moment of dialling.
When a run is scrubbed and what then becomes of a lead is decided elsewhere (``jobs``, ``engine``). A list comes into being
when it is first named, so that a run started today knows the ids of lists that are filled tomorrow.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from controller.domain.site import NAME
from controller.errors import LimitReached, NotFound, Refused
from controller.storage.database import Database
from controller.storage.driver_sql import execute, flat, portions, row_marks
from controller.storage.tables import Base

GLOBAL = "global"
CHUNK = 5_000
LOOKUP = 1_000
"""Numbers looked up by one statement."""

DNC_LISTS = Base.metadata.tables["dnc_lists"]
DNC_NUMBERS = Base.metadata.tables["dnc_numbers"]


@dataclass(frozen=True, slots=True)
class DncLimits:
    """features 1.13."""

    lists: int
    numbers_per_list: int
    numbers: int


@dataclass(frozen=True, slots=True)
class DncEntry:
    """A number on a list. added_at: UTC epoch seconds."""

    list_name: str
    phone: int
    reason: str
    added_at: float


class DncStore:
    """now: the clock, UTC epoch seconds."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def ids(self) -> dict[str, int]:
        """Every list: name → id. ``global`` is always among them, so a run that starts before the first number is listed
        knows where to look."""
        with self._database.write() as connection:
            _id_of(connection, GLOBAL, self._now(), limit=None)
            return {row.name: row.id for row in connection.execute(select(DNC_LISTS.c.id, DNC_LISTS.c.name))}

    def make(self, list_name: str, limits: DncLimits) -> int:
        """The list's id; it is made when there is none. Refused: a bad name. LimitReached: too many lists."""
        with self._database.write() as connection:
            return _id_of(connection, list_name, self._now(), limits.lists)

    def numbers_on(self, list_ids: Sequence[int], phones: Sequence[int]) -> set[int]:
        """Those of ``phones`` (E.164 digits) that are on any of the lists."""
        with self._database.read() as connection:
            return numbers_on(connection, list_ids, phones)

    def add(self, list_name: str, reasons: Mapping[int, str], limits: DncLimits) -> int:
        """Put numbers on a list, in one transaction: number → why. How many were not on it yet. A list that does not exist
        is made.

        Refused: a bad name for a list. LimitReached: lists or numbers would be too many; then none is added.
        """
        with self._database.write() as connection:
            list_id = _id_of(connection, list_name, self._now(), limits.lists)
            known = numbers_on(connection, [list_id], list(reasons))
            new = sorted(phone for phone in reasons if phone not in known)
            if not new:
                return 0
            _refuse_beyond_limits(connection, list_id, list_name, len(new), limits)
            now = self._now()
            for some in portions(new):
                rows = ((list_id, phone, reasons[phone], now) for phone in some)
                sql = "INSERT INTO dnc_numbers (list_id, phone, reason, added_at) VALUES "
                execute(connection, sql + row_marks(len(some), 4), flat(rows))
            return len(new)

    def remove(self, list_name: str, phones: Sequence[int]) -> int:
        """Take numbers off a list; how many were on it. NotFound: no such list."""
        with self._database.write() as connection:
            list_id = _existing(connection, list_name)
            removed = 0
            for start in range(0, len(phones), LOOKUP):
                some = DNC_NUMBERS.c.phone.in_(phones[start : start + LOOKUP])
                removed += connection.execute(delete(DNC_NUMBERS).where(DNC_NUMBERS.c.list_id == list_id, some)).rowcount
            return removed

    def export(self, list_name: str) -> Iterator[DncEntry]:
        """Every number of a list, ascending, read chunk by chunk. NotFound."""
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    select(DNC_NUMBERS)
                    .where(DNC_NUMBERS.c.list_id == _existing(connection, list_name), DNC_NUMBERS.c.phone > last)
                    .order_by(DNC_NUMBERS.c.phone)
                    .limit(CHUNK)
                ).all()
            if not rows:
                return
            for row in rows:
                yield DncEntry(list_name, row.phone, row.reason, row.added_at)
            last = rows[-1].phone

    def entries_of(self, phone: int) -> list[DncEntry]:
        """Where a number is listed, by list name."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(DNC_LISTS.c.name, DNC_NUMBERS.c.reason, DNC_NUMBERS.c.added_at)
                # Through the lists: the numbers' key begins with the list.
                .join(DNC_NUMBERS, DNC_NUMBERS.c.list_id == DNC_LISTS.c.id)
                .where(DNC_NUMBERS.c.phone == phone)
                .order_by(DNC_LISTS.c.name)
            )
            return [DncEntry(row.name, phone, row.reason, row.added_at) for row in rows]


def numbers_on(connection: Connection, list_ids: Sequence[int], phones: Sequence[int]) -> set[int]:
    """Those of ``phones`` that are on any of the lists, within a transaction of the caller's."""
    listed: set[int] = set()
    for start in range(0, len(phones), LOOKUP):
        some = phones[start : start + LOOKUP]
        listed.update(
            connection.scalars(
                select(DNC_NUMBERS.c.phone).where(DNC_NUMBERS.c.list_id.in_(list_ids), DNC_NUMBERS.c.phone.in_(some))
            )
        )
    return listed


def _existing(connection: Connection, name: str) -> int:
    list_id: int | None = connection.scalar(select(DNC_LISTS.c.id).where(DNC_LISTS.c.name == name))
    if list_id is None:
        raise NotFound(f"there is no do-not-call list {name}")
    return list_id


def global_list(connection: Connection, now: float) -> int:
    """Id of the list that applies to every campaign; it is made when there is none."""
    return _id_of(connection, GLOBAL, now, limit=None)


def _id_of(connection: Connection, name: str, now: float, limit: int | None) -> int:
    """The list's id; made when it does not exist. limit: lists there may be."""
    known: int | None = connection.scalar(select(DNC_LISTS.c.id).where(DNC_LISTS.c.name == name))
    if known is not None:
        return known
    if not re.fullmatch(NAME, name):
        raise Refused(f"{name!r} cannot name a do-not-call list: letters, digits and _ . - only, at most 64")
    count = connection.scalar(select(func.count()).select_from(DNC_LISTS)) or 0
    if limit is not None and count >= limit:
        raise LimitReached(f"there are {count} do-not-call lists, the limit; use one of them or raise limits.dnc_lists")
    row = {"name": name, "created_at": now}
    return int(connection.execute(insert(DNC_LISTS).values(row).returning(DNC_LISTS.c.id)).scalar_one())


def _refuse_beyond_limits(connection: Connection, list_id: int, list_name: str, more: int, limits: DncLimits) -> None:
    counted = select(func.count()).select_from(DNC_NUMBERS)
    in_list = connection.scalar(counted.where(DNC_NUMBERS.c.list_id == list_id)) or 0
    if in_list + more > limits.numbers_per_list:
        raise LimitReached(
            f"do-not-call list {list_name} has {in_list} numbers, {more} more would pass the limit of "
            f"{limits.numbers_per_list}; raise limits.dnc_numbers_per_list"
        )
    in_all = connection.scalar(counted) or 0
    if in_all + more > limits.numbers:
        raise LimitReached(
            f"the do-not-call lists have {in_all} numbers, {more} more would pass the limit of {limits.numbers} for all "
            "together; raise limits.dnc_numbers"
        )
