"""The links that come back: one for events, several for commands.

Commands on the event link would delay events by up to two seconds (measured, facts section 4), so the event link only
listens after it has subscribed, and the command links never subscribe. Each link is watched by a greenlet that notices its
end, waits a growing, jittered time, and makes a new one: FreeSWITCH's backlog for new connections is 5.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import gevent
import structlog
from gevent.event import Event as Signal

from controller.errors import SwitchDown
from esl_handlers.connection import Address, Link, Reply
from esl_handlers.errors import CommandLost, LinkLost, Stage, TooLate
from esl_handlers.observer import Observer
from esl_handlers.wire import Event

log = structlog.get_logger("esl")

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0

WATCH_SECONDS = 0.5
"""How often a standing link is looked at."""

HURRY_SECONDS = 0.004
"""Between two nudges: a person hears their agent 8 ms sooner on average, for half a percent of a core."""

STUCK_REPLIES = 3.0
"""A command link whose oldest reply is late by this many deadlines is taken for dead."""


HELD_UP_SECONDS = 0.02
"""FreeSWITCH says at once that it has taken a command (facts section 1: 2 ms, 5 ms in one of a hundred). One that has not been
taken for so long waits with all that are written behind it, and they will leave together: a call given its moment by the
carrier's rate must not join them."""


class Backoff:
    """Pauses between attempts: they double up to a limit, each drawn from its upper half so that links do not march."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ceiling = FIRST_PAUSE_SECONDS

    def next(self) -> float:
        pause = self._ceiling * self._chance.uniform(0.5, 1.0)
        self._ceiling = min(self._ceiling * 2.0, LONGEST_PAUSE_SECONDS)
        return pause

    def reset(self) -> None:
        self._ceiling = FIRST_PAUSE_SECONDS


class _Kept:
    """A link that is made again whenever it ends."""

    def __init__(self, name: str, make: Callable[[], Link], observer: Observer) -> None:
        self.name = name
        self.link: Link | None = None
        self.last_error = "not connected yet"
        self._make = make
        self._observer = observer
        self._stopping = Signal()
        self._backoff = Backoff(random.Random())
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def up(self) -> bool:
        return self.link is not None and bool(self.link.connected)

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._keep)
        self._greenlet.name = f"esl-keep-{self.name}"

    def stop(self) -> None:
        self._stopping.set()
        if self.link is not None:
            self.link.stop()
        if self._greenlet is not None:
            self._greenlet.join(timeout=1.0)
            self._greenlet.kill()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            link = self._make()
            try:
                link.connect()
                self._prepare(link)
            except SwitchDown as error:
                link.stop()
                if str(error) != self.last_error:
                    log.warning("link not up", link=self.name, reason=str(error))
                self.last_error = str(error)
            else:
                self._stand(link)
            self._stopping.wait(self._backoff.next())

    def _stand(self, link: Link) -> None:
        """From a link's readiness to its end."""
        self.link = link
        self._backoff.reset()
        self.last_error = ""
        log.info("link up", link=self.name)
        self._observer.link_changed(self.name, True)
        try:
            self._came_up(link)
            while not link.ended.wait(WATCH_SECONDS):
                self._watch(link)
        finally:
            link.stop()
            self.link = None
            self.last_error = link.end_reason
            self._observer.link_changed(self.name, False)
            if not self._stopping.is_set():
                log.error("link down", link=self.name, reason=link.end_reason)
                self._went_down()

    def _prepare(self, link: Link) -> None:
        """After the login; SwitchDown when the link is of no use."""

    def _came_up(self, link: Link) -> None:
        """The link is ready."""

    def _watch(self, link: Link) -> None:
        """Close ``link`` if it is dead without saying so."""

    def _went_down(self) -> None:
        """The link has ended, not by our wish, and its events are handled."""


class Hurry:
    """Calls of which the next event must not be late: somebody has picked up, or may at any moment, and an agent or a verdict
    is to follow at once."""

    def __init__(self) -> None:
        self._calls: set[str] = set()
        self._any = Signal()

    def begin(self, attempt_id: str) -> None:
        self._calls.add(attempt_id)
        self._any.set()

    def end(self, attempt_id: str) -> None:
        """Harmless when it never began."""
        self._calls.discard(attempt_id)
        if not self._calls:
            self._any.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until there is such a call; False when that took longer."""
        return bool(self._any.wait(seconds))


class EventLink(_Kept):
    """The link that only listens. It sends nothing, but while ``hurry`` holds a blank line every few milliseconds: FreeSWITCH
    looks for events every 20 ms, and whenever a byte comes.

    subscription: the ``event plain …`` command. handlers: event name (or subclass) → handler. on_up is told whether the
    switch is the same process as before (None on the first time), on_down nothing; both must return soon.
    heartbeat_seconds: no byte for this long and the link is dead.
    """

    def __init__(
        self,
        address: Address,
        subscription: str,
        handlers: Mapping[str, Callable[[Event], None]],
        on_up: Callable[[Link, bool | None], None],
        on_down: Callable[[], None],
        observer: Observer,
        reply_seconds: float,
        heartbeat_seconds: float,
        hurry: Hurry,
        now: Callable[[], float] = time.time,
    ) -> None:
        def make() -> Link:
            link = Link(address, "events", reply_seconds=reply_seconds, now=now)
            for name, handler in handlers.items():
                link.register_handle(name, handler)
            return link

        super().__init__("events", make, observer)
        self.core_uuid = ""
        self.reconnects = 0
        self._subscription = subscription
        self._on_up = on_up
        self._on_down = on_down
        self._heartbeat_seconds = heartbeat_seconds
        self._hurry = hurry
        self._same_core: bool | None = None

    def silence(self) -> float:
        """Seconds since the last byte; infinite while the link is down."""
        return time.monotonic() - self.link.last_traffic if self.link is not None else float("inf")

    def _prepare(self, link: Link) -> None:
        core_uuid = link.send("api global_getvar core_uuid").text.strip()
        if not core_uuid or core_uuid.startswith("-"):
            link.close("no core_uuid")
            raise LinkLost(f"FreeSWITCH does not say its core_uuid: {core_uuid!r}", Stage.ACCEPTED)
        reply = link.send(self._subscription)
        if not reply.ok:
            link.close("subscription refused")
            raise LinkLost(f"FreeSWITCH refuses the subscription: {reply.text!r}", Stage.ACCEPTED)
        self._same_core = None if not self.core_uuid else core_uuid == self.core_uuid
        self.core_uuid = core_uuid

    def _came_up(self, link: Link) -> None:
        if self._same_core is not None:
            self.reconnects += 1
        self._on_up(link, self._same_core)
        gevent.spawn(self._hasten, link).name = "esl-hasten"

    def _hasten(self, link: Link) -> None:
        """Fetch events early while somebody waits for them."""
        while link.connected:
            if self._hurry.wait(WATCH_SECONDS):
                with suppress(LinkLost):  # whoever keeps the link hears of its end
                    link.nudge()
                gevent.sleep(HURRY_SECONDS)

    def _watch(self, link: Link) -> None:
        if time.monotonic() - link.last_traffic > self._heartbeat_seconds:
            link.close(f"silent for {self._heartbeat_seconds} s")

    def _went_down(self) -> None:
        self._on_down()


class _CommandLink(_Kept):
    def __init__(self, address: Address, name: str, observer: Observer, reply_seconds: float) -> None:
        super().__init__(name, lambda: Link(address, name, reply_seconds=reply_seconds), observer)

    def _watch(self, link: Link) -> None:
        if link.oldest_wait() > link.reply_seconds * STUCK_REPLIES:
            link.close(f"no reply for {link.reply_seconds * STUCK_REPLIES} s")


class CommandLinks:
    """Several links for commands; each command takes the one with the fewest unanswered ones."""

    def __init__(self, address: Address, count: int, observer: Observer, reply_seconds: float) -> None:
        self._observer = observer
        self._kept = [_CommandLink(address, f"commands-{n}", observer, reply_seconds) for n in range(1, count + 1)]

    def start(self) -> None:
        for kept in self._kept:
            kept.start()

    def stop(self) -> None:
        for kept in self._kept:
            kept.stop()

    @property
    def up(self) -> int:
        """How many stand."""
        return sum(kept.up for kept in self._kept)

    @property
    def waiting(self) -> int:
        """Commands that are out and have no reply yet."""
        return sum(kept.link.waiting for kept in self._kept if kept.link is not None)

    def faults(self) -> list[str]:
        """Why the others do not."""
        return [f"{kept.name}: {kept.last_error}" for kept in self._kept if not kept.up]

    def send(self, *lines: str, not_after: float = math.inf) -> Reply:
        """Send one command with its header lines; its reply. CommandLost with the command's stage.

        not_after: monotonic seconds by which it must be written, to a link on which nothing is held up; TooLate otherwise.
        """
        started = time.monotonic()
        stage = Stage.NOT_SENT
        try:
            reply = self._least_busy(timely=not_after < math.inf).send(*lines, not_after=not_after)
            stage = Stage.ACCEPTED
            return reply
        except CommandLost as error:
            stage = error.stage
            raise
        finally:
            self._observer.command_done(stage, time.monotonic() - started)

    def _least_busy(self, timely: bool) -> Link:
        standing = [kept.link for kept in self._kept if kept.link is not None and kept.link.connected]
        if not standing:
            raise LinkLost("no command link to FreeSWITCH", Stage.NOT_SENT)
        if timely:
            standing = [link for link in standing if link.oldest_wait() <= HELD_UP_SECONDS]
            if not standing:
                raise TooLate("FreeSWITCH does not take commands at present", Stage.NOT_SENT)
        return min(standing, key=lambda link: link.waiting)
