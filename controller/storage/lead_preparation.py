"""How a run's leads come into being, and how do-not-call lists are laid over them again later.

Bulk SQL in portions of a list, each portion its own transaction together with the note of how far it came: the write lock is
never held long, a worker killed half-way is simply run again, and two workers at once do the work once. Lists are walked by
phone, because their unique key serves that without a sort; the order of dialling is the ``rank`` each lead gets. Within a
portion leads are written in dialling order, so that a claim later finds its thousand on few pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection

from controller.domain.hopper.lead import LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute, lock, marks, portions
from controller.storage.totals import Tally

LIST_STRIDE = 10**12
"""Room between the ranks of two lists of a run: contact ids stay below it."""


class LeadPreparation:
    def __init__(self, database: Database, portion: int = 20_000) -> None:
        self._database = database
        self._portion = portion

    def materialise(
        self, run_id: int, list_index: int, list_id: int, order: Literal["fifo", "lifo"], dnc_list_ids: Sequence[int]
    ) -> int:
        """Make leads of one list's contacts; how many were added now.

        Lists must come in order, 0 first. A number that an earlier list brought is not added again; one on a do-not-call
        list is added as final. Stops early when the run is no longer preparing; does nothing for a list already done.
        """
        added = 0
        while True:
            with self._database.write() as connection:
                done_up_to = _position(connection, run_id, list_index)
                if done_up_to is None:
                    return added
                until = execute(
                    connection,
                    "SELECT phone FROM contacts WHERE list_id = ? AND phone > ? ORDER BY phone LIMIT 1 OFFSET ?",
                    (list_id, done_up_to, self._portion - 1),
                ).scalar()
                added += _add_leads(connection, run_id, list_index, list_id, order, dnc_list_ids, done_up_to, until)
                if until is None:
                    execute(
                        connection,
                        "UPDATE runs SET prepared_list = ?, prepared_phone = 0 WHERE id = ?",
                        (list_index + 1, run_id),
                    )
                    return added
                execute(connection, "UPDATE runs SET prepared_phone = ? WHERE id = ?", (until, run_id))

    def rescrub(self, run_id: int, dnc_list_ids: Sequence[int]) -> int:
        """Fresh and waiting leads whose number is on a list become final; how many. Claimed ones are looked up when opened."""
        if not dnc_list_ids:
            return 0
        with self._database.read() as connection:
            listed = execute(
                connection,
                f"SELECT l.id FROM leads l WHERE l.run_id = ? AND l.state IN ({LeadState.FRESH:d}, {LeadState.WAITING:d}) "
                f"AND {_on_a_list('l', dnc_list_ids)}",
                (run_id, *dnc_list_ids),
            ).all()
        scrubbed = 0
        for portion in portions([row[0] for row in listed], 5000):
            with self._database.write() as connection:
                tally = Tally()
                for lead_ids in portions(portion):
                    for state in (LeadState.FRESH, LeadState.WAITING):
                        count = execute(
                            connection,
                            f"UPDATE leads SET state = {LeadState.DNC:d}, reason = 'dnc', due_at = NULL "
                            f"WHERE id IN ({marks(len(lead_ids))}) AND state = {state:d}",
                            lead_ids,
                        ).rowcount
                        tally.leads(run_id, state, LeadState.DNC, count)
                        scrubbed += count
                tally.write(connection)
        return scrubbed


def _position(connection: Connection, run_id: int, list_index: int) -> int | None:
    """Phone up to which the list is done; None when it is not this list's turn. The run stays locked."""
    run = execute(
        connection,
        "SELECT prepared_phone FROM runs WHERE id = ? AND state = 'preparing' AND prepared_list = ? "
        + lock(connection, "FOR UPDATE"),
        (run_id, list_index),
    ).first()
    return None if run is None else run[0]


def _add_leads(
    connection: Connection,
    run_id: int,
    list_index: int,
    list_id: int,
    order: Literal["fifo", "lifo"],
    dnc_list_ids: Sequence[int],
    after: int,
    until: int | None,
) -> int:
    sign = "" if order == "fifo" else "-"
    listed = _on_a_list("c", dnc_list_ids) if dnc_list_ids else "1 = 0"
    upper = "" if until is None else "AND c.phone <= ?"
    rows = execute(
        connection,
        "INSERT INTO leads (run_id, contact_id, phone, state, rank, reason) SELECT CAST(? AS BIGINT), s.id, s.phone, s.state, "
        f"{sign}(CAST(? AS BIGINT) + s.id), CASE s.state WHEN {LeadState.DNC:d} THEN 'dnc' ELSE '' END FROM ("
        f"SELECT c.id, c.phone, CASE WHEN {listed} THEN {LeadState.DNC:d} ELSE {LeadState.FRESH:d} END AS state "
        f"FROM contacts c WHERE c.list_id = ? AND c.phone > ? {upper}) s WHERE 1 = 1 ORDER BY s.id "
        "ON CONFLICT (run_id, phone) DO NOTHING RETURNING state",
        (run_id, list_index * LIST_STRIDE, *dnc_list_ids, list_id, after, *(() if until is None else (until,))),
    )
    states = Counter(row[0] for row in rows)
    tally = Tally()
    for state, count in states.items():
        tally.leads(run_id, None, LeadState(state), count)
    tally.write(connection)
    return states.total()


def _on_a_list(alias: str, dnc_list_ids: Sequence[int]) -> str:
    """Condition: one probe of the do-not-call key for each row. A join would let the planner scan the list for each row."""
    return f"EXISTS (SELECT 1 FROM dnc_numbers d WHERE d.list_id IN ({marks(len(dnc_list_ids))}) AND d.phone = {alias}.phone)"
