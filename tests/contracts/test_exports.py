"""Exports and the audit table, on SQLite and PostgreSQL."""

from __future__ import annotations

from controller.domain.calls.outcome import Outcome
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.after_call import AfterCall
from controller.storage.attempts import SqlAttemptStore
from controller.storage.audit import DETAIL_LIMIT, Audit
from controller.storage.database import Database
from controller.storage.exports import AttemptRow, Exports
from tests.contracts.worlds import PHONE, SqlWorld, draft, end, no_answer, phones


def test_every_attempt_is_exported_in_the_order_made(sql_world: SqlWorld):
    """In portions smaller than the number of calls made in one instant: none is left out, none is there twice."""
    run_id = sql_world.new_run(phones(11))
    leads = sql_world.leads.claim(run_id, 11, 0.0, 60.0)
    calls = [draft(lead, f"a{place:02}", created_at=float(place // 4)) for place, lead in enumerate(leads)]
    sql_world.attempts.open_attempts(calls)
    sql_world.attempts.close_attempts([no_answer(call) for call in calls[1:]])
    answered = end(
        calls[0],
        Outcome.ANSWERED,
        LeadMove(LeadState.DONE, "answered"),
        cause="NORMAL_CLEARING",
        sip_status=200,
        ringing_at=1.0,
        answered_at=5.0,
        connected_to="bot x",
        connected_at=5.5,
        amd_verdict="person",
        amd_ms=700,
    )
    sql_world.attempts.close_attempts([answered])
    after = AfterCall(sql_world.database)
    call = after.find("a00")
    assert call is not None
    after.dispose(call, "SALE MADE", None, "ann", 30.0)
    campaign_id = sql_world.campaigns.get("c1").id
    rows = list(Exports(sql_world.database, portion=3).iter_attempts(campaign_id))
    assert [row.attempt_id for row in rows] == [call.attempt_id for call in calls]
    assert rows[0] == AttemptRow(
        attempt_id="a00",
        run=1,
        campaign="c1",
        contact_id=leads[0].contact_id,
        phone=PHONE,
        caller_id="+911140001000",
        carrier="airtel",
        node="fs1",
        created_at=0.0,
        ringing_at=1.0,
        answered_at=5.0,
        ended_at=20.0,
        amd_verdict="person",
        amd_ms=700,
        connected_to="bot x",
        connected_at=5.5,
        outcome="answered",
        cause="NORMAL_CLEARING",
        sip_status=200,
        disposition="SALE MADE",
        recording=None,
    )


def test_one_run_is_exported_alone(sql_world: SqlWorld):
    """By its number within the campaign; a number that it never had gives nothing."""
    sql_world.new_run(phones(2))
    other = sql_world.new_run(phones(3, PHONE + 10))
    call = draft(sql_world.leads.claim(other, 1, 0.0, 60.0)[0], "live")
    sql_world.attempts.open_attempts([call])
    exports = Exports(sql_world.database, portion=2)
    campaign_id = sql_world.campaigns.get("c2").id
    assert [(row.attempt_id, row.outcome) for row in exports.iter_attempts(campaign_id, 1)] == [("live", None)]
    assert list(exports.iter_attempts(campaign_id, 2)) == []
    assert [row.phone for row in exports.iter_leads(campaign_id, 1)] == phones(3, PHONE + 10)
    assert list(exports.iter_leads(campaign_id, 2)) == []
    assert SqlAttemptStore(sql_world.database).live_counts() == {other: 1}


def test_a_leads_row_says_where_it_stands(sql_world: SqlWorld):
    """State as a word, with the due time and the reason while it waits."""
    run_id = sql_world.new_run(phones(2))
    call = draft(sql_world.leads.claim(run_id, 1, 0.0, 60.0)[0], "a")
    sql_world.attempts.open_attempts([call])
    sql_world.attempts.close_attempts([no_answer(call)])
    waiting, fresh = Exports(sql_world.database).iter_leads(sql_world.campaigns.get("c1").id)
    assert waiting[1:] == (PHONE, "waiting", 1, 500.0, "no_answer", "no_answer")
    assert fresh[1:] == (PHONE + 1, "fresh", 0, None, None, "")


def test_the_audit_keeps_who_did_what(database: Database):
    """Allowed and refused alike, newest first, page by page; long details are cut."""
    audit = Audit(database)
    audit.write(1.0, "asha", "campaign.start", {"name": "diwali"}, True, "run 1")
    audit.write(2.0, "ravi", "campaign.stop", {"name": "holi"}, False, "x" * (DETAIL_LIMIT + 5))
    newest, oldest = audit.latest()
    assert (oldest.at, oldest.by, oldest.verb, oldest.args, oldest.ok) == (
        1.0,
        "asha",
        "campaign.start",
        {"name": "diwali"},
        True,
    )
    assert (newest.ok, len(newest.detail)) == (False, DETAIL_LIMIT)
    assert [entry.by for entry in audit.latest(limit=1)] == ["ravi"]
    assert [entry.by for entry in audit.latest(before_id=newest.id)] == ["asha"]
