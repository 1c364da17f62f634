"""Reads an originate command as FreeSWITCH does, quirks included: quotes, backslashes, {global} and [leg] variables.

The quirks matter: what a hostile value does to a real FreeSWITCH it must do here as well. Observed on 1.11.1; a quoted
comma still splits variables, because quotes are gone once the command has been split at its spaces. Whether the call
can be placed is decided in ``originate.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) "
    "[<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n"
)
CLOSING = {"{": "}", "[": "]", "<": ">"}


@dataclass(frozen=True, slots=True)
class DialString:
    """One leg: where to and with which variables. gateway: empty for a URI dialled through a profile.

    endpoint: ``sofia``, or another word that this switch has no channels for. address: dialled digits, or ``user@host``.
    """

    endpoint: str
    profile: str
    gateway: str
    address: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OriginateCommand:
    """What an originate asks for. extension: ``&app(args)`` or an extension of ``context``."""

    leg: DialString
    extension: str
    dialplan: str = "XML"
    context: str = "default"
    caller_name: str = ""
    caller_number: str = ""
    timeout_seconds: int = 60


def unquote(text: str, delimiter: str = "") -> str:
    """A separated part without its quotes, escapes and surrounding spaces; spaces inside quotes stay."""
    if "\\" not in text and "'" not in text:
        return text.strip(" ")
    text = text.lstrip(" ")
    out: list[str] = []
    kept = length = 0  # characters so far, and how many of them trailing spaces may not take away
    inside = False
    for found in _PIECES.finditer(text):
        piece = found[0]
        if piece == "'" and (inside or "'" in text[found.end() :]):
            inside = not inside
            kept = length if inside else kept
            continue
        escaped = len(piece) == 2 and piece[0] == "\\" and piece[1] in ("'", '"', "\\", delimiter, *ESCAPES)
        if escaped:
            piece = ESCAPES.get(piece[1], piece[1])
        out.append(piece)
        length += len(piece)
        if escaped or inside:
            kept = length
        elif piece.strip(" "):
            kept = length - (len(piece) - len(piece.rstrip(" ")))
    return "".join(out)[:kept]


_PIECES = re.compile(r"\\.|'|\\|[^\\']+", re.DOTALL)


def separate(text: str, delimiter: str, limit: int) -> list[str]:
    """Split at a delimiter outside quotes, at most ``limit`` parts, each unquoted. Runs of spaces are one delimiter."""
    blank = delimiter == " "
    if blank:
        text = text.strip(" ")
    parts: list[str] = []
    start = 0
    inside = False
    for found in re.finditer(rf"\\.|'|{re.escape(delimiter)}{'+' if blank else ''}", text, re.DOTALL):
        if found[0] == "'":
            if inside or "'" in text[found.end() :]:
                inside = not inside
        elif found[0][0] == delimiter and not inside:
            parts.append(text[start : found.start()])
            start = found.end()
            if len(parts) == limit - 1:
                break
    if start < len(text) or not blank:
        parts.append(text[start:])
    return [unquote(part, "" if blank else delimiter) for part in parts]


def closing_bracket(text: str) -> int:
    """Where the bracket that opens ``text`` closes, nested ones counted; -1 if nowhere."""
    opening, closing = text[0], CLOSING[text[0]]
    depth = 0
    for found in re.finditer(rf"\\.|[{re.escape(opening + closing)}]", text, re.DOTALL):
        if found[0] == opening:
            depth += 1
        elif found[0] == closing:
            depth -= 1
            if depth == 0:
                return found.start()
    return -1


def bracket_variables(text: str, delimiter: str = ",") -> dict[str, str]:
    """Variables of one bracket's inside; ``^^:`` at its start chooses another delimiter. Empty values are no variables."""
    if text.startswith("^^") and len(text) > 2:
        delimiter, text = text[2], text[3:]
    found: dict[str, str] = {}
    for pair in separate(text, delimiter, 1024):
        inner = separate(pair, "=", 2)
        if len(inner) == 2 and inner[0] and inner[1]:
            found[inner[0]] = inner[1]
    return found


def read_dial_string(text: str) -> DialString | None:
    """One leg's dial string; None when its brackets do not close."""
    variables: dict[str, str] = {}
    text = text.lstrip(" ")
    while text and text[0] in CLOSING:
        end = closing_bracket(text)
        if end < 0:
            return None
        variables.update(bracket_variables(text[1:end]))
        text = text[end + 1 :].lstrip(" ")
    endpoint, _, rest = text.partition("/")
    gateway = re.fullmatch(r"gateway/([^/]*)/(.*)", rest, re.DOTALL)
    if gateway:
        return DialString(endpoint, "", gateway[1], gateway[2], variables)
    profile, _, address = rest.partition("/")
    return DialString(endpoint, profile, "", address.removeprefix("sip:"), variables)


def read_originate(arguments: str) -> OriginateCommand | None:
    """The command; None when FreeSWITCH would answer with its usage."""
    words = separate(arguments, " ", 10)
    if not 2 <= len(words) <= 7:
        return None
    leg = read_dial_string(words[0])
    if leg is None:
        return None
    words += [""] * (7 - len(words))
    timeout = int(words[6]) if words[6].isdigit() else 60
    return OriginateCommand(leg, words[1], words[2] or "XML", words[3] or "default", words[4], words[5], timeout)
