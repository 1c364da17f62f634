"""The ``AgentLines`` port over FreeSWITCH: opens and closes lines, and joins, parts, holds and mutes what is on them.

Sends and returns; what comes of it, ``book.py`` hears. Transfers are in ``transfer.py``, supervisors in ``supervise.py``,
recordings in ``recording.py``, lines found after a restart in ``resync.py``. Joining is the switch's ``uuid_bridge``
with the line as the first leg: a person who hangs up in that very moment then costs nobody else the call.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import gevent
import structlog

from controller.domain.agents.line import (
    ConsultEnded,
    JoinFailed,
    JoinOrder,
    LineEvent,
    LineKind,
    LineOrder,
    LiveLine,
    SuperviseMode,
    TransferOrder,
)
from controller.errors import Refused, SwitchDown, WrongState
from controller.ports import LineListener
from esl_handlers.causes import KILL_CAUSE
from esl_handlers.connection import Reply
from esl_handlers.errors import CommandLost, Stage
from esl_handlers.escaping import ID, KEYS, in_setvar, must, shown, sound
from esl_handlers.lines import recording, resync, supervise, transfer
from esl_handlers.lines.book import LineBook
from esl_handlers.lines.commands import CONTEXT, HOLD_EXTENSION, LOST_EXTENSION, open_command
from esl_handlers.lines.tracked import Standing, TrackedLine
from esl_handlers.links import CommandLinks
from esl_handlers.progress import TrackedCall
from esl_handlers.wire import Event

log = structlog.get_logger("lines")


class FreeSwitchLines:
    """``ports.AgentLines``. call: what is known of a person's call. now: UTC epoch seconds."""

    def __init__(self, commands: CommandLinks, call: Callable[[str], TrackedCall | None], now: Callable[[], float]) -> None:
        self._commands = commands
        self._call = call
        self._now = now
        self._listener: LineListener | None = None
        self.book = LineBook(self._tell, self, now)

    # -- for the links ------------------------------------------------------------------------------------------------

    def handlers(self) -> dict[str, Callable[[Event], None]]:
        return self.book.handlers()

    def link_up(self, same_core: bool | None) -> None:
        """The event link stands (again). A switch that was restarted has no lines; otherwise something may have been missed."""
        if same_core is False:
            self.book.lost(self.book.lines(), "switch_restarted")
        elif same_core and self.book.lines():
            self._later(self.lines)

    # -- ports.AgentLines ---------------------------------------------------------------------------------------------

    def attend(self, listener: LineListener) -> None:
        """See ``ports.AgentLines``."""
        self._listener = listener

    def open(self, order: LineOrder) -> None:
        """See ``ports.AgentLines``."""
        if self.book.line(order.agent_id) is not None:
            raise WrongState(f"agent {order.agent_id} has a line already")
        line = TrackedLine(order.agent_id, str(uuid.uuid4()), order.kind)
        try:
            command = open_command(line.line_id, order)
        except ValueError as error:
            raise Refused(str(error)) from error
        self.book.add(line)
        log.info("line opens", agent=order.agent_id, line=line.line_id, kind=order.kind.value)
        try:
            reply = self.background(command, line.line_id)
        except SwitchDown:
            self.book.remove(line)
            raise
        if reply is not None and not reply.ok:
            log.error("originate refused", agent=order.agent_id, reason=reply.text.strip())
            self.book.lost([line], "refused")

    def close(self, agent_id: str) -> None:
        """See ``ports.AgentLines``."""
        line = self.book.line(agent_id)
        if line is not None:
            line.closing = True
            self.api(f"uuid_kill {line.line_id} {KILL_CAUSE}")

    def join(self, order: JoinOrder) -> None:
        """See ``ports.AgentLines``."""
        line = self.open_line(order.agent_id)
        if not line.free:
            raise WrongState(f"agent {order.agent_id} is not free: {line.standing.value}")
        call = self._call(order.attempt_id)
        if call is None or self.book.line_of(order.attempt_id) is not None:
            raise WrongState(f"call {order.attempt_id} is not here, or has an agent")
        self.fit(lambda: (must(ID, order.attempt_id, "attempt id"), order.cue and sound(order.cue)))
        self.book.expect(line, order)
        if call.settled or (call.may_wait and self._is_settled(line, order.attempt_id)):
            arrived = self.book.arrived(order.attempt_id)
            if arrived is not None:
                self._join(line, arrived)

    def part(self, agent_id: str) -> None:
        """See ``ports.AgentLines``."""
        line = self.open_line(agent_id)
        self.send_person(line, Standing.LEAVING, LOST_EXTENSION)

    def hold(self, agent_id: str) -> None:
        """See ``ports.AgentLines``."""
        line = self.open_line(agent_id)
        line.with_person(Standing.TALKING)
        if line.kind is LineKind.ON_HOOK:
            self.api(f"uuid_setvar {line.line_id} trunkline_keep true")
        self.send_person(line, Standing.HOLDING, HOLD_EXTENSION)

    def resume(self, agent_id: str) -> None:
        """See ``ports.AgentLines``."""
        line = self.open_line(agent_id)
        person = line.with_person(Standing.HELD)
        consult = line.consult
        line.standing, line.bridged = Standing.JOINING, False
        if consult is not None:
            self.book.forget_consult(line)
            self.book.tell(line, ConsultEnded(self._now(), "let_go"))
        try:
            self.bridge(line, person)
        except SwitchDown:
            line.standing = Standing.HELD
            raise
        if consult is not None:
            self.api(f"uuid_kill {consult.leg_id} {KILL_CAUSE}")
        if line.kind is LineKind.ON_HOOK:
            self.api(f"uuid_setvar {line.line_id} trunkline_keep")

    def mute(self, agent_id: str, muted: bool) -> None:
        """See ``ports.AgentLines``."""
        line = self.open_line(agent_id)
        line.with_person(Standing.TALKING, Standing.HOLDING, Standing.HELD)
        self.api(f"uuid_audio {line.line_id} {'start read mute 1' if muted else 'stop'}")
        line.muted = muted

    def send_keys(self, agent_id: str, keys: str) -> None:
        """See ``ports.AgentLines``."""
        person = self.open_line(agent_id).with_person(Standing.TALKING)
        self.fit(lambda: must(KEYS, keys, "keys"))
        self.api(f"uuid_send_dtmf {person} {keys}")

    def transfer(self, agent_id: str, order: TransferOrder) -> None:
        """See ``ports.AgentLines``."""
        transfer.blind(self, self.open_line(agent_id), order)

    def consult(self, agent_id: str, order: TransferOrder) -> None:
        """See ``ports.AgentLines``."""
        transfer.consult(self, self.open_line(agent_id), order)

    def complete(self, agent_id: str) -> None:
        """See ``ports.AgentLines``."""
        transfer.complete(self, self.open_line(agent_id))

    def start_recording(self, attempt_id: str, file: str) -> None:
        """See ``ports.AgentLines``."""
        recording.start(self, attempt_id, file)

    def pause_recording(self, attempt_id: str, paused: bool) -> None:
        """See ``ports.AgentLines``."""
        recording.pause(self, attempt_id, paused)

    def stop_recording(self, attempt_id: str) -> None:
        """See ``ports.AgentLines``."""
        recording.stop(self, attempt_id)

    def supervise(self, agent_id: str, supervisor: str, phone: str, mode: SuperviseMode) -> None:
        """See ``ports.AgentLines``."""
        supervise.begin(self, self.open_line(agent_id), supervisor, phone, mode)

    def stop_supervising(self, agent_id: str, supervisor: str) -> None:
        """See ``ports.AgentLines``."""
        supervise.end(self, self.open_line(agent_id), supervisor)

    def lines(self) -> list[LiveLine]:
        """See ``ports.AgentLines``."""
        resync.reconcile(self, resync.found(self), self._now())
        return [
            LiveLine(line.agent_id, line.kind, line.up, line.person, line.standing in (Standing.HOLDING, Standing.HELD))
            for line in self.book.lines()
        ]

    # -- for the files beside this one --------------------------------------------------------------------------------

    def open_line(self, agent_id: str) -> TrackedLine:
        """The agent's line, picked up. WrongState otherwise."""
        line = self.book.line(agent_id)
        if line is None or not line.up:
            raise WrongState(f"agent {agent_id} has no line")
        return line

    def fit(self, check: Callable[[], object]) -> None:
        """See ``Asking``."""
        try:
            check()
        except ValueError as error:
            raise Refused(str(error)) from error

    def api(self, command: str) -> Reply | None:
        """See ``Asking``."""
        return self._send(f"api {command}")

    def background(self, command: str, job: str) -> Reply | None:
        """See ``Asking``."""
        return self._send(f"bgapi {command}", f"Job-UUID: {job}")

    def _send(self, *command: str) -> Reply | None:
        try:
            return self._commands.send(*command)
        except CommandLost as error:
            if error.stage is Stage.NOT_SENT:
                raise
            log.warning("command unconfirmed", reason=str(error))
            return None

    def send_person(self, line: TrackedLine, standing: Standing, extension: str) -> None:
        """See ``Asking``."""
        before = line.standing
        person = line.with_person(Standing.TALKING, Standing.HELD)
        line.standing = standing
        try:
            self.api(f"uuid_transfer {person} {extension} XML {CONTEXT}")
        except SwitchDown:
            line.standing = before
            raise

    def bridge(self, line: TrackedLine, leg_id: str) -> bool:
        """Join the line with another leg. False when the switch refuses."""
        reply = self.api(f"uuid_bridge {line.line_id} {leg_id}")
        return reply is None or reply.ok

    # -- register.Acts ----------------------------------------------------------------------------------------------------

    def expected(self, line: TrackedLine, order: JoinOrder) -> None:
        """See ``register.Acts``."""
        self._later(lambda: self._join_late(line, order))

    def meet(self, line: TrackedLine) -> None:
        """See ``register.Acts``."""
        consult = line.consult
        if consult is not None:
            consult.meeting = True
            self._later(lambda: self.bridge(line, consult.leg_id))

    def keep(self, person: str) -> None:
        """See ``register.Acts``."""
        self._later(lambda: self._keep(person))

    def unmute(self, line: TrackedLine) -> None:
        """See ``register.Acts``."""
        line.muted = False
        self._later(lambda: self.api(f"uuid_audio {line.line_id} stop"))

    def drop(self, leg_id: str) -> None:
        """See ``register.Acts``."""
        self._later(lambda: self.api(f"uuid_kill {leg_id} {KILL_CAUSE}"))

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """See ``register.Acts``."""
        gevent.spawn_later(seconds, then)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _tell(self, agent_id: str, event: LineEvent) -> None:
        log.info("line", agent=agent_id, what=type(event).__name__)
        if self._listener is not None:
            self._listener.hear_line(agent_id, event)

    def _later(self, work: Callable[[], object]) -> None:
        """From a handler, which must not wait for a reply."""

        def run() -> None:
            try:
                work()
            except SwitchDown as error:
                log.error("not sent", reason=str(error))

        gevent.spawn(run)

    def _keep(self, person: str) -> None:
        reply = self.api(f"uuid_transfer {person} {LOST_EXTENSION} XML {CONTEXT}")
        if reply is not None and not reply.ok:
            self.book.gone(person)

    def _is_settled(self, line: TrackedLine, person: str) -> bool:
        """Whether a call whose beginning was not heard is in the wait, or beyond it, by the switch's own word."""
        try:
            reply = self.api(f"uuid_getvar {person} trunkline_connect")
        except SwitchDown:
            self.book.detach(line)
            raise
        word = reply.text.strip() if reply is not None else ""
        return bool(word) and word != "_undef_" and not word.startswith("-")

    def _join_late(self, line: TrackedLine, order: JoinOrder) -> None:
        try:
            self._join(line, order)
        except SwitchDown:
            self.book.tell(line, JoinFailed(self._now(), order.attempt_id, "switch_down"))
            raise

    def _join(self, line: TrackedLine, order: JoinOrder) -> None:
        """Join them now. What the agent hears and sees of it comes just after the command, while the switch is at it."""
        person = order.attempt_id
        call = self._call(person)
        if call is not None:
            call.target_name, call.connected = line.agent_id, False
        goes_to = f"{LOST_EXTENSION}:XML:{CONTEXT}" if line.kind is LineKind.NAILED_UP else ""
        variables = [
            ("trunkline_to", line.agent_id),
            ("trunkline_connect", "agent"),
            ("transfer_after_bridge", goes_to),
            ("hangup_after_bridge", "true"),
        ]
        try:
            self.api(f"uuid_setvar_multi {person} {in_setvar(variables)}")
            joined = self.bridge(line, person)
        except SwitchDown:
            self.book.detach(line)
            raise
        if not joined and line.person == person:
            self.book.detach(line)
            self.book.tell(line, JoinFailed(self._now(), person, "person_gone"))
            return
        self.api(f"uuid_setvar {line.line_id} trunkline_person {person}")
        if order.cue:
            self.api(f"uuid_displace {line.line_id} start {order.cue} 0 mux")
        name, number = shown(order.name), shown(order.number)
        if name or number:
            self.api(f"uuid_display {line.line_id} {name or number}|{number or name}")
