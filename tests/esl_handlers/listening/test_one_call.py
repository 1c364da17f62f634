"""What is said about one call, and when listening ends: with a detector that says what the story wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from esl_handlers.listening.one_call import BYTES_A_SECOND, OneCall
from esl_handlers.listening.quiet import Quiet
from esl_handlers.listening.words import Found
from tests.esl_handlers.amd.sounds import noise, pcm, silence, talk, tone

FRAME = bytes(320)


@dataclass
class Said:
    """A verdict as a detector gives it."""

    kind: str
    at_seconds: float = 0.0
    confidence: float = 0.9
    detail: Mapping[str, float | str | bool] = field(default_factory=dict)


class Scripted:
    """A detector that says each thing once so much audio has been heard."""

    def __init__(self, *script: Said) -> None:
        self.script = list(script)
        self.heard = 0

    def feed(self, pcm: bytes) -> Said | None:
        self.heard += len(pcm)
        if self.script and self.heard >= self.script[0].at_seconds * BYTES_A_SECOND:
            return self.script.pop(0)
        return None


def story(*script: Said, beep: bool = False, max_seconds: float = 5.0) -> OneCall:
    return OneCall("a", lambda: Scripted(*script), max_seconds, beep, 0.0)


def listen(call: OneCall, seconds: float, begin: float = 0.0) -> list[Found]:
    """Frames of silence from ``begin`` on, in step with the clock, as long as it listens."""
    found: list[Found] = []
    for frame in range(round(seconds * 50)):
        if not call.done:
            found += call.hear(FRAME, begin + (frame + 1) * 0.02)
    return found


def words(found: list[Found]) -> list[tuple[str, str]]:
    return [(one.what, one.kind) for one in found]


def test_a_person() -> None:
    """The greeting ended before the pause by which the person was known, and it is listened on for five seconds."""
    call = story(Said("person", 1.0, detail={"pause": 0.4}))
    found = listen(call, 10.0)
    assert words(found) == [("verdict", "person")]
    assert (found[0].ms, found[0].greeting_ms) == (1000, 600)
    assert call.done


def test_a_person_who_turns_out_a_machine() -> None:
    """A change of mind is told once, and ends it where nobody waits for a beep."""
    call = story(Said("person", 1.0), Said("machine", 3.0), Said("machine", 3.5))
    assert words(listen(call, 4.0)) == [("verdict", "person"), ("revised", "machine")]
    assert call.done


@pytest.mark.parametrize("kind", ["fax", "sit", "machine"])
def test_what_ends_it_at_once(kind: str) -> None:
    """Nothing more is of interest."""
    call = story(Said(kind, 1.0))
    assert words(listen(call, 2.0)) == [("verdict", kind)]
    assert call.done


def test_time_is_up() -> None:
    """Doubt is unknown at the limit; what is heard after that is a change of mind."""
    call = story(Said("machine", 6.0), max_seconds=4.0)
    found = listen(call, 8.0)
    assert words(found) == [("verdict", "unknown"), ("revised", "machine")]
    assert found[0].ms == 4000
    assert found[0].detail == {"reason": "time is up"}


def test_no_audio_at_all() -> None:
    """The clock alone brings the verdict."""
    call = story(max_seconds=2.0)
    assert call.look(1.9) == []
    (found,) = call.look(2.0)
    assert (found.kind, found.detail, found.ms) == ("unknown", {"reason": "no audio"}, 2000)
    assert call.look(3.0) == []
    call.look(7.1)
    assert call.done


def test_the_beep_is_told_once() -> None:
    """From then on it records; a second beep means nothing."""
    call = story(Said("machine", 1.0), Said("beep", 2.0), Said("beep", 3.0), beep=True)
    assert words(listen(call, 60.0)) == [("verdict", "machine"), ("beep", "")]
    assert not call.done, "somebody may pick up while a message is left"


def test_a_beep_alone_is_a_machine() -> None:
    """Nobody else beeps."""
    call = story(Said("beep", 1.0), beep=True)
    assert words(listen(call, 2.0)) == [("verdict", "machine"), ("beep", "")]


def test_a_beep_in_a_persons_call() -> None:
    """It is told once: evidence against the verdict, whether anybody waits for it or not."""
    call = story(Said("person", 1.0), Said("beep", 2.0), Said("beep", 3.0))
    assert words(listen(call, 4.0)) == [("verdict", "person"), ("beep", "")]


def test_somebody_picks_up_during_the_message() -> None:
    """What a fresh detector takes for a person ends the listening; a machine's word changes nothing."""
    call = story(Said("machine", 1.0), beep=True)
    listen(call, 2.0)
    call._make = lambda: Scripted(Said("person", 1.5))
    call.expect_person(2.0)
    assert words(listen(call, 4.0, 2.0)) == [("revised", "person")]
    assert call.done


def test_a_beep_during_a_message_that_began_without() -> None:
    """It is told, so that the message begins again; then it is listened on for a person."""
    call = story(Said("machine", 1.0), beep=True)
    listen(call, 2.0)
    call._make = lambda: Scripted(Said("machine", 0.5), Said("beep", 0.5))
    call.expect_person(2.0)
    assert words(listen(call, 3.0, 2.0)) == [("beep", "")]
    assert not call.done


def test_the_end_of_a_greeting_without_a_beep() -> None:
    """A machine that spoke and then was silent for three seconds will not beep: it is told once."""
    call = story(Said("machine", 1.0), beep=True)
    sound = pcm(talk(3.0), silence(8.0))
    found = []
    for place in range(0, len(sound), 320):
        found += call.hear(sound[place : place + 320], place / BYTES_A_SECOND)
    assert words(found) == [("verdict", "machine"), ("quiet", "")]
    assert 5900 <= found[1].ms <= 6300


@pytest.mark.parametrize(
    ("sound", "quiet"),
    [
        (pcm(talk(2.0), silence(3.2)), True),
        (pcm(talk(2.0), silence(1.9), talk(1.0), silence(1.9), talk(1.0)), False),
        (pcm(silence(10.0)), False),
        (pcm(talk(2.0) + noise(2.0, 0.01), noise(4.5, 0.01, 2)), True),
        (pcm(noise(9.0, 0.05)), False),
        (pcm(talk(2.0), tone(0.5, 1000), silence(2.9)), False),
    ],
)
def test_when_a_machine_is_quiet(sound: bytes, quiet: bool) -> None:
    """Silence and the line's own noise are quiet, a pause between sentences is too short, who never spoke cannot have ended."""
    ear = Quiet(3.0)
    assert any(ear.hear(sound[place : place + 500]) for place in range(0, len(sound), 500)) is quiet
