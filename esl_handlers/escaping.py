"""How text gets into a FreeSWITCH command: what is let through, and what becomes of the rest.

What a command means to FreeSWITCH is decided by blanks, quotes, backslashes, commas, brackets, ``=``, ``;``, ``|``, ``^^`` and
``${}``, read again at four levels: the arguments of originate, the list in ``{}``, each ``name=value``, and later the
dialplan, which expands what it finds inside a variable's value too. So text is not quoted here but made of harmless
characters only:

- ids, numbers, names and addresses must match a whitelist, or the command is not written;
- a contact's value keeps ``A-Z a-z 0-9 . _ ~ @ -``; every other byte of its UTF-8 becomes ``%XX``;
- a contact's header name keeps letters, digits and ``-``;
- a name for a telephone's display keeps letters, digits and a little punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NUMBER = re.compile(r"[0-9*#+]{1,32}")
CALLER_ID = re.compile(r"\+?[0-9]{1,15}")
SOUND = re.compile(r"[A-Za-z0-9_./:=%,()-]{1,255}")
TONE = re.compile(r"tone_stream://[A-Za-z0-9_./:=%,;()+-]{1,240}")
FILE = re.compile(r"/[A-Za-z0-9_./-]{1,250}")
KEY = re.compile(r"[0-9*#]")
KEYS = re.compile(r"[0-9*#A-Dw]{1,64}")
SIP_URI = re.compile(r"(sips?:)([^@\s]{1,128})@([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)(;transport=(?:udp|tcp|tls))?")

MAX_HEADER_NAME = 40
MAX_VALUE_BYTES = 256
MAX_SHOWN = 40


def must(allowed: re.Pattern[str], text: str, what: str) -> str:
    """``text`` itself; ValueError when it is not all as ``allowed``."""
    if not allowed.fullmatch(text):
        raise ValueError(f"{what} {text[:80]!r} is not fit for a dial string")
    return text


def sound(name: str) -> str:
    """A sound's name as FreeSWITCH takes it: a file, a tone, a stream. ValueError when it is not fit to be played."""
    return name if TONE.fullmatch(name) else must(SOUND, name, "sound")


def header_name(attribute: str, place: int) -> str:
    """``Due date`` → ``Due-date``. A name without any ASCII letter or digit becomes ``Field-<place>``."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", attribute).strip("-")[:MAX_HEADER_NAME].strip("-")
    return name or f"Field-{place}"


def encode_value(value: str, safe: str = "@") -> str:
    """Percent-encoded, at most ``MAX_VALUE_BYTES`` long, cut between characters. safe: kept besides letters and digits."""
    encoded, length = [], 0
    for character in value[:MAX_VALUE_BYTES]:
        part = quote(character, safe=safe, errors="replace")
        length += len(part)
        if length > MAX_VALUE_BYTES:
            break
        encoded.append(part)
    return "".join(encoded)


def shown(name: str) -> str:
    """A name for a telephone's display: letters and digits of any script, blanks, ``. , - + # /``; the rest is left out."""
    kept = "".join(character if character.isalnum() or character in ".,-+#/" else " " for character in name[:200])
    return " ".join(kept.split())[:MAX_SHOWN].strip()


def sip_address(uri: str, what: str) -> str:
    """``sip:bot@10.0.0.5:5070`` → ``bot@10.0.0.5:5070``; unusual characters of the user part become ``%XX``, which means
    the same in SIP. ValueError when it is no SIP URI."""
    match = SIP_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{what} {uri!r} is not a SIP URI")
    scheme, user, host, transport = match.groups()
    prefix = "" if scheme == "sip:" else scheme
    return f"{prefix}{quote(user, safe='%+')}@{host}{transport or ''}"


def in_braces(variables: Iterable[tuple[str, str]]) -> str:
    """``{name=value,…}`` of originate: blanks would end an argument, commas a variable."""
    return "{" + ",".join(f"{name}={_in_braces(value)}" for name, value in variables) + "}"


def in_setvar(variables: Iterable[tuple[str, str]]) -> str:
    """The list that uuid_setvar_multi takes: semicolons would end a variable. An empty value takes a variable away."""
    return ";".join(f"{name}={_in_setvar(value)}" for name, value in variables)


def _in_braces(value: str) -> str:
    return value.replace(",", "\\,").replace(" ", "\\s")


def _in_setvar(value: str) -> str:
    return value.replace(";", "\\;")
