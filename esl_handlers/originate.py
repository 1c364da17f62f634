"""A dial order → one ``originate`` command line; a target → the variables by which the dialplan reaches it.

How text gets into them is ``escaping.py``'s. A bot's fixed headers of the site file keep spaces and most punctuation, so that
tokens reach the bot as written; a contact's values reach it percent-encoded, and the bot decodes them with any
percent-decoder (a plus sign is ``%2B``, a space ``%20``).

Headers for the bot travel as exported ``nolocal:`` variables: they go into the INVITE to the bot, never into the carrier's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Treatment
from esl_handlers.escaping import (
    CALLER_ID,
    ID,
    KEY,
    NUMBER,
    encode_value,
    header_name,
    in_braces,
    in_setvar,
    must,
    sip_address,
    sound,
)

CONTEXT = "trunkline"
"""Dialplan context of dialplan/trunkline.xml."""

WAIT_EXTENSION = "trunkline-wait"
OVERDUE_EXTENSION = "trunkline-overdue"
PARK_EXTENSION = "trunkline-park"
MESSAGE_EXTENSION = "trunkline-message"
ABANDONED_EXTENSION = "trunkline-abandoned"
EXTENSIONS = {"bot": "trunkline-bot", "playback": "trunkline-playback", "ivr": "trunkline-ivr"}

PROFILE = "trunkline"
"""Sofia profile of calls to bots."""

MAX_HEADERS = 30
MAX_COMMAND_BYTES = 8000
"""FreeSWITCH reads a command byte by byte (1 us each), and repeats every variable in every event of the call."""

_EXTENSION = re.compile(r"[A-Za-z0-9_*#+-]{1,64}")
_FIXED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")

_FIXED_SAFE = " ~@+/=:;*!?#&().-_"
"""Kept in fixed headers besides letters and digits. ``=`` only behind the first one, which ends the variable's name."""


def originate_command(order: DialOrder) -> str:
    """``originate {…}sofia/gateway/… extension XML trunkline``. ValueError says which part of the order is not fit to dial."""
    parked_for_agent = not order.connect_on_answer and order.target.kind == "queue"
    target_variables = [] if parked_for_agent else _target_variables(order)
    variables = [
        ("origination_uuid", must(ID, order.attempt_id, "attempt id")),
        ("origination_caller_id_number", must(CALLER_ID, order.caller_id, "caller id")),
        ("origination_caller_id_name", order.caller_id),
        ("presence_data", order.attempt_id),
        ("accountcode", "trunkline"),
        # Without it a 183 counts as an answer.
        ("ignore_early_media", "true"),
        # A carrier's Reason header would override the cause that its SIP status means.
        ("ignore_q850_reason", "true"),
        # The clock counts whole seconds: N+1 rings for N at least.
        ("originate_timeout", str(order.ring_seconds + 1)),
        ("execute_on_answer", f"sched_hangup +{int(order.max_seconds)} ALLOTTED_TIMEOUT"),
        ("trunkline_attempt", order.attempt_id),
        ("trunkline_campaign", must(ID, order.campaign, "campaign")),
        ("trunkline_run", str(int(order.run_id))),
    ]
    if order.connect_on_answer:
        extension = _extension(order.target)
        variables += target_variables
    else:
        extension = WAIT_EXTENSION
        variables += [
            ("trunkline_verdict_seconds", str(int(order.verdict_seconds))),
            *(treatment_variables(order.treatment) if order.treatment is not None else []),
            ("export_vars", _EXPORTED),
        ]
    gateway = must(ID, order.gateway, "gateway")
    number = must(NUMBER, order.dial_string_number, "number")
    return f"originate {in_braces(variables)}sofia/gateway/{gateway}/{number} {extension} XML {CONTEXT}"


def _target_variables(order: DialOrder) -> list[tuple[str, str]]:
    """Worked out for a parked call, too: what would be refused later is refused before anybody is rung."""
    return connect_variables(order.attempt_id, order.campaign, order.run_id, order.target, order.attributes)


def connect_commands(attempt_id: str, variables: Sequence[tuple[str, str]], target: Target) -> list[str]:
    """The api commands that send a waiting call to its target."""
    return move_commands(attempt_id, variables, _extension(target))


def move_commands(attempt_id: str, variables: Sequence[tuple[str, str]], extension: str) -> list[str]:
    """The api commands that send an answered call to one of our extensions: set its variables, if any, then move it."""
    call = must(ID, attempt_id, "attempt id")
    settings = [f"uuid_setvar_multi {call} {in_setvar(variables)}"] if variables else []
    return [*settings, f"uuid_transfer {call} {extension} XML {CONTEXT}"]


def treatment_variables(treatment: Treatment) -> list[tuple[str, str]]:
    """What a person hears whom nobody takes, and the key that opts out. ValueError when either is not fit."""
    key = [("trunkline_opt_out_key", must(KEY, treatment.opt_out_key, "opt-out key"))] if treatment.opt_out_key else []
    return [("trunkline_abandoned", sound(treatment.message)), *key]


_EXPORTED = "trunkline_attempt,trunkline_campaign,trunkline_run"


def connect_variables(
    attempt_id: str, campaign: str | None, run_id: int | None, target: Target, attributes: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The variables by which the dialplan reaches ``target``; for a bot, its headers too.

    ValueError when the target's address is not one. Attributes over the limits are cut or left out, never refused.
    """
    to = ("trunkline_to", must(ID, target.name, "target name"))
    if target.kind == "playback":
        return [to, ("trunkline_target", sound(target.address)), ("export_vars", _EXPORTED)]
    if target.kind == "ivr":
        return [to, ("trunkline_target", must(_EXTENSION, target.address, "extension")), ("export_vars", _EXPORTED)]
    if target.kind != "bot":
        raise ValueError(f"{target.kind!r} is no kind of target")
    own = [("X-Trunkline-Attempt", attempt_id)]
    own += [("X-Trunkline-Campaign", campaign)] if campaign is not None else []
    own += [("X-Trunkline-Run", str(run_id))] if run_id is not None else []
    headers = _bot_headers(own, target.headers, attributes)
    names = [f"nolocal:sip_h_{name}" for name, _ in headers]
    return [
        to,
        ("trunkline_target", f"sofia/{PROFILE}/{sip_address(target.address, 'bot address')}"),
        *((name, value) for name, (_, value) in zip(names, headers, strict=True)),
        ("export_vars", ",".join([_EXPORTED, *names])),
    ]


def _bot_headers(
    own: Iterable[tuple[str, str]], fixed: Iterable[tuple[str, str]], attributes: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Ours first, the site's next, the contact's last: what comes first cannot be overwritten or crowded out."""
    candidates = [(name, encode_value(value)) for name, value in own]
    candidates += [(must(_FIXED_NAME, name, "header name"), encode_value(value.strip(), _FIXED_SAFE)) for name, value in fixed]
    for place, (name, value) in enumerate(attributes, 1):
        candidates.append((f"X-Trunkline-{header_name(name, place)}", encode_value(value)))
    headers: list[tuple[str, str]] = []
    taken: set[str] = set()
    room = MAX_COMMAND_BYTES - 1500
    for name, value in candidates:
        room -= 2 * len(name) + len(value) + 32
        if value and name.lower() not in taken and len(headers) < MAX_HEADERS and room > 0:
            taken.add(name.lower())
            headers.append((name, value))
    return headers


def _extension(target: Target) -> str:
    try:
        return EXTENSIONS[target.kind]
    except KeyError:
        raise ValueError(f"{target.kind!r} is no kind of target") from None
