"""A plain event-socket client for tests: blocking, small, and none of our own ``esl_handlers``, so that it can judge them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import unquote

from tests.freeswitch.ports import HOST

Event = dict[str, str]


class Link:
    """One logged-in connection. ``ConnectionError`` when FreeSWITCH closes it, ``TimeoutError`` after ``timeout`` seconds."""

    def __init__(self, port: int, password: str = "ClueCon", timeout: float = 10.0) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=timeout)
        self._stream = self._socket.makefile("rb")
        self._events: list[Event] = []
        self._read()
        self._socket.sendall(f"auth {password}\n\n".encode())
        reply, _ = self._read()
        if not reply.get("Reply-Text", "").startswith("+OK"):
            self.close()
            raise ConnectionError(f"log-in refused: {reply}")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _read(self) -> tuple[Event, bytes]:
        headers: Event = {}
        while True:
            line = self._stream.readline()
            if not line:
                raise ConnectionError("FreeSWITCH closed the link")
            if line == b"\n":
                break
            name, _, value = line.decode().strip().partition(": ")
            headers[name] = value
        return headers, self._stream.read(int(headers.get("Content-Length", 0)))

    def _reply(self, kind: str) -> tuple[Event, bytes]:
        while True:
            headers, body = self._read()
            if headers.get("Content-Type") == kind:
                return headers, body
            if headers.get("Content-Type") == "text/event-plain":
                self._events.append(parse(body))

    def api(self, command: str) -> str:
        """The answer to an api command, blanks at the ends taken off."""
        self._socket.sendall(f"api {command}\n\n".encode())
        return self._reply("api/response")[1].decode().strip()

    def bgapi(self, command: str, job: str) -> None:
        """Start a command in the background; its result comes as BACKGROUND_JOB with that Job-UUID."""
        self._socket.sendall(f"bgapi {command}\nJob-UUID: {job}\n\n".encode())
        self._reply("command/reply")

    def subscribe(self, *names: str) -> None:
        """Plain events of these names from now on (``CUSTOM`` and its subclasses last)."""
        self._socket.sendall(f"event plain {' '.join(names)}\n\n".encode())
        self._reply("command/reply")

    def events(self, seconds: float) -> Iterator[Event]:
        """Events as they come, for so long."""
        deadline = time.monotonic() + seconds
        while True:
            while self._events:
                yield self._events.pop(0)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._socket.settimeout(left)
            try:
                headers, body = self._read()
            except TimeoutError:
                return
            finally:
                self._socket.settimeout(10.0)
            if headers.get("Content-Type") == "text/event-plain":
                self._events.append(parse(body))


def parse(body: bytes) -> Event:
    """Headers of a plain event, values decoded; the first of two equal names wins; a body of its own is under ``_body``."""
    head, _, rest = body.decode("utf-8", "replace").partition("\n\n")
    event: Event = {}
    for line in head.splitlines():
        name, _, value = line.partition(": ")
        event.setdefault(name, unquote(value))
    event["_body"] = rest
    return event
