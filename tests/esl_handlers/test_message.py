"""What becomes of a message, read from the dialplan's own words."""

from __future__ import annotations

import pytest

from controller.domain.calls.events import ConnectFailed, MessagePlayed
from esl_handlers.originate import move_commands, sound
from esl_handlers.progress import TrackedCall, connecting
from esl_handlers.wire import Event

CALL = TrackedCall("a", "", None, None, 0)


def left(played: str) -> Event:
    return Event(f"Event-Name: CUSTOM\nvariable_trunkline_connect: left\nvariable_trunkline_played: {played}\n\n".encode(), 7.0)


def test_played_to_its_end() -> None:
    """A message that was played is told with the moment of its end."""
    assert connecting(CALL, left("FILE%20PLAYED")) == MessagePlayed(7.0)


def test_a_sound_that_is_not_there() -> None:
    """A message of which nothing was played was not left."""
    assert connecting(CALL, left("FILE%20NOT%20FOUND")) == ConnectFailed(7.0, "message: FILE NOT FOUND", told=False)


@pytest.mark.parametrize("name", ["a b.wav", "x;uuid_kill", "$${x}", "", "a\nb"])
def test_what_is_no_sound_is_refused(name: str) -> None:
    """A message's name never becomes a command or a variable."""
    with pytest.raises(ValueError, match="sound"):
        sound(name)


def test_a_move_without_variables_is_one_command() -> None:
    """FreeSWITCH refuses to set nothing."""
    assert move_commands("a", [], "trunkline-wait") == ["uuid_transfer a trunkline-wait XML trunkline"]
