"""Supervisors: a phone that hears an agent's line, and may speak to the agent alone (whisper) or to both (barge).

The switch's ``eavesdrop`` runs on the supervisor's leg over talks and pauses alike; the mode is changed by its own keys, from
here or on the supervisor's phone.
"""

from __future__ import annotations

import uuid

from controller.domain.agents.line import SuperviseMode
from controller.errors import Refused, SwitchDown, WrongState
from esl_handlers.causes import KILL_CAUSE
from esl_handlers.lines.asking import Asking
from esl_handlers.lines.book import KEY_OF_MODE
from esl_handlers.lines.commands import supervise_command
from esl_handlers.lines.tracked import Supervisor, TrackedLine


def begin(lines: Asking, line: TrackedLine, name: str, phone: str, mode: SuperviseMode) -> None:
    """See ``ports.AgentLines.supervise``."""
    present = line.supervisors.get(name)
    if present is not None:
        if not present.on:
            raise WrongState(f"the phone of supervisor {name} rings")
        lines.api(f"uuid_recv_dtmf {present.leg_id} {KEY_OF_MODE[mode]}")
        return
    supervisor = Supervisor(name, str(uuid.uuid4()), mode)
    try:
        command = supervise_command(supervisor.leg_id, line.line_id, line.agent_id, name, phone, mode)
    except ValueError as error:
        raise Refused(str(error)) from error
    lines.book.add_supervisor(line, supervisor)
    try:
        lines.background(command, supervisor.leg_id)
    except SwitchDown:
        lines.book.forget_supervisor(line, supervisor)
        raise


def end(lines: Asking, line: TrackedLine, name: str) -> None:
    """See ``ports.AgentLines.stop_supervising``."""
    supervisor = line.supervisors.get(name)
    if supervisor is None:
        raise WrongState(f"supervisor {name} does not hear agent {line.agent_id}")
    lines.api(f"uuid_kill {supervisor.leg_id} {KILL_CAUSE}")
