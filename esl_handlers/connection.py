"""One link to FreeSWITCH's event socket: log in, send commands, read replies and events, end cleanly.

A subclass of greenswitch's ``InboundESL``: its names (``connect``, ``authenticate``, ``register_handle``) stay, and its
reader, dispatcher, ``send``, ``stop`` and waiting are replaced. What 0.0.19 does wrong there is listed, a test each, in
tests/esl_handlers/test_greenswitch_defects.py.

Three greenlets meet here. The reader cuts bytes into frames, hands replies to their senders and puts events into a bounded
queue. The dispatcher runs the handlers, one event after another. Senders write under a lock and wait for their reply.

- Replies come in the order of the commands and carry no name. A sender that stops waiting leaves its place in the order
  (a tombstone), so a late reply is never taken for another command's.
- A write that is cut short leaves the stream in the middle of a command: the link closes.
- Whatever ends the link, every waiting sender is told, with the stage its command had reached; events that were already
  read are still handled, and then ``ended`` is set.
- A link is used once. Who wants it to come back makes a new one (``links.py``).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import gevent
import structlog
from gevent import socket
from gevent.event import AsyncResult
from gevent.event import Event as Signal
from gevent.lock import BoundedSemaphore
from greenswitch import InboundESL

from esl_handlers.errors import LinkLost, LoginRefused, ReplyLate, Stage, TooLate, WireError
from esl_handlers.wire import Event, Frame, FrameReader, encode_command

log = structlog.get_logger("esl")

READ_BYTES = 64 * 1024

QUEUE_EVENTS = 10_000
"""Events read and not yet handled. FreeSWITCH holds 100 000 more, so a burst is left with it."""

QUEUE_FULL_SECONDS = 2.0
"""The queue may stay full for this long; then handlers are stuck and the link closes (facts section 4: a reader that stops
reading freezes every event socket of that FreeSWITCH)."""

TURN_SECONDS = 0.005
"""Work without a pause for longer and other greenlets get a turn."""

YIELD_SECONDS = 0.000001
"""``sleep(0)`` would let this greenlet run again before timers do (measured: 250-380 ms late under flood, against 1-15)."""

DRAIN_SECONDS = 5.0
"""After the link's end, what was read is handled for at most this long."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where FreeSWITCH listens. host: an IP address; names would be looked up by a thread at every reconnect."""

    host: str
    port: int
    password: str


@dataclass(frozen=True, slots=True)
class Reply:
    """FreeSWITCH's answer: the Reply-Text of a command, or the output of an ``api`` call."""

    text: str

    @property
    def ok(self) -> bool:
        return self.text.startswith("+OK")


class _Place:
    """A command's place in the order of replies. abandoned: nobody waits any more; its reply is dropped."""

    __slots__ = ("abandoned", "is_api", "job", "outcome", "sent_at")

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.outcome: AsyncResult[Reply] = AsyncResult()
        self.sent_at = time.monotonic()
        self.abandoned = False
        self.is_api = lines[0].startswith("api ")
        self.job = next((line for line in lines if line.startswith("Job-UUID: ")), "")

    def fits(self, text: str, is_api: bool) -> bool:
        """Whether that can be the reply: of the command's kind, and to a background job by its name. Refusals look alike."""
        if text.startswith("-ERR"):
            return self.is_api or not is_api
        return is_api is self.is_api and (not self.job or text.strip() == f"+OK {self.job}")


class Link(InboundESL):  # type: ignore[misc]  # greenswitch has no type information
    """One connection. name: for logs and metrics. now: UTC epoch seconds, stamped on events as they arrive."""

    def __init__(
        self,
        address: Address,
        name: str,
        connect_seconds: float = 5.0,
        reply_seconds: float = 5.0,
        now: Callable[[], float] = time.time,
        queue_events: int = QUEUE_EVENTS,
    ) -> None:
        super().__init__(address.host, address.port, address.password, timeout=connect_seconds)
        self.connected: bool = False
        self.name = name
        self.reply_seconds = reply_seconds
        self.end_reason = ""
        self.ended = Signal()
        """Set when the link is closed and the last event has been handled."""
        self.last_traffic = time.monotonic()
        self._now = now
        self._queue_events = queue_events
        self._queue: deque[Event] = deque()
        self._work = Signal()
        self._room = Signal()
        self._places: deque[_Place] = deque()
        self._write_lock = BoundedSemaphore(1)
        self._closing = False

    # -- life ---------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open and log in. LoginRefused or LinkLost within about three times ``connect_seconds``; then it is closed."""
        if self._closing or self.connected:
            raise LinkLost(f"link {self.name} was used: a link connects once", Stage.NOT_SENT)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect((self.host, self.port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.settimeout(None)
        except OSError as error:
            self._close(f"no connection to {self.host}:{self.port}: {error}")
            self.ended.set()
            raise LinkLost(self.end_reason, Stage.NOT_SENT) from error
        except BaseException:
            self._close("given up while connecting")
            self.ended.set()
            raise
        self.connected = True
        self.start_event_handlers()
        try:
            if not self._auth_request_event.wait(self.timeout):
                self._close(f"no word from {self.host}:{self.port} within {self.timeout} s")
            if not self.connected:
                raise LinkLost(self.end_reason, Stage.NOT_SENT)
            self.authenticate()
        except BaseException:
            self._close("given up while logging in")
            raise

    def authenticate(self) -> None:
        """Log in; LoginRefused closes the link."""
        reply = self.send(f"auth {self.password}")
        if reply.text != "+OK accepted":
            self._close("the password is wrong")
            raise LoginRefused(f"{self.host}:{self.port} refuses the password; mend freeswitch.password")

    def start_event_handlers(self) -> None:
        """Start reader and dispatcher."""
        self._receive_events_greenlet = gevent.spawn(self.receive_events)
        self._process_events_greenlet = gevent.spawn(self.process_events)
        self._receive_events_greenlet.name = f"esl-read-{self.name}"
        self._process_events_greenlet.name = f"esl-dispatch-{self.name}"

    def stop(self) -> None:
        """Close at once and wait until what was read has been handled, at most ``DRAIN_SECONDS``. Twice is harmless."""
        self._close("stopped")
        dispatcher = self._process_events_greenlet
        if dispatcher is None:
            self.ended.set()
        elif gevent.getcurrent() is not dispatcher and not self.ended.wait(DRAIN_SECONDS):
            log.error("events left unhandled", link=self.name, events=len(self._queue))
            dispatcher.kill()

    def close(self, reason: str) -> None:
        """Close without waiting: who watches the link found it dead."""
        self._close(reason)

    def _close(self, reason: str) -> None:
        if self._closing:
            return
        self._closing = True
        self.end_reason = reason
        self.connected = False
        self._run = False
        with suppress(OSError):  # the peer may have been quicker, or was never there
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        waiting, self._places = self._places, deque()
        for place in waiting:
            place.outcome.set_exception(LinkLost(f"link {self.name} closed: {reason}", Stage.UNCONFIRMED))
        self._auth_request_event.set()
        self._work.set()
        self._room.set()

    # -- sending ------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Commands without a reply yet, abandoned ones included."""
        return len(self._places)

    def oldest_wait(self) -> float:
        """Seconds since the oldest unanswered command was written; 0.0 when there is none."""
        return time.monotonic() - self._places[0].sent_at if self._places else 0.0

    def send(self, *lines: str, not_after: float = math.inf) -> Reply:
        """Write one command, given with its header lines, and wait for its reply.

        not_after: monotonic seconds; TooLate when its turn to be written comes later. LinkLost or ReplyLate with the command's
        stage; ValueError when it holds a line break. A Timeout or kill while the bytes are being written closes the link.
        """
        raw = encode_command(*lines)
        place = _Place(lines)
        with self._write_lock:
            if not self.connected:
                raise LinkLost(f"link {self.name} is down: {self.end_reason or 'not connected'}", Stage.NOT_SENT)
            if time.monotonic() > not_after:
                raise TooLate(f"link {self.name} was busy for too long", Stage.NOT_SENT)
            self._places.append(place)
            self._write(raw)
        try:
            place.outcome.wait(self.reply_seconds)
        finally:
            place.abandoned = not place.outcome.ready()
        if place.abandoned:
            raise ReplyLate(f"no reply on link {self.name} for {self.reply_seconds} s", Stage.UNCONFIRMED)
        reply = place.outcome.get()
        assert reply is not None
        return reply

    def nudge(self) -> None:
        """Have FreeSWITCH look for events now: a listener sleeps up to 20 ms unless a byte comes. A blank line between two
        commands is passed over without a reply (mod_event_socket's ``read_packet``). LinkLost."""
        with self._write_lock:
            if self.connected:
                self._write(b"\n")

    def _write(self, raw: bytes) -> None:
        """All of it, or the link ends: half a command would swallow the next one."""
        try:
            with gevent.Timeout(self.reply_seconds, OSError(f"cannot write for {self.reply_seconds} s")):
                self.sock.sendall(raw)
        except OSError as error:
            self._close(f"write failed: {error}")
            raise LinkLost(f"link {self.name} closed: {self.end_reason}", Stage.UNCONFIRMED) from error
        except BaseException:
            self._close("a write was cut short")
            raise

    # -- reading ------------------------------------------------------------------------------------------------------

    def receive_events(self) -> None:
        """The reader: bytes to replies and queued events until the link ends."""
        reader = FrameReader()
        turn_ends = time.monotonic() + TURN_SECONDS
        reason = "closed by FreeSWITCH"
        try:
            while self._run:
                data = self.sock.recv(READ_BYTES)
                if not data:
                    if reader.holds_part:
                        reason = "closed by FreeSWITCH in the middle of a message"
                    break
                self.last_traffic = now = time.monotonic()
                received_at = self._now()
                for frame in reader.feed(data):
                    self._take(frame, received_at)
                if reader.fault is not None:
                    raise reader.fault
                if len(self._queue) >= self._queue_events:
                    self._wait_for_room()
                elif now >= turn_ends:
                    gevent.sleep(YIELD_SECONDS)
                    turn_ends = time.monotonic() + TURN_SECONDS
        except WireError as error:
            reason = f"protocol error: {error}"
        except OSError as error:
            reason = f"read failed: {error}"
        finally:
            self._close(reason)

    def _take(self, frame: Frame, received_at: float) -> None:
        kind = frame.content_type
        if kind == b"text/event-plain":
            self._queue.append(Event(frame.body, received_at))
            if len(self._queue) == 1:
                self._work.set()
        elif kind == b"command/reply":
            self._answer(frame.header(b"Reply-Text"), is_api=False)
        elif kind == b"api/response":
            self._answer(frame.text, is_api=True)
        elif kind == b"auth/request":
            self._auth_request_event.set()
        elif kind == b"text/disconnect-notice":
            self._close("FreeSWITCH ends the link: " + " ".join(frame.text.split())[:120])
        elif kind == b"text/rude-rejection":
            self._close("FreeSWITCH's access list refuses this address")
        else:
            raise WireError(f"a message of type {kind[:60]!r}, which was not asked for")

    def _answer(self, text: str, is_api: bool) -> None:
        if not self._places:
            raise WireError("a reply to no command")
        if not self._places[0].fits(text, is_api):
            # One before it was lost. Taken for each other, an accepted originate would pass for a refused one.
            raise WireError(f"a reply that is not the next command's: {text[:80]!r}")
        place = self._places.popleft()
        if place.abandoned:
            log.info("late reply dropped", link=self.name, seconds=round(time.monotonic() - place.sent_at, 3))
        else:
            place.outcome.set(Reply(text))

    def _wait_for_room(self) -> None:
        """The handlers are behind: leave the rest with FreeSWITCH for a moment, but not for long."""
        deadline = time.monotonic() + QUEUE_FULL_SECONDS
        while self._run and len(self._queue) >= self._queue_events:
            self._room.clear()
            if not self._room.wait(max(0.0, deadline - time.monotonic())) or time.monotonic() > deadline:
                raise WireError(f"{len(self._queue)} events wait for handlers that do not come")

    def process_events(self) -> None:
        """The dispatcher: handlers in the order of events; what was read before the end is still handled."""
        try:
            while True:
                self._work.wait()
                self._work.clear()
                self._drain()
                if self._closing and not self._queue:
                    return
        finally:
            self.ended.set()

    def _drain(self) -> None:
        queue, low_water = self._queue, self._queue_events // 2
        turn_ends = time.monotonic() + TURN_SECONDS
        while queue:
            event = queue[0]
            for handler in self._handlers(event):
                try:
                    handler(event)
                except Exception as error:  # one event's mistake must not stop all calls' events
                    log.exception("event handler failed", link=self.name, event_name=event.name, error=repr(error))
            queue.popleft()
            if len(queue) == low_water:
                self._room.set()
            if time.monotonic() >= turn_ends:
                gevent.sleep(YIELD_SECONDS)
                turn_ends = time.monotonic() + TURN_SECONDS

    def _handlers(self, event: Event) -> tuple[Callable[[Event], None], ...]:
        name = event.get("Event-Subclass") if event.name == "CUSTOM" else event.name
        found = self.event_handlers.get(name) or self.event_handlers.get("*")
        return tuple(found) if found else ()
