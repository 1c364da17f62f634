"""A tiny event socket for tests: it says what a script makes it say, byte for byte, wrong things too.

Runs on gevent in the test's own process; tests wait with gevent, so both get their turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gevent
from gevent import socket
from gevent.server import StreamServer

from esl_handlers.connection import Address
from esl_handlers.wire import FrameReader

SAMPLES = Path(__file__).parent / "samples"
PASSWORD = "of-this-test-only"
AUTH_REQUEST = b"Content-Type: auth/request\n\n"
ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


def reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def api_reply(body: bytes) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body


def event_frame(*headers: tuple[str, str], body: bytes = b"") -> bytes:
    """An event as FreeSWITCH frames it; header values are put in as they are, so encode what must be encoded."""
    lines = "".join(f"{name}: {value}\n" for name, value in headers).encode()
    if body:
        lines += b"Content-Length: %d\n" % len(body)
    block = lines + b"\n" + body
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(block) + block


def sample(name: str) -> bytes:
    """A call as a real FreeSWITCH told it (captured)."""
    return (SAMPLES / f"{name}.txt").read_bytes()


def sample_bodies(name: str) -> list[bytes]:
    return [frame.body for frame in FrameReader().feed(sample(name))]


class Conversation:
    """One accepted connection, from the server's side."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._heard = b""

    def say(self, *data: bytes) -> None:
        self.sock.sendall(b"".join(data))

    def hear(self) -> str:
        """The next command with its header lines; "" at the end."""
        while b"\n\n" not in self._heard:
            data = self.sock.recv(65536)
            if not data:
                return ""
            self._heard += data
        command, _, self._heard = self._heard.partition(b"\n\n")
        return command.decode()

    def log_in(self) -> None:
        self.say(AUTH_REQUEST)
        assert self.hear() == f"auth {PASSWORD}"
        self.say(ACCEPTED)

    def wait_for_end(self) -> None:
        """Until the client has gone."""
        with suppress(OSError):
            while self.sock.recv(65536):
                pass


class Peer:
    """Listens on loopback; each connection runs ``script`` in a greenlet and is closed behind it."""

    def __init__(self, script: Callable[[Conversation], None]) -> None:
        self._script = script
        self.connections = 0
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def _serve(self, sock: socket.socket, _: object) -> None:
        self.connections += 1
        with suppress(OSError):  # clients break off in the middle, on purpose
            self._script(Conversation(sock))

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._server.server_port, PASSWORD)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop(timeout=0.1)


@contextmanager
def peer(script: Callable[[Conversation], None]) -> Iterator[Peer]:
    server = Peer(script)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    """Wait until ``condition``; generous, for slow machines: it fails a test only when the thing never happens."""
    with gevent.Timeout(seconds, False):
        while not condition():
            gevent.sleep(0.005)
        return True
    return False
