"""Frames and headers: whatever the network does to the bytes, and whatever a far end puts into a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_handlers.errors import WireError
from esl_handlers.wire import (
    MAX_MESSAGE_BYTES,
    Event,
    FrameReader,
    array_values,
    encode_command,
    in_wire_order,
)
from tests.esl_handlers.peer import AUTH_REQUEST, OK, api_reply, event_frame, sample, sample_bodies


@given(cuts=st.lists(st.integers(min_value=1, max_value=25_000), max_size=40))
def test_a_torn_stream_gives_the_same_messages(cuts: list[int]) -> None:
    """Where TCP cuts the stream means nothing."""
    stream = AUTH_REQUEST + OK + sample("answered_hangup") + api_reply("naïve\n\n".encode()) + OK
    whole = [(frame.content_type, frame.body) for frame in FrameReader().feed(stream)]
    reader, pieces, position = FrameReader(), [], 0
    for cut in [*sorted(set(cuts)), len(stream)]:
        pieces += reader.feed(stream[position:cut])
        position = max(position, cut)
    assert [(frame.content_type, frame.body) for frame in pieces] == whole
    assert len(whole) == 9
    assert not reader.holds_part


def test_byte_by_byte() -> None:
    """The worst tearing: one byte at a time."""
    reader = FrameReader()
    stream = AUTH_REQUEST + api_reply(b"true") + event_frame(("Event-Name", "HEARTBEAT"))
    frames = [frame for index in range(len(stream)) for frame in reader.feed(stream[index : index + 1])]
    assert [frame.content_type for frame in frames] == [b"auth/request", b"api/response", b"text/event-plain"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"Content-Length: 5\n\nhello",
        b"Content-Type: api/response\nContent-Length: 12x\n\n",
        b"Content-Type: api/response\nContent-Length: -1\n\n",
        b"Content-Type: api/response\nContent-Length: %d\n\n" % (MAX_MESSAGE_BYTES + 1),
        b"x" * 70_000,
    ],
)
def test_a_stream_that_is_not_the_event_socket_is_an_error(wrong: bytes) -> None:
    """Reading on in the wrong place would invent messages: it is an error, at once. What came before it is good."""
    reader = FrameReader()
    assert [frame.content_type for frame in reader.feed(OK + wrong)] == [b"command/reply"]
    assert reader.fault is not None
    with pytest.raises(WireError):
        reader.feed(OK)


def test_the_first_header_of_a_name_counts() -> None:
    """CHANNEL_HANGUP_COMPLETE carries Hangup-Cause twice."""
    hang_up = Event(sample_bodies("busy")[-2])
    assert hang_up.name == "CHANNEL_HANGUP_COMPLETE"
    assert [value for name, value in hang_up.headers() if name == "Hangup-Cause"] == ["USER_BUSY", "USER_BUSY"]
    event = Event(b"Event-Name: X\nTwice: first\nTwice: second\n\n")
    assert event.get("Twice") == "first"
    assert event.pick(in_wire_order("Event-Name", "Twice")) == ["X", "first"]


@pytest.mark.parametrize("name", ["answered_hangup", "busy", "bridged_to_agent", "gateway_unreachable"])
def test_every_header_of_a_real_event_is_found(name: str) -> None:
    """Looking one header up gives what reading all of them gives, for every header of captured calls."""
    for body in sample_bodies(name):
        event = Event(body)
        first: dict[str, str] = {}
        for header, value in event.headers():
            first.setdefault(header, "" if value == "_undef_" else value)
        assert {header: event.get(header) for header in first} == first
        assert event.pick(in_wire_order(*first)) == list(first.values())
        assert event.pick(in_wire_order(*reversed(first))) == list(reversed(first.values()))


def test_a_value_cannot_become_a_header() -> None:
    """A far end that puts line breaks into its name forges nothing: lines are told apart before values are decoded."""
    event = Event(b"Event-Name: CHANNEL_ANSWER\nCaller-Caller-ID-Name: x%0AUnique-ID: forged%0A%0Abody\nUnique-ID: ours\n\n")
    assert event.get("Unique-ID") == "ours"
    assert event.get("Caller-Caller-ID-Name") == "x\nUnique-ID: forged\n\nbody"
    assert event.body == ""


@given(value=st.text())
def test_any_encoded_value_comes_back(value: str) -> None:
    """FreeSWITCH percent-encodes; whatever the value was is what a handler reads, and its neighbours stay as they are."""
    encoded = "".join(f"%{byte:02X}" for byte in value.encode("utf-8"))
    event = Event(f"Event-Name: X\nA: {encoded}\nB: b\n\n".encode())
    assert event.get("A") == ("" if value == "_undef_" else value)
    assert event.get("B") == "b"


def test_a_body_is_no_header() -> None:
    """The result of a background job is kept apart, whatever its lines look like."""
    frame = event_frame(
        ("Event-Name", "BACKGROUND_JOB"), ("Job-UUID", "j"), body=b"+OK\nUnique-ID: forged\nEvent-Name: CHANNEL_ANSWER\n"
    )
    event = Event(FrameReader().feed(frame)[0].body)
    assert event.name == "BACKGROUND_JOB"
    assert event.get("Unique-ID") == ""
    assert event.pick(in_wire_order("Event-Name", "Job-UUID", "Unique-ID")) == ["BACKGROUND_JOB", "j", ""]
    assert event.body == "+OK\nUnique-ID: forged\nEvent-Name: CHANNEL_ANSWER\n"


def test_words_for_nothing() -> None:
    """``_undef_`` and an absent header both read as nothing; bytes that are not UTF-8 do not stop the reader."""
    event = Event(b"Event-Name: X\nA: _undef_\nB: %FF%FEok\n\n")
    assert event.get("A") == event.get("C") == ""
    assert event.get("B") == "\ufffd\ufffdok"


def test_lists_inside_a_value() -> None:
    """A variable with several values is one list."""
    assert array_values("ARRAY::a|:b|:") == ["a", "b", ""]
    assert array_values("a|:b") == ["a|:b"]
    assert array_values("") == []


@pytest.mark.parametrize("hostile", ["a\nb", "a\rb", "a\0b", ""])
def test_no_command_holds_a_second_one(hostile: str) -> None:
    """A line break in a command would be a command of its own."""
    with pytest.raises(ValueError, match="one line"):
        encode_command("api status", hostile)
    assert encode_command("bgapi status", "Job-UUID: j") == b"bgapi status\nJob-UUID: j\n\n"
