"""The Switch port against a scripted FreeSWITCH: what is sent, and what is known when something fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import gevent
import pytest

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.events import CallEvent, ConnectFailed, DialFailed, HungUp, Left
from controller.domain.calls.outcome import Outcome
from controller.errors import SwitchDown
from controller.ports import Missed, Switch
from esl_handlers import links
from esl_handlers.connection import Address
from esl_handlers.switch import FreeSwitch
from tests.esl_handlers.peer import OK, Conversation, Peer, api_reply, event_frame, eventually, peer, reply

BOT = Target("bot", "collections", "sip:bot@10.0.0.5")
ORDER = DialOrder("a1", "dues", 7, "north", "0919876500000", "+911140001000", 30, 600, BOT)


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)


class Desk:
    """``SwitchListener`` that writes down."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, CallEvent]] = []
        self.links: list[str] = []

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.heard.append((attempt_id, event))

    def link_lost(self) -> None:
        self.links.append("lost")

    def link_restored(self, same_core: bool) -> None:
        self.links.append(f"restored, same core {same_core}")


class Scripted:
    """A FreeSWITCH of few words: ``answers`` gives the reply to a command, by its beginning; None = no reply."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.core = b"core-1"
        self.answers: dict[str, Callable[[str], bytes | None]] = {
            "bgapi": lambda command: reply("+OK Job-UUID: " + command.rpartition("Job-UUID: ")[2]) + b"\n",
            "api": lambda command: api_reply(b"+OK\n"),
        }
        self._event_links: list[Conversation] = []

    def __call__(self, talk: Conversation) -> None:
        talk.log_in()
        while command := talk.hear():
            if command == "api global_getvar core_uuid":
                talk.say(api_reply(self.core))
            elif command.startswith("event plain"):
                self._event_links.append(talk)
                talk.say(OK)
            else:
                self.commands.append(command)
                answer = max((key for key in self.answers if command.startswith(key)), key=len)
                said = self.answers[answer](command)
                if said is not None:
                    talk.say(said)

    def tell(self, name: str, *headers: tuple[str, str], uuid: str = "a1", body: bytes = b"") -> None:
        frame = event_frame(("Event-Name", name), ("Unique-ID", uuid), ("Job-UUID", uuid), *headers, body=body)
        self._event_links[-1].say(frame)

    def drop_events(self) -> None:
        self._event_links[-1].sock.shutdown(2)


@contextmanager
def running(scripted: Scripted, **settings: float) -> Iterator[tuple[FreeSwitch, Desk, Peer]]:
    with peer(scripted) as server:
        switch = _switch(server.address, **settings)
        desk = Desk()
        switch.start(desk)
        assert switch.wait_ready(30.0)
        assert eventually(lambda: switch.health()["command_links"] == "2/2")
        try:
            yield switch, desk, server
        finally:
            switch.stop()


def _switch(address: Address, reply_seconds: float = 10.0, heartbeat_seconds: float = 60.0) -> FreeSwitch:
    return FreeSwitch(
        address.host,
        address.port,
        address.password,
        RealClock(),
        reply_seconds=reply_seconds,
        heartbeat_seconds=heartbeat_seconds,
    )


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(links, "WATCH_SECONDS", 0.02)


def test_a_call_from_order_to_hang_up() -> None:
    """One command under the attempt's identity; its events come to the desk under the same."""
    scripted = Scripted()
    with running(scripted) as (switch, desk, _):
        port: Switch = switch
        assert port.dial(ORDER) is None
        assert len(scripted.commands) == 1
        command, _, job = scripted.commands[0].partition("\n")
        assert command.startswith("bgapi originate {origination_uuid=a1,")
        assert job == "Job-UUID: a1"
        scripted.tell("CHANNEL_CREATE")
        scripted.tell("CHANNEL_CREATE", uuid="not-ours")
        scripted.tell("CHANNEL_HANGUP_COMPLETE", ("Hangup-Cause", "USER_BUSY"), ("variable_sip_term_status", "486"))
        assert eventually(lambda: len(desk.heard) == 2)
        assert [type(event) for _, event in desk.heard] == [Left, HungUp]
        assert {attempt for attempt, _ in desk.heard} == {"a1"}
        assert switch.health()["calls"] == 0


def test_an_order_that_cannot_be_written_is_charged() -> None:
    """It would fail for ever, so it must not come back for nothing; nothing is sent."""
    scripted = Scripted()
    with running(scripted) as (switch, _, _):
        failed = switch.dial(replace(ORDER, dial_string_number="911,912"))
        assert failed is not None
        assert (failed.outcome, failed.left) == (Outcome.ERROR, False)
        assert scripted.commands == []


def test_a_switch_that_refuses_the_command() -> None:
    """``-ERR`` to bgapi itself: nothing was begun."""
    scripted = Scripted()
    scripted.answers["bgapi"] = lambda command: reply("-ERR permission denied")
    with running(scripted) as (switch, _, _):
        failed = switch.dial(ORDER)
        assert isinstance(failed, DialFailed)
        assert (failed.outcome, failed.left) == (Outcome.NOT_DIALLED, False)
        assert switch.health()["calls"] == 0


def test_a_late_reply_counts_as_dialled() -> None:
    """Bytes that were written are dialled until proven otherwise: events go on being reported."""
    scripted = Scripted()
    scripted.answers["bgapi"] = lambda command: None
    with running(scripted, reply_seconds=0.1) as (switch, desk, _):
        assert switch.dial(ORDER) is None
        scripted.tell("CHANNEL_CREATE")
        assert eventually(lambda: [type(event) for _, event in desk.heard] == [Left])


def test_a_call_does_not_join_those_that_are_held_up() -> None:
    """FreeSWITCH has not taken the one before: both would leave at once, whatever moment the carrier's rate gave each."""
    scripted = Scripted()
    scripted.answers["bgapi"] = lambda command: None
    with running(scripted, reply_seconds=0.2) as (switch, _, _):
        stuck = [gevent.spawn(switch.dial, replace(ORDER, attempt_id=name)) for name in ("a1", "a2")]
        assert eventually(lambda: switch.backlog == len(stuck))
        gevent.sleep(2 * links.HELD_UP_SECONDS)
        sent = len(scripted.commands)
        missed = switch.dial(replace(ORDER, attempt_id="a3"), time.monotonic() + 60.0)
        assert isinstance(missed, Missed)
        assert len(scripted.commands) == sent == 2
        assert switch.health()["calls"] == 2
        gevent.joinall(stuck)


def test_a_call_whose_moment_has_passed_does_not_leave() -> None:
    """A loop that stood still must not end in a burst."""
    scripted = Scripted()
    with running(scripted) as (switch, _, _):
        assert isinstance(switch.dial(ORDER, time.monotonic() - 0.001), Missed)
        assert scripted.commands == []
        assert switch.health()["calls"] == 0


def test_without_a_link_nothing_is_dialled() -> None:
    """Certain, and at nobody's cost."""
    switch = FreeSwitch("127.0.0.1", 1, "x", RealClock())
    failed = switch.dial(ORDER)
    assert failed is not None
    assert (failed.outcome, failed.left) == (Outcome.NOT_DIALLED, False)
    with pytest.raises(SwitchDown):
        switch.alive("a1")
    switch.start(Desk())
    assert not switch.wait_ready(0.05)
    assert not switch.ready
    with pytest.raises(SwitchDown):
        switch.hang_up("a1", "stop")
    switch.stop()


def test_no_events_no_calls() -> None:
    """A call whose events nobody hears is not placed, even while commands could go out."""
    scripted = Scripted()
    with running(scripted) as (switch, desk, server):
        server.stop()
        scripted.drop_events()
        assert eventually(lambda: desk.links == ["lost"])
        failed = switch.dial(ORDER)
        assert failed is not None
        assert failed.outcome is Outcome.NOT_DIALLED
        assert scripted.commands == []


@pytest.mark.parametrize("core", [b"core-1", b"core-2"])
def test_the_event_link_is_lost_and_comes_back(core: bytes) -> None:
    """The desk is told of both, and whether FreeSWITCH itself was restarted."""
    scripted = Scripted()
    with running(scripted) as (switch, desk, _):
        assert desk.links == []
        scripted.core = core
        scripted.drop_events()
        assert eventually(lambda: len(desk.links) == 2)
        assert desk.links == ["lost", f"restored, same core {core == b'core-1'}"]
        assert eventually(lambda: switch.ready)
        assert switch.health()["reconnects"] == 1


def test_a_refusal_after_a_gap_may_have_rung() -> None:
    """The link was down since the command: a missing CHANNEL_CREATE proves nothing."""
    scripted = Scripted()
    with running(scripted) as (switch, desk, _):
        switch.dial(ORDER)
        scripted.drop_events()
        assert eventually(lambda: len(desk.links) == 2)
        scripted.tell("BACKGROUND_JOB", body=b"-ERR DESTINATION_OUT_OF_ORDER\n")
        assert eventually(lambda: desk.heard)
        assert [event.left for _, event in desk.heard if isinstance(event, DialFailed)] == [True]


def test_hang_up_says_that_it_was_us() -> None:
    """Without a cause FreeSWITCH would record a normal end."""
    scripted = Scripted()
    with running(scripted) as (switch, _, _):
        switch.hang_up("a1", "stop")
        assert scripted.commands == ["api uuid_kill a1 MANAGER_REQUEST"]


def test_hang_up_before_the_switch_knows_the_call() -> None:
    """The call is ended as soon as it appears, and only then."""
    scripted = Scripted()
    scripted.answers["api uuid_kill"] = lambda command: api_reply(b"-ERR No such channel!\n")
    with running(scripted) as (switch, _, _):
        switch.dial(ORDER)
        switch.hang_up("a1", "stop")
        kills = [command for command in scripted.commands if "uuid_kill" in command]
        assert len(kills) == 1
        scripted.tell("CHANNEL_CREATE")
        assert eventually(lambda: sum("uuid_kill" in command for command in scripted.commands) == 2)


def test_who_is_found_alive_is_adopted() -> None:
    """A restarted controller asks for the calls in its books. It hears them from then on, those too that the switch does not
    know yet, or no longer: the command, or the end, may be on its way."""
    scripted = Scripted()
    scripted.answers["api uuid_exists"] = lambda command: api_reply(b"true" if command.endswith("a1") else b"false")
    with running(scripted) as (switch, desk, _):
        assert switch.alive("a1")
        assert not switch.alive("a2")
        for uuid in ("a1", "a2", "never-asked-for"):
            scripted.tell("CHANNEL_HANGUP_COMPLETE", uuid=uuid)
        assert eventually(lambda: len(desk.heard) == 2)
        assert [attempt for attempt, _ in desk.heard] == ["a1", "a2"]


def test_a_call_that_ends_while_it_is_asked_for_is_heard() -> None:
    """The switch says "alive", and the end overtakes the answer."""
    scripted = Scripted()

    def ends_meanwhile(command: str) -> bytes:
        scripted.tell("CHANNEL_HANGUP_COMPLETE", uuid="a1")
        gevent.sleep(0.1)
        return api_reply(b"true")

    scripted.answers["api uuid_exists"] = ends_meanwhile
    with running(scripted) as (switch, desk, _):
        assert switch.alive("a1")
        assert [type(event) for _, event in desk.heard] == [HungUp]


def test_an_answer_that_is_none_is_not_taken_for_death() -> None:
    """Anything but true and false says nothing about the call."""
    scripted = Scripted()
    scripted.answers["api uuid_exists"] = lambda command: api_reply(b"-ERR permission denied\n")
    with running(scripted) as (switch, _, _), pytest.raises(SwitchDown):
        switch.alive("a1")


def test_joining_a_call_that_waited() -> None:
    """Its variables first, then the move."""
    scripted = Scripted()
    with running(scripted) as (switch, desk, _):
        switch.dial(replace(ORDER, connect_on_answer=False))
        switch.connect("a1", BOT, (("name", "Zoë; x"),))
        variables, transfer = scripted.commands[1:]
        assert variables.startswith("api uuid_setvar_multi a1 trunkline_to=collections;")
        assert "nolocal:sip_h_X-Trunkline-name=Zo%C3%AB%3B%20x;" in variables
        assert "nolocal:sip_h_X-Trunkline-Run=7;" in variables
        assert transfer == "api uuid_transfer a1 trunkline-bot XML trunkline"
        assert desk.heard == []


def test_joining_a_call_that_has_gone() -> None:
    """No failure: its hang-up is on its way."""
    scripted = Scripted()
    scripted.answers["api uuid_"] = lambda command: api_reply(b"-ERR No such channel!\n")
    with running(scripted) as (switch, desk, _):
        switch.connect("a1", BOT, ())
        assert len(scripted.commands) == 1
        assert desk.heard == []


@pytest.mark.parametrize("target", [BOT, Target("bot", "collections", "nonsense")])
def test_joining_that_cannot_be(target: Target) -> None:
    """The desk is told why, so that somebody speaks to the person."""
    scripted = Scripted()
    scripted.answers["api uuid_transfer"] = lambda command: api_reply(b"-ERR no reply\n")
    with running(scripted) as (switch, desk, _):
        switch.connect("a1", target, ())
        assert [type(event) for _, event in desk.heard] == [ConnectFailed]


def test_what_is_wrong_is_said_in_one_place() -> None:
    """``trunkline check`` shows links, their faults and the switch's identity."""
    scripted = Scripted()
    with running(scripted) as (switch, _, server):
        good = switch.health()
        assert good["ready"] is True
        assert (good["core_uuid"], good["command_links"], good["faults"], good["stalls"]) == ("core-1", "2/2", [], 0)
        server.stop()
        scripted.drop_events()
        assert eventually(lambda: not switch.health()["ready"])
        assert any("events" in str(fault) for fault in switch.health()["faults"])  # type: ignore[attr-defined]
