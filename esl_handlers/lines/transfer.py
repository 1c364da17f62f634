"""Transfers: a person is sent on alone (blind), or the agent speaks with a third party first (attended).

Attended: the person is held while the third party is called; the two meet when both the line is free and the third party has
answered, in whichever order (``book.py``). Completed, the person and the third party are joined, and whoever of them hangs
up ends the call.
"""

from __future__ import annotations

import uuid

from controller.domain.agents.line import LineKind, TransferOrder
from controller.errors import Refused, SwitchDown, WrongState
from esl_handlers.escaping import in_setvar
from esl_handlers.lines.asking import Asking
from esl_handlers.lines.commands import HOLD_EXTENSION, TRANSFER_EXTENSION, consult_command, transfer_variables
from esl_handlers.lines.tracked import Consult, Standing, TrackedLine


def blind(lines: Asking, line: TrackedLine, order: TransferOrder) -> None:
    """See ``ports.AgentLines.transfer``."""
    person = line.with_person(Standing.TALKING, Standing.HELD)
    try:
        variables = transfer_variables(order.to, order.ring_seconds, order.caller_id)
    except ValueError as error:
        raise Refused(str(error)) from error
    line.to = order.to
    lines.api(f"uuid_setvar_multi {person} {in_setvar(variables)}")
    lines.send_person(line, Standing.LEAVING, TRANSFER_EXTENSION)


def consult(lines: Asking, line: TrackedLine, order: TransferOrder) -> None:
    """See ``ports.AgentLines.consult``."""
    line.with_person(Standing.TALKING, Standing.HELD)
    if line.consult is not None:
        raise WrongState(f"agent {line.agent_id} consults somebody already")
    third = Consult(str(uuid.uuid4()), order.to)
    try:
        command = consult_command(third.leg_id, line.agent_id, order.to, order.ring_seconds, order.caller_id)
    except ValueError as error:
        raise Refused(str(error)) from error
    if line.kind is LineKind.ON_HOOK:
        lines.api(f"uuid_setvar {line.line_id} trunkline_keep true")
    if line.standing is Standing.TALKING:
        lines.send_person(line, Standing.HOLDING, HOLD_EXTENSION)
    lines.book.add_consult(line, third)
    try:
        lines.background(command, third.leg_id)
    except SwitchDown:
        lines.book.forget_consult(line)
        raise


def complete(lines: Asking, line: TrackedLine) -> None:
    """See ``ports.AgentLines.complete``."""
    person = line.with_person(Standing.HELD)
    third = line.consult
    if third is None or not third.up:
        raise WrongState(f"agent {line.agent_id} consults nobody")
    line.standing = Standing.HANDING
    try:
        lines.api(f"uuid_setvar_multi {person} {in_setvar([('transfer_after_bridge', ''), ('hangup_after_bridge', 'true')])}")
        lines.api(f"uuid_bridge {person} {third.leg_id}")
    except SwitchDown:
        line.standing = Standing.HELD
        raise
