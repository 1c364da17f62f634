"""One link: the stages of commands, late replies, turns, overflow, a clean end."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event as Signal

from esl_handlers import connection
from esl_handlers.connection import Link
from esl_handlers.errors import LinkLost, ReplyLate, Stage
from esl_handlers.wire import Event
from tests.esl_handlers.peer import OK, Conversation, api_reply, event_frame, eventually, peer, reply


def echo(talk: Conversation) -> None:
    talk.log_in()
    while command := talk.hear():
        talk.say(api_reply(command.encode()))


def test_many_senders_each_get_their_own_reply() -> None:
    """Replies carry no name; order alone tells whose they are."""
    with peer(echo) as server:
        link = Link(server.address, "test")
        link.connect()
        senders = [gevent.spawn(link.send, f"api {n}") for n in range(200)]
        gevent.joinall(senders, timeout=30.0)
        assert [sender.value.text for sender in senders] == [f"api {n}" for n in range(200)]
        assert link.waiting == 0
        link.stop()


def test_large_commands_of_two_senders_do_not_mix() -> None:
    """A command that does not fit into the socket's buffer at once is still one piece."""
    heard: list[str] = []

    def script(talk: Conversation) -> None:
        talk.log_in()
        for _ in range(2):
            heard.append(talk.hear())
            talk.say(OK)
        talk.wait_for_end()

    with peer(script) as server:
        link = Link(server.address, "test", reply_seconds=60.0)
        link.connect()
        commands = [f"api {letter * 4_000_000}" for letter in "ab"]
        gevent.joinall([gevent.spawn(link.send, command) for command in commands], timeout=60.0)
        assert sorted(heard) == commands
        link.stop()


def test_a_late_reply_is_not_taken_for_another_ones() -> None:
    """Whoever stops waiting leaves a tombstone: late by deadline, by a timeout of the caller's, or killed."""
    answer = Signal()

    def script(talk: Conversation) -> None:
        talk.log_in()
        late = [talk.hear() for _ in range(3)]
        answer.wait()
        for command in late:
            talk.say(api_reply(command.encode()))
        while command := talk.hear():
            talk.say(api_reply(command.encode()))

    with peer(script) as server:
        link = Link(server.address, "test", reply_seconds=0.2)
        link.connect()
        link.reply_seconds = 0.05
        with pytest.raises(ReplyLate) as late:
            link.send("api late")
        assert late.value.stage is Stage.UNCONFIRMED
        link.reply_seconds = 30.0
        with gevent.Timeout(0.05, False):
            link.send("api timed out")
        killed = gevent.spawn(link.send, "api killed")
        assert eventually(lambda: link.waiting == 3)
        killed.kill()
        assert link.oldest_wait() > 0.0
        answer.set()
        assert link.send("api next").text == "api next"
        assert link.waiting == 0
        link.stop()


def test_a_foreign_timeout_is_not_our_deadline() -> None:
    """A caller's own gevent.Timeout comes through as what it is."""
    with peer(lambda talk: (talk.log_in(), talk.wait_for_end())) as server:
        link = Link(server.address, "test", reply_seconds=30.0)
        link.connect()
        mine = gevent.Timeout(0.05)
        with mine, pytest.raises(gevent.Timeout) as raised:
            link.send("api status")
        assert raised.value is mine
        link.stop()


def test_the_stage_says_whether_it_may_have_been_done() -> None:
    """Before the write: not sent. After it, and no reply: unconfirmed, since FreeSWITCH executes what it has read."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()

    with peer(script) as server:
        link = Link(server.address, "test")
        with pytest.raises(LinkLost) as early:
            link.send("api status")
        link.connect()
        with pytest.raises(LinkLost) as during:
            link.send("bgapi originate")
        with pytest.raises(LinkLost) as after:
            link.send("bgapi originate")
    assert [lost.value.stage for lost in (early, during, after)] == [Stage.NOT_SENT, Stage.UNCONFIRMED, Stage.NOT_SENT]


def test_all_waiting_senders_are_told_of_the_end() -> None:
    """Nobody waits for a link that is gone."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        for _ in range(5):
            talk.hear()

    with peer(script) as server:
        link = Link(server.address, "test", reply_seconds=600.0)
        link.connect()
        senders = [gevent.spawn(link.send, f"api {n}") for n in range(5)]
        assert len(gevent.joinall(senders, timeout=30.0)) == 5
        assert {sender.exception.stage for sender in senders} == {Stage.UNCONFIRMED}
        assert link.end_reason == "closed by FreeSWITCH"


def test_a_command_with_a_line_break_is_not_sent() -> None:
    """It would be two."""
    with peer(echo) as server:
        link = Link(server.address, "test")
        link.connect()
        with pytest.raises(ValueError, match="one line"):
            link.send("api status\n\napi shutdown")
        assert link.send("api next").text == "api next"
        link.stop()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"Content-Type: text/disconnect-notice\nContent-Length: 6\n\nkilled", "killed"),
        (b"Content-Type: text/rude-rejection\nContent-Length: 3\n\nno!", "access list"),
        (b"Content-Type: text/event-xml\nContent-Length: 3\n\n<a>", "text/event-xml"),
        (b"Content-Length: 3\n\nabc", "without Content-Type"),
        (b"Content-Length: 300\nContent-Type: text/event-plain\n\nEvent-Name: X\n", "middle of a message"),
    ],
)
def test_the_end_has_a_reason(said: bytes, why: str) -> None:
    """A link that ends says why: notice, refusal, or bytes that are no protocol."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(said)

    with peer(script) as server:
        link = Link(server.address, "test")
        link.connect()
        assert link.ended.wait(30.0)
        assert why in link.end_reason
        assert not link.connected


def test_a_mistake_in_a_handler_stops_nothing() -> None:
    """One event's error does not cost the next call its events."""
    heard: list[str] = []

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(*(event_frame(("Event-Name", "HEARTBEAT"), ("Number", str(n))) for n in range(3)))

    def handler(event: Event) -> None:
        heard.append(event.get("Number"))
        raise KeyError("mistake")

    with peer(script) as server:
        link = Link(server.address, "test")
        link.register_handle("HEARTBEAT", handler)
        link.connect()
        assert link.ended.wait(30.0)
        assert heard == ["0", "1", "2"]


def test_a_burst_waits_for_its_handlers() -> None:
    """More events than the queue holds are no fault: the rest is left with FreeSWITCH until there is room, in order."""
    heard: list[str] = []

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(*(event_frame(("Event-Name", "HEARTBEAT"), ("Number", str(n))) for n in range(3000)))

    with peer(script) as server:
        link = Link(server.address, "test", queue_events=50)
        link.register_handle("HEARTBEAT", lambda event: heard.append(event.get("Number")))
        link.connect()
        assert link.ended.wait(30.0)
        assert heard == [str(n) for n in range(3000)]
        assert link.end_reason == "closed by FreeSWITCH"


def test_handlers_by_name_subclass_and_fallback() -> None:
    """Custom events go by their subclass; ``*`` takes what nobody else does, as in greenswitch."""
    heard: list[tuple[str, str]] = []

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(
            event_frame(("Event-Name", "CUSTOM"), ("Event-Subclass", "trunkline%3A%3Aconnect")),
            event_frame(("Event-Name", "CUSTOM"), ("Event-Subclass", "other")),
            event_frame(("Event-Name", "HEARTBEAT")),
        )

    with peer(script) as server:
        link = Link(server.address, "test")
        for key in ("trunkline::connect", "HEARTBEAT", "*"):
            link.register_handle(key, lambda event, key=key: heard.append((key, event.name)))
        link.connect()
        assert link.ended.wait(30.0)
        assert heard == [("trunkline::connect", "CUSTOM"), ("*", "CUSTOM"), ("HEARTBEAT", "HEARTBEAT")]


def test_stop_from_inside_a_handler() -> None:
    """A handler may end the link it is called from."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(event_frame(("Event-Name", "HEARTBEAT")))
        talk.wait_for_end()

    with peer(script) as server:
        link = Link(server.address, "test")
        link.register_handle("HEARTBEAT", lambda event: link.stop())
        link.connect()
        assert link.ended.wait(30.0)
        assert link.end_reason == "stopped"
        link.stop()


def test_stop_does_not_wait_for_ever_for_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that never returns costs the stop its drain time and no more."""
    monkeypatch.setattr(connection, "DRAIN_SECONDS", 0.1)
    stuck, never = Signal(), Signal()

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(event_frame(("Event-Name", "HEARTBEAT")))
        talk.wait_for_end()

    def handler(event: Event) -> None:
        stuck.set()
        never.wait()

    with peer(script) as server:
        link = Link(server.address, "test")
        link.register_handle("HEARTBEAT", handler)
        link.connect()
        assert stuck.wait(30.0)
        with gevent.Timeout(30.0):
            link.stop()
        assert link.ended.is_set()


def test_nobody_listens() -> None:
    """A refused connection is the switch being down, and nothing was sent."""
    with peer(echo) as server:
        address = server.address
    link = Link(address, "test")
    with pytest.raises(LinkLost) as lost:
        link.connect()
    assert lost.value.stage is Stage.NOT_SENT
    assert link.ended.is_set()


def test_bgapi_replies_end_in_one_line_break_too_many() -> None:
    """FreeSWITCH writes a third newline behind the reply to bgapi."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        assert talk.hear() == "bgapi originate x\nJob-UUID: j"
        talk.say(reply("+OK Job-UUID: j"), b"\n")
        assert talk.hear() == "api next"
        talk.say(api_reply(b"true"))
        talk.wait_for_end()

    with peer(script) as server:
        link = Link(server.address, "test")
        link.connect()
        assert link.send("bgapi originate x", "Job-UUID: j").ok
        assert link.send("api next").text == "true"
        link.stop()


@pytest.mark.parametrize(
    "next_reply", [api_reply(b"true"), reply("+OK Job-UUID: another") + b"\n"], ids=["of another kind", "of another job"]
)
def test_a_reply_that_was_lost_ends_the_link(next_reply: bytes) -> None:
    """All later ones would be taken for those before them, and an accepted originate for a refused one."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        assert talk.hear() == "bgapi originate x\nJob-UUID: j"
        talk.say(next_reply)
        talk.wait_for_end()

    with peer(script) as server:
        link = Link(server.address, "test")
        link.connect()
        with pytest.raises(LinkLost) as lost:
            link.send("bgapi originate x", "Job-UUID: j")
        assert lost.value.stage is Stage.UNCONFIRMED
        assert "not the next command's" in link.end_reason
        link.stop()


def test_a_refused_api_command_is_answered_as_a_plain_one_is() -> None:
    """FreeSWITCH says that it is not permitted, before it looks at what kind it was."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        assert talk.hear() == "api uuid_exists x"
        talk.say(reply("-ERR permission denied"))
        talk.wait_for_end()

    with peer(script) as server:
        link = Link(server.address, "test")
        link.connect()
        assert not link.send("api uuid_exists x").ok
        link.stop()
