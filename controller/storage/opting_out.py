"""A person pressed the key of the abandoned-call message: the number goes on a do-not-call list with the end of the attempt.

In the transaction of that end, so that whatever makes sure of ends (the switch's journal, the ledger) makes sure of this too,
and on record in the audit like every other change of such a list. A list that is full takes it all the same: the law knows no
limit on people who want no calls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from controller.domain.calls.record import AttemptEnd
from controller.storage.dnc import global_list
from controller.storage.driver_sql import execute

REASON = "opted out by key"


def opt_out(connection: Connection, ends: Sequence[AttemptEnd]) -> None:
    """List the numbers of those ends that say so. None as a list is the global one."""
    for end in ends:
        if end.opted_out:
            _list(connection, end)


def _list(connection: Connection, end: AttemptEnd) -> None:
    list_id = global_list(connection, end.ended_at) if end.opt_out_list is None else end.opt_out_list
    added = execute(
        connection,
        "INSERT INTO dnc_numbers (list_id, phone, reason, added_at) SELECT ?, phone, ?, ? FROM attempts WHERE id = ? "
        "ON CONFLICT (list_id, phone) DO NOTHING",
        (list_id, REASON, end.ended_at, end.attempt_id),
    )
    if added.rowcount:
        execute(
            connection,
            "INSERT INTO audit (at, by, verb, args, ok, detail) VALUES (?, 'callee', 'dnc.add', ?, ?, ?)",
            (end.ended_at, json.dumps({"list_id": list_id, "attempt": end.attempt_id}), True, REASON),
        )
