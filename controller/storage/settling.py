"""Leads as two stores handle them: read under lock while in the hopper, and written where they go next.

Every change of a lead's state elsewhere than in bulk passes here, so the fence (the claim) is dropped in one place. Also the
one rule about runs that are over: nobody waits in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.driver_sql import execute, execute_each, lock, marks, portions

DIALLED = frozenset({RunState.ACTIVE.value, RunState.PAUSED.value})
"""Run states in which a lead may wait for another attempt."""


@dataclass(frozen=True, slots=True)
class HeldLead:
    """A lead in the hopper, locked for the rest of the transaction."""

    lead_id: int
    run_id: int
    claim: str
    attempts: int
    due_at: float | None
    reason: str
    run_state: str

    @property
    def home(self) -> LeadState:
        """Where it stood before it was claimed."""
        return LeadState.FRESH if self.due_at is None else LeadState.WAITING


def held_leads(connection: Connection, lead_ids: Sequence[int]) -> dict[int, HeldLead]:
    """Those of the leads that are in the hopper. Their runs keep their state until the transaction ends."""
    held: dict[int, HeldLead] = {}
    for portion in portions(sorted(set(lead_ids))):
        rows = execute(
            connection,
            "SELECT l.id, l.run_id, l.claim, l.attempts, l.due_at, l.reason, r.state FROM leads l "
            f"JOIN runs r ON r.id = l.run_id WHERE l.id IN ({marks(len(portion))}) AND l.state = {LeadState.HOPPER:d} "
            f"ORDER BY l.id {lock(connection, 'FOR UPDATE OF l FOR SHARE OF r')}",
            portion,
        )
        held.update((row[0], HeldLead(*row)) for row in rows)
    return held


def settle(connection: Connection, moves: Sequence[tuple[int, LeadState, float | None, str]]) -> None:
    """Write (lead id, state, due_at, reason); the claim is over. The caller holds the leads' locks."""
    execute_each(
        connection,
        "UPDATE leads SET state = ?, due_at = ?, reason = ?, claim = NULL, claimed_until = NULL WHERE id = ?",
        [(int(state), due_at, reason, lead_id) for lead_id, state, due_at, reason in moves],
    )


def in_run(move: LeadMove, run_state: str, closing_reason: str | None) -> LeadMove:
    """The move as the run allows it: in a run that is over, waiting becomes final for the reason the run ended."""
    if move.state is not LeadState.WAITING or run_state in DIALLED:
        return move
    final = final_state(closing_reason)
    return LeadMove(final, closing_reason or final.word, charged=move.charged)


def final_state(closing_reason: str | None) -> LeadState:
    """What a lead that still waits becomes when its run closes; a run without a reason was stopped."""
    return LeadState.STOPPED if closing_reason in (None, "stopped") else LeadState.WINDOW_CLOSED
