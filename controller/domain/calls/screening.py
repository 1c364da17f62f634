"""Who picked up, and what that means: detection's verdicts, its changes of mind, and the message left on a machine.

A person called machine is far worse than a machine passed on, so silence, doubt and a verdict that never comes lead to the
campaign's ``action_on_unknown``, which passes the call on unless told otherwise. A provisional person may turn out a machine
within seconds: whoever was joined with it is freed.
"""

from __future__ import annotations

from controller.domain.calls.actions import Action, LeaveMessage, Park, StartDetection, StopMessage
from controller.domain.calls.answering import Attach, OnMachine, OnUnknown
from controller.domain.calls.ending import let_agent_go, request_hang_up
from controller.domain.calls.events import BeepHeard, CallEvent, ConnectFailed, KeyPressed, VerdictGiven, VerdictRevised
from controller.domain.calls.states import BEFORE_ANSWER, Call, CallState
from controller.domain.calls.waiting import to_target

VERDICT_MARGIN_SECONDS = 1.0
"""After detection's own limit and this, it has died: its verdict is ``unknown``."""
LONGEST_MESSAGE_SECONDS = 180
"""A voicemail's own limit is shorter; a message that has not ended by then never will."""


def answered(call: Call, event: CallEvent) -> list[Action]:
    """Picked up: listen, or straight to the target, or both."""
    call.left = True
    call.answered_at = call.answered_at or event.at
    return _picked_up(call, event.at) if call.state in BEFORE_ANSWER else []


def found_waiting(call: Call, event: CallEvent) -> list[Action]:
    """Somebody picked up while nobody of ours listened. The greeting is over: to the target, at once."""
    call.left = True
    call.answered_at = call.answered_at or event.at
    return to_target(call, event.at)


def verdict(call: Call, event: CallEvent) -> list[Action]:
    """Detection's first word; a second first word is none. It implies that the call was answered."""
    assert isinstance(event, VerdictGiven)
    evidence = call.evidence
    if evidence.verdict is not None:
        return []
    actions: list[Action] = []
    if call.state in BEFORE_ANSWER:
        call.left = True
        call.answered_at = call.answered_at or event.at - event.detect_ms / 1000.0
        actions = [action for action in _picked_up(call, event.at) if not isinstance(action, StartDetection)]
    evidence.verdict, evidence.verdict_ms = event.kind, event.detect_ms
    evidence.confidence, evidence.detail = event.confidence, event.detail
    if call.state is CallState.SCREENING and event.greeting_ms is not None:
        call.person_at = event.at - max(0, event.detect_ms - event.greeting_ms) / 1000.0
    return [*actions, *_by_verdict(call, event.kind, event.at)]


def no_verdict(call: Call, event: CallEvent) -> list[Action]:
    """Detection's time has long been up and it said nothing."""
    call.evidence.verdict = "unknown"
    return _by_verdict(call, "unknown", event.at)


def revised(call: Call, event: CallEvent) -> list[Action]:
    """A change of mind: the provisional person is a machine, or somebody picked up where a machine spoke."""
    assert isinstance(event, VerdictRevised)
    evidence = call.evidence
    if evidence.believed == event.kind:
        return []
    evidence.revised, evidence.revised_ms = event.kind, event.detect_ms
    if event.kind == "machine":
        return _machine(call)
    return _person_after_all(call, event.at)


def key_instead_of_beep(call: Call, event: CallEvent) -> list[Action]:
    """Machines press no keys: somebody picked up."""
    assert isinstance(event, KeyPressed)
    call.evidence.key_at = call.evidence.key_at or event.at
    call.evidence.revised = "person"
    return _person_after_all(call, event.at)


def beep(call: Call, event: CallEvent) -> list[Action]:
    """From now on the machine records. A message that began without a beep begins again, once."""
    assert isinstance(event, BeepHeard)
    call.evidence.beep_at = call.evidence.beep_at or event.at
    if call.state is CallState.AWAITING_BEEP or (call.state is CallState.LEAVING_MESSAGE and call.unbeeped):
        return _leave_message(call, unbeeped=False)
    return []


def no_beep(call: Call, event: CallEvent) -> list[Action]:
    """The machine has fallen silent, or has spoken for so long that waiting makes no sense."""
    return _leave_message(call, unbeeped=True)


def message_played(call: Call, event: CallEvent) -> list[Action]:
    call.message_left = True
    return request_hang_up(call, "message_left")


def message_endless(call: Call, event: CallEvent) -> list[Action]:
    return request_hang_up(call, "machine")


def message_failed(call: Call, event: CallEvent) -> list[Action]:
    """The machine could not be held, or the message not be played: it is hung up on."""
    assert isinstance(event, ConnectFailed)
    return [] if event.told else request_hang_up(call, "machine")


def _picked_up(call: Call, at: float) -> list[Action]:
    detection = call.answering.detection
    listen: list[Action] = []
    if detection is not None:
        call.detecting = True
        listen = [StartDetection(detection)]
        if call.answering.attach is Attach.AFTER_VERDICT:
            call.enter(CallState.SCREENING, detection.max_seconds + VERDICT_MARGIN_SECONDS)
            return listen
    if call.order.connect_on_answer:
        call.enter(CallState.ANSWERED)
        return listen
    return [*to_target(call, at), *listen]


def _by_verdict(call: Call, kind: str, at: float) -> list[Action]:
    if kind in ("fax", "sit"):
        return request_hang_up(call, kind)
    if kind == "machine":
        if call.answering.on_machine is OnMachine.CONTINUE:
            return _pass_on(call, at)
        return _machine(call)
    if kind == "unknown" and call.answering.on_unknown is OnUnknown.TEARDOWN:
        return request_hang_up(call, "unknown")
    return _pass_on(call, at)


def _pass_on(call: Call, at: float) -> list[Action]:
    """To the target, unless the call is on its way there already."""
    return to_target(call, at) if call.state is CallState.SCREENING else []


def _machine(call: Call) -> list[Action]:
    """A machine, at once or after all. Whoever was joined with it is free."""
    answering = call.answering
    if answering.on_machine is OnMachine.CONTINUE or call.state is CallState.ENDING:
        return []
    if answering.on_machine is OnMachine.TEARDOWN or answering.message is None:
        return request_hang_up(call, "machine")
    hold = Park(int(answering.beep_seconds) + LONGEST_MESSAGE_SECONDS)
    freed = let_agent_go(call)
    if call.evidence.beep_at is not None:
        return [hold, *freed, *_leave_message(call, unbeeped=False)]
    call.enter(CallState.AWAITING_BEEP, answering.beep_seconds)
    return [hold, *freed]


def _leave_message(call: Call, unbeeped: bool) -> list[Action]:
    assert call.answering.message is not None, "only a campaign with a message waits for a beep"
    call.unbeeped = unbeeped
    call.enter(CallState.LEAVING_MESSAGE, float(LONGEST_MESSAGE_SECONDS))
    return [LeaveMessage(call.answering.message)]


def _person_after_all(call: Call, at: float) -> list[Action]:
    if call.state not in (CallState.AWAITING_BEEP, CallState.LEAVING_MESSAGE):
        return []
    stop: list[Action] = [StopMessage()] if call.state is CallState.LEAVING_MESSAGE else []
    call.person_at = at
    return [*stop, *to_target(call, at)]
