"""How an event looks on the wire: the same header names, in the same order and of about the same size as FreeSWITCH's.

The header lines lie in ``headers.txt``, taken from recorded calls; this file turns them into text with ``%``
formatting, which is what keeps 2 000 calls on one machine affordable. Which event happens when is decided by
``channels.py`` and its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

UNSAFE = '\r\n #%&+:;<=>?@[\\]^`{|}"'
ENCODED = {code: f"%{code:02X}" for code in range(256) if chr(code) in UNSAFE or not 32 <= code <= 126}
"""FreeSWITCH's own choice of characters: comma, slash and parentheses stay as they are."""

CALLING = {
    "API": ("switch_loadable_module.c", "switch_api_execute", 2954),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1569),
    "CALL_UPDATE": ("switch_channel.c", "switch_channel_flip_cid", 3291),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3848),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1689),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", 309),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", 626),
    "CHANNEL_DATA": ("mod_commands.c", "uuid_dump_function", 6495),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", 1588),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2949),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2972),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3447),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", 943),
    "CHANNEL_ORIGINATE": ("switch_core_state_machine.c", "switch_core_session_run", 632),
    "CHANNEL_OUTGOING": ("switch_core_session.c", "switch_core_session_outgoing_channel", 768),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_PROGRESS": ("switch_channel.c", "switch_channel_perform_mark_ring_ready_value", 3507),
    "CHANNEL_PROGRESS_MEDIA": ("switch_channel.c", "switch_channel_perform_mark_pre_answered", 3574),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2409),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1879),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "CUSTOM": ("mod_dptools.c", "event_function", 1902),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 678),
    "HEARTBEAT": ("switch_core.c", "send_heartbeat", 95),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1649),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2023),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", 804),
}
"""The place in FreeSWITCH's source that each event names; also the list of events that can be subscribed to."""

OTHER_EVENTS = {
    "ADD_SCHEDULE", "CHANNEL_APPLICATION", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CODEC", "DEL_SCHEDULE", "DETECTED_SPEECH",
    "DETECTED_TONE", "EXE_SCHEDULE", "GENERAL", "MEDIA_BUG_START", "MEDIA_BUG_STOP", "MESSAGE", "MODULE_LOAD",
    "MODULE_UNLOAD", "NOTALK", "NOTIFY_IN", "PRESENCE_IN", "RECORD_START", "RECORD_STOP", "RELOADXML", "RE_SCHEDULE",
    "SESSION_HEARTBEAT", "SHUTDOWN", "STARTUP", "TALK", "TRAP",
}  # fmt: skip
"""Events that a client may name and that never happen here."""

CALLING_LINES = {
    name: f"Event-Calling-File: {file}\nEvent-Calling-Function: {function}\nEvent-Calling-Line-Number: {line}\n"
    for name, (file, function, line) in CALLING.items()
}


@lru_cache(maxsize=8192)
def encode(value: str) -> str:
    """Percent-encoded as in an event's value; UTF-8."""
    if value.isascii() and value.replace("-", "").isalnum():
        return value
    return value.encode("utf-8", "surrogateescape").decode("latin-1").translate(ENCODED)


class Block:
    """Some header lines with slots; lines that depend on an empty slot are left out."""

    def __init__(self, lines: list[str]) -> None:
        self._lines: list[tuple[str, str]] = []
        for line in lines:
            condition, text = line[1:].split(" ", 1) if line.startswith("?") else ("", line)
            self._lines.append((condition, text.replace("%", "%%").replace("{", "%(").replace("}", ")s") + "\n"))
        self._conditions = tuple(dict.fromkeys(condition for condition, _ in self._lines if condition))
        self._variants: dict[tuple[bool, ...], str] = {}

    def render(self, slots: Mapping[str, object]) -> str:
        """The lines; slots hold values that are already encoded."""
        key = tuple([bool(slots[condition]) for condition in self._conditions])
        template = self._variants.get(key)
        if template is None:
            present = {condition for condition, there in zip(self._conditions, key, strict=True) if there}
            template = "".join(text for condition, text in self._lines if not condition or condition in present)
            self._variants[key] = template
        return template % slots


def _read_blocks() -> dict[str, Block]:
    """``headers.txt`` by block name."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in files(__package__).joinpath("headers.txt").read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            current = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            current.append(line)
    return {name: Block(lines) for name, lines in found.items()}


BLOCKS = _read_blocks()


def stamp(microseconds: int) -> str:
    """A time as in ``variable_start_stamp``, encoded; empty for 0, which is never."""
    if not microseconds:
        return ""
    return time.strftime("%Y-%m-%d%%20%H%%3A%M%%3A%S", time.localtime(microseconds / 1e6))


class Envelope:
    """The first lines of every event of one core."""

    def __init__(self, core_uuid: str) -> None:
        self._core = BLOCKS["core"].render({"core_uuid": core_uuid})
        self._second = 0
        self._date = ""

    def head(self, name: str, microseconds: int, sequence: int, subclass: str = "") -> str:
        """From Event-Name to Event-Sequence; a CUSTOM event begins with its Event-Subclass and has its name last."""
        second = microseconds // 1_000_000
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            self._date = BLOCKS["date"].render(
                {"local": stamp(microseconds), "gmt": encode(time.strftime("%a, %d %b %Y %H:%M:%S GMT", now))}
            )
        rest = (
            f"{self._core}{self._date}Event-Date-Timestamp: {microseconds}\n{CALLING_LINES[name]}Event-Sequence: {sequence}\n"
        )
        if subclass:
            return f"Event-Subclass: {encode(subclass)}\n{rest}Event-Name: {name}\n"
        return f"Event-Name: {name}\n{rest}"


def frame(text: str, body: str = "") -> bytes:
    """An event as it leaves: outer headers, the event's own, and its body if it has one."""
    if body:
        content = body.encode("utf-8", "surrogateescape")
        whole = text.encode("ascii") + b"Content-Length: %d\n\n" % len(content) + content
    else:
        whole = text.encode("ascii") + b"\n"
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(whole) + whole
