"""The switch as a whole: its channels, what it lets in, who listens, and its identity, which a restart changes."""

from __future__ import annotations

import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Protocol

from esl_handlers.virtual_switch.calls import on_answer, transfer
from esl_handlers.virtual_switch.channels import Channel
from esl_handlers.virtual_switch.dial_string import DialString
from esl_handlers.virtual_switch.journal import Journal
from esl_handlers.virtual_switch.ledger import Ledger
from esl_handlers.virtual_switch.people import Fate, People
from esl_handlers.virtual_switch.render import BLOCKS, Envelope, encode, frame
from esl_handlers.virtual_switch.timeline import Timeline

CONGESTED = Fate("congestion", refuse_after=0.05, sip_status=503)
UNREACHABLE = Fate("unreachable", refuse_after=0.0, sip_status=503)


class Listener(Protocol):
    """An event connection."""

    def listens_to(self, name: str, subclass: str) -> bool:
        """Whether it subscribed."""
        ...

    def hear(self, name: str, event: bytes) -> None:
        """Queue one framed event."""
        ...


class GatewayUse:
    """What a gateway carries: launches of the last second, calls at once, and the most of each that was seen."""

    def __init__(self) -> None:
        self.launches: deque[float] = deque()
        self.calls = 0
        self.most_in_a_second = 0
        self.most_at_once = 0

    def launch(self, now: float) -> None:
        """One more INVITE."""
        self.launches.append(now)
        while self.launches[0] <= now - 1.0:
            self.launches.popleft()
        self.calls += 1
        self.most_in_a_second = max(self.most_in_a_second, len(self.launches))
        self.most_at_once = max(self.most_at_once, self.calls)


class Core:
    """One run of the switch after another; ledger, journal and people outlast restarts.

    sps: sessions per second, of which FreeSWITCH admits one less. max_sessions counts legs, not calls.
    """

    gateway_profile = "trunkline"
    dialplan_context = "trunkline"

    def __init__(
        self,
        people: People,
        ledger: Ledger,
        journal: Journal | None = None,
        sps: int = 1000,
        max_sessions: int = 20_000,
        heartbeat_seconds: float = 2.0,
    ) -> None:
        self.people = people
        self.ledger = ledger
        self.journal = journal
        self.sps = sps
        self.max_sessions = max_sessions
        self.heartbeat_seconds = heartbeat_seconds
        self.timeline = Timeline()
        self.chance = random.Random(people.seed)
        self._listeners: set[Listener] = set()
        self._audiences: dict[tuple[str, str], list[Listener]] = {}
        self.channels: dict[str, Channel] = {}
        self.bot_calls: dict[str, int] = {}
        self.gateway_use: dict[str, GatewayUse] = {}
        self.more_apis: dict[str, Callable[[Core, str], str]] = {}
        self.monotonic: Callable[[], float] = time.monotonic
        self._session_ids = 0
        self._begin()

    def _begin(self) -> None:
        self.uuid = str(uuid.uuid4())
        self.envelope = Envelope(self.uuid)
        self.started = time.monotonic()
        self._sequence = 0
        self.sessions_since_startup = self.session_peak = 0
        self.sps_peak = self.sps_last = 0
        self._second = 0
        self._in_second = 0

    def restart(self) -> None:
        """As if the process had died and come back: every call is gone without an event, and the identity is new."""
        for channel in list(self.channels.values()):
            channel.vanish()
        self.channels.clear()
        self.bot_calls.clear()
        for use in self.gateway_use.values():
            use.calls = 0
        self._begin()

    # numbers and clocks

    def now_us(self) -> int:
        """UTC epoch microseconds."""
        return int(time.time() * 1e6)

    def next_sequence(self) -> int:
        """Event-Sequence."""
        self._sequence += 1
        return self._sequence

    def next_session_id(self) -> int:
        """variable_session_id."""
        self._session_ids += 1
        return self._session_ids

    # events

    def add_listener(self, listener: Listener) -> None:
        """It has logged in."""
        self._listeners.add(listener)
        self.subscriptions_changed()

    def remove_listener(self, listener: Listener) -> None:
        """It has gone. Twice is harmless."""
        self._listeners.discard(listener)
        self.subscriptions_changed()

    def subscriptions_changed(self) -> None:
        """Somebody subscribed to something, or no longer."""
        self._audiences.clear()

    def audience(self, name: str, subclass: str = "") -> list[Listener]:
        """Who subscribed; nobody renders an event in vain."""
        found = self._audiences.get((name, subclass))
        if found is None:
            found = [listener for listener in self._listeners if listener.listens_to(name, subclass)]
            self._audiences[name, subclass] = found
        return found

    def deliver(self, name: str, text: str, body: str = "", subclass: str = "") -> None:
        """To everybody who subscribed. text: all header lines."""
        event = frame(text, body)
        for listener in self.audience(name, subclass):
            listener.hear(name, event)

    def fire(self, name: str, headers: str, body: str = "") -> None:
        """An event that is not about a living channel."""
        sequence = self.next_sequence()
        if self.audience(name):
            self.deliver(name, self.envelope.head(name, self.now_us(), sequence) + headers, body)

    def job_done(self, job_uuid: str, command: str, arguments: str, result: str) -> None:
        """BACKGROUND_JOB."""
        argument = f"Job-Command-Arg: {encode(arguments)}\n" if arguments else ""
        self.fire("BACKGROUND_JOB", f"Job-UUID: {encode(job_uuid)}\nJob-Command: {encode(command)}\n{argument}", result)

    def heartbeat(self) -> None:
        """HEARTBEAT, now and again after ``heartbeat_seconds``, for ever."""
        self.timeline.after(self.heartbeat_seconds, self.heartbeat)
        uptime = int((time.monotonic() - self.started) * 1000)
        seconds = uptime // 1000
        slots = {
            "days": seconds // 86400,
            "hours": seconds // 3600 % 24,
            "minutes": seconds // 60 % 60,
            "seconds": seconds % 60,
            "milliseconds": uptime % 1000,
            "uptime_ms": uptime,
            "session_count": len(self.channels),
            "max_sessions": self.max_sessions,
            "sps": self.sps,
            "sps_last": self.sps_last,
            "sps_peak": self.sps_peak,
            "sessions_since_startup": self.sessions_since_startup,
            "session_peak": self.session_peak,
        }
        self.fire("HEARTBEAT", BLOCKS["heartbeat"].render(slots))

    # what may leave

    def refusal(self, leg: DialString, wanted_uuid: str) -> str:
        """Why no INVITE leaves for this leg, in FreeSWITCH's words; empty when it may."""
        if leg.endpoint == "user":
            return "SUBSCRIBER_ABSENT"
        if leg.endpoint != "sofia":
            return "CHAN_NOT_IMPLEMENTED"
        if wanted_uuid in self.channels or len(self.channels) >= self.max_sessions or not self._admit():
            return "DESTINATION_OUT_OF_ORDER"
        if leg.gateway:
            gateway = self.people.gateway(leg.gateway)
            if gateway is None:
                return "INVALID_GATEWAY"
            if gateway.state == "down":
                return "GATEWAY_DOWN"
        return ""

    def _admit(self) -> bool:
        second = int(time.time())
        if second != self._second:
            self.sps_last = self._in_second
            self._second, self._in_second = second, 0
        if self._in_second >= self.sps - 1:
            return False
        self._in_second += 1
        self.sps_peak = max(self.sps_peak, self._in_second)
        self.sessions_since_startup += 1
        return True

    def launched(self, channel: Channel) -> Fate | None:
        """An INVITE leaves. A fate if the gateway itself decides it: too many calls, or nobody there."""
        self.session_peak = max(self.session_peak, len(self.channels) + 1)
        name = channel.leg.gateway
        gateway = self.people.gateway(name) if name else None
        if gateway is None:
            return None
        use = self.gateway_use.setdefault(name, GatewayUse())
        use.launch(time.monotonic())
        channel.on_gone.append(lambda _: self._gateway_left(use))
        if gateway.state == "unreachable":
            return UNREACHABLE
        if len(use.launches) > gateway.calls_per_second or use.calls > gateway.channels:
            return CONGESTED
        return None

    def _gateway_left(self, use: GatewayUse) -> None:
        use.calls -= 1

    def bot_left(self, uri: str) -> None:
        """A bot's call is over."""
        self.bot_calls[uri] = self.bot_calls.get(uri, 1) - 1

    # a channel's turning points

    def answered(self, channel: Channel) -> None:
        """The far end picked up."""
        on_answer(channel)

    def transfer(self, channel: Channel, extension: str, context: str) -> None:
        """A channel goes on by itself where its variables send it."""
        transfer(channel, extension, context)

    def channel_ended(self, channel: Channel) -> None:
        """All is known of it: the journal's line, before the hangup event."""
        if self.journal is not None:
            self.journal.write(channel)

    def forget(self, channel: Channel) -> None:
        """It is no longer a live session."""
        self.channels.pop(channel.uuid, None)
