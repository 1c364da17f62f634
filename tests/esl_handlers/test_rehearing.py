"""A recording is played to a listener as a call would be."""

from __future__ import annotations

from esl_handlers.amd import Kind, Verdict
from esl_handlers.rehearing import rehear


class Scripted:
    """Says what it was told to, at the frames it was told to; the rest when asked after the end."""

    def __init__(self, *said: tuple[int, Kind]) -> None:
        self._said = list(said)
        self._frames = 0

    def feed(self, pcm: bytes) -> Verdict | None:
        self._frames += len(pcm) // 320
        if self._said and self._frames >= self._said[0][0]:
            return Verdict(self._said.pop(0)[1], 99.0, 1.0)
        return None


def test_verdicts_are_timed_by_the_audio_that_had_been_played():
    """A verdict in the tenth frame came at 0.2 s, whatever the listener says of it."""
    heard = rehear(Scripted((10, Kind.PERSON)), bytes(320 * 50))
    assert (heard.first, heard.decided_at, heard.final, heard.revised_at) == (Kind.PERSON, 0.2, Kind.PERSON, None)
    assert heard.frames == 50


def test_a_change_of_mind_keeps_the_first_verdict():
    """Person, then machine: both are known, and when each was said. Beeps are no verdict on who answered."""
    heard = rehear(Scripted((10, Kind.PERSON), (20, Kind.MACHINE), (30, Kind.BEEP)), bytes(320 * 50))
    assert (heard.first, heard.final, heard.revised_at) == (Kind.PERSON, Kind.MACHINE, 0.4)
    assert heard.beeps == (0.6,)


def test_what_falls_due_in_the_last_frame_is_heard():
    """Several verdicts at the very end are all taken."""
    heard = rehear(Scripted((50, Kind.MACHINE), (50, Kind.BEEP)), bytes(320 * 50))
    assert (heard.first, heard.beeps) == (Kind.MACHINE, (1.0,))


def test_nothing_said_is_no_verdict():
    """A listener that stays silent has decided nothing."""
    heard = rehear(Scripted(), bytes(320 * 50))
    assert (heard.first, heard.decided_at, heard.final) == (None, None, None)


def test_only_the_first_minute_is_played():
    """An hour's recording costs no more than a greeting."""
    assert rehear(Scripted(), bytes(320 * 50 * 120)).frames == 3000
