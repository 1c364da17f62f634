"""What a logged-in client may say, and what it is told: api, bgapi, event and its kin, sendmsg, exit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial

import gevent
from gevent.event import AsyncResult

from esl_handlers.virtual_switch import calls
from esl_handlers.virtual_switch.api import call_api
from esl_handlers.virtual_switch.core import Core
from esl_handlers.virtual_switch.subscription import Subscription
from esl_handlers.virtual_switch.vocabulary import CAUSES

BGAPI_SECONDS = 0.001
"""The listener waits in 1 ms ticks for the job's thread to begin."""
HANGUP_SECONDS = 0.01
"""A channel reads its messages when its next frame is due."""
NOT_FOUND = "-ERR command not found"


class Commands:
    """The commands of one connection. forget_queue: drops events that wait to be sent."""

    def __init__(self, core: Core, subscription: Subscription, forget_queue: Callable[[], None]) -> None:
        self._core = core
        self._subscription = subscription
        self._forget_queue = forget_queue
        self._table: dict[str, Callable[[str, Sequence[str]], bytes]] = {
            "api": self._api,
            "bgapi": self._bgapi,
            "event": lambda rest, more: self._changed(self._subscription.add(rest.split())),
            "filter": lambda rest, more: reply(self._subscription.filter(rest)),
            "linger": lambda rest, more: reply("-ERR not controlling a session"),
            "nixevent": lambda rest, more: self._changed(self._subscription.remove(rest.split())),
            "noevents": self._no_events,
            "nolinger": lambda rest, more: reply("-ERR not controlling a session"),
            "sendmsg": self._sendmsg,
        }

    def obey(self, lines: Sequence[str]) -> bytes:
        """Carry out one command; its framed reply. Blocks as long as FreeSWITCH's listener would."""
        word, _, rest = lines[0].partition(" ")
        command = self._table.get(word)
        return reply(NOT_FOUND) if command is None else command(rest, lines[1:])

    def _api(self, rest: str, more: Sequence[str]) -> bytes:
        word, _, arguments = rest.partition(" ")
        result: AsyncResult[str] = AsyncResult()
        call_api(self._core, word, arguments, result.set)
        body = str(result.get()).encode("utf-8", "surrogateescape")
        return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body

    def _bgapi(self, rest: str, more: Sequence[str]) -> bytes:
        word, _, arguments = rest.partition(" ")
        if not word:
            return reply(NOT_FOUND)
        core = self._core
        job = header(more, "job-uuid") or str(uuid.uuid4())
        core.timeline.after(
            BGAPI_SECONDS, partial(call_api, core, word, arguments, partial(core.job_done, job, word, arguments))
        )
        gevent.sleep(BGAPI_SECONDS)
        return reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}\n")

    def _no_events(self, rest: str, more: Sequence[str]) -> bytes:
        self._forget_queue()
        return self._changed(self._subscription.clear())

    def _changed(self, text: str) -> bytes:
        self._core.subscriptions_changed()
        return reply(text)

    def _sendmsg(self, rest: str, more: Sequence[str]) -> bytes:
        channel = self._core.channels.get(rest.strip())
        if channel is None:
            return reply(f"-ERR invalid session id [{rest.strip()}]")
        command = header(more, "call-command")
        if command == "hangup":
            cause = header(more, "hangup-cause")
            hang_up = partial(channel.hang_up, cause if cause in CAUSES else "NORMAL_CLEARING")
            self._core.timeline.after(HANGUP_SECONDS, hang_up)
        elif command in ("execute", "unicast"):
            application = header(more, "execute-app-name") if command == "execute" else command
            argument = header(more, "execute-app-arg") or (more[-1] if header(more, "content-length") else "")
            calls.execute(channel, calls.Message(application, argument, header(more, "event-uuid")))
        return reply("+OK")


def reply(text: str, more: str = "") -> bytes:
    """A framed command/reply. more: further header lines."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n".encode("utf-8", "surrogateescape")


def header(lines: Sequence[str], name: str) -> str:
    """A command's header by its lower-case name; empty if it has none."""
    for line in lines:
        key, found, value = line.partition(":")
        if found and key.lower() == name:
            return value.strip()
    return ""
