"""The call machine: what happened → what to do. One table, no clock, no world.

Events come over a network: late, twice, in another order, or not at all. Three rules make the end state the same whatever
comes (design section 5):

1. An event that finds no row in :data:`TABLE` for the call's present state is late or repeated, and changes nothing.
2. Whatever an event implies is taken as having happened: who is answered has been rung, who is connected has answered.
3. The end can come in any state, and carries the switch's own memory of the times, which fills what was not heard.

``Finish`` comes exactly once: the state ENDED has no rows.

    dialing ──Ringing──► ringing ──Answered──► answered ──Connected──► connected
       └───────────────Answered──────────────►    │                        ▲
                       with detection: screening ─┴─VerdictGiven─► connecting
                                           └─ machine, fax ─► ending
"""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.calls.actions import Action, AskSwitch, Connect, Finish, HangUp, StartDetection
from controller.domain.calls.answering import PATIENCE_SECONDS, Detection
from controller.domain.calls.events import (
    Answered,
    CallEvent,
    Connected,
    ConnectFailed,
    DialFailed,
    HungUp,
    Left,
    Overdue,
    Ringing,
    Vanished,
    VerdictGiven,
)
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.states import Call, CallState

_NOT_FOR_PEOPLE = {"machine": Outcome.MACHINE, "fax": Outcome.FAX, "sit": Outcome.INVALID_NUMBER}


def hear(call: Call, event: CallEvent) -> list[Action]:
    """Take ``event`` into ``call``; what to do about it, in order. Never raises."""
    row = TABLE.get((call.state, type(event)))
    return [] if row is None else row(call, event)


def request_hang_up(call: Call, why: str) -> list[Action]:
    """We want the call to end (stop, operator, shutdown). Asked twice, done once."""
    if call.state in (CallState.ENDING, CallState.ENDED):
        return []
    call.state = CallState.ENDING
    call.hang_up_reason = why
    return [HangUp(why)]


def _left(call: Call, event: CallEvent) -> list[Action]:
    call.left = True
    return []


def _ringing(call: Call, event: CallEvent) -> list[Action]:
    call.left = True
    call.ringing_at = call.ringing_at or event.at
    if call.state is CallState.DIALING:
        call.state = CallState.RINGING
    return []


def _answered(call: Call, event: CallEvent) -> list[Action]:
    call.left = True
    call.answered_at = call.answered_at or event.at
    if call.state not in _BEFORE_ANSWER:
        return []
    if call.order.connect_on_answer:
        call.state = CallState.ANSWERED
        return []
    call.state = CallState.SCREENING
    return [StartDetection(Detection())]


def _verdict(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, VerdictGiven)
    call.verdict, call.verdict_ms = event.kind, event.detect_ms
    if event.kind in _NOT_FOR_PEOPLE:
        return request_hang_up(call, event.kind)
    call.state = CallState.CONNECTING
    return [Connect(call.order.target)]


def _connected(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, Connected)
    call.left = True
    call.connected_at = call.connected_at or event.at
    call.connected_to = event.to
    if call.state is not CallState.ENDING:
        call.state = CallState.CONNECTED
    return []


def _connect_failed(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, ConnectFailed)
    call.connect_failed = event.reason
    return []


def _hung_up(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, HungUp)
    call.ringing_at = call.ringing_at or event.ringing_at
    call.answered_at = call.answered_at or event.answered_at
    if event.connected_at is not None and call.connected_at is None:
        call.connected_at, call.connected_to = event.connected_at, call.order.target.name
    call.answered_at = call.answered_at or call.connected_at
    call.connect_failed = call.connect_failed or event.connect_failed
    return _finish(call, event.at, _outcome_at_hang_up(call, event), event.cause, event.sip_status)


def _outcome_at_hang_up(call: Call, event: HungUp) -> Outcome:
    if call.answered_at is None:
        return event.outcome
    if call.connected_at is not None:
        return Outcome.ANSWERED
    if call.verdict in _NOT_FOR_PEOPLE:
        return _NOT_FOR_PEOPLE[call.verdict]
    if call.connect_failed is not None or event.at - call.answered_at >= PATIENCE_SECONDS:
        return Outcome.ABANDONED
    return Outcome.ANSWERED


def _dial_failed(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, DialFailed)
    if call.left or event.left:
        # The invitation left, so the call's own end will tell; should that be lost, the overdue timer asks.
        call.left = True
        return []
    return _finish(call, event.at, event.outcome, event.cause, None)


def _overdue(call: Call, event: CallEvent) -> list[Action]:
    return [AskSwitch()]


def _vanished(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, Vanished)
    call.answered_at = call.answered_at or call.connected_at
    if call.connected_at is not None:
        outcome = Outcome.ANSWERED
    elif event.recorded and not call.left:
        outcome = Outcome.NOT_DIALLED
    else:
        outcome = Outcome.UNKNOWN
    return _finish(call, event.at, outcome, event.reason, None)


def _finish(call: Call, at: float, outcome: Outcome, cause: str, sip_status: int | None) -> list[Action]:
    call.state = CallState.ENDED
    call.ended_at = at
    return [Finish(outcome, cause, sip_status)]


Row = Callable[[Call, CallEvent], list[Action]]
_BEFORE_ANSWER = (CallState.DIALING, CallState.RINGING)
_ALIVE = tuple(state for state in CallState if state is not CallState.ENDED)

TABLE: dict[tuple[CallState, type[CallEvent]], Row] = {
    **{(state, Left): _left for state in (*_BEFORE_ANSWER, CallState.ENDING)},
    **{(state, Ringing): _ringing for state in _ALIVE},
    **{(state, Answered): _answered for state in _ALIVE},
    (CallState.SCREENING, VerdictGiven): _verdict,
    **{
        (state, Connected): _connected
        for state in (*_BEFORE_ANSWER, CallState.ANSWERED, CallState.CONNECTING, CallState.ENDING)
    },
    **{(state, ConnectFailed): _connect_failed for state in (*_BEFORE_ANSWER, CallState.ANSWERED, CallState.CONNECTING)},
    **{(state, DialFailed): _dial_failed for state in (*_BEFORE_ANSWER, CallState.ENDING)},
    **{(state, HungUp): _hung_up for state in _ALIVE},
    **{(state, Overdue): _overdue for state in _ALIVE},
    **{(state, Vanished): _vanished for state in _ALIVE},
}
