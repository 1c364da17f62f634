"""``trunkline reconcile``: the record of calls, the switch's journal and a carrier's file, held against one another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.storage.attempts import SqlAttemptStore
from controller.storage.audit import Audit
from controller.storage.leads import SqlLeadStore
from controller.storage.look_up import LookUp
from controller.storage.runs import SqlRunStore
from tests.cli.conftest import Shell

T0 = 4_000_000_000.0
"""After every run's start, which is now."""


def line(attempt_id: str, start: float, answer: float, end: float, cause: str, status: str) -> str:
    """A line of the journal; times in seconds after T0, 0 = never."""
    micros = [str(int((T0 + at) * 1_000_000)) if at else "0" for at in (start, 0.0, 0.0, answer, answer, end)]
    return ",".join(["trunkline1", attempt_id, attempt_id, *micros, cause, "16", status, "", "", "", "", "127.0.0.1"])


JOURNAL = [
    line("call-0", 0.5, 5.0, 30.0, "NORMAL_CLEARING", "200"),
    line("call-1", 1.5, 0.0, 4.0, "USER_BUSY", "486"),
    line("call-2", 2.5, 6.0, 40.0, "NORMAL_CLEARING", "200"),
]


class Floor:
    """Run 1 of ``june``: call-0 was answered, call-1 was given up as unknown, call-2 is open for the ledger."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        shell.ready()
        shell.ask("campaign", "start", "june")
        self.run = SqlRunStore(shell.database).get(shell.prepare())
        self.ledger = SqlAttemptStore(shell.database)
        leads = SqlLeadStore(shell.database).claim(self.run.id, 3, T0, T0 + 60)
        self.drafts = [
            AttemptDraft(
                attempt_id=f"call-{place}",
                lead_id=lead.lead_id,
                claim=lead.claim,
                run_id=self.run.id,
                campaign_id=self.run.campaign_id,
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
        assert self.ledger.open_attempts(self.drafts) == [Opening.OPENED] * 3
        talked = LeadMove(LeadState.DONE, "answered")
        self.end(0, Outcome.ANSWERED, talked, 30.0, answered_at=T0 + 5)
        self.end(1, Outcome.UNKNOWN, LeadMove(LeadState.DONE, "unknown"), 90.0)

    def end(self, place: int, outcome: Outcome, move: LeadMove, after: float, **more: Any) -> None:
        draft = self.drafts[place]
        end = AttemptEnd(draft.attempt_id, draft.lead_id, self.run.id, T0 + after, outcome, "cause", move, **more)
        assert self.ledger.close_attempts([end]) == [True]

    def journal(self, *lines: str, name: str = "Master.csv") -> str:
        return self.shell.file(name, "".join(f"{one}\n" for one in lines))

    def numbers(self) -> list[str]:
        return [f"+{draft.phone}" for draft in self.drafts]


@pytest.fixture
def floor(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Floor:
    made = Floor(shell)
    monkeypatch.setattr("time.time", lambda: T0 + 1_000.0)
    return made


def kinds(answer: dict[str, Any]) -> Counter[str]:
    return Counter(one["kind"] for one in answer["differences"])


def test_differences_are_told_call_for_call(floor: Floor):
    """An end that was never learned, one that was never written, and a call that has no attempt; exit 1."""
    journal = floor.journal(*JOURNAL, line("stray", 7.0, 0.0, 9.0, "USER_BUSY", "486"))
    answer = floor.shell.give("reconcile", "june", "--journal", journal, "--json")
    assert answer.code == 1
    assert kinds(answer.value) == {"unknown": 1, "still_open": 1, "no_attempt": 1}
    unknown = next(one for one in answer.value["differences"] if one["kind"] == "unknown")
    assert (unknown["attempt_id"], unknown["phone"]) == ("call-1", floor.numbers()[1])
    assert (unknown["ours"], unknown["theirs"]) == ("unknown", "busy, USER_BUSY")
    assert (answer.value["attempts"], answer.value["journal_calls"], answer.value["remaining"]) == (3, 4, 3)
    assert (
        "1 no_attempt, 1 still_open, 1 unknown; 0 repaired, 3 remain" in floor.shell.give("reconcile", "--journal", journal).out
    )


def test_what_is_certain_is_repaired_on_record(floor: Floor):
    """Both ends are written with the journal's outcome and times and a line of audit each; afterwards nothing differs."""
    journal = floor.journal(*JOURNAL)
    repaired = floor.shell.give("reconcile", "june", "--run", "1", "--journal", journal, "--repair", "--json")
    assert (repaired.code, repaired.value["repaired"], repaired.value["remaining"]) == (0, 2, 0)
    look_up = LookUp(floor.shell.database)
    busy, talked = look_up.call("call-1"), look_up.call("call-2")
    assert busy is not None
    assert talked is not None
    assert (busy.outcome, busy.ended_at, busy.sip_status) == ("busy", T0 + 4.0, 486)
    assert (talked.outcome, talked.connected_to, talked.answered_at) == ("answered", "collections", T0 + 6.0)
    totals = SqlRunStore(floor.shell.database).totals(floor.run.id)
    assert {name: count for name, count in totals["outcome"].items() if count} == {"answered": 2, "busy": 1}
    assert totals["lead"] == totals["lead"] | {"done": 3, "dialing": 0}
    notes = [note for note in Audit(floor.shell.database).latest() if note.verb == "reconcile"]
    assert {(note.args["attempt_id"], note.detail) for note in notes} == {
        ("call-1", "unknown → busy, USER_BUSY"),
        ("call-2", "open → answered, NORMAL_CLEARING"),
    }
    again = floor.shell.give("reconcile", "june", "--journal", journal, "--repair", "--json")
    assert (again.code, again.value["differences"]) == (0, [])


def test_attempts_the_journal_cannot_know_are_left_alone(floor: Floor):
    """Those of another node, and those that ended before the journal begins; one that it should know is missing."""
    later = floor.journal(JOURNAL[2])
    answer = floor.shell.give("reconcile", "--journal", later, "--json").value
    assert (kinds(answer), answer["before_journal"]) == ({"still_open": 1, "no_journal_line": 1}, 1)
    elsewhere = floor.shell.give("reconcile", "--journal", floor.journal(), "--node", "n2", "--json")
    assert (elsewhere.code, elsewhere.value["attempts"]) == (0, 0)


def test_rotated_files_are_read_too(floor: Floor):
    """The journal was rotated in the middle of the campaign, and its last line is torn."""
    floor.journal(*JOURNAL[:2], name="Master.csv.2026-11-21-10-00-00")
    journal = floor.shell.file("Master.csv", f"{JOURNAL[2]}\n{line('stray', 7.0, 0.0, 9.0, 'USER_BUSY', '486')[:60]}")
    answer = floor.shell.give("reconcile", "--journal", journal, "--json").value
    assert (kinds(answer), answer["journal_calls"]) == ({"unknown": 1, "still_open": 1}, 3)


def test_a_carriers_record_is_compared_by_number_and_time(floor: Floor):
    """A call that the carrier never saw, one that only it saw, and one that it billed as answered."""
    answered, unknown, _ = floor.numbers()
    rows = [f"{answered},{T0 + 0.4},30", f"{unknown},{T0 + 1.4},12", f"+919812345699,{T0 + 50},0"]
    carrier = floor.shell.file("north.csv", "number,time,duration\n" + "".join(f"{row}\n" for row in rows))
    answer = floor.shell.give("reconcile", "june", "--carrier", carrier, "--carrier-name", "north", "--json")
    assert answer.code == 1
    assert kinds(answer.value) == {"only_at_carrier": 1, "carrier_answered": 1}
    floor.end(2, Outcome.BUSY, LeadMove(LeadState.DONE, "busy"), 10.0)
    missing = floor.shell.give("reconcile", "june", "--carrier", carrier, "--json").value
    assert kinds(missing) == {"only_at_carrier": 1, "carrier_answered": 1, "not_at_carrier": 1}
    other = floor.shell.give("reconcile", "june", "--carrier", carrier, "--carrier-name", "spare", "--json").value
    assert kinds(other) == {"only_at_carrier": 3}


def test_what_cannot_be_compared_is_refused_in_a_line(floor: Floor):
    """Nothing to compare with, no such file, no such campaign, a file of something else."""
    give = floor.shell.give
    assert "give --journal FILE" in give("reconcile").err
    missing = give("reconcile", "--journal", "nowhere.csv")
    assert (missing.code, missing.err.count("\n")) == (1, 1)
    assert "nowhere.csv: the journal cannot be read: No such file" in missing.err
    journal = floor.journal(*JOURNAL)
    assert "no campaign named nobody" in give("reconcile", "nobody", "--journal", journal).err
    assert "has no run 7" in give("reconcile", "june", "--run", "7", "--journal", journal).err
    assert "name the campaign too" in give("reconcile", "--run", "1", "--journal", journal).err
    carrier = floor.shell.file("north.csv", "number,time\nx,y\n")
    wrong = give("reconcile", "--carrier", carrier)
    assert (wrong.code, wrong.err) == (2, f"trunkline: {carrier}: line 2: 'x' is no number\n")
    Path("latin.csv").write_bytes(b"number,time\n\xe9,0\n")
    assert "is not UTF-8 at byte" in give("reconcile", "--carrier", "latin.csv").err
