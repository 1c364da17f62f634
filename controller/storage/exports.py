"""Attempts and leads as rows for a CSV file (design section 8), in portions: an export of millions holds no transaction open
and no more than one portion in memory. Writing the file, and how times look in it, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from controller.domain.hopper.lead import LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute


class AttemptRow(NamedTuple):
    """Columns in the order of the export. run: its number. Times are UTC epoch seconds."""

    attempt_id: str
    run: int
    campaign: str
    contact_id: int
    phone: int
    caller_id: str
    carrier: str
    node: str
    created_at: float
    ringing_at: float | None
    answered_at: float | None
    ended_at: float | None
    amd_verdict: str | None
    amd_ms: int | None
    connected_to: str | None
    connected_at: float | None
    outcome: str | None
    cause: str | None
    sip_status: int | None
    disposition: str | None
    recording: str | None


class LeadRow(NamedTuple):
    """Columns in the order of the export. state: its word. due_at: UTC epoch seconds, only while waiting."""

    contact_id: int
    phone: int
    state: str
    attempts: int
    due_at: float | None
    last_outcome: str | None
    reason: str


class Exports:
    def __init__(self, database: Database, portion: int = 5000) -> None:
        self._database = database
        self._portion = portion

    def iter_attempts(self, campaign_id: int, run: int | None = None) -> Iterator[AttemptRow]:
        """Attempts of one run, by its number, or of all runs; within a run in the order they were made."""
        for run_id in self._runs(campaign_id, run):
            created_at, attempt_id = float("-inf"), ""
            while True:
                with self._database.read() as connection:
                    rows = execute(
                        connection,
                        "SELECT a.id, r.number, c.name, a.contact_id, a.phone, a.caller_id, a.carrier, a.node, a.created_at, "
                        "a.ringing_at, a.answered_at, a.ended_at, a.amd_verdict, a.amd_ms, a.connected_to, a.connected_at, "
                        "a.outcome, a.cause, a.sip_status, a.disposition, a.recording FROM attempts a "
                        "JOIN runs r ON r.id = a.run_id JOIN campaigns c ON c.id = r.campaign_id "
                        "WHERE a.run_id = ? AND a.created_at >= ? AND (a.created_at, a.id) > (?, ?) "
                        "ORDER BY a.created_at, a.id LIMIT ?",
                        (run_id, created_at, created_at, attempt_id, self._portion),
                    ).all()
                yield from (AttemptRow(*row) for row in rows)
                if len(rows) < self._portion:
                    break
                created_at, attempt_id = rows[-1][8], rows[-1][0]

    def iter_leads(self, campaign_id: int, run: int | None = None) -> Iterator[LeadRow]:
        """Leads of one run, by its number, or of all runs; within a run by phone."""
        for run_id in self._runs(campaign_id, run):
            phone = -1
            while True:
                with self._database.read() as connection:
                    rows = execute(
                        connection,
                        "SELECT contact_id, phone, state, attempts, due_at, last_outcome, reason FROM leads "
                        "WHERE run_id = ? AND phone > ? ORDER BY phone LIMIT ?",
                        (run_id, phone, self._portion),
                    ).all()
                for contact_id, phone, state, *rest in rows:
                    yield LeadRow(contact_id, phone, LeadState(state).word, *rest)
                if len(rows) < self._portion:
                    break

    def _runs(self, campaign_id: int, number: int | None) -> list[int]:
        with self._database.read() as connection:
            rows = execute(connection, "SELECT id, number FROM runs WHERE campaign_id = ? ORDER BY number", (campaign_id,))
            return [row[0] for row in rows if number in (None, row[1])]
