"""How FreeSWITCH reads an originate command, written anew for the tests from its documented and observed behaviour.

Four readings, one after another: the command's arguments (split at blanks), the ``{}`` list (split at commas), each
``name=value`` (split at the first ``=``), and each time quotes and backslashes are taken off. Nothing here shares code with
what writes the command.
"""

from __future__ import annotations


def split(text: str, delimiter: str, limit: int) -> list[str]:
    """FreeSWITCH's separate_string: quotes and backslashes protect, ``^^x`` at the start changes the delimiter."""
    if text.startswith("^^") and len(text) > 3:
        delimiter, text = text[2], text[3:]
    parts: list[str] = []
    start = position = 0
    quoted = False
    while position < len(text) and len(parts) < limit - 1:
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "'" and (quoted or "'" in text[position + 1 :]):
            quoted = not quoted
        elif character == delimiter and not quoted:
            parts.append(text[start:position])
            if delimiter == " ":
                while position + 1 < len(text) and text[position + 1] == " ":
                    position += 1
            start = position + 1
        position += 1
    if start < len(text):
        parts.append(text[start:])
    return [_clean(part, "" if delimiter == " " else delimiter) for part in parts]


def _clean(text: str, delimiter: str) -> str:
    out: list[str] = []
    keep = 0
    quoted = False
    text = text.lstrip(" ")
    position = 0
    escapes = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
    while position < len(text):
        character = text[position]
        following = text[position + 1] if position + 1 < len(text) else ""
        if character == "\\" and following and (following in "'\"\\" or following == delimiter or following in escapes):
            out.append(escapes.get(following, following))
            keep = len(out)
            position += 2
            continue
        if character == "'" and (quoted or "'" in text[position + 1 :]):
            quoted = not quoted
            keep = len(out) if quoted else keep
        else:
            out.append(character)
            if character != " " or quoted:
                keep = len(out)
        position += 1
    return "".join(out[:keep])


def braces(text: str) -> tuple[dict[str, str], str]:
    """``{a=b,c=d}rest`` → variables and rest; the closing brace is the one that balances."""
    assert text.startswith("{")
    depth = 0
    end = -1
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            end = position
            break
    assert end > 0, "the brace never closes"
    variables: dict[str, str] = {}
    for part in split(text[1:end], ",", 1024):
        pair = split(part, "=", 2)
        if len(pair) == 2:
            variables[pair[0]] = pair[1]
    return variables, text[end + 1 :]


def originate(command: str) -> tuple[dict[str, str], str, list[str]]:
    """``originate {…}dial-string extension dialplan context`` → variables, dial string, the other arguments."""
    verb, _, arguments = command.partition(" ")
    assert verb == "originate"
    first, *others = split(arguments, " ", 10)
    variables, dial_string = braces(first)
    return variables, dial_string, others


def setvar_multi(command: str) -> tuple[str, dict[str, str]]:
    """``uuid_setvar_multi <uuid> a=b;c=d`` → uuid and variables."""
    verb, uuid, listed = command.split(" ", 2)
    assert verb == "uuid_setvar_multi"
    return uuid, dict(part.split("=", 1) for part in split(listed, ";", 64))
