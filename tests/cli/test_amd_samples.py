"""A campaign's own calls under review: drawn with the audio that was kept, labelled by a person, scored as they were called."""

from __future__ import annotations

import csv
import json

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.attempts import SqlAttemptStore
from controller.storage.driver_sql import execute
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore
from tests.cli.conftest import Shell

T0 = 1795255200.25
VERDICTS = ("person", "machine", "machine")


@pytest.fixture
def reviewed(shell: Shell) -> Shell:
    """Three answered calls of ``june``: a person, a machine, and a machine whose audio was not kept."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    run = SqlRunStore(shell.database).get(shell.prepare())
    leads = SqlLeadStore(shell.database).claim(run.id, 3, T0, T0 + 60)
    ledger = SqlAttemptStore(shell.database)
    ledger.open_attempts(
        [
            AttemptDraft(
                attempt_id=f"call-{place}", lead_id=lead.lead_id, claim=lead.claim, run_id=run.id, campaign_id=run.campaign_id,
                contact_id=lead.contact_id, phone=lead.phone, caller_id="+911140001000", carrier="north", node="n1",
                created_at=T0 + place, max_attempts=3, dnc_list_ids=(),
            )
            for place, lead in enumerate(leads)
        ]
    )  # fmt: skip
    done = LeadMove(LeadState.DONE, "answered")
    ledger.close_attempts(
        [
            AttemptEnd(
                f"call-{place}", lead.lead_id, run.id, T0 + 30, Outcome.ANSWERED, "NORMAL_CLEARING", done,
                sip_status=200, answered_at=T0 + 5, amd_verdict=VERDICTS[place], amd_ms=1500 + place,
                amd_revised="machine" if place == 0 else None,
            )
            for place, lead in enumerate(leads)
        ]
    )  # fmt: skip
    evidence = shell.folder / "var" / "evidence"
    evidence.mkdir()
    for place in (0, 1):
        (evidence / f"call-{place}.wav").write_bytes(b"RIFF")
    return shell


def labelled(shell: Shell, labels: dict[str, str]) -> str:
    """The table of ``amd samples`` with these labels written in, by attempt."""
    table = shell.folder / "june-samples.csv"
    assert shell.give("amd", "samples", "june", "-o", str(table)).code == 0
    rows = list(csv.DictReader(table.open()))
    for row in rows:
        row["label"] = labels.get(row["attempt_id"], "")
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return str(table)


def test_samples_are_the_calls_whose_audio_was_kept(reviewed):
    """The table names each recording and what was said of the call; the label is for a person to write."""
    rows = reviewed.ask("amd", "samples", "june")
    assert {tuple(row[name] for name in ("attempt_id", "label", "verdict", "revised", "amd_ms")) for row in rows} == {
        ("call-0", "", "person", "machine", "1500"),
        ("call-1", "", "machine", "", "1501"),
    }
    assert all(row["file"].endswith(f"/var/evidence/{row['attempt_id']}.wav") for row in rows)
    assert len(reviewed.ask("amd", "samples", "june", "--most", "1")) == 1


def test_labelled_samples_are_scored_as_they_were_called(reviewed):
    """The machine was a person: one of one person let go. Lines without a label are counted and left out."""
    result = reviewed.ask("amd", "score", labelled(reviewed, {"call-1": "human"}), "--as-called")
    assert result["heard"] == "as called; 1 without a label are left out; 1 labels kept with their calls"
    assert result["confusion"] == {"person": {"machine": 1}}
    assert (result["people_let_go"]["hits"], result["people_let_go"]["of"]) == (1, 1)
    assert result["decided_seconds"]["person"]["p50"] == 1.501


def test_a_change_of_mind_is_scored_too(reviewed):
    """Called a person first and a machine then: wrong at first, right in the end."""
    result = reviewed.ask("amd", "score", labelled(reviewed, {"call-0": "machine"}), "--as-called")
    assert result["confusion"] == {"machine": {"person": 1}}
    assert result["confusion_after_revision"] == {"machine": {"machine": 1}}


def test_labels_stay_with_their_calls(reviewed):
    """Scored once, a label is known of the attempt: the drop guard counts it without being told."""
    reviewed.ask("amd", "score", labelled(reviewed, {"call-0": "machine", "call-1": "voicemail"}), "--as-called")
    with reviewed.database.read() as connection:
        kept = execute(connection, "SELECT id, amd_label FROM attempts ORDER BY id").all()
    assert [tuple(row) for row in kept] == [("call-0", "machine"), ("call-1", "machine"), ("call-2", None)]


def test_a_campaign_whose_audio_was_not_kept_is_refused(shell):
    """Without audio there is nothing to listen to, and the key that keeps it is named."""
    shell.ready()
    answer = shell.give("amd", "samples", "june")
    assert answer.code == 1
    assert "no audio of calls of campaign june is in" in answer.err
    assert "keep_audio" in answer.err


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("person,maybe,100\n", "line 2: verdict 'maybe' is not known; leave it as `trunkline amd samples` wrote it"),
        ("person,machine,soon\n", "line 2: amd_ms 'soon' is no number of milliseconds"),
        ("humna,machine,100\n", "line 2: label 'humna' is not known"),
        (",machine,100\n", "no line has a label; listen, and write one of person, machine, fax, sit, other"),
    ],
)
def test_a_mistake_in_a_reviewed_table_is_named(shell, lines, reason):
    """Each line that is not right is named with its mend; so is a table that nobody has labelled."""
    table = shell.file("reviewed.csv", "label,verdict,amd_ms\n" + lines)
    answer = shell.give("amd", "score", table, "--as-called")
    assert answer.code == 2
    assert reason in answer.err


def test_a_call_without_a_verdict_counts_as_none(shell):
    """A call that ended before anything was said of it is in the table, and no person is lost by it."""
    table = shell.file("reviewed.csv", "label,verdict,amd_ms\nperson,,\n")
    answer = shell.give("amd", "score", table, "--as-called", "--json")
    assert json.loads(answer.out)["confusion"] == {"person": {"none": 1}}
