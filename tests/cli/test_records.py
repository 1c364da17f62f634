"""The exports: exactly the columns of the contract, times in UTC to the millisecond, phones with their plus."""

from __future__ import annotations

import csv
import io
import json

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.attempts import SqlAttemptStore
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore
from tests.cli.conftest import Shell

ATTEMPT_COLUMNS = (
    "attempt_id, run, campaign, contact_id, phone, caller_id, carrier, node, created_at, ringing_at, answered_at, ended_at, "
    "amd_verdict, amd_ms, connected_to, connected_at, outcome, cause, sip_status, disposition, recording"
)
LEAD_COLUMNS = "contact_id, phone, state, attempts, due_at, last_outcome, reason"
T0 = 1795255200.25
"""2026-11-21T10:00:00.250Z."""


def called(shell: Shell) -> None:
    """Run 1 of ``june``: one contact was answered, one waits for a retry, one is fresh."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    run = SqlRunStore(shell.database).get(shell.prepare())
    leads = SqlLeadStore(shell.database).claim(run.id, 2, T0, T0 + 60)
    ledger = SqlAttemptStore(shell.database)
    drafts = [
        AttemptDraft(
            attempt_id=f"call-{place}",
            lead_id=lead.lead_id,
            claim=lead.claim,
            run_id=run.id,
            campaign_id=run.campaign_id,
            contact_id=lead.contact_id,
            phone=lead.phone,
            caller_id="+911140001000",
            carrier="north",
            node="n1",
            created_at=T0 + place,
            max_attempts=3,
            dnc_list_ids=(),
        )
        for place, lead in enumerate(leads)
    ]
    assert ledger.open_attempts(drafts) == [Opening.OPENED, Opening.OPENED]
    answered = AttemptEnd(
        "call-0",
        leads[0].lead_id,
        run.id,
        T0 + 30,
        Outcome.ANSWERED,
        "NORMAL_CLEARING",
        LeadMove(LeadState.DONE, "answered"),
        sip_status=200,
        ringing_at=T0 + 2,
        answered_at=T0 + 5,
        connected_to="bot collections",
        connected_at=T0 + 5.125,
    )
    busy = LeadMove(LeadState.WAITING, "busy", T0 + 600)
    assert ledger.close_attempts(
        [answered, AttemptEnd("call-1", leads[1].lead_id, run.id, T0 + 3, Outcome.BUSY, "USER_BUSY", busy, sip_status=486)]
    ) == [True, True]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_attempts_are_exported_with_the_columns_of_the_contract(shell: Shell):
    """One row an attempt, in the order they were made; what did not happen is empty."""
    called(shell)
    out = shell.give("attempts", "export", "june").out
    assert out.splitlines()[0] == ATTEMPT_COLUMNS.replace(" ", "")
    answered, busy = table(out)
    assert answered["phone"] == "+919812345601"
    assert answered["caller_id"] == "+911140001000"
    assert answered["created_at"] == "2026-11-21T10:00:00.250Z"
    assert answered["connected_at"] == "2026-11-21T10:00:05.375Z"
    assert (answered["connected_to"], answered["outcome"], answered["sip_status"]) == ("bot collections", "answered", "200")
    assert (busy["ringing_at"], busy["amd_ms"], busy["disposition"]) == ("", "", "")


def test_leads_are_exported_with_the_columns_of_the_contract(shell: Shell):
    """One row a contact of the last run, with where it stands and when it is due."""
    called(shell)
    out = shell.give("leads", "export", "june").out
    assert out.splitlines()[0] == LEAD_COLUMNS.replace(" ", "")
    rows = {row["phone"]: row for row in table(out)}
    assert {phone: row["state"] for phone, row in rows.items()} == {
        "+919812345601": "done",
        "+919812345602": "waiting",
        "+919812345603": "fresh",
    }
    waiting = rows["+919812345602"]
    assert (waiting["attempts"], waiting["last_outcome"], waiting["reason"]) == ("1", "busy", "busy")
    assert waiting["due_at"] == "2026-11-21T10:10:00.250Z"


def test_json_is_one_object_a_row(shell: Shell):
    """With --json an export is JSON lines with the same names; what did not happen is null."""
    called(shell)
    rows = [json.loads(line) for line in shell.give("attempts", "export", "june", "--json").out.splitlines()]
    assert [list(row) for row in rows] == [ATTEMPT_COLUMNS.split(", ")] * 2
    assert (rows[0]["sip_status"], rows[1]["ringing_at"]) == (200, None)


def test_an_export_to_a_file_is_the_same(shell: Shell):
    """--output writes what would have been printed."""
    called(shell)
    for words in (("attempts", "export", "june"), ("leads", "export", "june", "--run", "1", "--json")):
        printed = shell.give(*words).out
        assert shell.give(*words, "--output", "out").code == 0
        assert (shell.folder / "out").read_text() == printed.replace("\r\n", "\n")


def test_unknown_campaigns_and_runs_are_refused_and_unrun_ones_empty(shell: Shell):
    """A wrong name or run number is a refusal; a campaign that has not run yet exports its header."""
    shell.ready()
    assert shell.give("attempts", "export", "june").out.splitlines() == [ATTEMPT_COLUMNS.replace(" ", "")]
    assert shell.give("leads", "export", "june").out.splitlines() == [LEAD_COLUMNS.replace(" ", "")]
    assert "no campaign named nobody" in shell.give("leads", "export", "nobody").err
    assert "has no run 7" in shell.give("attempts", "export", "june", "--run", "7").err
