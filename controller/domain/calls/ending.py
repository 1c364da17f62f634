"""How a call comes to its end: our wish for it, the end itself, and which outcome it was.

``machine.py`` says when; how an outcome is retried is ``campaigns/retry.py``'s business.
"""

from __future__ import annotations

from controller.domain.agents.agent import ReservationEnd, SeizureOutcome
from controller.domain.calls.actions import Action, Finish, HangUp, ReleaseAgent, StopDetection
from controller.domain.calls.answering import OnMachine
from controller.domain.calls.events import HungUp
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.states import Call, CallState

_NAMED_BY_VERDICT = {"fax": Outcome.FAX, "sit": Outcome.INVALID_NUMBER}

_SEIZURES = {
    ReservationEnd.RETURNED: SeizureOutcome.RESERVED,
    ReservationEnd.TIMEOUT: SeizureOutcome.TIMEOUT,
    ReservationEnd.RONA: SeizureOutcome.RONA,
}


def request_hang_up(call: Call, why: str) -> list[Action]:
    """We want the call to end (stop, operator, shutdown, machine). Asked twice, done once."""
    if call.state in (CallState.ENDING, CallState.ENDED):
        return []
    call.hang_up_reason = why
    call.enter(CallState.ENDING)
    return [HangUp(why)]


def finish(call: Call, at: float, outcome: Outcome, cause: str, sip_status: int | None) -> list[Action]:
    """The one end of a call: detection and agent go, then the record is written."""
    call.enter(CallState.ENDED)
    call.ended_at = at
    actions: list[Action] = [StopDetection()] if call.detecting else []
    return [*actions, *let_agent_go(call), Finish(outcome, cause, sip_status)]


def let_agent_go(call: Call, end: ReservationEnd = ReservationEnd.RETURNED) -> list[Action]:
    """The agent of the call, if it has one, is free of it. end: how, if they were never joined."""
    if call.agent is None:
        return []
    agent, call.agent = call.agent, None
    call.seizure = _SEIZURES[end]
    if call.connected_at is None or end is not ReservationEnd.RETURNED:
        return [ReleaseAgent(agent, end)]
    only_a_machine = call.evidence.believed == "machine" and call.answering.on_machine is not OnMachine.CONTINUE
    return [ReleaseAgent(agent, ReservationEnd.TALK, wrap_up=not only_a_machine)]


def outcome_at_hang_up(call: Call, end: HungUp) -> Outcome:
    """The outcome of a call that has ended, from the most certain to the least.

    An answered call that nobody was connected with is the person's own wish when it ended within the patience that the law
    grants, and ``abandoned`` when it lasted longer. A call that ended while detection still listened counts as a person's:
    doubt is counted against us.
    """
    if call.answered_at is None:
        return end.outcome
    believed = call.evidence.believed
    if believed in _NAMED_BY_VERDICT and call.connected_at is None:
        return _NAMED_BY_VERDICT[believed]
    if call.message_left:
        return Outcome.MESSAGE_LEFT
    if call.hang_up_reason == "machine":
        return Outcome.MACHINE
    if call.connected_at is not None:
        return Outcome.ANSWERED
    if call.hang_up_reason == "unknown":
        return Outcome.AMD_UNKNOWN
    if believed == "machine":
        return Outcome.AGENT_UNAVAILABLE if call.seizure is not None else Outcome.MACHINE
    since = call.answered_at if call.person_at is None else call.person_at
    waited = end.at - since >= call.answering.patience_seconds
    return Outcome.ABANDONED if call.treated or call.connect_failed is not None or waited else Outcome.ANSWERED
