"""Leave a message: hold the call in silence until the moment has come, play the sound, or cut it short.

The dialplan does it, as with every other target (``bridge.py``): variables are set and the call is moved to an extension, so
that a controller that dies in between leaves nobody in silence and no line open.
"""

from __future__ import annotations

from controller.domain.calls.answering import Treatment
from esl_handlers.bridge import move
from esl_handlers.escaping import sound
from esl_handlers.links import CommandLinks
from esl_handlers.originate import (
    ABANDONED_EXTENSION,
    MESSAGE_EXTENSION,
    PARK_EXTENSION,
    WAIT_EXTENSION,
    move_commands,
    treatment_variables,
)

LONGEST_PARK_SECONDS = 999
"""Three digits are what the dialplan takes."""


def park(commands: CommandLinks, attempt_id: str, seconds: int) -> str | None:
    """Hold the call for ``seconds`` at most. None when that begins (or the call has just hung up), else why not."""
    whole = min(max(1, seconds), LONGEST_PARK_SECONDS)
    return move(commands, move_commands(attempt_id, [("trunkline_park_seconds", str(whole))], PARK_EXTENSION))


def leave(commands: CommandLinks, attempt_id: str, name: str) -> str | None:
    """Play sound ``name``, then hang up. None when it begins (or the call has just hung up), else why not."""
    try:
        variables = [("trunkline_message", sound(name))]
    except ValueError as error:
        return str(error)
    return move(commands, move_commands(attempt_id, variables, MESSAGE_EXTENSION))


def stop(commands: CommandLinks, attempt_id: str) -> str | None:
    """Back to the wait for a verdict, with its own dead-man's switch."""
    return move(commands, move_commands(attempt_id, [], WAIT_EXTENSION))


def treat(commands: CommandLinks, attempt_id: str, treatment: Treatment) -> str | None:
    """Play the abandoned-call message, then hang up. None when it begins (or the call has just hung up), else why not."""
    try:
        variables = [("trunkline_connect", "abandoned"), *treatment_variables(treatment)]
    except ValueError as error:
        return str(error)
    return move(commands, move_commands(attempt_id, variables, ABANDONED_EXTENSION))
