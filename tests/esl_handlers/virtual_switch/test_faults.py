"""What can be made to go wrong, and that it then does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from esl_handlers.errors import WireError
from esl_handlers.wire import Event
from tests.esl_handlers.virtual_switch.running import EVERYBODY_ANSWERS, Client, RunningSwitch, running_switch

EVENTS = "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_PARK BACKGROUND_JOB CHANNEL_HANGUP_COMPLETE"
A = "aaaaaaaa-0000-4000-8000-000000000001"


def names(events: list[Event]) -> list[str]:
    return [event.get("Event-Name") for event in events if event.get("Event-Name").startswith("CHANNEL")]


def ask(switch: RunningSwitch, command: str) -> str:
    return switch.client().api(f"virtual {command}")


def test_swallowed_events_never_come(tmp_path: Path) -> None:
    """The named events are gone, the others are not; once the fault is cleared, all come again."""
    with running_switch(tmp_path) as switch:
        client = switch.client(EVENTS)
        assert ask(switch, "fault swallow events=CHANNEL_ANSWER") == "+OK\n"
        client.originate(A, "1")
        assert names(client.events_until("CHANNEL_PARK")) == ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PARK"]
        assert ask(switch, "fault clear") == "+OK\n"
        client.originate("b", "1")
        assert "CHANNEL_ANSWER" in names(client.events_until("CHANNEL_PARK", {"Unique-ID": "b"}))


def test_duplicated_events_come_twice(tmp_path: Path) -> None:
    """Each event again, the very same."""
    with running_switch(tmp_path) as switch:
        client = switch.client("CHANNEL_ANSWER")
        ask(switch, "fault duplicate")
        client.originate(A, "1")
        assert client.next_event().headers() == client.next_event().headers()


def test_reordered_events_overtake_one_another(tmp_path: Path) -> None:
    """All events come, not in the order in which they happened."""
    with running_switch(tmp_path) as switch:
        client = switch.client(EVENTS)
        ask(switch, "fault reorder seconds=0.5")
        for n in range(5):
            client.originate(f"call-{n}", "1")
        events: list[Event] = []
        while len([name for name in names(events) if name == "CHANNEL_PARK"]) < 5 or len(events) < 25:
            events.append(client.next_event())
        sequence = [int(event.get("Event-Sequence")) for event in events]
        assert len(set(sequence)) == 25
        assert sequence != sorted(sequence)


def test_delayed_events_keep_their_order(tmp_path: Path) -> None:
    """Later by the same time, all of them."""
    with running_switch(tmp_path) as switch:
        client = switch.client("CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_PARK")
        ask(switch, "fault delay seconds=0.3 for_seconds=60")
        begins = time.monotonic()
        client.originate(A, "1")
        events = client.events_until("CHANNEL_PARK")
        assert names(events) == ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_PARK"]
        assert time.monotonic() - begins >= 0.3


@pytest.mark.parametrize("how", ["close", "rst"])
def test_dropped_link_loses_events_and_no_calls(tmp_path: Path, how: str) -> None:
    """Only connections that listen to events are dropped; their calls go on, and are there after reconnecting."""
    with running_switch(tmp_path) as switch:
        client = switch.client(EVENTS)
        commands = switch.client()
        client.originate(A, "1")
        client.events_until("CHANNEL_PARK")
        assert commands.api(f"virtual fault drop how={how}") == "+OK 1\n"
        with pytest.raises((EOFError, ConnectionResetError)):
            client.events_until("HEARTBEAT")
        assert commands.api(f"uuid_exists {A}") == "true"


def test_half_open_link_is_silent(tmp_path: Path) -> None:
    """No FIN, no events, no replies: only silence tells."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS, "--heartbeat", "0.05") as switch:
        client = switch.client("HEARTBEAT")
        client.next_event()
        other = switch.client("HEARTBEAT")
        ask(switch, "fault drop how=half_open")
        third = switch.client("HEARTBEAT")
        for _ in range(5):
            third.next_event()
        client.send("api status")
        other.send("api status")
        for silent in (client, other):
            silent.patience(0.3)
            with pytest.raises(TimeoutError):
                silent.reply()


def test_garbage_is_no_esl(tmp_path: Path) -> None:
    """Bytes between messages: the reader must notice that it has lost its place."""
    with running_switch(tmp_path) as switch:
        client = switch.client("HEARTBEAT")
        ask(switch, "fault garbage bytes=4000")
        client.patience(20.0)
        with pytest.raises((WireError, AssertionError)):
            client.events_until("never")


def test_restart_is_another_core_without_calls(tmp_path: Path) -> None:
    """All calls die without an event; the identity is new; the ledger remembers that they were lost."""
    with running_switch(tmp_path) as switch:
        client = switch.client(EVENTS)
        before = client.api("global_getvar core_uuid")
        client.originate(A, "1", variables="originate_timeout=60")
        client.events_until("CHANNEL_CREATE")
        ask(switch, "fault restart away_seconds=0.05")
        with pytest.raises((EOFError, ConnectionResetError)):
            client.events_until("CHANNEL_HANGUP_COMPLETE")
        again = reconnected(switch)
        assert again.api("global_getvar core_uuid") != before
        assert again.api(f"uuid_exists {A}") == "false"
        assert [row["end"] for row in switch.ledger()] in (["lost"], ["answered"])
        assert switch.journal() == []


def reconnected(switch: RunningSwitch) -> Client:
    """Until the switch listens again."""
    found: list[Client] = []

    def attempt() -> bool:
        try:
            found.append(switch.client())
        except (ConnectionError, EOFError):
            return False
        return True

    switch.wait_for("the switch is back", attempt)
    return found[0]


def test_gateway_goes_down_and_comes_back(tmp_path: Path) -> None:
    """GATEWAY_DOWN while it is down, calls again when it is up."""
    with running_switch(tmp_path) as switch:
        client = switch.client("BACKGROUND_JOB")
        assert ask(switch, "fault gateway name=carrier state=down") == "+OK\n"
        client.originate(A, "1")
        assert client.next_event().body == "-ERR GATEWAY_DOWN\n"
        assert "DOWN" in client.api("sofia status gateway carrier")
        ask(switch, "fault gateway name=carrier state=up")
        client.originate(A, "1")
        assert client.next_event().body == f"+OK {A}\n"


def test_replies_that_do_not_come(tmp_path: Path) -> None:
    """The command is obeyed all the same: silence is no proof that nothing was dialled."""
    with running_switch(tmp_path) as switch:
        client = switch.client("CHANNEL_PARK")
        ask(switch, "fault no_reply")
        client.send(f"bgapi originate {{origination_uuid={A}}}sofia/gateway/carrier/1 &park")
        assert client.next_event().get("Unique-ID") == A


def test_unknown_faults_are_refused(tmp_path: Path) -> None:
    """A mistyped fault is told, not ignored."""
    with running_switch(tmp_path) as switch:
        assert ask(switch, "fault swalow share=1") == "-ERR no fault swalow\n"
        assert ask(switch, "fault swallow share=much").startswith("-ERR")
        assert ask(switch, "nonsense").startswith("-USAGE")


def test_faults_file_strikes_by_itself(tmp_path: Path) -> None:
    """The same faults, at their times."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nafter_seconds = 0.1\nname = "sps"\nlimit = 7\n', encoding="utf-8")
    with running_switch(tmp_path, EVERYBODY_ANSWERS, "--faults", str(faults)) as switch:
        client = switch.client()
        switch.wait_for("the fault strikes", lambda: client.api("fsctl sps") == "+OK sessions per second: 7\n")


def keep_asking(client: Client) -> None:
    """Until nobody answers any more."""
    while True:
        client.reply()
        client.send("api hupall")


def test_a_reader_that_stays_away_stops_every_connection(tmp_path: Path) -> None:
    """Its queue fills, events are lost, and from then on nobody is served until its socket is closed."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS, "--event-queue", "2000", "--sps", "100000") as switch:
        stuck = switch.client("ALL")
        commands = switch.client()
        for n in range(400):
            commands.send(f"bgapi originate {{origination_uuid=c-{n}}}sofia/gateway/carrier/1 &park")
        commands.patience(1.0)
        with pytest.raises(TimeoutError):
            keep_asking(commands)
        stuck.close()
        commands.patience(60.0)
        commands.send("api uuid_exists nobody")
        while commands.reply().text != "false":
            pass
