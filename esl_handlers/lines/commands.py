"""Line orders → ``originate`` command lines: an agent's phone, the third party of a transfer, a supervisor's phone.

The rules by which text gets in are those of ``escaping.py``. What the leg does once it is answered is an extension of
``dialplan/trunkline-agents.xml``. Its identity is chosen by us and is the background job's, too; what it is, and whose, stands
in ``presence_data``, so that one look at the switch's channels finds all lines again.
"""

from __future__ import annotations

import re

from controller.domain.agents.line import LineKind, LineOrder, SuperviseMode
from esl_handlers.escaping import CALLER_ID, ID, NUMBER, encode_value, header_name, in_braces, must, sip_address, sound
from esl_handlers.originate import MAX_HEADERS, PROFILE

CONTEXT = "trunkline-agents"
"""Dialplan context of dialplan/trunkline-agents.xml."""

LINE_EXTENSION = "trunkline-agent"
CONSULT_EXTENSION = "trunkline-consult"
SUPERVISE_EXTENSION = "trunkline-supervise"
HOLD_EXTENSION = "trunkline-hold"
LOST_EXTENSION = "trunkline-agent-lost"
TRANSFER_EXTENSION = "trunkline-transfer"

LINE_MARK = "trunkline-agent"
CONSULT_MARK = "trunkline-consult"
SUPERVISOR_MARK = "trunkline-supervisor"

ON_HOOK_SECONDS = 60
"""An on-hook phone that was picked up and with which nobody is joined is hung up after so long."""

_USER = re.compile(r"user/[A-Za-z0-9_.+-]{1,64}(@[A-Za-z0-9.-]{1,253})?")
_GATEWAY = re.compile(r"gateway/([^/]+)/([^/]+)")

_WHISPERS = {
    SuperviseMode.LISTEN: (),
    # The B leg of an agent's line, to eavesdrop, is what the agent hears.
    SuperviseMode.WHISPER: (("eavesdrop_whisper_bleg", "true"),),
    SuperviseMode.BARGE: (("eavesdrop_whisper_aleg", "true"), ("eavesdrop_whisper_bleg", "true")),
}


def dial_string(phone: str) -> str:
    """A phone as orders name it → where FreeSWITCH dials it. ValueError when it is none."""
    if _USER.fullmatch(phone):
        return phone
    if phone.startswith(("sip:", "sips:")):
        return f"sofia/{PROFILE}/{sip_address(phone, 'phone')}"
    gateway = _GATEWAY.fullmatch(phone)
    if gateway is None:
        raise ValueError(f"phone {phone[:80]!r} is none of user/NAME, sip:USER@HOST, gateway/NAME/NUMBER")
    return f"sofia/gateway/{must(ID, gateway[1], 'gateway')}/{must(NUMBER, gateway[2], 'number')}"


def open_command(line_id: str, order: LineOrder) -> str:
    """Ring an agent's phone. ValueError says which part of the order is not fit to dial."""
    agent = must(ID, order.agent_id, "agent")
    variables = [
        *_leg(line_id, f"{LINE_MARK}:{agent}", order.ring_seconds, order.caller_id),
        ("trunkline_agent", agent),
        ("trunkline_kind", order.kind.value),
    ]
    if order.kind is LineKind.ON_HOOK:
        variables.append(("trunkline_agent_seconds", str(ON_HOOK_SECONDS)))
    elif order.music:
        variables.append(("trunkline_music", sound(order.music)))
    taken: set[str] = set()
    for place, (name, value) in enumerate(order.shows[:MAX_HEADERS], 1):
        header = f"sip_h_X-Trunkline-{header_name(name, place)}"
        if value and header.lower() not in taken:
            taken.add(header.lower())
            variables.append((header, encode_value(value)))
    return _originate(variables, order.phone, LINE_EXTENSION)


def consult_command(leg_id: str, agent_id: str, to: str, ring_seconds: int, caller_id: str) -> str:
    """Call the third party of an attended transfer. ValueError as above."""
    agent = must(ID, agent_id, "agent")
    variables = [*_leg(leg_id, f"{CONSULT_MARK}:{agent}", ring_seconds, caller_id), ("trunkline_third", to)]
    return _originate(variables, to, CONSULT_EXTENSION)


def supervise_command(leg_id: str, line_id: str, agent_id: str, supervisor: str, phone: str, mode: SuperviseMode) -> str:
    """Ring a supervisor's phone, which then hears the line. ValueError as above."""
    mark = f"{SUPERVISOR_MARK}:{must(ID, agent_id, 'agent')}:{must(ID, supervisor, 'supervisor')}"
    listens = [("trunkline_listen_to", must(ID, line_id, "line")), ("trunkline_mode", mode.value)]
    variables = [*_leg(leg_id, mark, 30, ""), *listens, *_WHISPERS[mode]]
    return _originate(variables, phone, SUPERVISE_EXTENSION)


def transfer_variables(to: str, ring_seconds: int, caller_id: str) -> list[tuple[str, str]]:
    """What extension trunkline-transfer needs to know. ValueError as above."""
    return [
        ("trunkline_target", dial_string(to)),
        ("trunkline_transfer_seconds", str(int(ring_seconds) + 1)),
        *([("effective_caller_id_number", must(CALLER_ID, caller_id, "caller id"))] if caller_id else []),
    ]


def _leg(leg_id: str, mark: str, ring_seconds: int, caller_id: str) -> list[tuple[str, str]]:
    shows = [("origination_caller_id_number", must(CALLER_ID, caller_id, "caller id"))] if caller_id else []
    return [
        ("origination_uuid", must(ID, leg_id, "leg")),
        *shows,
        ("origination_caller_id_name", caller_id or "Trunkline"),
        ("presence_data", mark),
        # Without it a 183 counts as an answer.
        ("ignore_early_media", "true"),
        # The clock counts whole seconds: N+1 rings for N at least.
        ("originate_timeout", str(int(ring_seconds) + 1)),
    ]


def _originate(variables: list[tuple[str, str]], phone: str, extension: str) -> str:
    return f"originate {in_braces(variables)}{dial_string(phone)} {extension} XML {CONTEXT}"
