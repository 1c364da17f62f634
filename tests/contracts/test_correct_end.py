"""An end that was never learned is corrected later, in SQLite and in PostgreSQL, and nobody becomes dialable by it."""

from __future__ import annotations

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.attempts import SqlAttemptStore
from controller.storage.audit import Audit
from controller.storage.driver_sql import execute
from controller.storage.one_transaction import one_transaction
from tests.contracts.worlds import SqlWorld, draft, end, no_answer, phones

GIVEN_UP = LeadMove(LeadState.DONE, "unknown")
AGAIN = LeadMove(LeadState.WAITING, "unknown", due_at=500.0)
ANSWERED = LeadMove(LeadState.DONE, "answered")


def store(world: SqlWorld) -> SqlAttemptStore:
    return SqlAttemptStore(world.database)


def attempted(world: SqlWorld, run_id: int, name: str, now: float = 100.0) -> AttemptDraft:
    """An attempt with the run's next lead."""
    (lead,) = world.leads.claim(run_id, 1, now, now + 60.0)
    opened = draft(lead, name, created_at=now)
    assert world.attempts.open_attempts([opened]) == [Opening.OPENED]
    return opened


def lost(world: SqlWorld, run_id: int, move: LeadMove, name: str = "a", now: float = 100.0) -> AttemptDraft:
    """An attempt that ended ``unknown``."""
    opened = attempted(world, run_id, name, now)
    assert world.attempts.close_attempts([end(opened, Outcome.UNKNOWN, move, cause="not known")]) == [True]
    return opened


def answered(opened: AttemptDraft) -> AttemptEnd:
    return end(
        opened,
        Outcome.ANSWERED,
        ANSWERED,
        cause="NORMAL_CLEARING",
        sip_status=200,
        ringing_at=101.0,
        answered_at=103.0,
        connected_to="bot",
        connected_at=103.5,
        ended_at=150.0,
    )


def row(world: SqlWorld, attempt_id: str) -> tuple[object, ...]:
    with world.database.read() as connection:
        found = execute(
            connection,
            "SELECT outcome, cause, sip_status, answered_at, connected_to, ended_at, charged FROM attempts WHERE id = ?",
            (attempt_id,),
        ).one()
    return tuple(found)


def test_an_unknown_end_becomes_what_the_journal_says(sql_world: SqlWorld):
    """Outcome, cause and times are the journal's; the counters follow; what was charged stays charged."""
    run_id = sql_world.new_run(phones(1))
    opened = lost(sql_world, run_id, GIVEN_UP)
    assert store(sql_world).correct_end(answered(opened))
    assert row(sql_world, "a") == ("answered", "NORMAL_CLEARING", 200, 103.0, "bot", 150.0, True)
    totals = sql_world.totals(run_id)
    assert {name: count for name, count in totals["outcome"].items() if count} == {"answered": 1}
    assert totals["attempt"] == {"made": 1, "charged": 1}
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.reason, lead.last_outcome) == (LeadState.DONE, "answered", "answered")


def test_a_correction_happens_once(sql_world: SqlWorld):
    """The second one finds nothing unknown; neither does one of a call that is live, ended well, or never was."""
    run_id = sql_world.new_run(phones(3))
    opened = lost(sql_world, run_id, GIVEN_UP)
    assert store(sql_world).correct_end(answered(opened))
    assert not store(sql_world).correct_end(answered(opened))
    live = attempted(sql_world, run_id, "live")
    assert not store(sql_world).correct_end(answered(live))
    known = attempted(sql_world, run_id, "known")
    sql_world.attempts.close_attempts([no_answer(known)])
    assert not store(sql_world).correct_end(answered(known))
    assert not store(sql_world).correct_end(end(opened, Outcome.NO_ANSWER, GIVEN_UP, attempt_id="nobody"))
    assert {name: n for name, n in sql_world.totals(run_id)["outcome"].items() if n} == {"answered": 1, "no_answer": 1}


@pytest.mark.parametrize("outcome", [Outcome.CONGESTION, Outcome.NO_ANSWER])
def test_a_final_lead_is_never_dialled_again(sql_world: SqlWorld, outcome: Outcome):
    """The journal says that the call cost nothing, or may be tried again: too late, better one call too few."""
    run_id = sql_world.new_run(phones(1))
    opened = lost(sql_world, run_id, GIVEN_UP)
    again = LeadMove(LeadState.WAITING, outcome.value, due_at=1.0, charged=False)
    assert store(sql_world).correct_end(end(opened, outcome, again))
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.attempts, lead.last_outcome) == (LeadState.DONE, 1, outcome.value)
    assert sql_world.totals(run_id)["attempt"]["charged"] == 1
    assert sql_world.leads.claim(run_id, 10, 1e9, 2e9) == []


def test_who_was_reached_after_all_is_not_called_again(sql_world: SqlWorld):
    """The contact waited for a retry, or was about to be dialled; the call that was lost had been answered."""
    run_id = sql_world.new_run(phones(2))
    waiting = lost(sql_world, run_id, AGAIN, "a")
    claimed = lost(sql_world, run_id, AGAIN, "b")
    assert store(sql_world).correct_end(answered(waiting))
    (held,) = sql_world.leads.claim(run_id, 10, 600.0, 700.0)
    assert held.lead_id == claimed.lead_id
    assert store(sql_world).correct_end(answered(claimed))
    assert sql_world.attempts.open_attempts([draft(held, "c")]) == [Opening.CLAIM_LOST]
    assert [lead.state for lead in sql_world.seen(run_id)] == [LeadState.DONE] * 2


def test_an_earlier_attempt_does_not_overrule_a_later_one(sql_world: SqlWorld):
    """The lead goes by its last attempt, unless somebody was reached before; a live call is left alone."""
    run_id = sql_world.new_run(phones(1))
    first = lost(sql_world, run_id, AGAIN, "a")
    second = attempted(sql_world, run_id, "b", now=600.0)
    assert store(sql_world).correct_end(end(first, Outcome.BUSY, LeadMove(LeadState.DONE, "busy")))
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.last_outcome) == (LeadState.DIALING, "unknown")
    sql_world.attempts.close_attempts([no_answer(second)])
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.last_outcome) == (LeadState.WAITING, "no_answer")


def test_a_correction_and_its_audit_are_one(sql_world: SqlWorld):
    """Both are there or neither."""
    run_id = sql_world.new_run(phones(1))
    opened = lost(sql_world, run_id, GIVEN_UP)

    def cut_short() -> None:
        with one_transaction(sql_world.database) as joined:
            assert SqlAttemptStore(joined).correct_end(answered(opened))
            Audit(joined).write(200.0, "ops", "reconcile", {"attempt_id": "a"}, True, "")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cut_short()
    assert row(sql_world, "a")[0] == "unknown"
    assert Audit(sql_world.database).latest() == []
