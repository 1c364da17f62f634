"""Events have the headers that a real FreeSWITCH's have: held against recorded calls, name by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from esl_handlers.wire import Event, FrameReader
from tests.esl_handlers.virtual_switch.running import CALL_EVENTS, running_switch

SAMPLES = Path(__file__).parents[1] / "samples"
UUID = "f5b00900-0000-4000-8000-000000000001"
PEOPLE = """
[[number]]
prefix = "1"
who = [{ kind = "person", ring_seconds = 0.3, talk_seconds = 0.5 }]
[[number]]
prefix = "2"
who = [{ kind = "busy", after_seconds = 0.2 }]
[[number]]
prefix = "3"
who = [{ kind = "no_answer" }]
[[number]]
prefix = "4"
who = [{ kind = "invalid" }]
[[number]]
prefix = "5"
who = [{ kind = "person", ring_seconds = 0.3, talk_seconds = 0.5, early_media = true }]
[gateway.uas]
[gateway.gone]
state = "unreachable"
"""
FAR_END_DEPENDENT = {
    # FreeSWITCH wrote these only for the far end of the recordings, or leaves them out for legs of its own making.
    "Caller-Network-Addr",
}
SAMPLE_VARIABLES = "originate_timeout=2,campaign_id=17,lead_id=4711,attempt=1"


def recorded(sample: str, name: str) -> Event:
    reader = FrameReader()
    events = [Event(frame.body) for frame in reader.feed((SAMPLES / f"{sample}.txt").read_bytes())]
    return next(event for event in events if event.get("Event-Name") == name)


def names(event: Event) -> Counter[str]:
    """Header names with how often each is there (HANGUP_COMPLETE carries its cause twice)."""
    return Counter(name for name, _ in event.headers() if name not in FAR_END_DEPENDENT)


CASES = [
    ("answered_hangup", "110502", "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"),
    ("busy", "220500", "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"),
    ("no_answer", "330000", "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"),
    ("unallocated_404", "440000", "CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"),
    ("gateway_unreachable", "110000", "CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"),
    ("early_media_then_answer", "550000", "CHANNEL_CREATE CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE"),
]


@pytest.mark.parametrize(("sample", "number", "events"), CASES)
def test_header_names_are_those_of_a_recorded_call(tmp_path: Path, sample: str, number: str, events: str) -> None:
    """Whoever reads a header of FreeSWITCH's events finds it here, and nothing that FreeSWITCH would not send."""
    gateway = "gone" if sample == "gateway_unreachable" else "uas"
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client(CALL_EVENTS)
        client.originate(UUID, number, variables=SAMPLE_VARIABLES, gateway=gateway)
        seen: dict[str, Event] = {}
        while not set(events.split()) <= seen.keys():
            event = client.next_event()
            seen[event.get("Event-Name")] = event
    for name in events.split():
        real, ours = names(recorded(sample, name)), names(seen[name])
        ours.pop("variable_trunkline_attempt", None)
        assert (name, real - ours, ours - real) == (name, Counter(), Counter())


def test_events_are_as_large_as_recorded_ones(tmp_path: Path) -> None:
    """A benchmark against the virtual switch reads about the bytes that a real one would send."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client("CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE")
        client.originate(UUID, "190000000110502", variables=SAMPLE_VARIABLES, gateway="uas")
        for event in client.events_until("CHANNEL_HANGUP_COMPLETE"):
            real = sum(len(name) + len(value) for name, value in recorded("answered_hangup", event.get("Event-Name")).headers())
            ours = sum(len(name) + len(value) for name, value in event.headers())
            assert 0.9 < ours / real < 1.1


def test_hangup_complete_carries_its_cause_twice(tmp_path: Path) -> None:
    """FreeSWITCH writes Hangup-Cause before and inside the channel's own headers."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client("CHANNEL_HANGUP_COMPLETE")
        client.originate(UUID, "2", gateway="uas")
        headers = client.next_event().headers()
        assert [value for name, value in headers if name == "Hangup-Cause"] == ["USER_BUSY", "USER_BUSY"]


def test_hostile_values_come_back_encoded(tmp_path: Path) -> None:
    """A newline in a variable stays inside its own value, percent-encoded."""
    with running_switch(tmp_path) as switch:
        client = switch.client("CHANNEL_CREATE")
        client.originate(UUID, "1", variables="lead=a\\nUnique-ID:\\sforged\\sé")
        event = client.next_event()
        assert event.get("Unique-ID") == UUID
        assert event.get("variable_lead") == "a\nUnique-ID: forged é"
