"""Join a waiting, answered call with its target.

The dialplan does the joining, here as for calls that are joined at once: the call's variables are set and the call is moved
to the target's extension. If we die in between, its dead-man's switch (``trunkline-wait``) speaks to the person.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.calls.actions import Target
from esl_handlers.links import CommandLinks
from esl_handlers.originate import connect_commands, connect_variables
from esl_handlers.progress import TrackedCall

GONE = "No such channel"


def connect(commands: CommandLinks, call: TrackedCall, target: Target, attributes: Sequence[tuple[str, str]]) -> str | None:
    """Send the call to ``target``. None when it is on its way (or has just hung up), else why it cannot go there.

    CommandLost when the link fails: with stage UNCONFIRMED the call may be on its way.
    """
    try:
        variables = connect_variables(call.attempt_id, call.campaign, call.run_id, target, attributes)
        moves = connect_commands(call.attempt_id, variables, target)
    except ValueError as error:
        return str(error)
    call.target_name = target.name
    return move(commands, moves)


def move(commands: CommandLinks, steps: Sequence[str]) -> str | None:
    """Send the api commands that move a call, in order. None when it is on its way (or has just hung up), else the refusal."""
    for step in steps:
        reply = commands.send(f"api {step}")
        if not reply.ok:
            return None if GONE in reply.text else " ".join(reply.text.split())
    return None
