"""What is told of agents' lines when events are lost, or the switch itself: read from made-up events, without a switch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.domain.agents.line import (
    JoinFailed,
    JoinOrder,
    LineDown,
    LineEvent,
    LineKind,
    LineUp,
    RingNoAnswer,
    SupervisorOff,
    TalkBegan,
    TalkEnded,
)
from esl_handlers.lines.book import LineBook
from esl_handlers.lines.tracked import Standing, SuperviseMode, Supervisor, TrackedLine
from esl_handlers.wire import Event, FrameReader
from tests.esl_handlers.peer import event_frame

AT = 1_800_000_000.0


class Floor:
    """One agent's line, the book, and what was asked for and told."""

    def __init__(self, kind: LineKind = LineKind.NAILED_UP, up: bool = True) -> None:
        self.told: list[LineEvent] = []
        self.asked: list[str] = []
        self.later: list[Callable[[], None]] = []
        self.book = LineBook(lambda agent, event: self.told.append(event), self, lambda: AT)
        self.line = TrackedLine("ann", "line-1", kind, created=True, rang=True, up=up)
        self.book.add(self.line)

    def hears(self, name: str, uuid: str, *headers: tuple[str, str], body: bytes = b"") -> None:
        frame = event_frame(("Event-Name", name), ("Unique-ID", uuid), ("Job-UUID", uuid), *headers, body=body)
        event = Event(FrameReader().feed(frame)[0].body, AT)
        subclass = event.get("Event-Subclass")
        self.book.handlers()[subclass or name](event)

    def line_says(self, word: str) -> None:
        self.hears("CUSTOM", "line-1", ("Event-Subclass", "trunkline%3A%3Aagent"), ("variable_trunkline_line", word))

    def person_says(self, word: str) -> None:
        self.hears("CUSTOM", "person-1", ("Event-Subclass", "trunkline%3A%3Aconnect"), ("variable_trunkline_connect", word))

    def hangs_up(self, uuid: str, cause: str = "NORMAL_CLEARING") -> None:
        self.hears("CHANNEL_HANGUP_COMPLETE", uuid, ("Hangup-Cause", cause))

    def talk(self) -> None:
        self.book.attach(self.line, "person-1", Standing.JOINING)
        self.hears("CHANNEL_BRIDGE", "line-1", ("Bridge-B-Unique-ID", "person-1"))
        self.told.clear()

    # register.Acts

    def expected(self, line: TrackedLine, order: JoinOrder) -> None:
        self.asked.append(f"join {order.attempt_id}")

    def meet(self, line: TrackedLine) -> None:
        self.asked.append("meet")

    def keep(self, person: str) -> None:
        self.asked.append(f"keep {person}")

    def unmute(self, line: TrackedLine) -> None:
        line.muted = False
        self.asked.append("unmute")

    def drop(self, leg_id: str) -> None:
        self.asked.append(f"drop {leg_id}")

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self.later.append(then)


def test_the_end_of_a_talk_is_told_when_the_line_is_free() -> None:
    """The person's hang-up alone is not enough: the line could not be joined yet."""
    floor = Floor()
    floor.talk()
    floor.hangs_up("person-1")
    assert floor.told == []
    assert not floor.line.free
    floor.line_says("free")
    assert floor.told == [TalkEnded(AT, "person-1")]
    assert floor.line.free


def test_a_lost_event_does_not_keep_a_line_for_ever() -> None:
    """Nothing is heard of the free line: after a second it is taken for free."""
    floor = Floor()
    floor.talk()
    floor.hangs_up("person-1")
    for then in floor.later:
        then()
    assert floor.told == [TalkEnded(AT, "person-1")]
    floor.line_says("free")
    assert floor.told == [TalkEnded(AT, "person-1")], "told once"


def test_the_persons_end_need_not_be_heard() -> None:
    """A line that is free talks to nobody."""
    floor = Floor()
    floor.talk()
    floor.line.muted = True
    floor.line_says("free")
    assert floor.told == [TalkEnded(AT, "person-1")]
    assert floor.asked == ["unmute"], "a mute ends with its talk"
    floor.hangs_up("person-1")
    assert len(floor.told) == 1


def test_an_event_that_comes_twice_says_nothing_the_second_time() -> None:
    """Up once, talking once."""
    floor = Floor(up=False)
    floor.line_says("up")
    floor.line_says("up")
    assert floor.told == [LineUp(AT)]
    floor.book.attach(floor.line, "person-1", Standing.JOINING)
    for _ in range(2):
        floor.hears("CHANNEL_BRIDGE", "person-1", ("Bridge-B-Unique-ID", "line-1"))
    assert floor.told[1:] == [TalkBegan(AT, "person-1")]


def test_a_switch_that_was_restarted_has_no_lines() -> None:
    """Talk and line are over, and nobody waits."""
    floor = Floor()
    floor.talk()
    floor.book.lost(floor.book.lines(), "switch_restarted")
    assert floor.told == [TalkEnded(AT, "person-1"), LineDown(AT, "switch_restarted")]
    assert floor.book.line("ann") is None
    assert floor.asked == []


def test_a_line_that_vanished_unseen_leaves_its_person_in_care() -> None:
    """The person is sent to the music, and the line's end told when they are there."""
    floor = Floor()
    floor.talk()
    floor.book.lost(floor.book.lines(), "unseen")
    assert floor.asked == ["keep person-1"]
    assert floor.told == []
    floor.person_says("agent_lost")
    assert floor.told == [TalkEnded(AT, "person-1", person_waits=True), LineDown(AT, "unseen")]


@pytest.mark.parametrize("first", ["person", "line"])
def test_a_line_drops_in_a_talk(first: str) -> None:
    """In whichever order it is heard: the person waits, and then the line is gone."""
    floor = Floor()
    floor.talk()
    if first == "person":
        floor.person_says("agent_lost")
        floor.hangs_up("line-1")
    else:
        floor.hangs_up("line-1")
        floor.person_says("agent_lost")
    assert floor.told == [TalkEnded(AT, "person-1", person_waits=True), LineDown(AT, "hung_up", "NORMAL_CLEARING")]
    assert floor.asked == []


def test_a_phone_that_was_refused_before_it_rang_is_no_line() -> None:
    """The job's word is all there is; once there was a channel, the channel's own end counts."""
    floor = Floor(up=False)
    floor.line.created = False
    floor.hears("BACKGROUND_JOB", "line-1", body=b"-ERR SUBSCRIBER_ABSENT\n")
    assert floor.told == [LineDown(AT, "refused", "SUBSCRIBER_ABSENT")]
    floor = Floor(LineKind.ON_HOOK, up=False)
    floor.hears("BACKGROUND_JOB", "line-1", body=b"-ERR NO_ANSWER\n")
    assert floor.told == []
    floor.hangs_up("line-1", "NO_ANSWER")
    assert floor.told == [RingNoAnswer(AT)]


def test_a_line_that_is_closed_before_it_rings_is_hung_up_when_it_appears() -> None:
    """The close was asked for before the switch knew the line."""
    floor = Floor(up=False)
    floor.line.closing = True
    floor.hears("CHANNEL_CREATE", "line-1")
    assert floor.asked == ["drop line-1"]


def test_whom_we_expected_may_hang_up_first() -> None:
    """Nothing was sent yet: the line is free at once."""
    floor = Floor()
    floor.book.expect(floor.line, JoinOrder("person-1", "ann"))
    floor.hangs_up("person-1", "USER_BUSY")
    assert floor.told == [JoinFailed(AT, "person-1", "person_gone")]
    assert floor.line.free
    floor.person_says("waiting")
    assert floor.asked == []


def test_supervisors_go_with_the_line() -> None:
    """A supervisor whose phone still rings is not left ringing."""
    floor = Floor()
    floor.book.add_supervisor(floor.line, Supervisor("boss", "leg-9", SuperviseMode.LISTEN))
    floor.hangs_up("line-1")
    assert floor.asked == ["drop leg-9"]
    assert floor.told == [SupervisorOff(AT, "boss", "line_down"), LineDown(AT, "hung_up", "NORMAL_CLEARING")]
