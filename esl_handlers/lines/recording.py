"""Recordings of talks: stereo, on the person's leg, so that they go on over holds and transfers and end with the call.

The file's name is kept in the call's own variable, so that a controller that was restarted can pause and stop what an earlier
one began. While paused, silence is written in the place of speech: the times in the file stay true.
"""

from __future__ import annotations

from controller.errors import WrongState
from esl_handlers.escaping import FILE, ID, must
from esl_handlers.lines.asking import Asking

LONGEST_SECONDS = 4 * 3600
"""A recording that nobody ends, ends."""


def start(lines: Asking, attempt_id: str, file: str) -> None:
    """See ``ports.AgentLines.start_recording``."""
    lines.fit(lambda: (must(ID, attempt_id, "attempt id"), must(FILE, file, "file")))
    reply = lines.api(f"uuid_record {attempt_id} start {file} {LONGEST_SECONDS} {{RECORD_STEREO=true}}")
    if reply is not None and not reply.ok:
        raise WrongState(f"call {attempt_id} cannot be recorded: {reply.text.strip()}")
    lines.api(f"uuid_setvar {attempt_id} trunkline_recording {file}")


def pause(lines: Asking, attempt_id: str, paused: bool) -> None:
    """See ``ports.AgentLines.pause_recording``."""
    _change(lines, attempt_id, "mask" if paused else "unmask")


def stop(lines: Asking, attempt_id: str) -> None:
    """See ``ports.AgentLines.stop_recording``."""
    _change(lines, attempt_id, "stop")


def _change(lines: Asking, attempt_id: str, action: str) -> None:
    lines.fit(lambda: must(ID, attempt_id, "attempt id"))
    known = lines.api(f"uuid_getvar {attempt_id} trunkline_recording")
    file = known.text.strip() if known is not None else ""
    if not FILE.fullmatch(file):
        raise WrongState(f"call {attempt_id} is not being recorded")
    reply = lines.api(f"uuid_record {attempt_id} {action} {file}")
    if reply is not None and not reply.ok:
        raise WrongState(f"call {attempt_id} is not being recorded: {reply.text.strip()}")
    if action == "stop":
        lines.api(f"uuid_setvar {attempt_id} trunkline_recording")
