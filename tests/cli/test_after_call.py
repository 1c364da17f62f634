"""What a call came to, said from a shell: dispositions and what they do, promised calls and who may promise them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from controller.admin.bus import connect
from controller.domain.agents.agent import Seizure
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd
from controller.domain.hopper.lead import LeadMove, LeadState
from controller.live.agents import RedisAgents
from controller.ports import AgentRequest, Presence
from controller.storage.attempts import SqlAttemptStore
from controller.storage.leads import SqlLeadStore
from tests.cli.conftest import JUNE, SITE, Shell
from tests.cli.test_agents import FLOOR

CALL = "call-1"
DISPOSITIONS = """
[[disposition]]
name = "TRY AGAIN"
retry = true
"""


def talked(shell: Shell, site: str = FLOOR + DISPOSITIONS, june: str = JUNE.replace('["PROMISED"]', "[]")) -> int:
    """A run of june whose first contact has talked; the run's id."""
    shell.ready()
    shell.ask("apply", shell.file("site.toml", site), shell.file("june.toml", june))
    shell.ask("campaign", "start", "june")
    run_id = shell.prepare()
    (lead,) = SqlLeadStore(shell.database).claim(run_id, 1, 0.0, 60.0)
    store = SqlAttemptStore(shell.database)
    draft = AttemptDraft(
        CALL, lead.lead_id, lead.claim, run_id, 1, lead.contact_id, lead.phone, "+911140001000", "north", "n1", 1.0, 3, ()
    )
    store.open_attempts([draft])
    store.close_attempts(
        [
            AttemptEnd(
                CALL,
                lead.lead_id,
                run_id,
                30.0,
                Outcome.ANSWERED,
                "NORMAL_CLEARING",
                LeadMove(LeadState.DONE, "answered"),
                answered_at=5.0,
                connected_to="ann",
                connected_at=5.1,
            )
        ]
    )
    return run_id


def in_hours(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def lead(shell: Shell) -> dict[str, str]:
    """The contact that has talked, as the export shows it."""
    rows = shell.give("leads", "export", "june").out.splitlines()
    header, first = rows[0].split(","), next(row.split(",") for row in rows[1:] if "9812345601" in row)
    return dict(zip(header, first, strict=True))


def test_a_disposition_is_in_the_export_and_in_the_counts(shell: Shell):
    """Whatever case it is typed in; a second one takes the place of the first."""
    talked(shell)
    assert shell.ask("call", "dispose", CALL, "busy")["disposition"] == "BUSY"
    done = shell.ask("call", "dispose", CALL, "sale made", "--notes", "two policies")
    assert (done["disposition"], done["again_at"], done["dnc_list"]) == ("SALE MADE", None, None)
    assert ",SALE MADE," in shell.give("attempts", "export", "june").out
    assert shell.ask("campaign", "show", "june")["runs"][0]["totals"]["disposition"] == {"BUSY": 0, "SALE MADE": 1}


def test_do_not_call_puts_the_number_on_the_campaigns_list(shell: Shell):
    """On its own list where it has one, else on the global one; the contact is not called again."""
    shell.ask("dnc", "add", "+919812349999", "--list", "june-dnc", "--region", "IN")
    talked(shell, june=JUNE.replace('["PROMISED"]', "[]").replace('name = "june"', 'name = "june"\ndnc = "june-dnc"'))
    assert shell.ask("call", "dispose", CALL, "DO NOT CALL")["dnc_list"] == "june-dnc"
    assert [found["list"] for found in shell.ask("dnc", "check", "+919812345601", "--region", "IN")["lists"]] == ["june-dnc"]
    assert lead(shell)["state"] == "done"


def test_retry_brings_the_contact_back(shell: Shell):
    """After the campaign's delay, although it had been connected (features 5.4)."""
    talked(shell)
    done = shell.ask("call", "dispose", CALL, "TRY AGAIN")
    assert done["again_at"] == pytest.approx(datetime.now(UTC).timestamp() + 3600.0, abs=120.0)
    assert (lead(shell)["state"], lead(shell)["reason"]) == ("waiting", "disposition TRY AGAIN")


def test_a_disposition_outside_the_campaigns_set_is_refused(shell: Shell):
    """With the choice that there is."""
    talked(shell, june=JUNE)
    answer = shell.give("call", "dispose", CALL, "SALE MADE")
    assert answer.code == 1
    assert "is not one of this campaign's: PROMISED" in answer.err
    assert "no call has the id nothing" in shell.give("call", "dispose", "nothing", "PROMISED").err


def test_an_agent_promises_a_call(shell: Shell, redis_url: str):
    """Of the agent's last call, by that agent alone; the contact waits until then."""
    talked(shell, june=JUNE.replace('bot = "collections"', 'ivr = "9000"').replace('["PROMISED"]', "[]"))
    with connect(redis_url) as client:
        _had_the_call(client)
        due = in_hours(1.0)
        done = shell.ask("agent", "later", "ann", due, "--mine", "--notes", "after lunch")
        assert (done["attempt_id"], done["agent"]) == (CALL, "ann")
        assert (lead(shell)["state"], lead(shell)["reason"]) == ("waiting", "callback")
        assert shell.ask("agent", "dispose", "ann", "CALL BACK")["attempt_id"] == CALL
        assert "has had no call" in shell.give("agent", "dispose", "bob", "CALL BACK").err


def test_an_agent_sees_who_is_on_the_line_and_what_was_said_before(shell: Shell, redis_url: str):
    """The contact's attributes and the campaign's script from the moment the call is dialled for the agent; with the second
    call, what the first came to and what whoever promised it noted."""
    script = 'agent_script = "Good day, this is {NAME}.\\nMay I go on?"\n'
    june = JUNE.replace('bot = "collections"', 'ivr = "9000"').replace('["PROMISED"]', "[]")
    talked(shell, june=june.replace('name = "june"', f'name = "june"\n{script}'))
    with connect(redis_url) as client:
        assert shell.ask("agent", "show", "ann")["call"] is None
        _had_the_call(client)
        assert "+919812345601 (NAME Asha), on the line" in shell.give("agent", "show", "ann").out
        shell.ask("agent", "dispose", "ann", "CALL BACK", "--notes", "drives")
        shell.ask("agent", "later", "ann", in_hours(0.01), "--mine", "--notes", "after lunch")
        _called_again(shell)
        pool = RedisAgents(client, 30.0, settle_seconds=0.0)
        pool.enter([Presence("bob", "n1", ("sales",))])
        pool.ready("bob")
        (held,) = pool.reserve([AgentRequest("call-2", "sales", "june", "n1")])
        assert isinstance(held, Seizure)
        seen = shell.ask("agent", "show", "bob")
        said = shell.give("agent", "show", "bob").out
    call = seen["call"]
    assert (call["attempt_id"], call["phone"], call["attributes"]) == ("call-2", "+919812345601", {"NAME": "Asha"})
    (before,) = call["earlier"]
    assert (before["outcome"], before["disposition"]) == ("answered", "CALL BACK")
    assert (before["notes"], before["promise"]) == ("drives", "after lunch")
    assert seen["script"] == "Good day, this is {NAME}.\nMay I go on?"
    assert "campaign june: +919812345601 (NAME Asha), being dialled" in said
    assert "answered, CALL BACK, drives, after lunch" in said
    assert "May I go on?" in said


def _called_again(shell: Shell) -> None:
    """The promised call leaves and is not over."""
    (again,) = SqlLeadStore(shell.database).claim(1, 1, datetime.now(UTC).timestamp() + 1000.0, 1e10)
    draft = AttemptDraft(
        "call-2", again.lead_id, again.claim, 1, 1, again.contact_id, again.phone, "+911140001000", "north", "n1", 99.0, 3, ()
    )
    SqlAttemptStore(shell.database).open_attempts([draft])


def _had_the_call(client: Redis) -> None:
    pool = RedisAgents(client, 30.0, settle_seconds=0.0)
    pool.enter([Presence("ann", "n1", ("sales",))])
    pool.ready("ann")
    (held,) = pool.reserve([AgentRequest(CALL, "sales", "june", "n1")])
    assert isinstance(held, Seizure)
    assert pool.connect(held, CALL) is not None


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2020-01-01T10:00:00+05:30", "is over already"),
        ("2020-01-01T10:00:00", "give the time with its zone"),
        ("tomorrow", "at:"),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused(shell: Shell, at: str, told: str):
    """Over, without a zone, or no time at all."""
    talked(shell)
    answer = shell.give("call", "later", CALL, at)
    assert answer.code in (1, 2)
    assert told in answer.err


def test_a_promise_outside_the_calling_hours_is_refused(shell: Shell):
    """It could not be kept; the answer says when they begin again."""
    closed = JUNE.replace('["PROMISED"]', "[]").replace('"00:00-24:00"', '"00:00-00:01"')
    talked(shell, june=closed.replace('bot = "collections"', 'ivr = "9000"'))
    noon = (datetime.now(UTC) + timedelta(days=2)).replace(hour=7, minute=0).isoformat()
    answer = shell.give("call", "later", CALL, noon)
    assert answer.code == 1
    assert "outside the calling hours" in answer.err


def test_a_bots_promise_needs_campaign_and_bot(shell: Shell):
    """The double gate of features 5.5: either half alone is not enough."""
    open_june = JUNE.replace('["PROMISED"]', "[]").replace('name = "june"', 'name = "june"\ncallback_detection = true')
    talked(shell, june=open_june)
    assert "set callbacks = true" in shell.give("call", "later", CALL, in_hours(1.0)).err
    changed = (FLOOR + DISPOSITIONS).replace("tested = true", "tested = true\ncallbacks = true")
    shell.ask("apply", shell.file("site.toml", changed))
    assert shell.ask("call", "later", CALL, in_hours(1.0))["agent"] is None


def test_a_campaign_without_callbacks_takes_none_from_bots(shell: Shell):
    """The campaign's half of the gate."""
    talked(shell, site=SITE.replace("tested = true", "tested = true\ncallbacks = true"))
    assert "set callback_detection = true" in shell.give("call", "later", CALL, in_hours(1.0)).err
