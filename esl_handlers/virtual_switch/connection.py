"""One client on the wire: reads its commands, sends replies, and hands out events when it looks at its queue.

Events wait for the connection's next look, 20 ms apart while nothing is read: that is where a real switch's event latency
comes from. A reader that stays away fills its queue; after 500 lost events it is killed, and while it keeps its socket open
every other connection of the switch stands still, as with FreeSWITCH.
"""

from __future__ import annotations

import logging
import socket as socket_module
import struct
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.lock import RLock
from gevent.socket import socket

from esl_handlers.virtual_switch.commands import NOT_FOUND, Commands, header, reply
from esl_handlers.virtual_switch.subscription import Subscription

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.server import Server

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
AUTH_SECONDS = 25.0
FREEZE_SECONDS = 600.0
LOST_EVENTS_ALLOWED = 500
EVENTS_PER_SEND = 64
RECEIVE_BYTES = 65536
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
KILLED = "killed listener because of lost events\n"


class Connection:
    """One client. Fulfils core.Listener. subscription: which events it asked for."""

    def __init__(self, server: Server, sock: socket) -> None:
        self._server = server
        self._core = server.core
        self._socket = sock
        self._socket.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NODELAY, 1)
        self._received = b""
        self._open = True
        self._mute = False
        self._send_lock = RLock()
        self.subscription = Subscription()
        self._queue: deque[bytes] = deque()
        self._lost = 0
        self._queued = Event()
        self._looked = time.monotonic()
        self._commands = Commands(server.core, self.subscription, self._queue.clear)

    def serve(self) -> None:
        """Until the client goes."""
        pump = gevent.spawn(self._pump)
        try:
            self._send(b"Content-Type: auth/request\n\n")
            if gevent.with_timeout(AUTH_SECONDS, self._log_in, timeout_value=False):
                self._core.add_listener(self)
                self._obey()
            self._send(disconnect_notice(GOODBYE))
        except OSError:
            log.debug("connection lost", exc_info=True)
        finally:
            self._open = False
            self._core.remove_listener(self)
            pump.kill()
            if not self._mute:
                self._socket.close()

    # commands in

    def _log_in(self) -> bool:
        while (command := self._read()) is not None:
            word, _, given = command[0].partition(" ")
            if word == "auth" and given == self._server.password:
                self._send(reply("+OK accepted"))
                return True
            self._send(reply({"auth": "-ERR invalid", "exit": "+OK bye"}.get(word, NOT_FOUND)))
            if word in ("auth", "exit"):
                break
        return False

    def _obey(self) -> None:
        while (command := self._read()) is not None:
            if self._mute:
                continue
            self._looked = time.monotonic()
            last = command[0].split(" ")[0] == "exit"
            answer = reply("+OK bye") if last else self._commands.obey(command)
            if command[0].startswith("api virtual ") or self._server.faults.before_reply():
                self._send(answer)
            if last:
                return
            self._hand_out()

    def _read(self) -> list[str] | None:
        """One command's lines; a body, if it announces one, is its last line. None at the end."""
        # Blank lines between commands are passed over.
        while b"\n\n" not in (received := self._received.lstrip(b"\r\n")):
            self._received = received
            if not self._receive():
                return None
        self._received = received
        block, _, self._received = self._received.partition(b"\n\n")
        lines = block.decode("utf-8", "surrogateescape").replace("\r", "").strip("\n").split("\n")
        length = header(lines, "content-length")
        if length.isdigit():
            while len(self._received) < int(length):
                if not self._receive():
                    return None
            lines.append(self._received[: int(length)].decode("utf-8", "surrogateescape"))
            self._received = self._received[int(length) :]
        return lines

    def _receive(self) -> bool:
        data = self._socket.recv(RECEIVE_BYTES) if self._open else b""
        self._received += data
        return bool(data)

    # events out

    def listens_to(self, name: str, subclass: str) -> bool:
        """Whether it subscribed."""
        return self.subscription.wants(name, subclass)

    def hear(self, name: str, event: bytes) -> None:
        """Queue one framed event, as the faults in force let it."""
        if self.subscription.passes(event):
            for due in self._server.faults.pass_on(name, event):
                if due.after_seconds > 0:
                    self._core.timeline.after(due.after_seconds, partial(self._enqueue, due.event))
                else:
                    self._enqueue(due.event)

    def _enqueue(self, event: bytes) -> None:
        if len(self._queue) < self._server.event_queue:
            self._queue.append(event)
            self._queued.set()
            return
        self._lost += 1
        if self._lost == LOST_EVENTS_ALLOWED + 1:
            gevent.spawn(self._kill_for_lost_events)

    def _pump(self) -> None:
        """One look at the queue every 20 ms while idle; a command makes the next 20 ms begin."""
        while self._open:
            self._queued.wait()
            now = time.monotonic()
            ticks = int((now - self._looked) / POLL_SECONDS) + 1
            gevent.sleep(self._looked + ticks * POLL_SECONDS - now)
            self._hand_out()

    def _hand_out(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(EVENTS_PER_SEND, len(self._queue)))]
            self._send(b"".join(batch))
        self._queued.clear()
        self._looked = time.monotonic()

    def _kill_for_lost_events(self) -> None:
        """FreeSWITCH tells the stuck client so on the blocked socket, holding the lock that every listener needs."""
        log.warning("listener killed because of lost events")
        self._core.remove_listener(self)
        self._queue.clear()
        self._server.thawed.clear()
        try:
            gevent.with_timeout(FREEZE_SECONDS, self._send_now, disconnect_notice(KILLED), timeout_value=None)
        finally:
            self._server.thawed.set()
            self.drop("close")

    def _send(self, data: bytes) -> None:
        self._server.thawed.wait()
        self._send_now(data)

    def _send_now(self, data: bytes) -> None:
        if not self._mute:
            with self._send_lock:
                try:
                    self._socket.sendall(data)
                except OSError:
                    self._open = False

    # faults

    def drop(self, how: str) -> None:
        """End the connection: ``close`` (FIN), ``rst``, or ``half_open`` (it stays up; nothing gets through)."""
        self._core.remove_listener(self)
        if how == "half_open":
            self._mute = True
            return
        self._open = False
        if how == "rst":
            self._socket.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()
            return
        try:
            self._socket.shutdown(socket_module.SHUT_RDWR)
        except OSError:
            log.debug("already gone", exc_info=True)

    def garbage(self, data: bytes) -> None:
        """Send bytes that are no ESL."""
        self._send(data)


def disconnect_notice(text: str) -> bytes:
    """A framed text/disconnect-notice."""
    body = text.encode()
    return b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n" % len(body) + body
