"""Links that come back, and commands that find one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest

from esl_handlers import links
from esl_handlers.connection import Address, Link
from esl_handlers.errors import LinkLost, Stage
from esl_handlers.links import LONGEST_PAUSE_SECONDS, Backoff, CommandLinks, EventLink, Hurry
from esl_handlers.observer import NoObserver
from esl_handlers.wire import Event
from tests.esl_handlers.peer import OK, Conversation, api_reply, event_frame, eventually, peer, reply


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(links, "WATCH_SECONDS", 0.02)


class Counting(NoObserver):
    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.changes: list[tuple[str, bool]] = []

    def command_done(self, stage: Stage, seconds: float) -> None:
        self.stages.append(stage)

    def link_changed(self, link: str, up: bool) -> None:
        self.changes.append((link, up))


class Listening:
    """What an event link's owner is told."""

    def __init__(self, address: Address, heartbeat_seconds: float = 60.0) -> None:
        self.ups: list[bool | None] = []
        self.downs = 0
        self.heard: list[str] = []
        self.observer = Counting()
        self.hurry = Hurry()
        self.link = EventLink(
            address,
            "event plain HEARTBEAT",
            {"HEARTBEAT": self._event},
            self._up,
            self._down,
            self.observer,
            reply_seconds=5.0,
            heartbeat_seconds=heartbeat_seconds,
            hurry=self.hurry,
        )

    def _event(self, event: Event) -> None:
        self.heard.append(event.get("Number"))

    def _up(self, link: Link, same_core: bool | None) -> None:
        self.ups.append(same_core)

    def _down(self) -> None:
        self.downs += 1


@contextmanager
def listening(address: Address, heartbeat_seconds: float = 60.0) -> Iterator[Listening]:
    listener = Listening(address, heartbeat_seconds)
    listener.link.start()
    try:
        yield listener
    finally:
        listener.link.stop()


def subscribe(talk: Conversation, core_uuid: bytes = b"core-1") -> None:
    talk.log_in()
    assert talk.hear() == "api global_getvar core_uuid"
    talk.say(api_reply(core_uuid))
    assert talk.hear() == "event plain HEARTBEAT"
    talk.say(OK)


def test_it_comes_back_and_subscribes_again() -> None:
    """A link that drops is made again; whether it is the same FreeSWITCH is known by its core's identity."""
    cores = iter([b"core-1", b"core-1", b"core-2"])
    numbers = iter("012")

    def script(talk: Conversation) -> None:
        core = next(cores, None)
        if core is None:
            return
        subscribe(talk, core)
        talk.say(event_frame(("Event-Name", "HEARTBEAT"), ("Number", next(numbers))))
        gevent.sleep(0.05)

    with peer(script) as server, listening(server.address) as listener:
        assert eventually(lambda: listener.downs == 3)
        assert listener.ups == [None, True, False]
        assert listener.heard == ["0", "1", "2"]
        assert listener.link.reconnects == 2
        assert listener.observer.changes == [("events", True), ("events", False)] * 3


def test_events_that_were_read_come_before_the_loss() -> None:
    """Who is told of the loss has heard everything that arrived."""
    heard_at_loss: list[int] = []

    def script(talk: Conversation) -> None:
        subscribe(talk)
        talk.say(*(event_frame(("Event-Name", "HEARTBEAT"), ("Number", "n")) for _ in range(500)))

    with peer(script) as server:
        listener = Listening(server.address)
        listener.link._on_down = lambda: heard_at_loss.append(len(listener.heard))
        listener.link.start()
        assert eventually(lambda: heard_at_loss)
        listener.link.stop()
    assert heard_at_loss[0] == 500


def test_events_are_fetched_early_only_while_somebody_waits_for_them() -> None:
    """FreeSWITCH looks for events when a byte comes. A blank line is no command, and nothing is sent when nobody waits."""
    heard: list[bytes] = []

    def script(talk: Conversation) -> None:
        subscribe(talk)
        while data := talk.sock.recv(65536):
            heard.append(data)

    with peer(script) as server, listening(server.address) as listener:
        assert eventually(lambda: listener.ups)
        assert heard == []
        for attempt in ("a1", "a2"):
            listener.hurry.begin(attempt)
        listener.hurry.end("a1")
        assert eventually(lambda: len(b"".join(heard)) > 2), "a2 still waits"
        listener.hurry.end("a2")
        listener.hurry.end("a2")
        assert set(b"".join(heard)) == {ord("\n")}
        assert not listener.hurry.wait(0.0)
        assert listener.downs == 0


def test_a_silent_link_is_dead() -> None:
    """FreeSWITCH beats; a link without a byte for longer than that leads nowhere."""

    def script(talk: Conversation) -> None:
        subscribe(talk)
        talk.wait_for_end()

    with peer(script) as server, listening(server.address, heartbeat_seconds=0.05) as listener:
        assert eventually(lambda: listener.downs > 0)
        assert "silent" in listener.link.last_error or listener.link.up


@pytest.mark.parametrize(
    ("core", "subscription", "why"),
    [(b"-ERR no", OK, "core_uuid"), (b"", OK, "core_uuid"), (b"core-1", reply("-ERR permission denied"), "subscription")],
)
def test_a_switch_that_will_not_have_us_is_no_link(core: bytes, subscription: bytes, why: str) -> None:
    """Without the core's identity or the events the link is of no use; the reason is kept for whoever looks."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.hear()
        talk.say(api_reply(core))
        talk.hear()
        talk.say(subscription)
        talk.wait_for_end()

    with peer(script) as server, listening(server.address) as listener:
        assert eventually(lambda: why in listener.link.last_error)
        assert not listener.link.up
        assert listener.ups == []


def test_a_switch_that_comes_up_later_is_found() -> None:
    """The service may start first."""
    with peer(subscribe) as server:
        address = server.address
    with listening(address) as listener:
        assert eventually(lambda: "no connection" in listener.link.last_error)
        assert listener.link.silence() == float("inf")


def test_stopping_is_no_loss() -> None:
    """Who ends the link itself is not told that it was lost."""

    def script(talk: Conversation) -> None:
        subscribe(talk)
        talk.wait_for_end()

    with peer(script) as server:
        with listening(server.address) as listener:
            assert eventually(lambda: listener.link.up)
        assert listener.downs == 0
        assert not listener.link.up


def test_commands_go_to_the_link_with_the_fewest_unanswered() -> None:
    """A link that waits for a slow reply is passed by."""
    connections: list[list[str]] = []

    def script(talk: Conversation) -> None:
        heard: list[str] = []
        connections.append(heard)
        talk.log_in()
        while command := talk.hear():
            heard.append(command)
            if command != "api slow":
                talk.say(api_reply(command.encode()))

    observer = Counting()
    with peer(script) as server:
        commands = CommandLinks(server.address, 2, observer, reply_seconds=30.0)
        commands.start()
        assert eventually(lambda: commands.up == 2)
        slow = gevent.spawn(commands.send, "api slow")
        assert eventually(lambda: ["api slow"] in connections)
        for n in range(5):
            assert commands.send(f"api {n}").text == f"api {n}"
        assert sorted(connections) == [[f"api {n}" for n in range(5)], ["api slow"]]
        assert commands.faults() == []
        commands.stop()
        slow.join(30.0)
        assert isinstance(slow.exception, LinkLost)
    assert observer.stages == [Stage.ACCEPTED] * 5 + [Stage.UNCONFIRMED]


def test_without_a_link_nothing_is_sent() -> None:
    """The caller knows for certain that nothing left."""
    observer = Counting()
    with peer(subscribe) as server:
        address = server.address
    commands = CommandLinks(address, 2, observer, reply_seconds=1.0)
    commands.start()
    with pytest.raises(LinkLost) as lost:
        commands.send("bgapi originate")
    assert lost.value.stage is Stage.NOT_SENT
    assert observer.stages == [Stage.NOT_SENT]
    assert eventually(lambda: all("no connection" in fault for fault in commands.faults()))
    commands.stop()


def test_a_link_that_never_answers_is_made_anew() -> None:
    """A reply that is late by several deadlines means that the link is dead, not slow."""

    def script(talk: Conversation) -> None:
        talk.log_in()
        talk.wait_for_end()

    with peer(script) as server:
        commands = CommandLinks(server.address, 1, NoObserver(), reply_seconds=0.1)
        commands.start()
        assert eventually(lambda: commands.up == 1)
        waiting = gevent.spawn(commands.send, "api status")
        waiting.join(30.0)
        assert waiting.exception is not None
        assert eventually(lambda: server.connections > 1)
        commands.stop()


def test_pauses_grow_and_are_drawn() -> None:
    """Links that were lost together do not come back together."""
    firsts = {Backoff(random.Random(seed)).next() for seed in range(20)}
    assert len(firsts) == 20
    backoff = Backoff(random.Random(1))
    pauses = [backoff.next() for _ in range(30)]
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
    assert min(pauses[-5:]) >= LONGEST_PAUSE_SECONDS / 2
    backoff.reset()
    assert backoff.next() <= links.FIRST_PAUSE_SECONDS
