"""A file on its way into a list: begun once, stored batch by batch, finished in one step; safe to do again after a crash.

How it is safe: a number is in a list once (unique in the database), and every contact remembers the import and the line it
came from. An import that died is found again by its list, its mode and the file's digest and goes on under the same id:
lines it had stored already count as accepted, so the totals come out as if it had never died.

    no list of that name, or an empty one    create    into a hidden list that gets the name when it is complete
    list with contacts                       append    straight in, behind the contacts it has
    on request                               replace   into a hidden list that takes the old one's place when complete

Of two that import the same file into the same list, the earlier one is told to stop (``started_at`` is no longer its own).
A newer ``create`` or ``replace`` of a list puts an unfinished older one aside. Which rows are contacts at all is decided in
``domain/contacts/csv_import``; lists as such lie in ``contacts``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from controller.domain.contacts.csv_import import Contact as NewContact
from controller.domain.contacts.csv_import import Rejected, Why
from controller.domain.contacts.phone import e164
from controller.errors import LimitReached, NotFound, Refused, WrongState
from controller.storage.contacts import (
    CONTACTS,
    GONE,
    LISTS,
    NEW,
    ListInfo,
    campaigns_using,
    find_list,
    found,
    hide,
    hide_unfinished,
    insert_list,
    refuse_bad_name,
    refuse_if_used,
)
from controller.storage.database import Database
from controller.storage.driver_sql import execute, flat, portions, row_marks
from controller.storage.import_history import IMPORTS, Counts


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """mode: ``import`` (make the list if there is none, else append), ``append`` or ``replace``. region: ISO 3166 alpha-2
    for a new list, or to make sure of an existing one's; None = as the list has it. digest: of the file and of how it is
    read. columns: the variables' names."""

    list_name: str
    mode: str
    region: str | None
    file_name: str
    digest: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """features 1.13."""

    lists: int
    contacts_per_list: int
    contacts: int


@dataclass(frozen=True, slots=True)
class OpenImport:
    """An import that is being stored. mode: create | append | replace. resumed: it had been begun before and died."""

    id: int
    list_id: int
    list_name: str
    region: str
    mode: str
    started_at: float
    resumed: bool


class ImportStore:
    """now: the clock, UTC epoch seconds."""

    def __init__(self, database: Database, limits: ImportLimits, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._limits = limits
        self._now = now

    def begin(self, request: ImportRequest) -> OpenImport:
        """Begin an import, or go on with the same one that died.

        NotFound: nothing to append to or to replace. Refused: no region for a new list, or not the list's own. WrongState: a
        campaign uses the list that is to be replaced. LimitReached: too many lists.
        """
        refuse_bad_name(request.list_name)
        now = self._now()
        fresh = {"state": "running", "rows": 0, "accepted": 0, "rejected": 0, "started_at": now, "ended_at": None}
        with self._database.write() as connection:
            target = find_list(connection, request.list_name, lock=True)
            if target is None and request.mode != "import":
                raise NotFound(f"there is no list {request.list_name} to {request.mode}; `list import` makes one")
            region = _region(request, target)
            mode = _mode(connection, request, target)
            if mode == "append" and target is not None:
                list_id = target.id
            else:
                list_id = self._hidden_list(connection, request, mode, region, now)
            dead: int | None = connection.scalar(
                select(func.max(IMPORTS.c.id)).where(
                    IMPORTS.c.list_id == list_id,
                    IMPORTS.c.file_digest == request.digest,
                    IMPORTS.c.mode == mode,
                    IMPORTS.c.state != "done",
                )
            )
            if dead is not None:
                connection.execute(update(IMPORTS).where(IMPORTS.c.id == dead).values(error=None, **fresh))
            row = {"list_id": list_id, "file_name": request.file_name, "file_digest": request.digest, "mode": mode}
            import_id = (
                dead or connection.execute(insert(IMPORTS).values({**row, **fresh}).returning(IMPORTS.c.id)).scalar_one()
            )
            _add_columns(connection, list_id, request.columns)
        return OpenImport(import_id, list_id, request.list_name, region, mode, now, resumed=dead is not None)

    def store(
        self, current: OpenImport, contacts: Sequence[NewContact], rejected: int, before: Counts
    ) -> tuple[Counts, list[Rejected]]:
        """Store a batch in one transaction: the totals after it, and those of its contacts that were there already.

        rejected: rows of the batch that were no contacts; before: the totals before the batch. LimitReached: the batch
        would pass a limit, nothing of it is stored. WrongState: this import was started again elsewhere, or its list was
        replaced or deleted.
        """
        with self._database.write() as connection:
            size = _locked_size(connection, current)
            firsts: dict[int, NewContact] = {}
            for contact in contacts:
                firsts.setdefault(contact.phone, contact)
            new = _insert(connection, current, list(firsts.values()))
            self._refuse_beyond_limits(connection, current, size, len(new), before)
            connection.execute(
                update(LISTS).where(LISTS.c.id == current.list_id).values(size=LISTS.c.size + len(new), updated_at=self._now())
            )
            owners = _owners(connection, current.list_id, [phone for phone in firsts if phone not in new])
            owners.update((phone, (current.id, firsts[phone].line)) for phone in new)
            doubles = [
                _double(contact, owners[contact.phone], current)
                for contact in contacts
                if owners[contact.phone] != (current.id, contact.line)
            ]
            after = Counts(
                rows=before.rows + len(contacts) + rejected,
                accepted=before.accepted + len(contacts) - len(doubles),
                rejected=before.rejected + rejected + len(doubles),
            )
            connection.execute(
                update(IMPORTS)
                .where(IMPORTS.c.id == current.id)
                .values(rows=after.rows, accepted=after.accepted, rejected=after.rejected)
            )
        return after, doubles

    def finish(self, current: OpenImport, report: str) -> ListInfo:
        """The import is complete: a hidden list becomes the named one. The list as it is now.

        WrongState, and nothing is changed: meanwhile a campaign has begun to use the list, or (create) somebody else has
        filled it.
        """
        with self._database.write() as connection:
            _locked_size(connection, current)
            if current.mode != "append":
                _take_name(connection, current)
            connection.execute(
                update(IMPORTS)
                .where(IMPORTS.c.id == current.id)
                .values(state="done", ended_at=self._now(), report=report, error=None)
            )
            return found(connection, current.list_name)

    def fail(self, current: OpenImport, error: str, report: str | None) -> None:
        """The import ends here for a reason that trying again will not cure. A hidden list is dropped; what was appended
        stays, and the same file can be appended again."""
        with self._database.write() as connection:
            mine = IMPORTS.c.id == current.id, IMPORTS.c.started_at == current.started_at
            values: dict[str, object] = {"state": "failed", "ended_at": self._now(), "error": error, "report": report}
            ours = connection.execute(update(IMPORTS).where(*mine).values(values)).rowcount == 1
            if ours and current.mode != "append":
                target = find_list(connection, current.list_name)
                if target is not None:
                    connection.execute(update(IMPORTS).where(*mine).values(list_id=target.id))
                hide(connection, current.list_id, current.list_name)

    def _hidden_list(self, connection: Connection, request: ImportRequest, mode: str, region: str, now: float) -> int:
        name = f"{NEW}{request.digest}.{mode}:{request.list_name}"
        hide_unfinished(connection, request.list_name, but=name)
        existing = find_list(connection, name)
        if existing is not None and existing.region == region:
            return existing.id
        if existing is not None:
            hide(connection, existing.id, request.list_name)
        return insert_list(connection, name, request.list_name, region, now, self._limits.lists)

    def _refuse_beyond_limits(self, connection: Connection, current: OpenImport, size: int, new: int, before: Counts) -> None:
        limits = self._limits
        stays = (
            f"the {before.accepted} contacts of the file before that are in the list"
            if current.mode == "append"
            else "the list is as it was before"
        )
        if size + new > limits.contacts_per_list:
            raise LimitReached(
                f"list {current.list_name} would have more than {limits.contacts_per_list} contacts after row {before.rows}"
                f" of the file; {stays}; split the file or raise limits.contacts_per_list"
            )
        others = [LISTS.c.id != current.list_id, ~LISTS.c.name.like(GONE + "%")]
        if current.mode == "replace":
            others.append(LISTS.c.name != current.list_name)
        total = connection.scalar(select(func.coalesce(func.sum(LISTS.c.size), 0)).where(*others)) or 0
        if total + size + new > limits.contacts:
            raise LimitReached(
                f"all lists together would have more than {limits.contacts} contacts after row {before.rows} of the file;"
                f" {stays}; delete a list or raise limits.contacts"
            )


def _region(request: ImportRequest, target: ListInfo | None) -> str:
    if target is None:
        if request.region is None:
            raise Refused(f"list {request.list_name} is new: say whose numbers these are, such as --region IN")
        return request.region
    if request.mode != "replace" and request.region not in (None, target.region):
        raise Refused(f"list {target.name} has region {target.region}; leave --region out or use another list")
    return request.region or target.region


def _mode(connection: Connection, request: ImportRequest, target: ListInfo | None) -> str:
    if request.mode == "replace":
        refuse_if_used(connection, request.list_name, "replace")
        return "replace"
    if request.mode == "append" or target is None:
        return "append" if target is not None else "create"
    # An empty list in use cannot be exchanged for another, but it can be filled.
    return "append" if target.size or campaigns_using(connection, target.name) else "create"


def _locked_size(connection: Connection, current: OpenImport) -> int:
    """How many contacts the list being filled has; others wait for this transaction before they change it."""
    row = connection.execute(
        select(LISTS.c.size)
        .join(IMPORTS, IMPORTS.c.list_id == LISTS.c.id)
        .where(
            IMPORTS.c.id == current.id,
            IMPORTS.c.started_at == current.started_at,
            IMPORTS.c.state == "running",
            LISTS.c.id == current.list_id,
            ~LISTS.c.name.like(GONE + "%"),
        )
        .with_for_update()
    ).first()
    if row is None:
        raise WrongState(
            f"this import into list {current.list_name} is no longer the current one: it was started again, or the list was"
            " replaced or deleted; `trunkline list report` shows which import counts"
        )
    return int(row.size)


def _owners(connection: Connection, list_id: int, phones: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Import and line by which the list has each of these numbers, of those it has."""
    known: dict[int, tuple[int, int]] = {}
    for some in portions(phones):
        rows = connection.execute(
            select(CONTACTS.c.phone, CONTACTS.c.import_id, CONTACTS.c.line).where(
                CONTACTS.c.list_id == list_id, CONTACTS.c.phone.in_(some)
            )
        )
        known.update((row.phone, (row.import_id, row.line)) for row in rows)
    return known


def _insert(connection: Connection, current: OpenImport, contacts: Sequence[NewContact]) -> set[int]:
    """Insert those whose number the list does not have yet; their numbers."""
    into = "INSERT INTO contacts (list_id, import_id, phone, attributes, line)"
    unless_known = "ON CONFLICT (list_id, phone) DO NOTHING RETURNING phone"
    new: set[int] = set()
    if connection.dialect.name == "sqlite":
        for some in portions(contacts):
            rows = ((current.list_id, current.id, phone, attributes, line) for line, phone, attributes in some)
            inserted = execute(connection, f"{into} VALUES {row_marks(len(some), 5)} {unless_known}", flat(rows))
            new.update(row[0] for row in inserted)
    elif contacts:
        # Whole columns as arrays: psycopg takes longer to read thousands of marks than PostgreSQL to insert the rows.
        rows_of = "unnest(CAST(? AS bigint[]), CAST(? AS text[]), CAST(? AS integer[])) AS come (phone, attributes, line)"
        columns = [one.phone for one in contacts], [one.attributes for one in contacts], [one.line for one in contacts]
        sql = f"{into} SELECT ?, ?, phone, attributes, line FROM {rows_of} {unless_known}"
        new.update(row[0] for row in execute(connection, sql, (current.list_id, current.id, *columns)))
    return new


def _double(contact: NewContact, owner: tuple[int, int], current: OpenImport) -> Rejected:
    import_id, line = owner
    if import_id == current.id:
        why, reason = Why.DUPLICATE, f"the same number as line {line}"
    else:
        why, reason = Why.IN_LIST, f"already in the list (line {line} of import {import_id})"
    return Rejected(contact.line, why, "", e164(contact.phone), reason)


def _take_name(connection: Connection, current: OpenImport) -> None:
    """The hidden list takes the place of the one with the name, which goes out of sight; the imports' history stays."""
    name = current.list_name
    old = find_list(connection, name, lock=True)
    if old is not None:
        refuse_if_used(connection, name, "replace")
        if current.mode == "create" and old.size:
            raise WrongState(f"somebody else filled list {name} meanwhile and its contacts stay; append the file to it")
        connection.execute(
            update(IMPORTS)
            .where(IMPORTS.c.list_id == old.id, IMPORTS.c.state == "running")
            .values(state="failed", error="the list was replaced meanwhile")
        )
        connection.execute(update(IMPORTS).where(IMPORTS.c.list_id == old.id).values(list_id=current.list_id))
        hide(connection, old.id, name)
    values: dict[str, object] = {"name": name}
    if old is not None:
        values["created_at"] = old.created_at
    connection.execute(update(LISTS).where(LISTS.c.id == current.list_id).values(values))


def _add_columns(connection: Connection, list_id: int, names: Sequence[str]) -> None:
    known: list[str] = connection.execute(select(LISTS.c.columns).where(LISTS.c.id == list_id)).scalar_one()
    merged = list(dict.fromkeys([*known, *names]))
    connection.execute(update(LISTS).where(LISTS.c.id == list_id).values(columns=merged))
