"""What limits the pace, why nothing is dialled, and why one contact waits: always an answer, and the right one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from controller.admin.bus import connect
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.hopper.lead import HopperLead, LeadMove, LeadState
from controller.live import board
from controller.live.board import RedisBoard
from controller.storage.attempts import SqlAttemptStore
from controller.storage.dnc import DncLimits, DncStore
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore
from tests.cli.conftest import JUNE, Shell

ASHA = "+919812345601"


@pytest.fixture(autouse=True)
def patient_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published stays for the whole test, however slow the machine."""
    monkeypatch.setattr(board, "LIFETIME_SECONDS", 600)


def publish(redis_url: str, node: str, **standing: Any) -> None:
    """What a controller says of ``june``."""
    row = {"run": 1, "state": "active", "seats": 0, "seat_limit": 40, "hopper": 0, "calls_per_second": 0.0, "until": None}
    with connect(redis_url) as client:
        RedisBoard(client).publish(node, {"june": row | standing})


def started(shell: Shell) -> int:
    shell.ready()
    shell.ask("campaign", "start", "june")
    return shell.prepare()


def claimed(shell: Shell, run_id: int) -> list[HopperLead]:
    now = time.time()
    return SqlLeadStore(shell.database).claim(run_id, 10, now, now + 600)


def draft(shell: Shell, lead: HopperLead, attempt_id: str) -> AttemptDraft:
    run = SqlRunStore(shell.database).get(lead.run_id)
    return AttemptDraft(
        attempt_id=attempt_id,
        lead_id=lead.lead_id,
        claim=lead.claim,
        run_id=lead.run_id,
        campaign_id=run.campaign_id,
        contact_id=lead.contact_id,
        phone=lead.phone,
        caller_id="+911140001000",
        carrier="north",
        node="n1",
        created_at=time.time(),
        max_attempts=3,
        dnc_list_ids=run.plan.dnc_list_ids,
    )


def gates(shell: Shell, phone: str = ASHA) -> tuple[dict[str, bool], dict[str, Any]]:
    found = shell.ask("campaign", "why", "june", phone)
    return {gate["gate"]: gate["passes"] for gate in found["gates"]}, found


def test_a_campaign_that_never_ran_says_so(shell: Shell):
    """Nothing is dialled because nobody has started it."""
    shell.ready()
    found = shell.ask("campaign", "status", "june")
    assert found["run"] is None
    assert "never run" in found["pace"]["reason"]


def test_preparing_paused_and_closing_are_reasons(shell: Shell):
    """Each state of a run in which nothing is dialled is told as the reason."""
    shell.ready()
    reasons = []
    shell.ask("campaign", "start", "june")
    reasons.append(shell.ask("campaign", "status", "june")["pace"]["reason"])
    shell.prepare()
    for verb in ("pause", "stop"):
        shell.ask("campaign", verb, "june")
        reasons.append(shell.ask("campaign", "status", "june")["pace"]["reason"])
    assert "being prepared" in reasons[0]
    assert "paused" in reasons[1]
    assert "closing (stopped)" in reasons[2]


def test_without_a_controller_that_is_the_reason(shell: Shell):
    """An active run that no controller publishes is not being dialled; the mend is named."""
    started(shell)
    pace = shell.ask("campaign", "status", "june")["pace"]
    assert pace["binding"] == "no_controller"
    assert "trunkline controller" in pace["reason"]
    assert not shell.ask("campaign", "status", "june")["dialling"]


def test_without_redis_that_is_the_reason(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    """The totals are shown all the same; they are in the database."""
    started(shell)
    monkeypatch.setenv("TRUNKLINE_REDIS__URL", f"unix://{shell.folder}/none.sock")
    found = shell.ask("campaign", "status", "june")
    assert found["pace"]["reason"].startswith("Redis is away")
    assert found["totals"]["lead"] == {"fresh": 3}


def test_the_limit_that_binds_is_shown(shell: Shell, redis_url: str):
    """Seats are counted once for the system, calls per second over the controllers; what the busiest says binds."""
    started(shell)
    publish(redis_url, "n1", binding="gate", reason="the link to FreeSWITCH is down", seats=40)
    publish(redis_url, "n2", binding="seats", reason="40 of 40 seats are taken", seats=40, calls_per_second=4.5, hopper=12)
    found = shell.ask("campaign", "status", "june")
    assert found["seats"] == {"in_use": 40, "limit": 40}
    assert (found["calls_per_second"], found["hopper"]) == (4.5, 12)
    assert found["pace"] == {"binding": "seats", "reason": "40 of 40 seats are taken", "until": None}
    assert set(found["nodes"]) == {"n1", "n2"}
    assert found["dialling"]
    page = shell.give("campaign", "status", "june").out
    assert "seats: 40 of 40 seats are taken" in page
    assert "the link to FreeSWITCH is down" in page


def test_outside_the_window_the_next_opening_is_shown(shell: Shell, redis_url: str):
    """When no controller may dial, the gate's reason and the time it clears are the answer."""
    started(shell)
    opens = time.time() + 3600
    publish(redis_url, "n1", binding="gate", reason="outside calling hours until Mon 09:00 Asia/Kolkata", until=opens)
    pace = shell.ask("campaign", "status", "june")["pace"]
    assert pace == {"binding": "gate", "reason": "outside calling hours until Mon 09:00 Asia/Kolkata", "until": opens}


def test_when_all_wait_for_their_retry_the_next_time_is_shown(shell: Shell, redis_url: str):
    """No lead is ready because all that are left wait: how many, and when the first is due."""
    run_id = started(shell)
    due = time.time() + 1800
    for lead in claimed(shell, run_id):
        assert SqlLeadStore(shell.database).defer(lead, due, "no_answer")
    publish(redis_url, "n1", binding="leads", reason="0 leads are ready to be dialled")
    pace = shell.ask("campaign", "status", "june")["pace"]
    assert pace["until"] == pytest.approx(due)
    assert pace["reason"].startswith("all 3 contacts that are left wait for their time")


def test_why_a_fresh_contact_is_about_to_be_called(shell: Shell, redis_url: str):
    """With every gate open, nothing keeps it from being dialled."""
    started(shell)
    publish(redis_url, "n1", binding="carrier_cps", reason="the rate is 10 calls a second", calls_per_second=10.0)
    passes, found = gates(shell)
    assert all(passes.values())
    assert found["verdict"] == "nothing keeps it from being dialled"
    assert found["lead"]["state"] == "fresh"


def test_why_a_contact_waits_for_its_retry(shell: Shell):
    """A contact nobody picked up at waits for its due time, which is told, with the outcome and the attempts made."""
    run_id = started(shell)
    lead = next(lead for lead in claimed(shell, run_id) if f"+{lead.phone}" == ASHA)
    ledger = SqlAttemptStore(shell.database)
    assert ledger.open_attempts([draft(shell, lead, "call-1")]) == [Opening.OPENED]
    passes, found = gates(shell)
    assert not passes["number"]
    assert shell.ask("call", "ls")[0]["attempt_id"] == "call-1"
    due = time.time() + 900
    move = LeadMove(LeadState.WAITING, "no_answer", due)
    end = AttemptEnd("call-1", lead.lead_id, run_id, time.time(), Outcome.NO_ANSWER, "NO_ANSWER", move)
    assert ledger.close_attempts([end]) == [True]
    passes, found = gates(shell)
    assert passes["number"]
    assert not passes["lead"]
    assert found["clears_at"] == pytest.approx(due)
    assert (found["lead"]["attempts"], found["lead"]["last_outcome"]) == (1, "no_answer")


def test_why_a_listed_number_is_not_called(shell: Shell):
    """A number on the global do-not-call list fails that gate, for whatever reason it was listed."""
    started(shell)
    DncStore(shell.database).add("global", {int(ASHA[1:]): "asked by letter"}, DncLimits(10, 10, 10))
    passes, found = gates(shell)
    assert not passes["dnc"]
    assert any("asked by letter" in gate["text"] for gate in found["gates"])


def test_why_nobody_is_called_outside_the_window(shell: Shell):
    """The window's verdict gives the next opening."""
    shell.ready()
    never_now = time.strftime("%a", time.gmtime(time.time() + 3 * 86400)).lower()
    shut = JUNE.replace('["mon", "tue", "wed", "thu", "fri", "sat", "sun"]', f'["{never_now}"]')
    shell.ask("apply", shell.file("june.toml", shut))
    _, found = gates(shell)
    (window,) = [gate for gate in found["gates"] if gate["gate"] == "window"]
    assert not window["passes"]
    assert window["clears_at"] > time.time()


def test_why_no_carrier_takes_a_destination(shell: Shell):
    """A destination no carrier of the pool may call has no route."""
    shell.ready()
    site = shell.give("export", "site").out.replace("allowed = []", 'allowed = ["+44"]')
    shell.ask("apply", shell.file("site2.toml", site))
    passes, _ = gates(shell)
    assert not passes["route"]


def test_why_refuses_what_is_no_contact(shell: Shell):
    """A number that is in no list of the campaign, and a text that is no number, are told apart."""
    shell.ready()
    assert "is in no list of campaign june" in shell.give("campaign", "why", "june", "+919812340000").err
    assert "E.164" in shell.give("campaign", "why", "june", "twelve").err


def test_a_live_call_is_shown_and_one_that_is_over_not_hung_up(shell: Shell):
    """`call show` has the ledger's word even when no controller answers; `call hangup` of an ended call is refused."""
    run_id = started(shell)
    lead = claimed(shell, run_id)[0]
    ledger = SqlAttemptStore(shell.database)
    ledger.open_attempts([draft(shell, lead, "call-1")])
    move = LeadMove(LeadState.DONE, "answered")
    ledger.close_attempts([AttemptEnd("call-1", lead.lead_id, run_id, time.time(), Outcome.ANSWERED, "NORMAL_CLEARING", move)])
    assert shell.ask("call", "show", "call-1")["outcome"] == "answered"
    refused = shell.give("call", "hangup", "call-1")
    assert refused.code == 1
    assert "over already: answered" in refused.err
    assert shell.give("call", "show", "call-2").code == 1
