"""Whatever bytes come from the event socket: the reader goes on or stops with a reason, holds little, and is never fooled."""

from __future__ import annotations

import pytest
from gevent import Timeout
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esl_handlers.connection import Link
from esl_handlers.errors import WireError
from esl_handlers.router import Router
from esl_handlers.wire import MAX_HEAD_BYTES, Event, Frame, FrameReader, in_wire_order
from tests.esl_handlers.peer import AUTH_REQUEST, OK, Conversation, api_reply, event_frame, peer, sample

REAL = AUTH_REQUEST + OK + sample("busy") + api_reply(b"+OK 7\n") + sample("gateway_unreachable") + OK
NAMES = ("Event-Name", "Unique-ID", "Hangup-Cause", "Content-Length", "Job-UUID")
PIECES = (
    b"\n\n",
    b"\n",
    b"Content-Length: ",
    b"Content-Length: 0\n\n",
    b"Content-Type: text/event-plain\n\n",
    b"%0A",
    b"%",
    b"\0",
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

edits = st.lists(
    st.tuples(st.integers(0, len(REAL)), st.integers(0, 60), st.one_of(st.binary(max_size=40), st.sampled_from(PIECES))),
    min_size=1,
    max_size=5,
)
cuts = st.lists(st.integers(1, len(REAL)), max_size=12)


def mutated(changes: list[tuple[int, int, bytes]]) -> bytes:
    """The real stream with bytes taken out and others put in."""
    stream = REAL
    for at, length, put in changes:
        stream = stream[:at] + put + stream[at + length :]
    return stream


def read(stream: bytes, cuts_at: list[int]) -> tuple[list[Frame], WireError | None]:
    """Frames until the stream ends or cannot be read any further."""
    reader, frames, position = FrameReader(), [], 0
    for cut in [*sorted(set(cuts_at)), len(stream)]:
        if reader.fault is None:
            frames += reader.feed(stream[position:cut])
            position = max(position, cut)
    return frames, reader.fault


def look_into(frame: Frame) -> None:
    """Everything that a handler may ask of an event has an answer."""
    event = Event(frame.body)
    assert event.pick(in_wire_order(*NAMES)) == [event.get(name) for name in NAMES]
    assert isinstance(event.name + event.body + frame.text + frame.header(b"Reply-Text"), str)
    assert all(isinstance(name + value, str) for name, value in event.headers())


@FUZZ
@given(stream=st.binary(max_size=2000), cuts_at=cuts)
def test_any_bytes(stream: bytes, cuts_at: list[int]) -> None:
    """Noise gives no event; where TCP cut it changes nothing."""
    frames, fault = read(stream, cuts_at)
    whole, fault_of_whole = read(stream, [])
    assert [(frame.head, frame.body) for frame in frames] == [(frame.head, frame.body) for frame in whole]
    assert str(fault) == str(fault_of_whole)
    for frame in frames:
        assert b"Content-Type: " in frame.head
        look_into(frame)


@FUZZ
@given(changes=edits, cuts_at=cuts)
def test_a_damaged_stream_of_a_real_call(changes: list[tuple[int, int, bytes]], cuts_at: list[int]) -> None:
    """What was read before the damage is what was sent; behind it the reader stops or finds frames that can be looked into."""
    stream = mutated(changes)
    frames, _ = read(stream, cuts_at)
    good = [frame.body for frame in read(REAL[: min(at for at, _, _ in changes)], [])[0]]
    assert [frame.body for frame in frames[: len(good)]] == good
    for frame in frames:
        look_into(frame)


@given(line=st.binary(min_size=500, max_size=4000).filter(lambda text: b"\n\n" not in text and not text.startswith(b"\n")))
@settings(max_examples=40, deadline=None)
def test_headers_without_an_end_are_not_collected(line: bytes) -> None:
    """However long a peer goes on, no more is kept than the headers of one message may be."""
    reader, fed = FrameReader(), 0
    while reader.fault is None:
        reader.feed(line.rstrip(b"\n") + b"x")
        fed += len(line)
        assert fed <= 2 * MAX_HEAD_BYTES
    with pytest.raises(WireError):
        reader.feed(b"\n")


class Ears:
    """``SwitchListener`` and ``Observer`` that keep what they hear."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def hear(self, attempt_id: str, event: object) -> None:
        self.heard.append(attempt_id)

    def event_handled(self, name: str, lag_seconds: float) -> None:
        assert lag_seconds >= 0.0

    def link_lost(self) -> None: ...
    def link_restored(self, same_core: bool) -> None: ...
    def command_done(self, stage: object, seconds: float) -> None: ...
    def link_changed(self, link: str, up: bool) -> None: ...
    def verdict(self, campaign: str, kind: str, seconds: float) -> None: ...

    def taps_open(self, count: int) -> None: ...

    def tap_failed(self, tap: str) -> None: ...

    def loop_stalled(self, seconds: float) -> None: ...


hostile = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["x\nUnique-ID: ours\n", "\n\nEvent-Name: CHANNEL_HANGUP_COMPLETE\nUnique-ID: ours\n\n", "%0AUnique-ID: ours"]
    ),
)


@FUZZ
@given(value=hostile, body=hostile)
def test_no_value_and_no_body_ends_somebody_elses_call(value: str, body: str) -> None:
    """A far end chooses its name and a job its result; neither becomes the identity of a call of ours."""
    encoded = "".join(f"%{byte:02X}" for byte in value.encode("utf-8", "surrogatepass"))
    stream = event_frame(
        ("Event-Name", "CHANNEL_HANGUP_COMPLETE"),
        ("Caller-Caller-ID-Name", encoded),
        ("Unique-ID", "theirs"),
        ("Hangup-Cause", "NORMAL_CLEARING"),
        body=body.encode("utf-8", "surrogatepass"),
    )
    ears = Ears()
    router = Router(ears, ears, kill=ears.heard.append)
    router.track("ours")
    (frame,) = FrameReader().feed(stream)
    event = Event(frame.body)
    router.handlers()[event.name](event)
    assert event.get("Unique-ID") == "theirs"
    assert ears.heard == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=edits, cuts_at=cuts)
def test_a_link_ends_with_a_reason_whatever_it_is_told(changes: list[tuple[int, int, bytes]], cuts_at: list[int]) -> None:
    """Damaged bytes over a real socket: reader and dispatcher come to their end, nobody waits for ever."""
    stream = mutated(changes)[len(AUTH_REQUEST + OK) :]

    def script(conversation: Conversation) -> None:
        conversation.log_in()
        position = 0
        for cut in [*sorted(set(cuts_at)), len(stream)]:
            conversation.say(stream[position:cut])
            position = max(position, cut)

    events: list[Event] = []
    with peer(script) as server, Timeout(60.0):
        link = Link(server.address, "fuzz")
        link.event_handlers["*"] = [events.append]
        link.connect()
        link.ended.wait()
        assert link.end_reason
        assert not link.connected
        link.stop()
    for event in events:
        assert isinstance(event.name, str)
