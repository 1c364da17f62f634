"""A dial order → one ``originate`` command line, and the rules by which text gets into it.

What a command means to FreeSWITCH is decided by blanks, quotes, backslashes, commas, brackets, ``=``, ``;``, ``|``, ``^^`` and
``${}``, read again at four levels: the arguments of originate, the list in ``{}``, each ``name=value``, and later the
dialplan, which expands what it finds inside a variable's value too. So text is not quoted here but made of harmless
characters only:

- ids, numbers, names of campaigns, gateways and targets must match a whitelist, or the order is refused;
- a contact's value keeps ``A-Z a-z 0-9 . _ ~ @ -``; every other byte of its UTF-8 becomes ``%XX``. The bot decodes it with
  any percent-decoder; a plus sign is ``%2B``, a space ``%20``;
- a contact's header name keeps letters, digits and ``-``;
- a fixed header of the site file keeps spaces and most punctuation, so that tokens reach the bot as written.

Headers for the bot travel as exported ``nolocal:`` variables: they go into the INVITE to the bot, never into the carrier's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from controller.domain.calls.actions import DialOrder, Target

CONTEXT = "trunkline"
"""Dialplan context of dialplan/trunkline.xml."""

WAIT_EXTENSION = "trunkline-wait"
OVERDUE_EXTENSION = "trunkline-overdue"
PARK_EXTENSION = "trunkline-park"
MESSAGE_EXTENSION = "trunkline-message"
EXTENSIONS = {"bot": "trunkline-bot", "playback": "trunkline-playback", "ivr": "trunkline-ivr"}

PROFILE = "trunkline"
"""Sofia profile of calls to bots."""

MAX_HEADERS = 30
MAX_HEADER_NAME = 40
MAX_VALUE_BYTES = 256
MAX_COMMAND_BYTES = 8000
"""FreeSWITCH reads a command byte by byte (1 us each), and repeats every variable in every event of the call."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NUMBER = re.compile(r"[0-9*#+]{1,32}")
_CALLER_ID = re.compile(r"\+?[0-9]{1,15}")
_SOUND = re.compile(r"[A-Za-z0-9_./:=%,()-]{1,255}")
_EXTENSION = re.compile(r"[A-Za-z0-9_*#+-]{1,64}")
_SIP_URI = re.compile(r"(sips?:)([^@\s]{1,128})@([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)(;transport=(?:udp|tcp|tls))?")
_FIXED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")

_FIXED_SAFE = " ~@+/=:;*!?#&().-_"
"""Kept in fixed headers besides letters and digits. ``=`` only behind the first one, which ends the variable's name."""


def originate_command(order: DialOrder) -> str:
    """``originate {…}sofia/gateway/… extension XML trunkline``. ValueError says which part of the order is not fit to dial."""
    target_variables = connect_variables(order.attempt_id, order.campaign, order.run_id, order.target, order.attributes)
    variables = [
        ("origination_uuid", _must(_ID, order.attempt_id, "attempt id")),
        ("origination_caller_id_number", _must(_CALLER_ID, order.caller_id, "caller id")),
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
        ("trunkline_campaign", _must(_ID, order.campaign, "campaign")),
        ("trunkline_run", str(int(order.run_id))),
    ]
    if order.connect_on_answer:
        extension = _extension(order.target)
        variables += target_variables
    else:
        extension = WAIT_EXTENSION
        variables += [
            ("trunkline_verdict_seconds", str(int(order.verdict_seconds))),
            ("export_vars", _EXPORTED),
        ]
    gateway = _must(_ID, order.gateway, "gateway")
    number = _must(_NUMBER, order.dial_string_number, "number")
    listed = ",".join(f"{name}={_in_braces(value)}" for name, value in variables)
    return f"originate {{{listed}}}sofia/gateway/{gateway}/{number} {extension} XML {CONTEXT}"


def connect_commands(attempt_id: str, variables: Sequence[tuple[str, str]], target: Target) -> list[str]:
    """The api commands that send a waiting call to its target."""
    return move_commands(attempt_id, variables, _extension(target))


def move_commands(attempt_id: str, variables: Sequence[tuple[str, str]], extension: str) -> list[str]:
    """The api commands that send an answered call to one of our extensions: set its variables, if any, then move it."""
    call = _must(_ID, attempt_id, "attempt id")
    listed = ";".join(f"{name}={_in_setvar(value)}" for name, value in variables)
    settings = [f"uuid_setvar_multi {call} {listed}"] if listed else []
    return [*settings, f"uuid_transfer {call} {extension} XML {CONTEXT}"]


def sound(name: str) -> str:
    """A sound's name as FreeSWITCH takes it. ValueError when it is not fit to be played."""
    return _must(_SOUND, name, "sound")


_EXPORTED = "trunkline_attempt,trunkline_campaign,trunkline_run"


def connect_variables(
    attempt_id: str, campaign: str | None, run_id: int | None, target: Target, attributes: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The variables by which the dialplan reaches ``target``; for a bot, its headers too.

    ValueError when the target's address is not one. Attributes over the limits are cut or left out, never refused.
    """
    to = ("trunkline_to", _must(_ID, target.name, "target name"))
    if target.kind == "playback":
        return [to, ("trunkline_target", sound(target.address)), ("export_vars", _EXPORTED)]
    if target.kind == "ivr":
        return [to, ("trunkline_target", _must(_EXTENSION, target.address, "extension")), ("export_vars", _EXPORTED)]
    if target.kind != "bot":
        raise ValueError(f"{target.kind!r} is no kind of target")
    own = [("X-Trunkline-Attempt", attempt_id)]
    own += [("X-Trunkline-Campaign", campaign)] if campaign is not None else []
    own += [("X-Trunkline-Run", str(run_id))] if run_id is not None else []
    headers = _bot_headers(own, target.headers, attributes)
    names = [f"nolocal:sip_h_{name}" for name, _ in headers]
    return [
        to,
        ("trunkline_target", f"sofia/{PROFILE}/{_bot_address(target.address)}"),
        *((name, value) for name, (_, value) in zip(names, headers, strict=True)),
        ("export_vars", ",".join([_EXPORTED, *names])),
    ]


def _bot_headers(
    own: Iterable[tuple[str, str]], fixed: Iterable[tuple[str, str]], attributes: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Ours first, the site's next, the contact's last: what comes first cannot be overwritten or crowded out."""
    candidates = [(name, encode_value(value)) for name, value in own]
    candidates += [(_must(_FIXED_NAME, name, "header name"), _encode_fixed(value)) for name, value in fixed]
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


def header_name(attribute: str, place: int) -> str:
    """``Due date`` → ``Due-date``. A name without any ASCII letter or digit becomes ``Field-<place>``."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", attribute).strip("-")[:MAX_HEADER_NAME].strip("-")
    return name or f"Field-{place}"


def encode_value(value: str) -> str:
    """Percent-encoded, at most ``MAX_VALUE_BYTES`` long, cut between characters."""
    return _cut(value, "@")


def _encode_fixed(value: str) -> str:
    return _cut(value.strip(), _FIXED_SAFE)


def _cut(value: str, safe: str) -> str:
    encoded, length = [], 0
    for character in value[:MAX_VALUE_BYTES]:
        part = quote(character, safe=safe, errors="replace")
        length += len(part)
        if length > MAX_VALUE_BYTES:
            break
        encoded.append(part)
    return "".join(encoded)


def _bot_address(uri: str) -> str:
    """``sip:bot@10.0.0.5:5070`` → ``bot@10.0.0.5:5070``; unusual characters of the user part become ``%XX``, which means
    the same in SIP."""
    match = _SIP_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"bot address {uri!r} is not a SIP URI")
    scheme, user, host, transport = match.groups()
    prefix = "" if scheme == "sip:" else scheme
    return f"{prefix}{quote(user, safe='%+')}@{host}{transport or ''}"


def _extension(target: Target) -> str:
    try:
        return EXTENSIONS[target.kind]
    except KeyError:
        raise ValueError(f"{target.kind!r} is no kind of target") from None


def _must(allowed: re.Pattern[str], text: str, what: str) -> str:
    if not allowed.fullmatch(text):
        raise ValueError(f"{what} {text[:80]!r} is not fit for a dial string")
    return text


def _in_braces(value: str) -> str:
    """Inside originate's ``{}``: blanks end an argument, commas a variable."""
    return value.replace(",", "\\,").replace(" ", "\\s")


def _in_setvar(value: str) -> str:
    """Inside uuid_setvar_multi: semicolons end a variable."""
    return value.replace(";", "\\;")
