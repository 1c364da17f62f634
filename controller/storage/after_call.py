"""What a conversation came to: its disposition, notes, the callback that was promised.

A disposition and a callback may come while the call lasts or after it. Asked for meanwhile, calling again waits on the attempt
(``again_at``) until it ends (``attempts.py``); afterwards the lead itself is moved. Either way a lead that has used up its
attempts is not called again (invariant I1), nor one in a run that is over. Which disposition does what is the site's and the
campaign's word, handed in.

Order of row locks: the attempt and its lead, runs, totals; as in ``attempts.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from controller.domain.hopper.lead import CALLBACK, LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute, lock
from controller.storage.settling import DIALLED
from controller.storage.totals import Tally

MOVABLE = frozenset({LeadState.DONE, LeadState.EXHAUSTED, LeadState.WAITING})
"""States out of which a lead can be called again on somebody's word."""


@dataclass(frozen=True, slots=True)
class TalkedCall:
    """An attempt, for whoever wants to say what came of it."""

    attempt_id: str
    campaign_id: int
    run_id: int
    lead_id: int
    phone: int
    connected_to: str | None
    answered: bool
    ended: bool
    disposition: str | None


class AfterCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, attempt_id: str) -> TalkedCall | None:
        """None when there is no such attempt."""
        with self._database.read() as connection:
            row = execute(
                connection,
                "SELECT id, campaign_id, run_id, lead_id, phone, connected_to, answered_at IS NOT NULL, ended_at IS NOT NULL, "
                "disposition FROM attempts WHERE id = ?",
                (attempt_id,),
            ).first()
        if row is None:
            return None
        attempt, campaign, run, lead, phone, connected_to, answered, ended, disposition = row
        return TalkedCall(attempt, campaign, run, lead, phone, connected_to, bool(answered), bool(ended), disposition)

    def dispose(self, call: TalkedCall, disposition: str, notes: str | None, by: str, now: float) -> None:
        """Write the disposition over what was there, and count it in the run. notes: None leaves those that are there."""
        tally = Tally()
        with self._database.write() as connection:
            row = execute(
                connection,
                f"SELECT disposition FROM attempts WHERE id = ? {lock(connection, 'FOR UPDATE')}",
                (call.attempt_id,),
            ).first()
            former = None if row is None else row[0]
            execute(
                connection,
                "UPDATE attempts SET disposition = ?, disposed_at = ?, disposed_by = ?, notes = COALESCE(?, notes) "
                "WHERE id = ?",
                (disposition, now, by, notes, call.attempt_id),
            )
            if former is not None:
                tally.add(call.run_id, "disposition", former, -1)
            tally.add(call.run_id, "disposition", disposition)
            tally.write(connection)

    def call_again(self, call: TalkedCall, due_at: float, reason: str, max_attempts: int) -> str | None:
        """Have the contact called again then; None, or why it will not be. due_at: UTC epoch seconds."""
        with self._database.write() as connection:
            return _call_again(connection, call, due_at, reason, max_attempts)

    def promise(
        self, call: TalkedCall, due_at: float, agent: str | None, notes: str, by: str, now: float, max_attempts: int
    ) -> str | None:
        """A callback, in place of an earlier one; None, or why it cannot be. agent: nobody else; None = anybody."""
        with self._database.write() as connection:
            refused = _call_again(connection, call, due_at, CALLBACK, max_attempts)
            if refused is not None:
                return refused
            execute(
                connection,
                "UPDATE callbacks SET state = 'replaced', settled_at = ? WHERE lead_id = ? AND state = 'waiting'",
                (now, call.lead_id),
            )
            execute(
                connection,
                "INSERT INTO callbacks (run_id, lead_id, attempt_id, due_at, agent, notes, state, made_by, made_at) "
                "VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
                (call.run_id, call.lead_id, call.attempt_id, due_at, agent, notes, by, now),
            )
        return None


def _call_again(connection: Connection, call: TalkedCall, due_at: float, reason: str, max_attempts: int) -> str | None:
    row = execute(
        connection,
        "SELECT a.ended_at IS NULL, l.state, l.attempts, r.state FROM attempts a JOIN leads l ON l.id = a.lead_id "
        f"JOIN runs r ON r.id = a.run_id WHERE a.id = ? {lock(connection, 'FOR UPDATE OF a, l FOR SHARE OF r')}",
        (call.attempt_id,),
    ).first()
    if row is None:
        return "its run has been deleted"
    live, state, attempts, run_state = bool(row[0]), LeadState(row[1]), int(row[2]), str(row[3])
    if run_state not in DIALLED:
        return "its run is over"
    if attempts + live >= max_attempts:
        return f"the contact has used its {max_attempts} attempts"
    if live:
        execute(
            connection,
            "UPDATE attempts SET again_at = ?, again_reason = ? WHERE id = ?",
            (due_at, reason, call.attempt_id),
        )
        return None
    if state not in MOVABLE:
        return "the contact is being called again already" if not state.final else f"the contact is final: {state.word}"
    execute(
        connection,
        f"UPDATE leads SET state = {LeadState.WAITING:d}, due_at = ?, reason = ? WHERE id = ?",
        (due_at, reason, call.lead_id),
    )
    tally = Tally()
    tally.leads(call.run_id, state, LeadState.WAITING)
    tally.write(connection)
    return None
