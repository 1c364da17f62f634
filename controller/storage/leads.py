"""Leads of runs (port ``LeadStore``): claiming, giving back, waiting, and closing what waits.

Taking the next leads costs the same at ten thousand and five million: fresh ones lie in one partial index by rank, due ones in
another by due time, and only those at the front are read; promised calls that are due go before everything else. Claimed leads
carry a new token each time; whoever holds an old one gets nothing. How leads come into being is ``lead_preparation.py``'s,
what an attempt does to its lead ``attempts.py``'s.

On PostgreSQL, claims and sweeps skip rows that another transaction holds, so nobody queues behind a sweep; a sweep's 0 then
means "nothing free just now", and the job that calls it comes round again until ``unfinished`` says no.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from controller.domain.hopper.lead import HopperLead, LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute, lock, marks, portions
from controller.storage.settling import HeldLead, held_leads, settle
from controller.storage.totals import Tally

FRESH, WAITING, HOPPER, DIALING = (
    int(state) for state in (LeadState.FRESH, LeadState.WAITING, LeadState.HOPPER, LeadState.DIALING)
)

CALLBACK_SECONDS = 600.0
"""A promised call is made so long before its time at the earliest, when there is nothing else to do, and by the agent who
promised it so long after at the latest (features 5.5)."""


class SqlLeadStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, run_id: int, limit: int, now: float, leased_until: float) -> list[HopperLead]:
        """See the port; in dialling order. None unless the run is active."""
        token = secrets.token_hex(8)
        tally = Tally()
        with self._database.write() as connection:
            if execute(connection, "SELECT 1 FROM runs WHERE id = ? AND state = 'active'", (run_id,)).first() is None:
                return []
            rows, fresh = _choose(connection, run_id, now, limit)
            tally.leads(run_id, LeadState.FRESH, LeadState.HOPPER, fresh)
            tally.leads(run_id, LeadState.WAITING, LeadState.HOPPER, len(rows) - fresh)
            agents = _promisers(connection, [row[0] for row in rows], now) if len(rows) > fresh else {}
            for portion in portions([row[0] for row in rows]):
                execute(
                    connection,
                    f"UPDATE leads SET state = {HOPPER}, claim = ?, claimed_until = ? WHERE id IN ({marks(len(portion))})",
                    (token, leased_until, *portion),
                )
            tally.write(connection)
        return [
            HopperLead(
                lead_id,
                run_id,
                contact_id,
                phone,
                attempts,
                uncharged,
                token,
                leased_until,
                attributes or "{}",
                agents.get(lead_id),
            )
            for lead_id, contact_id, phone, attempts, uncharged, attributes in rows
        ]

    def give_back(self, leads: Sequence[HopperLead]) -> int:
        """See the port."""
        with self._database.write() as connection:
            held = held_leads(connection, [lead.lead_id for lead in leads])
            ours = {lead.lead_id for lead in leads if _claimed(held.get(lead.lead_id), lead)}
            _return(connection, [held[lead_id] for lead_id in ours])
        return len(ours)

    def defer(self, lead: HopperLead, due_at: float, reason: str) -> bool:
        """See the port."""
        with self._database.write() as connection:
            if not _claimed(held_leads(connection, [lead.lead_id]).get(lead.lead_id), lead):
                return False
            settle(connection, [(lead.lead_id, LeadState.WAITING, due_at, reason)])
            tally = Tally()
            tally.leads(lead.run_id, LeadState.HOPPER, LeadState.WAITING)
            tally.write(connection)
        return True

    def hold(self, lead: HopperLead, leased_until: float) -> bool:
        """See the port."""
        with self._database.write() as connection:
            held = execute(
                connection,
                f"UPDATE leads SET claimed_until = ? WHERE id = ? AND claim = ? AND state = {HOPPER}",
                (leased_until, lead.lead_id, lead.claim),
            )
            return held.rowcount == 1

    def reap(self, now: float, limit: int = 5000) -> int:
        """See the port."""
        with self._database.write() as connection:
            rows = execute(
                connection,
                f"SELECT id FROM leads WHERE state = {HOPPER} AND claimed_until < ? ORDER BY claimed_until LIMIT ? "
                + lock(connection, "FOR UPDATE SKIP LOCKED"),
                (now, limit),
            )
            lapsed = list(held_leads(connection, [row[0] for row in rows]).values())
            _return(connection, lapsed)
        return len(lapsed)

    def close_waiting(self, run_id: int, into: LeadState, limit: int = 5000) -> int:
        """See the port."""
        closed = 0
        tally = Tally()
        with self._database.write() as connection:
            for state, indexed in (
                (LeadState.FRESH, f"state = {FRESH}"),
                (LeadState.WAITING, f"state = {WAITING}"),
                (LeadState.HOPPER, f"state IN ({HOPPER}, {DIALING}) AND state = {HOPPER}"),
            ):
                free = f"SELECT id FROM leads WHERE run_id = ? AND {indexed} LIMIT ?"
                if not self._database.is_sqlite:
                    # An array is worked out once; a plain IN may be planned so that the LIMIT applies again and again.
                    free = f"SELECT unnest(ARRAY({free} FOR UPDATE SKIP LOCKED))"
                count = execute(
                    connection,
                    "UPDATE leads SET state = ?, reason = ?, due_at = NULL, claim = NULL, claimed_until = NULL "
                    f"WHERE id IN ({free})",
                    (int(into), into.word, run_id, limit - closed),
                ).rowcount
                closed += count
                tally.leads(run_id, state, into, count)
                if closed == limit:
                    break
            tally.write(connection)
        return closed

    def unfinished(self, run_id: int) -> bool:
        """See the port. Looks at the leads themselves, not at the counters: a run must not end over a wrong sum."""
        with self._database.read() as connection:
            return any_unfinished(connection, run_id)

    def next_due(self, run_id: int) -> float | None:
        """See the port."""
        with self._database.read() as connection:
            fresh = f"SELECT 1 FROM leads WHERE run_id = ? AND state = {FRESH} LIMIT 1"
            if execute(connection, fresh, (run_id,)).first() is not None:
                return 0.0
            waiting = f"SELECT due_at FROM leads WHERE run_id = ? AND state = {WAITING} ORDER BY due_at LIMIT 1"
            earliest = execute(connection, waiting, (run_id,)).first()
            return None if earliest is None else earliest[0]


def any_unfinished(connection: Connection, run_id: int) -> bool:
    """Whether any lead of the run is not final; three looks at the front of three partial indexes."""
    return any(
        execute(connection, f"SELECT 1 FROM leads WHERE run_id = ? AND {indexed} LIMIT 1", (run_id,)).first() is not None
        for indexed in (f"state IN ({HOPPER}, {DIALING})", f"state = {WAITING}", f"state = {FRESH}")
    )


def _next(connection: Connection, which: str, order: str, values: tuple[float, ...], limit: int) -> list[tuple[Any, ...]]:
    """The first leads of an index with their contacts' attributes. The index is read before contacts are looked up, and the
    states are literals, or neither engine would see that the partial index fits."""
    rows = execute(
        connection,
        "SELECT p.id, p.contact_id, p.phone, p.attempts, p.uncharged, c.attributes FROM ("
        f"SELECT id, contact_id, phone, attempts, uncharged, {order} AS place FROM leads "
        f"WHERE run_id = ? AND {which} ORDER BY {order} LIMIT ? {lock(connection, 'FOR UPDATE SKIP LOCKED')}"
        ") p LEFT JOIN contacts c ON c.id = p.contact_id ORDER BY p.place, p.id",
        (*values, limit),
    )
    return [tuple(row) for row in rows]


def _choose(connection: Connection, run_id: int, now: float, limit: int) -> tuple[list[tuple[Any, ...]], int]:
    """Who is next, in order, and how many of them are fresh."""
    promised = _promised(connection, run_id, now, limit)
    fresh = _next(connection, f"state = {FRESH}", "rank", (run_id,), limit - len(promised))
    chosen = {row[0]: row for row in (*promised, *fresh)}
    if len(chosen) < limit:  # the due ones have the promised among them
        due = _next(connection, f"state = {WAITING} AND due_at <= ?", "due_at", (run_id, now), limit - len(fresh))
        chosen |= {row[0]: row for row in due}
    if len(chosen) < limit:
        early = _promised(connection, run_id, now + CALLBACK_SECONDS, limit)
        chosen |= {row[0]: row for row in early}
    return list(chosen.values())[:limit], len(fresh)


def _promised(connection: Connection, run_id: int, until: float, limit: int) -> list[tuple[Any, ...]]:
    """Leads that were promised a call by then, the earliest first; rows as ``_next``'s."""
    rows = execute(
        connection,
        "SELECT l.id, l.contact_id, l.phone, l.attempts, l.uncharged, c.attributes FROM callbacks b "
        "JOIN leads l ON l.id = b.lead_id LEFT JOIN contacts c ON c.id = l.contact_id "
        f"WHERE b.run_id = ? AND b.state = 'waiting' AND b.due_at <= ? AND l.state = {WAITING} AND l.due_at <= ? "
        f"ORDER BY b.due_at, b.id LIMIT ? {lock(connection, 'FOR UPDATE OF l SKIP LOCKED')}",
        (run_id, until, until, limit),
    )
    return [tuple(row) for row in rows]


def _promisers(connection: Connection, lead_ids: Sequence[int], now: float) -> dict[int, str]:
    """lead → the agent who alone may call it. Who has been waited for too long is waited for no more: anybody calls."""
    found: dict[int, str] = {}
    for portion in portions(lead_ids):
        rows = execute(
            connection,
            "SELECT lead_id, agent FROM callbacks WHERE state = 'waiting' AND agent IS NOT NULL AND due_at >= ? "
            f"AND lead_id IN ({marks(len(portion))})",
            (now - CALLBACK_SECONDS, *portion),
        )
        found.update((row[0], row[1]) for row in rows)
    return found


def _claimed(held: HeldLead | None, lead: HopperLead) -> bool:
    return held is not None and held.claim == lead.claim


def _return(connection: Connection, held: Sequence[HeldLead]) -> None:
    """Back to where they stood before they were claimed."""
    tally = Tally()
    for lead in held:
        tally.leads(lead.run_id, LeadState.HOPPER, lead.home)
    settle(connection, [(lead.lead_id, lead.home, lead.due_at, lead.reason) for lead in held])
    tally.write(connection)
