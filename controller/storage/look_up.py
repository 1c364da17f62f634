"""What people ask about single things: a call, the calls in progress, one number in one run. Each is a probe of an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from controller.domain.calls.outcome import Outcome
from controller.domain.hopper.lead import LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute, marks


@dataclass(frozen=True, slots=True)
class CallRow:
    """An attempt with the names people know it by. run: its number. Times are UTC epoch seconds; ended_at: None while live."""

    attempt_id: str
    campaign: str
    run: int
    contact_id: int
    phone: int
    caller_id: str
    carrier: str
    node: str
    created_at: float
    ringing_at: float | None
    answered_at: float | None
    connected_at: float | None
    connected_to: str | None
    ended_at: float | None
    outcome: str | None
    cause: str | None
    sip_status: int | None


@dataclass(frozen=True, slots=True)
class LeadStanding:
    """One number in one run. Times are UTC epoch seconds; claimed_until: only while in the hopper."""

    lead_id: int
    contact_id: int
    state: LeadState
    attempts: int
    due_at: float | None
    reason: str
    last_outcome: str | None
    claimed_until: float | None


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """What a call to the same contact came to. notes: of its disposition. promise: notes for whoever calls again."""

    created_at: float
    agent: str | None
    outcome: str | None
    disposition: str | None
    notes: str | None
    promise: str | None


@dataclass(frozen=True, slots=True)
class OnTheLine:
    """What an agent wants to know of a call: who it is, and what was said before. attributes: of the contact, by column.
    earlier: calls to the contact in this run, the last first. Times are UTC epoch seconds; both are None until the call has
    ended."""

    attempt_id: str
    campaign: str
    phone: int
    attributes: dict[str, str]
    answered_at: float | None
    ended_at: float | None
    earlier: tuple[EarlierCall, ...]


EARLIER_CALLS = 10


class LookUp:
    def __init__(self, database: Database) -> None:
        self._database = database

    def calls_in_progress(self, campaign: str | None = None, limit: int = 1000) -> list[CallRow]:
        """Live attempts over all nodes, oldest first; of one campaign, if it is named."""
        which = "a.ended_at IS NULL" + ("" if campaign is None else " AND c.name = ?")
        values = () if campaign is None else (campaign,)
        with self._database.read() as connection:
            return _calls(connection, f"{which} ORDER BY a.created_at, a.id LIMIT ?", (*values, limit))

    def call(self, attempt_id: str) -> CallRow | None:
        """None when there is no such attempt."""
        with self._database.read() as connection:
            return next(iter(_calls(connection, "a.id = ?", (attempt_id,))), None)

    def on_the_line(self, attempt_id: str) -> OnTheLine | None:
        """None when there is no such attempt."""
        with self._database.read() as connection:
            row = execute(
                connection,
                "SELECT c.name, a.phone, n.attributes, a.answered_at, a.ended_at, a.lead_id, a.created_at FROM attempts a "
                "JOIN campaigns c ON c.id = a.campaign_id LEFT JOIN contacts n ON n.id = a.contact_id WHERE a.id = ?",
                (attempt_id,),
            ).first()
            if row is None:
                return None
            campaign, phone, attributes, answered_at, ended_at, lead_id, created_at = row
            before = execute(
                connection,
                "SELECT a.created_at, a.agent, a.outcome, a.disposition, a.notes, k.notes FROM attempts a "
                "LEFT JOIN callbacks k ON k.lead_id = a.lead_id AND k.attempt_id = a.id AND k.state <> 'replaced' "
                "WHERE a.lead_id = ? AND a.created_at < ? AND a.id <> ? ORDER BY a.created_at DESC LIMIT ?",
                (lead_id, created_at, attempt_id, EARLIER_CALLS),
            )
            earlier = tuple(EarlierCall(*values) for values in before)
        known = orjson.loads(attributes) if attributes else {}
        return OnTheLine(attempt_id, campaign, phone, known, answered_at, ended_at, earlier)

    def live_call_to(self, phone: int) -> CallRow | None:
        """The live attempt to a number, of whichever campaign."""
        with self._database.read() as connection:
            return next(iter(_calls(connection, "a.phone = ? AND a.ended_at IS NULL", (phone,))), None)

    def abandoned_last(self, phone: int) -> float | None:
        """End of the last abandoned call to a number, of whichever campaign."""
        with self._database.read() as connection:
            sql = f"SELECT MAX(ended_at) FROM attempts WHERE outcome = '{Outcome.ABANDONED.value}' AND phone = ?"
            found: float | None = execute(connection, sql, (phone,)).scalar()
        return found

    def lead(self, run_id: int, phone: int) -> LeadStanding | None:
        """None when the number is not in the run."""
        with self._database.read() as connection:
            row = execute(
                connection,
                "SELECT id, contact_id, state, attempts, due_at, reason, last_outcome, claimed_until FROM leads "
                "WHERE run_id = ? AND phone = ?",
                (run_id, phone),
            ).first()
        if row is None:
            return None
        lead_id, contact_id, state, *rest = row
        return LeadStanding(lead_id, contact_id, LeadState(state), *rest)

    def lists_with(self, phone: int, list_names: tuple[str, ...]) -> list[str]:
        """Those of the contact lists that hold the number."""
        if not list_names:
            return []
        with self._database.read() as connection:
            rows = execute(
                connection,
                "SELECT l.name FROM contact_lists l JOIN contacts c ON c.list_id = l.id "
                f"WHERE c.phone = ? AND l.name IN ({marks(len(list_names))}) ORDER BY l.name",
                (phone, *list_names),
            )
            return [row[0] for row in rows]

    def dnc_lists(self) -> list[str]:
        """Names of the do-not-call lists."""
        with self._database.read() as connection:
            return [row[0] for row in execute(connection, "SELECT name FROM dnc_lists ORDER BY name")]


def _calls(connection: Connection, which: str, values: tuple[Any, ...]) -> list[CallRow]:
    rows = execute(
        connection,
        "SELECT a.id, c.name, r.number, a.contact_id, a.phone, a.caller_id, a.carrier, a.node, a.created_at, a.ringing_at, "
        "a.answered_at, a.connected_at, a.connected_to, a.ended_at, a.outcome, a.cause, a.sip_status FROM attempts a "
        f"JOIN runs r ON r.id = a.run_id JOIN campaigns c ON c.id = r.campaign_id WHERE {which}",
        values,
    )
    return [CallRow(*row) for row in rows]
