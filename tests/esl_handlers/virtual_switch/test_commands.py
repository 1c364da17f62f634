"""The command side: logging in, subscribing, asking. The words are those of FreeSWITCH 1.11.1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esl_handlers.checkup import check_dialplan, check_heartbeat, check_journal, check_modules, check_profile, check_version
from tests.esl_handlers.virtual_switch.running import EVERYBODY_ANSWERS, Client, running_switch

A = "aaaaaaaa-0000-4000-8000-000000000001"


def test_login(tmp_path: Path) -> None:
    """The switch asks first; a wrong password ends the connection with a notice."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS, "--password", "of-this-test") as switch:
        wrong = Client(switch.port, password="ClueCon")
        assert wrong.greeting.content_type == b"auth/request"
        assert wrong.accepted == "-ERR invalid"
        assert wrong.reply().content_type == b"text/disconnect-notice"
        with pytest.raises(EOFError):
            wrong.reply()
        wrong.close()
        right = Client(switch.port, password="of-this-test")
        assert right.accepted == "+OK accepted"
        assert right.command("exit") == "+OK bye"
        assert right.reply().content_type == b"text/disconnect-notice"
        right.close()


ANSWERS = [
    ("uuid_exists nobody", "false"),
    ("uuid_kill nobody", "-ERR No such channel!\n"),
    ("uuid_kill", "-USAGE: <uuid> [cause]\n"),
    ("uuid_getvar nobody x", "-ERR No such channel!\n"),
    ("uuid_setvar", "-USAGE: <uuid> <var> [value]\n"),
    ("uuid_record nobody start /x.r8", "-ERR No such channel!\n"),
    ("uuid_transfer nobody x XML y", "-ERR No such channel!\n"),
    ("uuid_bridge a b", "-ERR Invalid uuid\n"),
    ("uuid_broadcast nobody x", "-ERR invalid uuid\n"),
    ("sched_hangup +5 nobody", "-ERR No such channel!\n"),
    ("show channels count", "\n0 total.\n"),
    ("show channels as json", '{"row_count": 0}\n'),
    ("sofia status gateway carrier", None),
    ("nosuch", "-ERR nosuch Command not found!\n"),
    ("originate", "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] "
     "[<cid_num>] [<timeout_sec>]\n"),
    ("originate sofia/gateway/nowhere/1 &park", "-ERR INVALID_GATEWAY\n"),
    ("fsctl sps", "+OK sessions per second: 1000\n"),
    ("reloadxml", "+OK [Success]\n"),
]  # fmt: skip


def test_api_answers_are_freeswitchs_own(tmp_path: Path) -> None:
    """Who parses an answer of FreeSWITCH's gets the same words here."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS + "[gateway.carrier]\n") as switch:
        client = switch.client()
        answers = {command: client.api(command) for command, _ in ANSWERS}
        assert {command: answer for command, answer in ANSWERS if answer is not None}.items() <= answers.items()
        assert "Status  \tUP\n" in answers["sofia status gateway carrier"]


def test_our_own_check_finds_everything_in_place(tmp_path: Path) -> None:
    """``trunkline check`` against the virtual switch: what it looks for in FreeSWITCH is there."""
    with running_switch(tmp_path) as switch:
        api = switch.client().api
        journal = switch.journal_path
        findings = [
            check_version(api),
            *check_modules(api),
            check_profile(api),
            check_dialplan(api),
            check_heartbeat(api, 10.0),
        ]
        assert {finding.level for finding in [*findings, check_journal(api, str(journal))]} == {"ok"}


def test_subscriptions(tmp_path: Path) -> None:
    """Names, CUSTOM subclasses, taking one back, taking all back."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS, "--heartbeat", "0.05") as switch:
        client = switch.client()
        assert client.command("event plain NOSUCH") == "-ERR no keywords supplied"
        assert client.command("noevents") == "-ERR not listening for events"
        assert client.command("event plain HEARTBEAT CHANNEL_CREATE CUSTOM a::b") == "+OK event listener enabled plain"
        assert client.next_event().get("Session-Count") == "0"
        assert client.command("nixevent HEARTBEAT") == "+OK events nixed"
        client.api(f"originate {{origination_uuid={A}}}sofia/gateway/g/1 &park")
        assert client.events_until("CHANNEL_CREATE")[-1].get("Unique-ID") == A
        assert client.command("noevents") == "+OK no longer listening for events"


def test_filters_let_only_matching_events_through(tmp_path: Path) -> None:
    """A filter on a variable hides every event that lacks it."""
    with running_switch(tmp_path) as switch:
        client = switch.client("CHANNEL_CREATE BACKGROUND_JOB")
        assert client.command("filter variable_trunkline_attempt b-2") == "+OK filter added. [variable_trunkline_attempt]=[b-2]"
        client.originate(A, "1")
        client.originate("b-2", "1")
        assert client.next_event().get("Unique-ID") == "b-2"


def test_blocking_originate_answers_when_the_far_end_does(tmp_path: Path) -> None:
    """``api originate`` holds its connection; the call outlives it."""
    with running_switch(tmp_path) as switch:
        client = switch.client()
        assert client.api(f"originate {{origination_uuid={A}}}sofia/gateway/g/1 &park") == f"+OK {A}\n"
        client.close()
        other = switch.client()
        rows = json.loads(other.api("show channels as json"))
        assert rows["row_count"] == 1
        assert (rows["rows"][0]["uuid"], rows["rows"][0]["callstate"]) == (A, "ACTIVE")
        assert f"variable_origination_uuid: {A}\n" in other.api(f"uuid_dump {A}")


def test_job_uuid_is_the_clients_or_our_own(tmp_path: Path) -> None:
    """A client's Job-UUID comes back as it is; without one the switch makes one."""
    with running_switch(tmp_path) as switch:
        client = switch.client("BACKGROUND_JOB")
        assert client.command("bgapi status", "Job-UUID: lead-1.attempt-2") == "+OK Job-UUID: lead-1.attempt-2"
        assert client.next_event().get("Job-UUID") == "lead-1.attempt-2"
        reply = client.command("bgapi status")
        assert client.next_event().get("Job-UUID") == reply.removeprefix("+OK Job-UUID: ")


def test_a_people_file_with_mistakes_is_refused_while_running(tmp_path: Path) -> None:
    """The people that are there stay."""
    with running_switch(tmp_path) as switch:
        client = switch.client()
        bad = tmp_path / "bad.toml"
        bad.write_text("[[number]]\n", encoding="utf-8")
        assert client.api(f"virtual people {bad}").startswith("-ERR")
        good = tmp_path / "good.toml"
        good.write_text('[[number]]\nwho = [{ kind = "busy", after_seconds = 0 }]\n', encoding="utf-8")
        assert client.api(f"virtual people {good}") == "+OK\n"
        assert client.api("originate sofia/gateway/g/1 &park") == "-ERR USER_BUSY\n"
