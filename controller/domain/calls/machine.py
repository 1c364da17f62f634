"""The call machine: what happened → what to do. One table, no clock, no world.

Events come over a network: late, twice, in another order, or not at all. Three rules make the end state the same whatever
comes (design section 5):

1. An event that finds no row in :data:`TABLE` for the call's present state is late or repeated, and changes nothing.
2. Whatever an event implies is taken as having happened: who is answered has been rung, who is connected has answered.
3. The end can come in any state, and carries the switch's own memory of the times, which fills what was not heard.

``Finish`` comes exactly once: the state ENDED has no rows. Every state in which somebody could be kept waiting for a word that
never comes has a limit (``Call.limit_seconds``), and a row for ``TimeUp``.

    dialing ─► ringing ─┬─► answered ───────────────────────────────────► connected
                        │                                                    ▲
                        ├─► screening ─┬─ person, unknown ─┬─► connecting ───┤
                        │   (detection)│                   │       ▲  │ agent lost
                        └──────────────│───────────────────┴─► waiting ◄─────┤ (a queue: an agent is sought)
                                       │                         │ nobody    │ revised: machine
                                       │                         ▼           │
                                       │                    apologising      │
                                       └─ machine ─► awaiting_beep ◄─────────┘
                                                         │ beep, silence, time
                                                         ▼
                                                     leaving_message

What each of them means lies in ``screening.py`` (who picked up), ``waiting.py`` (whom they are to talk to) and ``ending.py``.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.calls import screening, waiting
from controller.domain.calls.actions import Action, AskSwitch
from controller.domain.calls.ending import finish, outcome_at_hang_up
from controller.domain.calls.events import (
    AgentLost,
    AgentReserved,
    Answered,
    BeepHeard,
    CallEvent,
    Connected,
    ConnectFailed,
    DialFailed,
    FoundTalking,
    FoundWaiting,
    GreetingEnded,
    HandedOver,
    HungUp,
    KeyPressed,
    Left,
    MessagePlayed,
    NoAgent,
    Overdue,
    Ringing,
    TimeUp,
    Vanished,
    VerdictGiven,
    VerdictRevised,
)
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.states import ALIVE, BEFORE_ANSWER, PICKED_UP, Call, CallState


def hear(call: Call, event: CallEvent) -> list[Action]:
    """Take ``event`` into ``call``; what to do about it, in order. Never raises."""
    row = TABLE.get((call.state, type(event)))
    return [] if row is None else row(call, event)


def _left(call: Call, event: CallEvent) -> list[Action]:
    call.left = True
    return []


def _ringing(call: Call, event: CallEvent) -> list[Action]:
    call.left = True
    call.ringing_at = call.ringing_at or event.at
    if call.state is CallState.DIALING:
        call.enter(CallState.RINGING)
    return []


def _hung_up(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, HungUp)
    call.ringing_at = call.ringing_at or event.ringing_at
    call.answered_at = call.answered_at or event.answered_at
    if event.connected_at is not None and call.connected_at is None:
        call.connected_at, call.connected_to = event.connected_at, call.agent or call.order.target.name
    call.answered_at = call.answered_at or call.connected_at
    call.connect_failed = call.connect_failed or event.connect_failed
    call.opted_out = call.opted_out or event.opted_out
    return finish(call, event.at, outcome_at_hang_up(call, event), event.cause, event.sip_status)


def _dial_failed(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, DialFailed)
    if call.left or event.left:
        # The invitation left, so the call's own end will tell; should that be lost, the overdue timer asks.
        call.left = True
        return []
    return finish(call, event.at, event.outcome, event.cause, None)


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
    return finish(call, event.at, outcome, event.reason, None)


Row = Callable[[Call, CallEvent], list[Action]]
_S = CallState
_UNJOINED = (*BEFORE_ANSWER, _S.ANSWERED, _S.CONNECTING)
_MACHINES = (_S.AWAITING_BEEP, _S.LEAVING_MESSAGE)

TABLE: dict[tuple[CallState, type[CallEvent]], Row] = {
    **{(state, Left): _left for state in (*BEFORE_ANSWER, _S.ENDING)},
    **{(state, Ringing): _ringing for state in ALIVE},
    **{(state, Answered): screening.answered for state in ALIVE},
    **{(state, FoundWaiting): screening.found_waiting for state in BEFORE_ANSWER},
    # detection
    **{(state, VerdictGiven): screening.verdict for state in ALIVE if state is not _S.ENDING},
    **{(state, VerdictRevised): screening.revised for state in ALIVE},
    (_S.SCREENING, TimeUp): screening.no_verdict,
    **{(state, BeepHeard): screening.beep for state in PICKED_UP},
    (_S.AWAITING_BEEP, GreetingEnded): screening.no_beep,
    (_S.AWAITING_BEEP, TimeUp): screening.no_beep,
    (_S.LEAVING_MESSAGE, MessagePlayed): screening.message_played,
    (_S.LEAVING_MESSAGE, TimeUp): screening.message_endless,
    **{(state, ConnectFailed): screening.message_failed for state in _MACHINES},
    # target, agent, apology
    **{(state, Connected): waiting.connected for state in (*_UNJOINED, _S.ENDING)},
    **{(state, ConnectFailed): waiting.connect_failed for state in (*_UNJOINED, _S.SCREENING, _S.WAITING)},
    **{(state, AgentReserved): waiting.agent_reserved for state in ALIVE},
    **{(state, FoundTalking): waiting.found_talking for state in (*_UNJOINED, _S.CONNECTED, _S.ENDING)},
    (_S.WAITING, NoAgent): waiting.no_agent,
    (_S.WAITING, TimeUp): waiting.nobody_came,
    (_S.CONNECTING, TimeUp): waiting.nobody_came,
    **{(state, AgentLost): waiting.agent_lost for state in ALIVE},
    (_S.CONNECTED, HandedOver): waiting.handed_over,
    **{(state, KeyPressed): waiting.key_pressed for state in ALIVE if state not in _MACHINES},
    **{(state, KeyPressed): screening.key_instead_of_beep for state in _MACHINES},
    (_S.APOLOGISING, MessagePlayed): waiting.apology_over,
    (_S.APOLOGISING, TimeUp): waiting.apology_over,
    (_S.APOLOGISING, ConnectFailed): waiting.apology_failed,
    # the end
    **{(state, DialFailed): _dial_failed for state in (*BEFORE_ANSWER, _S.ENDING)},
    **{(state, HungUp): _hung_up for state in ALIVE},
    **{(state, Overdue): _overdue for state in ALIVE},
    **{(state, Vanished): _vanished for state in ALIVE},
}
