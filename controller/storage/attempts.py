"""The ledger of calls (port ``AttemptStore``): no call leaves without a row, no row ends twice.

Opening and closing are one transaction a batch, whatever its size; callers gather what is at hand (group commit). Two fences
hold whatever a caller believes: the lead's claim, and the partial unique index that allows one live attempt per number.
After ``StoreDown`` an opening may have happened; ``open_attempts_of`` tells. When a lead is due again is the caller's decision.

Order of row locks (PostgreSQL): leads by id, runs, attempts by phone, totals by key; closing: attempts and their leads by
attempt id, runs, totals. The two cannot wait for each other in a circle: one takes only leads in the hopper, the other only
dialling ones; a correction takes one attempt and one lead.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, OpenAttempt, Opening
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute, execute_each, flat, lock, marks, portions, row_marks
from controller.storage.opting_out import opt_out
from controller.storage.settling import HeldLead, held_leads, in_run, settle
from controller.storage.totals import Tally

DRAFT_COLUMNS = "id, run_id, campaign_id, lead_id, contact_id, phone, caller_id, carrier, node, created_at"
END_COLUMNS = (
    "launched_at = COALESCE(?, launched_at), ringing_at = ?, answered_at = ?, ended_at = ?, "
    "amd_verdict = ?, amd_ms = ?, connected_to = ?, connected_at = ?, "
    "amd_confidence = ?, amd_detail = ?, amd_revised = ?, amd_revised_ms = ?, beep_at = ?, key_at = ?, "
    "agent = ?, seizure = ?, opted_out = ?, "
    "outcome = ?, cause = ?, sip_status = ?, charged = ?"
)

UNSETTLED = (LeadState.WAITING, LeadState.HOPPER)
"""States of a lead that may be dialled again and is not just now."""

Move = tuple[int, LeadState, float | None, str]


class SqlAttemptStore:
    """number_busy_seconds: a lead whose number is on another call is due again after this."""

    def __init__(self, database: Database, number_busy_seconds: float = 60.0) -> None:
        self._database = database
        self._number_busy_seconds = number_busy_seconds

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        """See the port. A lead whose attempts are used up (the limit was lowered) becomes final and answers CLAIM_LOST."""
        if not drafts:
            return []
        tally = Tally()
        moves: list[Move] = []
        answers = [Opening.CLAIM_LOST] * len(drafts)
        with self._database.write() as connection:
            held = held_leads(connection, [draft.lead_id for draft in drafts])
            barred = _barred(connection, drafts)
            abandoned = _abandoned_last(connection, drafts)
            allowed: list[int] = []
            for place, draft in enumerate(drafts):
                if not _holds(draft, held.get(draft.lead_id)):
                    continue
                lead = held.pop(draft.lead_id)  # a second draft with the same lead finds it gone
                if lead.attempts >= draft.max_attempts:
                    moves.append((lead.lead_id, LeadState.EXHAUSTED, None, "max_attempts"))
                    tally.leads(draft.run_id, LeadState.HOPPER, LeadState.EXHAUSTED)
                elif any((list_id, draft.phone) in barred for list_id in draft.dnc_list_ids):
                    answers[place] = Opening.DNC
                    moves.append((lead.lead_id, LeadState.DNC, None, "dnc"))
                    tally.leads(draft.run_id, LeadState.HOPPER, LeadState.DNC)
                elif draft.created_at < (until := abandoned.get(draft.phone, -math.inf) + draft.quiet_seconds):
                    answers[place] = Opening.QUIET
                    moves.append((lead.lead_id, LeadState.WAITING, until, "quiet"))
                    tally.leads(draft.run_id, LeadState.HOPPER, LeadState.WAITING)
                else:
                    allowed.append(place)
            opened = _insert(connection, [drafts[place] for place in allowed])
            dialling: list[int] = []
            for place in allowed:
                draft = drafts[place]
                if draft.attempt_id in opened:
                    answers[place] = Opening.OPENED
                    dialling.append(draft.lead_id)
                    tally.leads(draft.run_id, LeadState.HOPPER, LeadState.DIALING)
                    tally.add(draft.run_id, "attempt", "made")
                else:
                    answers[place] = Opening.NUMBER_LIVE
                    due_at = draft.created_at + self._number_busy_seconds
                    moves.append((draft.lead_id, LeadState.WAITING, due_at, "number_live"))
                    tally.leads(draft.run_id, LeadState.HOPPER, LeadState.WAITING)
            for portion in portions(dialling):
                execute(
                    connection,
                    f"UPDATE leads SET state = {LeadState.DIALING:d}, due_at = NULL, reason = '', claimed_until = NULL "
                    f"WHERE id IN ({marks(len(portion))})",
                    portion,
                )
                execute(
                    connection,
                    "UPDATE callbacks SET state = 'called', settled_at = ? "
                    f"WHERE state = 'waiting' AND lead_id IN ({marks(len(portion))})",
                    (drafts[0].created_at, *portion),
                )
            settle(connection, moves)
            tally.write(connection)
        return answers

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """See the port. In a run that is over, a lead that would wait becomes final for the run's reason."""
        if not ends:
            return []
        tally = Tally()
        with self._database.write() as connection:
            live = _live(connection, [end.attempt_id for end in ends])
            answers: list[bool] = []
            attempt_rows: list[tuple[object, ...]] = []
            lead_rows: list[tuple[object, ...]] = []
            for end in ends:
                row = live.pop(end.attempt_id, None)
                answers.append(row is not None)
                if row is None:
                    continue
                lead_id, run_id, lead_state, run_state, closing_reason, again_at, again_reason = row
                charged = int(end.move.charged)
                attempt_rows.append(_ending(end))
                tally.add(run_id, "outcome", end.outcome.value)
                if charged:
                    tally.add(run_id, "attempt", "charged")
                if lead_state == LeadState.DIALING:
                    wished = end.move if again_at is None else LeadMove(LeadState.WAITING, again_reason or "", again_at)
                    move = in_run(wished, run_state, closing_reason)
                    tally.leads(run_id, LeadState.DIALING, move.state)
                    lead_rows.append((int(move.state), move.due_at, move.reason, end.outcome.value, charged, charged, lead_id))
            execute_each(connection, f"UPDATE attempts SET {END_COLUMNS} WHERE id = ?", attempt_rows)
            execute_each(
                connection,
                "UPDATE leads SET state = ?, due_at = ?, reason = ?, last_outcome = ?, attempts = attempts + ?, "
                "uncharged = CASE WHEN ? = 1 THEN 0 ELSE uncharged + 1 END, claim = NULL, claimed_until = NULL WHERE id = ?",
                lead_rows,
            )
            opt_out(connection, [end for end, open_until_now in zip(ends, answers, strict=True) if open_until_now])
            tally.write(connection)
        return answers

    def correct_end(self, end: AttemptEnd) -> bool:
        """Write how an attempt that ended ``unknown`` did end; False, and nothing changed, when it is no such attempt.

        What was charged stays charged, and a lead that is final stays final: a correction never makes a contact dialable
        again. A lead that waits, or is in the hopper, is done when the outcome is final (somebody answered, a wrong number), or
        when this was its last attempt and ``end.move`` is final.
        """
        tally = Tally()
        with self._database.write() as connection:
            found = execute(
                connection,
                "SELECT a.lead_id, a.run_id, a.charged, l.state, l.reason, a.created_at = (SELECT MAX(o.created_at) "
                "FROM attempts o WHERE o.lead_id = a.lead_id) FROM attempts a JOIN leads l ON l.id = a.lead_id "
                f"WHERE a.id = ? AND a.ended_at IS NOT NULL AND a.outcome = ? {lock(connection, 'FOR UPDATE OF a, l')}",
                (end.attempt_id, Outcome.UNKNOWN.value),
            ).first()
            if found is None or end.outcome is Outcome.UNKNOWN:
                return False
            lead_id, run_id, charged, state, reason, is_last = found
            *ending, _, attempt_id = _ending(end)
            execute(connection, f"UPDATE attempts SET {END_COLUMNS} WHERE id = ?", (*ending, charged, attempt_id))
            tally.add(run_id, "outcome", Outcome.UNKNOWN.value, -1)
            tally.add(run_id, "outcome", end.outcome.value)
            lead_state = LeadState(state)
            stops = RULES[end.outcome].final or (is_last and end.move.state.final)
            if stops and lead_state in UNSETTLED:
                tally.leads(run_id, lead_state, LeadState.DONE)
                settle(connection, [(lead_id, LeadState.DONE, None, end.outcome.value)])
            elif is_last and lead_state.final and reason == Outcome.UNKNOWN.value:
                execute(connection, "UPDATE leads SET reason = ? WHERE id = ?", (end.outcome.value, lead_id))
            opt_out(connection, [end])
            if is_last:
                execute(connection, "UPDATE leads SET last_outcome = ? WHERE id = ?", (end.outcome.value, lead_id))
            tally.write(connection)
        return True

    def open_attempts_of(self, node: str) -> list[OpenAttempt]:
        """See the port; oldest first."""
        with self._database.read() as connection:
            rows = execute(
                connection,
                "SELECT a.id, a.lead_id, a.run_id, a.campaign_id, c.name, a.contact_id, a.phone, a.caller_id, a.carrier, "
                "a.node, a.created_at, l.attempts, l.uncharged FROM attempts a JOIN campaigns c ON c.id = a.campaign_id "
                "JOIN leads l ON l.id = a.lead_id WHERE a.ended_at IS NULL AND a.node = ? ORDER BY a.created_at, a.id",
                (node,),
            )
            return [OpenAttempt(*row) for row in rows]

    def live_counts(self) -> Counter[int]:
        """Live attempts by run id, over all nodes."""
        with self._database.read() as connection:
            # Counted here: with GROUP BY, SQLite walks every attempt ever made instead of the index of the live ones.
            return Counter(row[0] for row in execute(connection, "SELECT run_id FROM attempts WHERE ended_at IS NULL"))

    def set_first_word(self, attempt_id: str, milliseconds: int) -> bool:
        """When a bot said its first word, from the answer on; False when there is no such attempt."""
        with self._database.write() as connection:
            changed = execute(connection, "UPDATE attempts SET first_word_ms = ? WHERE id = ?", (milliseconds, attempt_id))
            return changed.rowcount == 1


def _holds(draft: AttemptDraft, lead: HeldLead | None) -> bool:
    return (
        lead is not None
        and lead.claim == draft.claim
        and lead.run_id == draft.run_id
        and lead.run_state == RunState.ACTIVE.value
    )


def _abandoned_last(connection: Connection, drafts: Sequence[AttemptDraft]) -> dict[int, float]:
    """phone → end of its last abandoned call, of any campaign, where a draft asks for a quiet period."""
    found: dict[int, float] = {}
    for phones in portions(sorted({draft.phone for draft in drafts if draft.quiet_seconds > 0})):
        rows = execute(
            connection,
            f"SELECT phone, MAX(ended_at) FROM attempts WHERE outcome = '{Outcome.ABANDONED.value}' "
            f"AND phone IN ({marks(len(phones))}) GROUP BY phone",
            phones,
        )
        found.update((row[0], row[1]) for row in rows)
    return found


def _barred(connection: Connection, drafts: Sequence[AttemptDraft]) -> set[tuple[int, int]]:
    """(list, phone) pairs among the drafts' lists and phones: two IN lists, so that every pair is one probe of the key."""
    list_ids = sorted({list_id for draft in drafts for list_id in draft.dnc_list_ids})
    barred: set[tuple[int, int]] = set()
    if list_ids:
        for phones in portions(sorted({draft.phone for draft in drafts})):
            rows = execute(
                connection,
                f"SELECT list_id, phone FROM dnc_numbers WHERE list_id IN ({marks(len(list_ids))}) "
                f"AND phone IN ({marks(len(phones))})",
                (*list_ids, *phones),
            )
            barred.update((row[0], row[1]) for row in rows)
    return barred


def _beginning(draft: AttemptDraft) -> tuple[object, ...]:
    """In the order of DRAFT_COLUMNS."""
    return (
        draft.attempt_id,
        draft.run_id,
        draft.campaign_id,
        draft.lead_id,
        draft.contact_id,
        draft.phone,
        draft.caller_id,
        draft.carrier,
        draft.node,
        draft.created_at,
    )


def _ending(end: AttemptEnd) -> tuple[object, ...]:
    """In the order of END_COLUMNS, then the attempt's id."""
    return (
        end.launched_at,
        end.ringing_at,
        end.answered_at,
        end.ended_at,
        end.amd_verdict,
        end.amd_ms,
        end.connected_to,
        end.connected_at,
        end.amd_confidence,
        json.dumps(dict(end.amd_detail)) if end.amd_detail else None,
        end.amd_revised,
        end.amd_revised_ms,
        end.beep_at,
        end.key_at,
        end.agent,
        end.seizure.value if end.seizure is not None else None,
        end.opted_out,
        end.outcome.value,
        end.cause,
        end.sip_status,
        end.move.charged,
        end.attempt_id,
    )


def _insert(connection: Connection, drafts: Sequence[AttemptDraft]) -> set[str]:
    """Ids of the attempts that were written; the others' numbers are live. Of two to one number the first is written."""
    written: set[str] = set()
    for portion in portions(sorted(drafts, key=lambda draft: draft.phone)):
        rows = execute(
            connection,
            f"INSERT INTO attempts ({DRAFT_COLUMNS}) VALUES {row_marks(len(portion), 10)} "
            "ON CONFLICT (phone) WHERE ended_at IS NULL DO NOTHING RETURNING id",
            flat(_beginning(draft) for draft in portion),
        )
        written.update(row[0] for row in rows)
    return written


Live = tuple[int, int, int, str, str | None, float | None, str | None]


def _live(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, Live]:
    """attempt → (lead, run, lead's state, run's state, closing reason, when to call again and why, if somebody wants that)
    for those that are live, locked."""
    live: dict[str, Live] = {}
    for portion in portions(sorted(set(attempt_ids))):
        rows = execute(
            connection,
            "SELECT a.id, a.lead_id, a.run_id, l.state, r.state, r.closing_reason, a.again_at, a.again_reason FROM attempts a "
            "JOIN leads l ON l.id = a.lead_id JOIN runs r ON r.id = a.run_id "
            f"WHERE a.id IN ({marks(len(portion))}) AND a.ended_at IS NULL "
            f"ORDER BY a.id {lock(connection, 'FOR UPDATE OF a, l FOR SHARE OF r')}",
            portion,
        )
        live.update((row[0], (row[1], row[2], row[3], row[4], row[5], row[6], row[7])) for row in rows)
    return live
