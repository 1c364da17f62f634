"""ESL over TCP: logs in, reads commands, answers, and hands out events as mod_event_socket does.

Events wait for the connection's next look at its queue, 20 ms apart while nothing is read, which is where a real
switch's event latency comes from. A reader that stays away fills its queue; after 500 lost events it is killed, and
while it keeps its socket open every other connection of the switch stands still, as with FreeSWITCH.
"""

from __future__ import annotations

import itertools
import logging
import socket as socket_module
import struct
import time
import uuid
from collections import deque
from collections.abc import Callable

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import RLock
from gevent.server import StreamServer
from gevent.socket import socket

from esl_handlers.virtual_switch import calls
from esl_handlers.virtual_switch.api import call_api
from esl_handlers.virtual_switch.channels import CAUSES
from esl_handlers.virtual_switch.core import Core
from esl_handlers.virtual_switch.faults import Faults
from esl_handlers.virtual_switch.render import CALLING, OTHER_EVENTS

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
AUTH_SECONDS = 25.0
FREEZE_SECONDS = 600.0
LOST_EVENTS_ALLOWED = 500
EVENTS_PER_SEND = 64
BGAPI_SECONDS = 0.001
"""The listener waits in 1 ms ticks for the job's thread to begin."""
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


class Server:
    """Accepts connections for one core."""

    def __init__(
        self, core: Core, faults: Faults, host: str, port: int, password: str = "ClueCon", event_queue: int = 100_000
    ) -> None:
        self.core = core
        self.faults = faults
        self.password = password
        self.event_queue = event_queue
        self.connections: set[Connection] = set()
        self.thawed = Event()
        self.thawed.set()
        self._address = (host, port)
        self._listener = self._listen()

    def _listen(self) -> StreamServer:
        server = StreamServer(self._address, self._accept, backlog=5)
        server.start()
        self._address = (self._address[0], server.socket.getsockname()[1])
        return server

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._address[1]

    def _accept(self, sock: socket, address: object) -> None:
        connection = Connection(self, sock)
        self.connections.add(connection)
        try:
            connection.serve()
        finally:
            self.connections.discard(connection)

    def restart(self, away_seconds: float) -> None:
        """The switch dies with all its calls and connections, and comes back as another core."""
        self._listener.stop(timeout=0)
        for connection in list(self.connections):
            connection.drop("rst")
        self.core.restart()
        gevent.sleep(away_seconds)
        self._listener = self._listen()

    def stop(self) -> None:
        """No more connections; those that are there end."""
        self._listener.stop(timeout=0)
        for connection in list(self.connections):
            connection.drop("close")


class Connection:
    """One client. Fulfils core.Listener."""

    def __init__(self, server: Server, sock: socket) -> None:
        self._server = server
        self._core = server.core
        self._socket = sock
        self._socket.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NODELAY, 1)
        self._buffer = b""
        self._open = True
        self.mute = False
        self._send_lock = RLock()
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._all = False
        self._filters: list[tuple[str, str]] = []
        self._queue: deque[bytes] = deque()
        self._lost = 0
        self._queued = Event()
        self._looked = time.monotonic()
        self._looking: Event = Event()

    @property
    def listening(self) -> bool:
        """Whether it subscribed to anything."""
        return bool(self._names or self._subclasses)

    # events out

    def listens_to(self, name: str, subclass: str) -> bool:
        """Whether it subscribed."""
        if subclass:
            return self._all or subclass in self._subclasses
        return name in self._names

    def hear(self, name: str, event: bytes) -> None:
        """Queue one framed event, or lose it when the queue is full."""
        if self._filters and not self._passes(event):
            return
        for due in self._server.faults.pass_on(name, event):
            if due.after_seconds > 0:
                self._core.timeline.after(due.after_seconds, lambda due=due: self._enqueue(due.event))  # type: ignore[misc]
            else:
                self._enqueue(due.event)

    def _enqueue(self, event: bytes) -> None:
        if len(self._queue) >= self._server.event_queue:
            self._lost += 1
            if self._lost == LOST_EVENTS_ALLOWED + 1:
                gevent.spawn(self._killed_for_lost_events)
            return
        self._queue.append(event)
        self._queued.set()

    def _passes(self, event: bytes) -> bool:
        return any(f"\n{header}: {value}\n".encode() in event for header, value in self._filters)

    def _pump(self) -> None:
        """Hand out events, one look at the queue every 20 ms while idle."""
        while self._open:
            self._queued.wait()
            self._looking.clear()
            now = time.monotonic()
            ticks = int((now - self._looked) / POLL_SECONDS) + 1
            self._looking.wait(self._looked + ticks * POLL_SECONDS - now)
            self._flush()

    def _flush(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(EVENTS_PER_SEND, len(self._queue)))]
            self._send(b"".join(batch))
        self._queued.clear()
        self._looked = time.monotonic()

    def _killed_for_lost_events(self) -> None:
        """FreeSWITCH tells the stuck client so on the blocked socket, holding the lock that every listener needs."""
        log.warning("listener killed because of lost events")
        self._core.listeners.discard(self)
        self._queue.clear()
        self._server.thawed.clear()
        try:
            notice = _disconnect_notice("killed listener because of lost events\n")
            gevent.with_timeout(FREEZE_SECONDS, self._send, notice, True, timeout_value=None)
        finally:
            self._server.thawed.set()
            self.drop("close")

    def _send(self, data: bytes, frozen: bool = False) -> None:
        if self.mute:
            return
        if not frozen and not self._server.thawed.is_set():
            self._server.thawed.wait()
        with self._send_lock:
            try:
                self._socket.sendall(data)
            except OSError:
                self._open = False

    # commands in

    def serve(self) -> None:
        """Until the client goes."""
        pump = gevent.spawn(self._pump)
        try:
            self._server.thawed.wait()
            self._send(b"Content-Type: auth/request\n\n")
            if gevent.with_timeout(AUTH_SECONDS, self._log_in, timeout_value=False):
                self._core.listeners.add(self)
                self._obey()
            else:
                self._send(_disconnect_notice(GOODBYE))
        except OSError:
            log.debug("connection lost", exc_info=True)
        finally:
            self._open = False
            self._core.listeners.discard(self)
            pump.kill()
            if not self.mute:
                self._socket.close()

    def _log_in(self) -> bool:
        while (command := self._read()) is not None:
            word, _, given = command[0].partition(" ")
            if word == "auth" and given == self._server.password:
                self._reply("+OK accepted")
                return True
            self._reply({"auth": "-ERR invalid", "exit": "+OK bye"}.get(word, "-ERR command not found"))
            if word in ("auth", "exit"):
                break
        return False

    def _obey(self) -> None:
        while (command := self._read()) is not None:
            self._looked = time.monotonic()
            if not self._execute(command):
                self._send(_disconnect_notice(GOODBYE))
                return
            self._flush()

    def _read(self) -> list[str] | None:
        """One command's lines; a body, if it announces one, is its last line. None at the end."""
        while b"\n\n" not in self._buffer:
            if not self._receive():
                return None
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        lines = block.decode("utf-8", "surrogateescape").replace("\r", "").strip("\n").split("\n")
        length = _header(lines, "content-length")
        if length.isdigit():
            while len(self._buffer) < int(length):
                if not self._receive():
                    return None
            lines.append(self._buffer[: int(length)].decode("utf-8", "surrogateescape"))
            self._buffer = self._buffer[int(length) :]
        return lines

    def _receive(self) -> bool:
        data = self._socket.recv(65536) if self._open else b""
        self._buffer += data
        return bool(data)

    def _reply(self, text: str, more: str = "") -> None:
        self._answer(f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n".encode("utf-8", "surrogateescape"))

    def _answer(self, data: bytes) -> None:
        if self._server.faults.before_reply():
            self._send(data)

    def _execute(self, lines: list[str]) -> bool:
        """One command; False when it ends the connection."""
        word, _, rest = lines[0].partition(" ")
        if word == "exit":
            self._reply("+OK bye")
            return False
        command = self._commands().get(word)
        if command is None:
            self._reply("-ERR command not found")
        else:
            command(rest, lines[1:])
        return True

    def _commands(self) -> dict[str, Callable[[str, list[str]], None]]:
        return {
            "api": self._api,
            "bgapi": self._bgapi,
            "event": self._subscribe,
            "filter": self._filter,
            "linger": lambda rest, more: self._reply("-ERR not controlling a session"),
            "nixevent": self._unsubscribe,
            "noevents": self._no_events,
            "nolinger": lambda rest, more: self._reply("-ERR not controlling a session"),
            "sendmsg": self._sendmsg,
        }

    def _api(self, rest: str, more: list[str]) -> None:
        word, _, arguments = rest.partition(" ")
        if not word:
            self._reply("-ERR command not found")
            return
        result: AsyncResult[str] = AsyncResult()
        call_api(self._core, word, arguments, result.set)
        body = str(result.get()).encode("utf-8", "surrogateescape")
        self._answer(b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body)

    def _bgapi(self, rest: str, more: list[str]) -> None:
        word, _, arguments = rest.partition(" ")
        if not word:
            self._reply("-ERR command not found")
            return
        core = self._core
        job = _header(more, "job-uuid") or str(uuid.uuid4())

        def begin() -> None:
            call_api(core, word, arguments, lambda result: core.job_done(job, word, arguments, result))

        core.timeline.after(BGAPI_SECONDS, begin)
        gevent.sleep(BGAPI_SECONDS)
        self._reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}\n")

    def _subscribe(self, rest: str, more: list[str]) -> None:
        words = rest.split()
        if words and words[0] in ("json", "xml"):
            self._reply("-ERR the virtual switch sends plain events only")
            return
        if words and words[0] == "plain":
            del words[0]
        names, subclasses = _event_words(words)
        if not names and not subclasses:
            self._reply("-ERR no keywords supplied")
            return
        if "ALL" in names:
            self._all = True
            names = set(CALLING)
        self._names |= names
        self._subclasses |= subclasses
        self._reply("+OK event listener enabled plain")

    def _unsubscribe(self, rest: str, more: list[str]) -> None:
        names, subclasses = _event_words(rest.split())
        if not names and not subclasses:
            self._reply("-ERR no keywords supplied")
            return
        self._names -= names
        self._subclasses -= subclasses
        self._reply("+OK events nixed")

    def _no_events(self, rest: str, more: list[str]) -> None:
        if not self._names and not self._subclasses:
            self._reply("-ERR not listening for events")
            return
        self._names.clear()
        self._subclasses.clear()
        self._all = False
        self._queue.clear()
        self._reply("+OK no longer listening for events")

    def _filter(self, rest: str, more: list[str]) -> None:
        words = rest.split(" ", 2)
        if words[0] == "delete" and len(words) > 1:
            value = words[2] if len(words) > 2 else ""
            self._filters = [one for one in self._filters if one[0] != words[1] or (value and one[1] != value)]
            self._reply(f"+OK filter deleted. [{words[1]}][{value}]")
        elif len(words) > 1:
            self._filters.append((words[0], " ".join(words[1:])))
            self._reply(f"+OK filter added. [{words[0]}]=[{' '.join(words[1:])}]")
        else:
            self._reply("-ERR command not found")

    def _sendmsg(self, rest: str, more: list[str]) -> None:
        channel = self._core.channels.get(rest.strip())
        if channel is None:
            self._reply(f"-ERR invalid session id [{rest.strip()}]")
            return
        command = _header(more, "call-command")
        if command == "hangup":
            cause = _header(more, "hangup-cause")
            self._core.timeline.after(
                POLL_SECONDS / 2, lambda: channel.hang_up(cause if cause in CAUSES else "NORMAL_CLEARING")
            )
        elif command in ("execute", "unicast"):
            application = _header(more, "execute-app-name") if command == "execute" else command
            argument = _header(more, "execute-app-arg") or (more[-1] if _header(more, "content-length") else "")
            calls.execute(channel, calls.Message(application, argument, _header(more, "event-uuid")))
        self._reply("+OK")

    # faults

    def drop(self, how: str) -> None:
        """End the connection: ``close`` (FIN), ``rst``, or ``half_open`` (it stays up and is silent for ever)."""
        self._core.listeners.discard(self)
        if how == "half_open":
            self.mute = True
            return
        self._open = False
        if how == "rst":
            self._socket.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()
        else:
            try:
                self._socket.shutdown(socket_module.SHUT_RDWR)
            except OSError:
                log.debug("already gone", exc_info=True)

    def garbage(self, data: bytes) -> None:
        """Bytes that are no ESL."""
        self._send(data)


def _header(lines: list[str], name: str) -> str:
    for line in lines:
        key, found, value = line.partition(":")
        if found and key.lower() == name:
            return value.strip()
    return ""


def _event_words(words: list[str]) -> tuple[set[str], set[str]]:
    """Known event names, and the subclasses after CUSTOM."""
    names: set[str] = set()
    subclasses: set[str] = set()
    for word in itertools.takewhile(lambda word: word != "CUSTOM", words):
        if word in CALLING or word in OTHER_EVENTS or word == "ALL":
            names.add(word)
    if "CUSTOM" in words:
        subclasses.update(words[words.index("CUSTOM") + 1 :])
    return names, subclasses


def _disconnect_notice(text: str) -> bytes:
    body = text.encode()
    return b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n" % len(body) + body
