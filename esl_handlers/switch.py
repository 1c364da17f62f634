"""The ``Switch`` port over FreeSWITCH: hands each action to the file that performs it, and owns the links.

The call's identity everywhere is the attempt id: channel (``origination_uuid``), background job (``Job-UUID``), presence.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence

import gevent
import structlog

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.events import ConnectFailed, DialFailed, HungUp, VerdictGiven
from controller.domain.calls.outcome import Outcome
from controller.errors import SwitchDown
from controller.ports import Clock, Missed, SwitchListener
from esl_handlers import bridge, message
from esl_handlers.causes import KILL_CAUSE
from esl_handlers.connection import Address, Link
from esl_handlers.errors import CommandLost, Stage, TooLate
from esl_handlers.health import StallWatchdog
from esl_handlers.journal import Journal
from esl_handlers.lines.agent_lines import FreeSwitchLines
from esl_handlers.links import CommandLinks, EventLink, Hurry
from esl_handlers.listening.ear import Ear, EarSettings
from esl_handlers.observer import NoObserver, Observer
from esl_handlers.originate import originate_command
from esl_handlers.progress import WAITING_WORDS, TrackedCall
from esl_handlers.router import SUBSCRIPTION, Router
from esl_handlers.wire import Event

log = structlog.get_logger("esl")

STALL_SECONDS = 2.0


class FreeSwitch:
    """``ports.Switch``. command_links: how many besides the event link. reply_seconds: a command without a reply for longer is
    unconfirmed. heartbeat_seconds: an event link without a byte for longer is dead. stall_seconds: see ``health.py``. journal:
    the switch's record of ended calls, if there is one. ear: how calls are listened to; None = not at all, and who answers is
    ``unknown``. ``lines`` is the switch's ``ports.AgentLines``."""

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        clock: Clock,
        command_links: int = 2,
        reply_seconds: float = 5.0,
        heartbeat_seconds: float = 30.0,
        stall_seconds: float = STALL_SECONDS,
        observer: Observer | None = None,
        journal: Journal | None = None,
        ear: EarSettings | None = None,
    ) -> None:
        self._address = Address(host, port, password)
        self._clock = clock
        self._observer = observer or NoObserver()
        self._reply_seconds = reply_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._commands = CommandLinks(self._address, command_links, self._observer, reply_seconds)
        self._command_links = command_links
        self._watchdog = StallWatchdog(stall_seconds, self._stalled)
        self._journal = journal
        self._ear_settings = ear
        self._ear: Ear | None = None
        self._listener: SwitchListener | None = None
        self._router: Router | None = None
        self._events: EventLink | None = None
        self.lines = FreeSwitchLines(self._commands, self._tracked, clock.now)

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self, listener: SwitchListener) -> None:
        """Begin to connect; returns at once. ``ready`` says when calls can be placed."""
        if self._ear_settings is not None:
            self._ear = Ear(self._commands, self._ear_settings, listener.hear, self._observer, self._clock.now)
        hurry = Hurry()
        router = Router(listener, self._observer, self._kill_later, self._ended, hurry)
        events = EventLink(
            self._address,
            SUBSCRIPTION,
            _both(router.handlers(), self.lines.handlers()),
            self._link_up,
            self._link_down,
            self._observer,
            self._reply_seconds,
            self._heartbeat_seconds,
            hurry,
            now=self._clock.now,
        )
        self._listener, self._router, self._events = listener, router, events
        self._watchdog.start()
        events.start()
        self._commands.start()
        if self._ear is not None:
            self._ear.start()

    def stop(self) -> None:
        """Close all links; calls in progress go on without us. Returns when the events already read have been handled."""
        self._watchdog.stop()
        if self._ear is not None:
            self._ear.stop()
        self._commands.stop()
        if self._events is not None:
            self._events.stop()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until ``ready``; False when that took longer."""
        deadline = time.monotonic() + seconds
        while not self.ready and time.monotonic() < deadline:
            gevent.sleep(0.02)
        return self.ready

    @property
    def ready(self) -> bool:
        return self._events is not None and self._events.up and self._commands.up > 0

    @property
    def ear(self) -> Ear | None:
        """What listens to calls, once started; for whoever measures it."""
        return self._ear

    @property
    def backlog(self) -> int:
        """Commands that the switch has not answered yet."""
        return self._commands.waiting

    def health(self) -> dict[str, object]:
        """For ``trunkline check`` and the status: links, their faults, the switch's identity, stalls, calls tracked."""
        events = self._events
        event_link_up = events is not None and events.up
        faults = self._commands.faults()
        if events is not None and not event_link_up:
            faults.insert(0, f"events: {events.last_error}")
        return {
            "ready": self.ready,
            "event_link": event_link_up,
            "event_silence_seconds": round(events.silence(), 3) if events is not None and event_link_up else None,
            "command_links": f"{self._commands.up}/{self._command_links}",
            "core_uuid": events.core_uuid if events is not None else "",
            "reconnects": events.reconnects if events is not None else 0,
            "stalls": self._watchdog.stalls,
            "calls": len(self._router) if self._router is not None else 0,
            "faults": faults,
        }

    # -- ports.Switch -------------------------------------------------------------------------------------------------

    def dial(self, order: DialOrder, not_after: float = math.inf) -> DialFailed | Missed | None:
        """See ``ports.Switch``. An order that cannot be written as a command is an error of ours, on record, and charged:
        it would fail the same way for ever."""
        router = self._router
        if router is None or not self.ready:
            return self._not_dialled("no link to the switch")
        try:
            command = originate_command(order)
        except ValueError as error:
            log.error("order refused", attempt=order.attempt_id, reason=str(error))
            return DialFailed(self._clock.now(), Outcome.ERROR, "order_refused")
        router.track(order.attempt_id, order.target.name, order.campaign, order.run_id, not order.connect_on_answer)
        try:
            reply = self._commands.send(f"bgapi {command}", f"Job-UUID: {order.attempt_id}", not_after=not_after)
        except TooLate as error:
            router.forget(order.attempt_id)
            return Missed(str(error))
        except CommandLost as error:
            if error.stage is Stage.NOT_SENT:
                router.forget(order.attempt_id)
                return self._not_dialled("command not sent")
            log.warning("originate unconfirmed", attempt=order.attempt_id, reason=str(error))
            return None
        if not reply.ok:
            router.forget(order.attempt_id)
            log.error("originate refused", attempt=order.attempt_id, reason=reply.text.strip())
            return self._not_dialled("the switch refuses bgapi originate")
        return None

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        """See ``ports.Switch``. SwitchDown when it is certain that nothing was sent."""
        router, _ = self._wired()
        router.track(attempt_id)
        call = router.call(attempt_id)
        assert call is not None
        self._move(attempt_id, lambda: bridge.connect(self._commands, call, target, attributes))

    def screen(self, attempt_id: str, detection: Detection) -> None:
        """See ``ports.Switch``."""
        router, listener = self._wired()
        if self._ear is None:
            listener.hear(attempt_id, VerdictGiven(self._clock.now(), "unknown", 0.0, 0, detail=(("reason", "no ear"),)))
            return
        call = router.call(attempt_id)
        self._ear.screen(attempt_id, call.campaign or "" if call is not None else "", detection)

    def stop_screening(self, attempt_id: str) -> None:
        """See ``ports.Switch``."""
        if self._ear is not None:
            self._ear.stop_screening(attempt_id)

    def park(self, attempt_id: str, seconds: int) -> None:
        """See ``ports.Switch``."""
        self._move(attempt_id, lambda: message.park(self._commands, attempt_id, seconds))

    def leave_message(self, attempt_id: str, sound: str) -> None:
        """See ``ports.Switch``."""
        self._move(attempt_id, lambda: message.leave(self._commands, attempt_id, sound))
        if self._ear is not None:
            self._ear.expect_person(attempt_id)

    def stop_message(self, attempt_id: str) -> None:
        """See ``ports.Switch``."""
        self._move(attempt_id, lambda: message.stop(self._commands, attempt_id))

    def treat(self, attempt_id: str, treatment: Treatment) -> None:
        """See ``ports.Switch``."""
        self._move(attempt_id, lambda: message.treat(self._commands, attempt_id, treatment))

    def waits(self, attempt_id: str) -> bool:
        """See ``ports.Switch``: the dialplan says so of itself."""
        return self._commands.send(f"api uuid_getvar {attempt_id} trunkline_connect").text.strip() in WAITING_WORDS

    def hang_up(self, attempt_id: str, why: str) -> None:
        """See ``ports.Switch``. Asked before the switch knows the call, it is done as soon as the call appears."""
        log.info("hang up", attempt=attempt_id, reason=why)
        router, _ = self._wired()
        call = router.call(attempt_id)
        if call is not None and not call.left:
            call.kill_wanted = True
        reply = self._commands.send(f"api uuid_kill {attempt_id} {KILL_CAUSE}")
        if reply.ok and call is not None:
            call.kill_wanted = False

    def alive(self, attempt_id: str) -> bool:
        """See ``ports.Switch``. A call that was not known here is adopted: its events are reported from now on. Not only once
        it is found alive: it may end while the answer is on its way, or begin after it."""
        router, _ = self._wired()
        router.adopt(attempt_id)
        text = self._commands.send(f"api uuid_exists {attempt_id}").text.strip()
        if text == "true":
            router.keep(attempt_id)
            return True
        if text == "false":
            router.forget_later(attempt_id)
            return False
        raise SwitchDown(f"uuid_exists answers {text[:80]!r}")

    def end_of(self, attempt_id: str) -> HungUp | None:
        """See ``ports.Switch``: the CDR journal."""
        try:
            return self._journal.end_of(attempt_id) if self._journal is not None else None
        except OSError as error:
            raise SwitchDown(f"the journal cannot be read: {error}") from error

    @property
    def keeps_record(self) -> bool:
        return self._journal is not None and self._journal.readable

    @property
    def core(self) -> str:
        return self._events.core_uuid if self._events is not None else ""

    # -- inside -------------------------------------------------------------------------------------------------------

    def _wired(self) -> tuple[Router, SwitchListener]:
        if self._router is None or self._listener is None:
            raise SwitchDown("not started")
        return self._router, self._listener

    def _not_dialled(self, cause: str) -> DialFailed:
        return DialFailed(self._clock.now(), Outcome.NOT_DIALLED, cause.replace(" ", "_"))

    def _move(self, attempt_id: str, move: Callable[[], str | None]) -> None:
        """Carry out ``move``; a refusal is told as ConnectFailed, doubt is logged: the dialplan's dead-man's switch holds."""
        _, listener = self._wired()
        try:
            refusal = move()
        except CommandLost as error:
            if error.stage is Stage.NOT_SENT:
                raise
            log.warning("move unconfirmed", attempt=attempt_id, reason=str(error))
            return
        if refusal is not None:
            log.error("move refused", attempt=attempt_id, reason=refusal)
            listener.hear(attempt_id, ConnectFailed(self._clock.now(), refusal, told=False))

    def _ended(self, attempt_id: str) -> None:
        if self._ear is not None:
            self._ear.ended(attempt_id)

    def _tracked(self, attempt_id: str) -> TrackedCall | None:
        return self._router.call(attempt_id) if self._router is not None else None

    def _kill_later(self, attempt_id: str) -> None:
        """From a handler, which must not wait for a reply."""
        gevent.spawn(self._kill, attempt_id)

    def _kill(self, attempt_id: str) -> None:
        try:
            self._commands.send(f"api uuid_kill {attempt_id} {KILL_CAUSE}")
        except SwitchDown as error:
            log.error("hang-up not sent", attempt=attempt_id, reason=str(error))

    def _link_up(self, link: Link, same_core: bool | None) -> None:
        self._watchdog.watch(link.sock.fileno())
        if same_core is not None and self._listener is not None:
            self._listener.link_restored(same_core)
        self.lines.link_up(same_core)

    def _link_down(self) -> None:
        self._watchdog.unwatch()
        if self._router is not None:
            self._router.link_broke()
        if self._listener is not None:
            self._listener.link_lost()

    def _stalled(self, seconds: float) -> None:
        # Native thread: the file descriptor is written directly, because the log's own machinery may be what stands still.
        os.write(2, f"trunkline: the event loop stands still for {seconds:.1f} s; event link shut down\n".encode())
        self._observer.loop_stalled(seconds)


Handlers = Mapping[str, Callable[[Event], None]]


def _both(calls: Handlers, lines: Handlers) -> dict[str, Callable[[Event], None]]:
    """Each event to the calls first, then to the lines: a call is told of its agent before the agent's side is."""

    def one_after_the_other(first: Callable[[Event], None], second: Callable[[Event], None]) -> Callable[[Event], None]:
        def handle(event: Event) -> None:
            first(event)
            second(event)

        return handle

    shared = {name: one_after_the_other(calls[name], lines[name]) for name in calls.keys() & lines.keys()}
    return {**calls, **lines, **shared}
