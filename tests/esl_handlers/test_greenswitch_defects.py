"""What greenswitch 0.0.19 does wrong, each shown on the stock class and held by ours.

Every test runs one scenario against both: the stock ``InboundESL`` must fail in the way that is written down, so that a
version which mends it is noticed, and our :class:`Link` must hold. Where a hang has to be shown, the stock class gets a short
time and ours a long one.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import gevent
import greenswitch
import pytest
from gevent.event import Event as Signal
from greenswitch.esl import ESLEvent

from controller.errors import SwitchDown
from esl_handlers.connection import Link
from esl_handlers.errors import LinkLost, LoginRefused, Stage
from esl_handlers.wire import Event, FrameReader
from tests.esl_handlers.peer import (
    AUTH_REQUEST,
    OK,
    Conversation,
    Peer,
    api_reply,
    event_frame,
    eventually,
    peer,
    reply,
)

SOON = 1.0
"""What the stock class gets before it counts as hanging."""


def stock(server: Peer) -> Any:
    address = server.address
    return greenswitch.InboundESL(address.host, address.port, address.password, timeout=5)


def hangs(call: Callable[[], object], seconds: float = SOON) -> bool:
    with gevent.Timeout(seconds, False):
        call()
        return False
    return True


def within_reason(call: Callable[[], Any]) -> Any:
    """Ours must come back; the limit is only there so that a failure is one."""
    with gevent.Timeout(30.0):
        return call()


FREEZES = """
    import socket, sys, threading
    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        peer, _ = server.accept()
        peer.sendall(b"Content-Type: auth/request\\n\\n")
        peer.recv(1000)
        peer.sendall(b"Content-Type: command/reply\\nReply-Text: +OK accepted\\n\\n")
        peer.sendall(b"Content-Length: 500\\nContent-Type: text/event-plain\\n\\nEvent-Name: HEARTBEAT\\n")
        peer.close()
    threading.Thread(target=serve, daemon=True).start()
    import gevent
    if sys.argv[1] == "stock":
        import greenswitch
        link = greenswitch.InboundESL("127.0.0.1", server.getsockname()[1], "secret")
    else:
        from esl_handlers.connection import Address, Link
        link = Link(Address("127.0.0.1", server.getsockname()[1], "secret"), "test")
    link.connect()
    for _ in range(100):
        gevent.sleep(0.005)
    print("the loop runs on", bool(link.connected))
"""


def test_end_of_stream_inside_a_body_freezes_the_process() -> None:
    """The stock reader spins for ever without a pause; ours ends the link."""

    def run(which: str, seconds: float) -> str:
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FREEZES), which]
        done = subprocess.run(command, timeout=seconds, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()[-1]

    with pytest.raises(subprocess.TimeoutExpired):
        run("stock", 6.0)
    assert run("ours", 60.0) == "the loop runs on False"


def test_end_of_stream_with_a_command_pending() -> None:
    """The stock sender waits for ever; ours is told that the command may have been carried out."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        assert hangs(lambda: theirs.send("api status"))
        ours = Link(server.address, "test")
        ours.connect()
        with pytest.raises(LinkLost) as lost:
            within_reason(lambda: ours.send("api status"))
        assert lost.value.stage is Stage.UNCONFIRMED


def test_peer_that_closes_before_it_asks_for_a_password() -> None:
    """The stock ``connect`` waits for ever; its timeout covers TCP alone."""
    with peer(lambda talk: None) as server:
        assert hangs(stock(server).connect)
        with pytest.raises(SwitchDown):
            within_reason(Link(server.address, "test").connect)


def test_peer_that_accepts_and_says_nothing() -> None:
    """The stock ``connect`` waits for ever here too."""
    with peer(lambda talk: talk.wait_for_end()) as server:
        assert hangs(stock(server).connect)
        with pytest.raises(SwitchDown):
            within_reason(Link(server.address, "test", connect_seconds=0.2).connect)


def test_bytes_that_are_not_utf8_in_a_reply() -> None:
    """The stock reader dies, still calls itself connected, and every later command hangs; ours reads on."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()
        talk.say(api_reply(b"caf\xe9"))
        talk.hear()
        talk.say(api_reply(b"true"))
        talk.wait_for_end()

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        assert hangs(lambda: theirs.send("api one"))
        assert theirs._receive_events_greenlet.dead
        assert theirs.connected
        assert hangs(lambda: theirs.send("api two"))
        ours = Link(server.address, "test")
        ours.connect()
        assert within_reason(lambda: ours.send("api one")).text == "caf\ufffd"
        assert within_reason(lambda: ours.send("api two")).text == "true"
        ours.stop()


def test_an_event_in_json() -> None:
    """The stock reader dies quietly on the first one. Ours, which never asks for JSON, ends the link and says why."""
    body = json.dumps({"Event-Name": "HEARTBEAT"}, separators=(",", ":")).encode()

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(body), body)
        talk.wait_for_end()

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        assert eventually(lambda: theirs._receive_events_greenlet.dead)
        assert theirs.connected
        ours = Link(server.address, "test")
        ours.connect()
        assert ours.ended.wait(30.0)
        assert not ours.connected
        assert "text/event-json" in ours.end_reason


def test_an_encoded_line_break_in_a_value_forges_a_header() -> None:
    """The stock parser decodes before it splits, so a caller's name overwrites the call's identity and our own variable."""
    block = (
        b"Event-Name: CHANNEL_ANSWER\nUnique-ID: ours\nvariable_trunkline_attempt: ours\n"
        b"Caller-Caller-ID-Name: x%0AUnique-ID: forged%0Avariable_trunkline_attempt: forged\n\n"
    )
    theirs = ESLEvent(block.decode()).headers
    assert theirs["Unique-ID"] == theirs["variable_trunkline_attempt"] == "forged"
    ours = Event(block)
    assert ours.get("Unique-ID") == ours.get("variable_trunkline_attempt") == "ours"


def test_a_body_is_read_as_headers() -> None:
    """In the stock class a job's result is glued onto Content-Length, and a line of it gives the event another name."""
    result = b"-ERR GATEWAY_DOWN\n"
    forging = b"+OK\nEvent-Name: CHANNEL_ANSWER\n"
    frames = [event_frame(("Event-Name", "BACKGROUND_JOB"), ("Job-UUID", "j"), body=body) for body in (result, forging)]
    blocks = [FrameReader().feed(frame)[0].body for frame in frames]
    theirs = [ESLEvent(block.decode()).headers for block in blocks]
    assert "GATEWAY_DOWN" in theirs[0]["Content-Length"]
    assert theirs[1]["Event-Name"] == "CHANNEL_ANSWER"
    ours = [Event(block) for block in blocks]
    assert [event.name for event in ours] == ["BACKGROUND_JOB", "BACKGROUND_JOB"]
    assert [event.body.encode() for event in ours] == [result, forging]
    assert ours[0].get("Content-Length") == str(len(result))


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x0c", "\x85"])
def test_other_line_separators_split_values(separator: str) -> None:
    """To the stock parser a vertical tab, form feed, NEL or U+2028 inside a value ends the line."""
    block = f"Event-Name: X\nvariable_note: a{separator}Unique-ID: forged\n\n"
    assert ESLEvent(block).headers["Unique-ID"] == "forged"
    ours = Event(block.encode())
    assert ours.get("Unique-ID") == ""
    assert ours.get("variable_note") == f"a{separator}Unique-ID: forged"


def test_events_that_were_read_are_dropped_at_the_end() -> None:
    """Of 200 events followed by the end of the stream the stock class handles hardly any; ours handles all."""
    events = b"".join(event_frame(("Event-Name", "HEARTBEAT"), ("Number", str(n))) for n in range(200))

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()
        talk.say(OK, events)

    def heard_by(link: Any, number_of: Callable[[Any], str]) -> list[str]:
        heard: list[str] = []

        def handler(event: Any) -> None:
            heard.append(number_of(event))
            gevent.sleep(0)

        link.register_handle("HEARTBEAT", handler)
        link.connect()
        link.send("event plain HEARTBEAT")
        return heard

    with peer(script) as server:
        theirs = stock(server)
        heard = heard_by(theirs, lambda event: event.headers["Number"])
        assert eventually(lambda: theirs._process_events_greenlet.dead)
        assert len(heard) < 200
        ours = Link(server.address, "test")
        heard = heard_by(ours, lambda event: event.get("Number"))
        assert ours.ended.wait(30.0)
        assert heard == [str(n) for n in range(200)]


class _AlwaysReady:
    """A socket on which data is always there already, as under a flood."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def recv(self, size: int) -> bytes:
        return self._data.read(size)

    def shutdown(self, how: int) -> None:
        return

    def close(self) -> None:
        return


def test_a_flood_starves_everybody_else() -> None:
    """While data is ready the stock reader never pauses: no handler and no other greenlet runs. Ours gives turns."""
    flood = b"".join(event_frame(("Event-Name", "HEARTBEAT"), ("Padding", "x" * 400)) for _ in range(20_000))

    def turns_during(read: Callable[[], None]) -> int:
        turns = 0

        def count() -> None:
            nonlocal turns
            while True:
                gevent.sleep(0.0001)
                turns += 1

        counter = gevent.spawn(count)
        gevent.sleep(0.001)
        before = turns
        read()
        during = turns - before
        counter.kill()
        return during

    with peer(lambda talk: None) as server:
        theirs = stock(server)
        theirs.sock_file = io.BytesIO(flood)
        theirs.connected = True
        assert turns_during(theirs.receive_events) == 0

        ours = Link(server.address, "test")
        ours.sock = _AlwaysReady(flood)
        ours.connected = True
        handled: list[int] = []
        ours.register_handle("HEARTBEAT", lambda event: handled.append(1))
        dispatcher = gevent.spawn(ours.process_events)
        handled_when_read: list[int] = []

        def read() -> None:
            ours.receive_events()
            handled_when_read.append(len(handled))

        assert turns_during(read) > 0
        assert handled_when_read[0] > 0
        dispatcher.join(30.0)
        assert len(handled) == 20_000


def test_a_large_command_goes_out_in_part() -> None:
    """The stock class hands the socket a command once and forgets what did not fit; the rest never goes out."""
    size = 16 * 1024 * 1024
    received: list[int] = []
    go_on = Signal()

    def script(talk: Conversation) -> None:
        talk.log_in()
        go_on.wait()
        total = 0
        with gevent.Timeout(1.0, False) as idle:
            while total < size and (data := talk.sock.recv(1 << 20)):
                total += len(data)
                idle.cancel()
                idle.start()
        received.append(total)
        talk.say(OK)
        talk.wait_for_end()

    command = "echo " + "x" * (size - 7)
    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        sender = gevent.spawn(theirs.send, command)
        gevent.sleep(0.1)
        go_on.set()
        sender.join(30.0)
        assert received.pop() < size

        go_on.clear()
        ours = Link(server.address, "test", reply_seconds=60.0)
        ours.connect()
        sender = gevent.spawn(ours.send, command)
        gevent.sleep(0.1)
        go_on.set()
        assert within_reason(sender.get).ok
        assert received.pop() == size
        ours.stop()


def test_a_write_that_is_cut_short_shifts_every_later_reply() -> None:
    """The stock class has taken the command's place in the order of replies before it writes. Interrupted there, it leaves an
    orphan, and the next reply goes to nobody. Ours ends the link: half a command may be on its way."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        while talk.hear():
            talk.say(reply("+OK for you"))

    class Interrupted:
        def __init__(self, sock: Any) -> None:
            self._sock = sock

        def send(self, data: bytes) -> int:
            raise gevent.Timeout(0.1)

        sendall = send

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sock, name)

    def interrupt(link: Any) -> None:
        whole, link.sock = link.sock, Interrupted(link.sock)
        with pytest.raises(gevent.Timeout):
            link.send("api one")
        link.sock = whole

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        interrupt(theirs)
        assert hangs(lambda: theirs.send("api two"))

        ours = Link(server.address, "test")
        ours.connect()
        interrupt(ours)
        with pytest.raises(LinkLost) as lost:
            within_reason(lambda: ours.send("api two"))
        assert lost.value.stage is Stage.NOT_SENT


def test_a_reply_that_nobody_asked_for_kills_the_reader() -> None:
    """The stock reader dies of it and the object still calls itself connected; ours ends the link and says why."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(OK)
        talk.wait_for_end()

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        assert eventually(lambda: theirs._receive_events_greenlet.dead)
        assert theirs.connected
        ours = Link(server.address, "test")
        ours.connect()
        assert ours.ended.wait(30.0)
        assert "a reply to no command" in ours.end_reason


def test_a_wrong_password_leaves_the_connection_open() -> None:
    """The stock class raises and keeps socket and greenlets; ours closes."""
    closed: list[bool] = []

    def script(talk: Conversation) -> None:
        talk.say(AUTH_REQUEST)
        talk.hear()
        talk.say(reply("-ERR invalid"))
        talk.wait_for_end()
        closed.append(True)

    with peer(script) as server:
        theirs = stock(server)
        with pytest.raises(ValueError, match="password"):
            theirs.connect()
        assert theirs.connected
        assert not theirs._receive_events_greenlet.dead
        assert closed == []
        ours = Link(server.address, "test")
        with pytest.raises(LoginRefused):
            within_reason(ours.connect)
        assert not ours.connected
        assert eventually(lambda: closed)


def test_a_closed_link_lives_on_as_an_object() -> None:
    """A stock object that was disconnected connects again and then does nothing: its reader is told not to run. Ours is
    made to be used once, and refuses plainly."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        gevent.spawn(theirs.send, "exit")
        assert eventually(lambda: not theirs.connected)
        assert hangs(theirs.connect)
        ours = Link(server.address, "test")
        ours.connect()
        ours.stop()
        with pytest.raises(SwitchDown, match="once"):
            ours.connect()


def test_a_handler_that_blocks_stalls_all_events_unnoticed() -> None:
    """In the stock class events pile up behind a handler that waits, without limit and without a word. Ours bounds the queue
    and ends the link, so that the switch does not choke on us."""
    events = b"".join(event_frame(("Event-Name", "HEARTBEAT")) for _ in range(500))

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.say(events)
        talk.wait_for_end()

    never = Signal()
    with peer(script) as server:
        theirs = stock(server)
        theirs.register_handle("HEARTBEAT", lambda event: never.wait())
        theirs.connect()
        assert eventually(lambda: len(theirs._esl_event_queue) == 499)
        assert theirs.connected
        ours = Link(server.address, "test", queue_events=100)
        ours.register_handle("HEARTBEAT", lambda event: never.wait())
        ours.connect()
        assert eventually(lambda: not ours.connected)
        assert "handlers" in ours.end_reason


def test_stop_waits_for_a_poll() -> None:
    """An idle stock dispatcher looks at its queue once a second, and ``stop`` waits for that look; ours is woken."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        if talk.hear() == "exit":
            talk.say(reply("+OK bye"))

    with peer(script) as server:
        theirs = stock(server)
        theirs.connect()
        stopping = gevent.spawn(theirs.stop)
        assert eventually(lambda: theirs._receive_events_greenlet.dead)
        gevent.sleep(0.01)
        assert not stopping.dead, "both its greenlets could end, but the dispatcher sleeps on"
        ours = Link(server.address, "test")
        ours.connect()
        assert not hangs(ours.stop, 30.0)
        assert ours._process_events_greenlet.dead
