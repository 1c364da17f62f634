"""What each kind of people does to a call, as events, job reply, ledger row and journal line tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from esl_handlers.wire import Event
from tests.esl_handlers.virtual_switch.running import CALL_EVENTS, EVERYBODY_ANSWERS, Client, RunningSwitch, running_switch

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "aaaaaaaa-0000-4000-8000-000000000002"
PEOPLE = """
playback_seconds = 0.1
ivr_seconds = 0.1
[[number]]
prefix = "1"
who = [{ kind = "person", ring_seconds = 0.1, talk_seconds = 0.3 }]
[[number]]
prefix = "2"
who = [{ kind = "busy", after_seconds = 0.1 }]
[[number]]
prefix = "3"
who = [{ kind = "no_answer" }]
[[number]]
prefix = "4"
who = [{ kind = "rejected", after_seconds = 0.1 }]
[[number]]
prefix = "5"
who = [{ kind = "congestion" }]
[[number]]
prefix = "6"
who = [{ kind = "unavailable" }]
[[number]]
prefix = "7"
who = [{ kind = "machine", ring_seconds = 0.1, greeting_seconds = 0.2 }]
[[number]]
prefix = "8"
who = [{ kind = "dead" }]
[[number]]
prefix = "9"
who = [{ kind = "person", ring_seconds = 0.05, talk_seconds = 60 }]
[[bot]]
uri = "brief@*"
talk_seconds = 0.2
[[bot]]
uri = "full@*"
capacity = 0
[[bot]]
uri = "ill@*"
fails = { share = 1.0, status = 503 }
[[bot]]
uri = "slow@*"
answer_seconds = 30
[gateway.carrier]
[gateway.closed]
state = "down"
[gateway.narrow]
channels = 1
"""


def story(events: list[Event], uuid: str = A) -> list[str]:
    """Names of one channel's events, in order; jobs left out."""
    return [event.get("Event-Name") for event in events if event.get("Unique-ID") == uuid]


def place(switch: RunningSwitch, number: str, then: str = "&park", variables: str = "originate_timeout=30") -> list[Event]:
    """Place a call and hear it to its end, job and hang-up in whichever order they come."""
    client = switch.client(CALL_EVENTS)
    client.originate(A, number, then, variables)
    events: list[Event] = []
    missing = {"BACKGROUND_JOB", "CHANNEL_HANGUP_COMPLETE"}
    while missing:
        event = client.next_event()
        events.append(event)
        if event.get("Unique-ID") == A or event.get("Job-UUID") == A:
            missing.discard(event.get("Event-Name"))
    return events


def end(events: list[Event]) -> Event:
    return next(e for e in events if e.get("Event-Name") == "CHANNEL_HANGUP_COMPLETE" and e.get("Unique-ID") == A)


def job(events: list[Event]) -> str:
    return next(e.body for e in events if e.get("Event-Name") == "BACKGROUND_JOB").strip()


UNANSWERED = [
    ("2", ["CHANNEL_CREATE", "CHANNEL_PROGRESS"], "USER_BUSY", "17", "486", "busy"),
    ("4", ["CHANNEL_CREATE"], "CALL_REJECTED", "21", "603", "rejected"),
    ("5", ["CHANNEL_CREATE"], "NORMAL_TEMPORARY_FAILURE", "41", "503", "congestion"),
    ("6", ["CHANNEL_CREATE"], "NO_USER_RESPONSE", "18", "480", "unavailable"),
    ("0", ["CHANNEL_CREATE"], "UNALLOCATED_NUMBER", "1", "404", "invalid"),
]


@pytest.mark.parametrize(("number", "before", "cause", "q850", "status", "ledger"), UNANSWERED)
def test_refusals(tmp_path: Path, number: str, before: list[str], cause: str, q850: str, status: str, ledger: str) -> None:
    """A refusal has its cause, number and SIP status in the hang-up event, the job's reply, the ledger and the journal."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, number)
        assert story(events) == [*before, "CHANNEL_HANGUP_COMPLETE"]
        assert job(events) == f"-ERR {cause}"
        assert end(events).get("variable_sip_term_status") == status
        assert end(events).get("variable_sip_invite_failure_status") == status
        assert [row["end"] for row in switch.ledger()] == [ledger]
        line = switch.journal()[0]
        assert (line[1], line[9], line[10], line[11], line[12]) == (A, cause, q850, status, status)


def test_nobody_answers_until_our_limit(tmp_path: Path) -> None:
    """It rings until originate_timeout, which cancels with NO_ANSWER."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "3", variables="originate_timeout=2")
        assert story(events) == ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_HANGUP_COMPLETE"]
        assert end(events).get("Hangup-Cause") == "NO_ANSWER"
        assert end(events).get("variable_sip_hangup_disposition") == "send_cancel"
        assert [row["end"] for row in switch.ledger()] == ["no_answer"]


def test_dead_number_never_rings(tmp_path: Path) -> None:
    """No reply to the INVITE at all: nothing between CREATE and our limit."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "8", variables="originate_timeout=2")
        assert story(events) == ["CHANNEL_CREATE", "CHANNEL_HANGUP_COMPLETE"]
        assert end(events).get("Caller-Channel-Progress-Time") == "0"


@pytest.mark.parametrize("number", ["1", "7"])
def test_person_and_machine_answer_and_hang_up(tmp_path: Path, number: str) -> None:
    """To the switch a machine is a person: it answers, lasts a while, and its end is a normal clearing by the far end."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, number)
        assert story(events) == [
            "CHANNEL_CREATE",
            "CHANNEL_PROGRESS",
            "CHANNEL_ANSWER",
            "CHANNEL_PARK",
            "CHANNEL_HANGUP_COMPLETE",
        ]
        assert job(events) == f"+OK {A}"
        assert end(events).get("variable_sip_hangup_disposition") == "recv_bye"
        assert int(end(events).get("variable_billmsec")) > 0
        assert [row["end"] for row in switch.ledger()] == ["answered"]


def test_answered_person_talks_with_the_bot(tmp_path: Path) -> None:
    """The bot's leg has a uuid of its own, and the bot's goodbye ends the call."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "9", "trunkline-bot XML trunkline", "trunkline_target=sofia/trunkline/brief@10.0.0.5:5070")
        bridge = next(event for event in events if event.get("Event-Name") == "CHANNEL_BRIDGE")
        bot = bridge.get("Bridge-B-Unique-ID")
        assert (bridge.get("Unique-ID"), bridge.get("Bridge-A-Unique-ID")) == (A, A)
        assert story(events, bot) == ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"]
        assert end(events).get("variable_trunkline_connect") == "connecting"
        assert end(events).get("variable_last_bridge_to") == bot
        assert [row["number"] for row in switch.ledger()] == ["9"]
        assert [line[15] for line in switch.journal()] == [bot]


@pytest.mark.parametrize(
    ("bot", "disposition"), [("full", "USER_BUSY"), ("ill", "NORMAL_TEMPORARY_FAILURE"), ("slow", "NO_ANSWER")]
)
def test_person_whom_no_bot_takes_hears_sorry(tmp_path: Path, bot: str, disposition: str) -> None:
    """A full, broken or slow bot: the call says so, plays the apology and ends with SERVICE_UNAVAILABLE."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "9", "trunkline-bot XML trunkline", f"trunkline_target=sofia/trunkline/{bot}@10.0.0.5:5070")
        told = next(event for event in events if event.get("Event-Name") == "CUSTOM")
        assert told.get("Event-Subclass") == "trunkline::connect"
        assert told.get("variable_trunkline_connect") == "failed"
        assert told.get("variable_originate_disposition") == disposition
        assert end(events).get("Hangup-Cause") == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize(("extension", "connect"), [("trunkline-playback", "playing"), ("trunkline-ivr", "ivr")])
def test_playback_and_ivr_end_by_themselves(tmp_path: Path, extension: str, connect: str) -> None:
    """The sound or the IVR has the call until it is through."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "9", f"{extension} XML trunkline", "trunkline_target=1000")
        assert [e.get("variable_trunkline_connect") for e in events if e.get("Event-Name") == "CUSTOM"] == [connect]
        assert end(events).get("Hangup-Cause") == "NORMAL_CLEARING"


def test_waiting_call_is_not_left_in_silence(tmp_path: Path) -> None:
    """No verdict in time: the person is told and the call ends, whatever became of the controller."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "9", "trunkline-wait XML trunkline", "trunkline_verdict_seconds=1")
        said = [event.get("variable_trunkline_connect") for event in events if event.get("Event-Name") == "CUSTOM"]
        assert said == ["waiting", "overdue"]
        assert end(events).get("Hangup-Cause") == "SERVICE_UNAVAILABLE"


def test_waiting_call_is_fetched_by_transfer(tmp_path: Path) -> None:
    """uuid_transfer takes a waiting call to the extension that joins it with the bot."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client(CALL_EVENTS)
        client.originate(A, "9", "trunkline-wait XML trunkline")
        client.events_until("CUSTOM", {"variable_trunkline_connect": "waiting"})
        target = "trunkline_target=sofia/trunkline/brief@10.0.0.5:5070;odd=a\\;b"
        assert client.api(f"uuid_setvar_multi {A} {target}") == "+OK\n"
        assert client.api(f"uuid_getvar {A} odd") == "a;b"
        assert client.api(f"uuid_transfer {A} trunkline-bot XML trunkline") == "+OK\n"
        assert client.events_until("CHANNEL_BRIDGE")[-1].get("Unique-ID") == A


def test_headers_for_the_bot_are_exported_without_nolocal(tmp_path: Path) -> None:
    """``nolocal:`` keeps a header out of the carrier's INVITE; on the bot's leg it has its plain name."""
    with running_switch(tmp_path, PEOPLE) as switch:
        variables = "trunkline_target=sofia/trunkline/brief@10.0.0.5:5070,nolocal:sip_h_X-Trunkline-Name=Asha"
        variables += ",export_vars=trunkline_attempt\\,nolocal:sip_h_X-Trunkline-Name"
        created = [
            event
            for event in place(switch, "9", "trunkline-bot XML trunkline", variables)
            if event.get("Event-Name") == "CHANNEL_CREATE"
        ]
        assert [event.get("variable_sip_h_X-Trunkline-Name") for event in created] == ["", "Asha"]
        assert [event.get("variable_trunkline_attempt") for event in created] == [A, A]


def kill(client: Client, uuid: str, cause: str) -> str:
    return client.api(f"uuid_kill {uuid} {cause}")


def test_killed_while_ringing_is_cancelled(tmp_path: Path) -> None:
    """Our own hang-up before the answer: the cause we gave, and ``cancelled`` at the far end."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client(CALL_EVENTS)
        client.originate(A, "3", variables="originate_timeout=60")
        client.events_until("CHANNEL_PROGRESS")
        assert kill(client, A, "ORIGINATOR_CANCEL") == "+OK\n"
        event = client.events_until("CHANNEL_HANGUP_COMPLETE")[-1]
        assert event.get("Hangup-Cause") == "ORIGINATOR_CANCEL"
        assert [row["end"] for row in switch.ledger()] == ["cancelled"]
        assert kill(client, A, "ORIGINATOR_CANCEL") == "-ERR No such channel!\n"


def test_uuid_bridge_joins_two_parked_calls(tmp_path: Path) -> None:
    """Two answered legs; when one ends, the other does."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS) as switch:
        client = switch.client(CALL_EVENTS)
        for uuid in (A, B):
            client.originate(uuid, "1")
            client.events_until("CHANNEL_PARK", {"Unique-ID": uuid})
        assert client.api(f"uuid_bridge {A} {B}") == f"+OK {B}\n"
        client.events_until("CHANNEL_BRIDGE", {"Unique-ID": A})
        kill(client, B, "MANAGER_REQUEST")
        seen = client.events_until("CHANNEL_HANGUP_COMPLETE", {"Unique-ID": A})
        assert story(seen, B) == ["CHANNEL_HANGUP_COMPLETE"]
        assert story(seen, A) == ["CHANNEL_UNBRIDGE", "CHANNEL_HANGUP_COMPLETE"]


def test_maximum_duration_is_kept_by_the_switch(tmp_path: Path) -> None:
    """sched_hangup at the answer ends the call with the cause it was given."""
    with running_switch(tmp_path, PEOPLE) as switch:
        events = place(switch, "9", variables="execute_on_answer=sched_hangup\\s+1\\sALLOTTED_TIMEOUT")
        assert end(events).get("Hangup-Cause") == "ALLOTTED_TIMEOUT"


def test_blank_lines_between_commands_are_passed_over(tmp_path: Path) -> None:
    """They have no reply; a listener that sends them hears its next command answered as ever."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client()
        for _ in range(3):
            client.send()
        assert client.api("uuid_exists nobody") == "false"


def test_sendmsg_executes_while_parked(tmp_path: Path) -> None:
    """The Event-UUID of the message comes back as Application-UUID."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client("CHANNEL_PARK CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE")
        client.originate(A, "9")
        client.events_until("CHANNEL_PARK")
        message = (f"sendmsg {A}", "call-command: execute", "execute-app-name: playback", "execute-app-arg: hello.wav")
        assert client.command(*message, "Event-UUID: mine-1") == "+OK"
        assert client.next_event().get("Application-UUID") == "mine-1"
        assert client.command(f"sendmsg {A}", "call-command: hangup", "hangup-cause: CALL_REJECTED") == "+OK"
        assert client.events_until("CHANNEL_HANGUP_COMPLETE")[-1].get("Hangup-Cause") == "CALL_REJECTED"
        assert client.command("sendmsg gone", "call-command: hangup") == "-ERR invalid session id [gone]"


NEVER_LEFT = [
    ("sofia/gateway/nowhere/1", "INVALID_GATEWAY"),
    ("sofia/gateway/closed/1", "GATEWAY_DOWN"),
    ("nosuch/1", "CHAN_NOT_IMPLEMENTED"),
]


@pytest.mark.parametrize(("target", "cause"), NEVER_LEFT)
def test_calls_that_never_leave_have_no_create_and_no_ledger_row(tmp_path: Path, target: str, cause: str) -> None:
    """Only the job's reply tells; the far end saw nothing."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client(CALL_EVENTS)
        client.command(f"bgapi originate {target} &park", f"Job-UUID: {A}")
        event = client.next_event()
        assert (event.get("Event-Name"), event.body) == ("BACKGROUND_JOB", f"-ERR {cause}\n")
        assert switch.ledger() == []


def test_a_live_uuid_is_not_dialled_twice_and_an_ended_one_is(tmp_path: Path) -> None:
    """The uuid is a key only while the call is up: FreeSWITCH remembers no ended calls."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client(CALL_EVENTS)
        client.originate(A, "9")
        client.events_until("CHANNEL_PARK")
        client.originate(A, "9")
        refused = client.next_event()
        assert (refused.get("Event-Name"), refused.body) == ("BACKGROUND_JOB", "-ERR DESTINATION_OUT_OF_ORDER\n")
        assert client.api(f"uuid_exists {A}") == "true"
        kill(client, A, "MANAGER_REQUEST")
        client.events_until("CHANNEL_HANGUP_COMPLETE")
        client.originate(A, "9")
        client.events_until("CHANNEL_PARK")
        assert len(switch.ledger()) == 2


def test_sessions_per_second_admits_one_less(tmp_path: Path) -> None:
    """Over the limit: out of order, without any channel event."""
    with running_switch(tmp_path, PEOPLE, "--max-sessions", "3") as switch:
        client = switch.client("BACKGROUND_JOB CHANNEL_CREATE")
        for n in range(5):
            client.command(f"bgapi originate {{origination_uuid={A}{n}}}sofia/gateway/carrier/3 &park", f"Job-UUID: {n}")
        refused = [client.next_event() for _ in range(5)]
        assert sorted(event.get("Event-Name") for event in refused) == ["BACKGROUND_JOB"] * 2 + ["CHANNEL_CREATE"] * 3
        assert client.api("virtual fault sps limit=1") == "+OK\n"
        client.api("hupall")
        switch.wait_for("all calls gone", lambda: client.api("show channels count") == "\n0 total.\n")
        client.command(f"bgapi originate {{origination_uuid={B}}}sofia/gateway/carrier/3 &park", "Job-UUID: last")
        assert client.events_until("BACKGROUND_JOB", {"Job-UUID": "last"})[-1].body == "-ERR DESTINATION_OUT_OF_ORDER\n"


def test_a_gateway_over_its_channels_answers_503(tmp_path: Path) -> None:
    """The carrier's own limit is a congestion at the far end, with a ledger row."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client("BACKGROUND_JOB")
        client.originate(A, "9", gateway="narrow")
        client.events_until("BACKGROUND_JOB", {"Job-UUID": A})
        client.originate(B, "9", gateway="narrow")
        assert client.next_event().body == "-ERR NORMAL_TEMPORARY_FAILURE\n"
        assert [row["end"] for row in switch.ledger()] == ["answered", "congestion"]
