"""Events of agents' lines → what happened, in the trade's words.

Says each thing once, in an order that can be acted upon. Who belongs to a line, and when what ends a talk is told, is in
``register.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from controller.domain.agents.line import (
    ConsultEnded,
    ConsultRinging,
    ConsultUp,
    JoinFailed,
    LineDown,
    LineKey,
    LineKind,
    LineRinging,
    LineUp,
    PersonHeld,
    RingNoAnswer,
    SuperviseMode,
    SupervisorOff,
    SupervisorOn,
    TalkBegan,
    TalkEnded,
    Transferred,
)
from esl_handlers.causes import refusal_cause
from esl_handlers.lines.register import LineRegister
from esl_handlers.lines.tracked import Consult, Standing, Supervisor, TrackedLine
from esl_handlers.router import AGENT_SUBCLASS, CONNECT_SUBCLASS
from esl_handlers.wire import Event

KEY_OF_MODE = {SuperviseMode.LISTEN: "0", SuperviseMode.WHISPER: "2", SuperviseMode.BARGE: "3"}
"""Keys of FreeSWITCH's eavesdrop. 1 speaks to the person alone."""
MODE_OF_KEY = {key: mode for mode, key in KEY_OF_MODE.items()} | {"1": SuperviseMode.BARGE}

NOT_ANSWERED = ("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT")
PUT_DOWN = ("NORMAL_CLEARING", "NORMAL_UNSPECIFIED")


class LineBook(LineRegister):
    """The register, kept by the switch's events."""

    def handlers(self) -> dict[str, Callable[[Event], None]]:
        """For the event link: event name or subclass → handler."""
        return {
            "CHANNEL_CREATE": self._created,
            "CHANNEL_PROGRESS": self._ringing,
            "CHANNEL_PROGRESS_MEDIA": self._ringing,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "BACKGROUND_JOB": self._job_done,
            "DTMF": self._key,
            AGENT_SUBCLASS: self._line_says,
            CONNECT_SUBCLASS: self._person_says,
        }

    def lost(self, lines: Iterable[TrackedLine], reason: str) -> None:
        """Those lines are gone, and no event told so."""
        for line in list(lines):
            self._down(line, reason, "", self._now())

    # -- what is heard ------------------------------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        line, leg = self._legs.get(event.get("Unique-ID"), (None, None))
        if leg is not None:
            leg.created = True
        elif line is not None:
            line.created = True
            if line.closing:
                self._acts.drop(line.line_id)

    def _ringing(self, event: Event) -> None:
        line, leg = self._legs.get(event.get("Unique-ID"), (None, None))
        if line is None:
            return
        if isinstance(leg, Consult):
            self.tell(line, ConsultRinging(event.received_at))
        elif leg is None and not line.rang:
            line.rang = True
            self.tell(line, LineRinging(event.received_at))

    def _bridged(self, event: Event) -> None:
        """CHANNEL_BRIDGE names both legs; which of them comes first is the switch's affair."""
        first, second = event.get("Unique-ID"), event.get("Bridge-B-Unique-ID")
        for one, other in ((first, second), (second, first)):
            line, leg = self._legs.get(one, (None, None))
            if line is None:
                continue
            if leg is None:
                self._line_joined(line, other, event.received_at)
            elif leg is line.consult and other == line.person:
                person, to = other, leg.to
                self.forget_consult(line)
                self.detach(line)
                self.settle_now_if_free(line, Transferred(event.received_at, person, to))

    def _line_joined(self, line: TrackedLine, other: str, at: float) -> None:
        line.bridged = True
        if other == line.person and line.standing is not Standing.TALKING:
            line.standing, line.talked = Standing.TALKING, True
            self.tell(line, TalkBegan(at, other))
        elif line.consult is not None and other == line.consult.leg_id:
            line.consult.up = True
            self.tell(line, ConsultUp(at))

    def _line_says(self, event: Event) -> None:
        """``trunkline::agent`` from the dialplan."""
        line, leg = self._legs.get(event.get("Unique-ID"), (None, None))
        if line is None:
            return
        word, at = event.get("variable_trunkline_line"), event.received_at
        if word == "up" and not line.up:
            line.created = line.up = True
            self.tell(line, LineUp(at))
        elif word == "free":
            self._freed(line, at)
        elif word == "consult" and isinstance(leg, Consult):
            leg.answered = True
            self._meet(line)
        elif word == "supervise" and isinstance(leg, Supervisor):
            leg.on = True
            self.tell(line, SupervisorOn(at, leg.name, leg.mode))

    def _freed(self, line: TrackedLine, at: float) -> None:
        """Whom the line was joined with has gone, or moved on."""
        was_bridged, line.bridged = line.bridged, False
        if line.pending:
            self._tell_pending(line)
        elif line.person is not None and line.standing is Standing.TALKING:
            person = line.person
            self.detach(line)
            self.tell(line, TalkEnded(at, person))
        elif line.person is not None and line.standing is Standing.JOINING and not was_bridged:
            person = line.person
            self.detach(line)
            self.tell(line, JoinFailed(at, person, "person_gone"))
        self._meet(line)

    def _meet(self, line: TrackedLine) -> None:
        consult = line.consult
        if consult is None or not consult.answered or consult.meeting:
            return
        if line.standing is Standing.HELD and not line.bridged:
            self._acts.meet(line)

    def _person_says(self, event: Event) -> None:
        """``trunkline::connect`` from the dialplan: where a person has got to."""
        person = event.get("Unique-ID")
        line = self._people.get(person)
        if line is None:
            return
        word, at = event.get("variable_trunkline_connect"), event.received_at
        if line.standing is Standing.EXPECTING:
            order = self.arrived(person)
            if order is not None:
                self._acts.expected(line, order)
        elif word in ("waiting", "agent"):
            return  # where they were before the join, told late
        elif word == "held":
            if line.standing is Standing.HOLDING:
                line.standing = Standing.HELD
                self.settle_now_if_free(line, PersonHeld(at, person))
                self._meet(line)
        elif word == "transfer":
            self.detach(line)
            self.settle_now_if_free(line, Transferred(at, person, line.to))
        else:
            held = line.standing is Standing.HELD
            self.detach(line)
            ended = TalkEnded(at, person, person_waits=word == "agent_lost")
            if held:
                self.tell(line, ended)
            else:
                self.settle_now_if_free(line, ended)
        self._last_word(line)

    def _hung_up(self, event: Event) -> None:
        leg_id, cause, at = event.get("Unique-ID"), event.get("Hangup-Cause"), event.received_at
        line = self._people.get(leg_id)
        if line is not None:
            self._person_gone(line, leg_id, at)
        self._leg_gone(leg_id, cause, at)

    def gone(self, person: str) -> None:
        """The person of a line that is gone has left, too, and no event told so."""
        line = self._people.get(person)
        if line is not None:
            self._person_gone(line, person, self._now())

    def _person_gone(self, line: TrackedLine, person: str, at: float) -> None:
        standing = line.standing
        self.detach(line)
        if standing is Standing.EXPECTING:
            self.tell(line, JoinFailed(at, person, "person_gone"))
        elif standing is Standing.JOINING:
            self.settle(line, JoinFailed(at, person, "person_gone"))
        elif standing is Standing.HELD:
            self.tell(line, TalkEnded(at, person))
        else:
            self.settle_now_if_free(line, TalkEnded(at, person))
        self._last_word(line)

    def _last_word(self, line: TrackedLine) -> None:
        """A line that is gone says so once its person belongs to it no more."""
        if line.person is None and self._agents.get(line.agent_id) is not line:
            self._tell_pending(line)

    def _job_done(self, event: Event) -> None:
        """A leg that the switch refused before there was a channel ends with its job alone."""
        leg_id = event.get("Job-UUID")
        line, leg = self._legs.get(leg_id, (None, None))
        if line is None or (line.created if leg is None else leg.created):
            return
        cause = refusal_cause(event.body)
        if cause is not None:
            self._leg_gone(leg_id, cause, event.received_at)

    def _leg_gone(self, leg_id: str, cause: str, at: float) -> None:
        line, leg = self._legs.get(leg_id, (None, None))
        if line is None:
            return
        if leg is None:
            self._down(line, _why(line, cause), cause, at)
        elif isinstance(leg, Consult):
            self.forget_consult(line)
            reason = "hung_up" if leg.answered else "no_answer" if cause in NOT_ANSWERED else "refused"
            self.settle_now_if_free(line, ConsultEnded(at, reason))
        else:
            self.forget_supervisor(line, leg)
            reason = "hung_up" if leg.on else "no_answer" if cause in NOT_ANSWERED else "refused"
            self.tell(line, SupervisorOff(at, leg.name, reason))

    def _down(self, line: TrackedLine, reason: str, cause: str, at: float) -> None:
        self.remove(line)
        for supervisor in list(line.supervisors.values()):
            self.forget_supervisor(line, supervisor)
            self._acts.drop(supervisor.leg_id)
            self.tell(line, SupervisorOff(at, supervisor.name, "line_down"))
        if line.consult is not None:
            self._acts.drop(line.consult.leg_id)
            self.forget_consult(line)
        line.muted = False
        self._tell_pending(line)
        if line.person is not None:
            person, standing = line.person, line.standing
            self.detach(line)
            self._person_left_alone(line, person, standing, reason, at)
        vain = not line.up and not line.closing and cause in NOT_ANSWERED
        gone = RingNoAnswer(at) if vain else LineDown(at, reason, cause)
        if line.person is None:
            self.tell(line, gone)
        else:
            self.settle(line, gone)  # after what became of the person, so that whoever hears of it can help them at once

    def _person_left_alone(self, line: TrackedLine, person: str, standing: Standing, reason: str, at: float) -> None:
        if standing in (Standing.EXPECTING, Standing.JOINING):
            self.tell(line, JoinFailed(at, person, "line_down"))
            return
        if reason == "switch_restarted":
            self.tell(line, TalkEnded(at, person))
            return
        # What becomes of them, they say themselves; only then can they be joined again.
        self.attach(line, person, Standing.LEAVING)
        line.bridged = False
        if standing in (Standing.HOLDING, Standing.HELD) or reason == "unseen":
            self._acts.keep(person)

    def _key(self, event: Event) -> None:
        line, leg = self._legs.get(event.get("Unique-ID"), (None, None))
        key, at = event.get("DTMF-Digit"), event.received_at
        if line is None:
            return
        if leg is None:
            self.tell(line, LineKey(at, key))
        elif isinstance(leg, Supervisor) and key in MODE_OF_KEY:
            leg.mode = MODE_OF_KEY[key]
            self.tell(line, SupervisorOn(at, leg.name, leg.mode))


def _why(line: TrackedLine, cause: str) -> str:
    """Why a line that ended with ``cause`` did so."""
    if line.closing:
        return "closed"
    if not line.up:
        return "refused"
    if line.kind is LineKind.ON_HOOK and line.talked:
        return "talk_over"
    return "hung_up" if cause in PUT_DOWN else "fault"
