"""The call machine, told as calls: what happened → what to do."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.calls.actions import (
    AskSwitch,
    DialOrder,
    Finish,
    HangUp,
    Target,
)
from controller.domain.calls.ending import request_hang_up
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
)
from controller.domain.calls.machine import hear
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.states import Call, CallState

BOT = Target("bot", "collections", "sip:collections@127.0.0.1:5070")


def dialled() -> Call:
    order = DialOrder("a-1", "june", 1, "acme", "919999999999", "+911140001000", 30, 3600, BOT)
    return Call(order, placed_at=100.0)


def tell(call: Call, *events: CallEvent) -> list[object]:
    return [action for event in events for action in hear(call, event)]


def test_person_talks_to_the_bot():
    """Rung, answered, connected, hung up: an answered call, finished once, with all its times."""
    call = dialled()
    actions = tell(
        call,
        Left(100.1),
        Ringing(101.0),
        Answered(105.0),
        Connected(105.05, "collections"),
        HungUp(150.0, Outcome.ERROR, "NORMAL"),
    )
    assert actions == [Finish(Outcome.ANSWERED, "NORMAL", None)]
    assert (call.ringing_at, call.answered_at, call.connected_at, call.ended_at) == (101.0, 105.0, 105.05, 150.0)
    assert call.connected_to == "collections"


def test_nobody_answers():
    """The end's own outcome counts when nobody picked up."""
    call = dialled()
    assert tell(call, Ringing(101.0), HungUp(130.0, Outcome.NO_ANSWER, "NO_ANSWER")) == [
        Finish(Outcome.NO_ANSWER, "NO_ANSWER", None)
    ]


def test_refused_inside_the_switch_ends_at_once():
    """The switch refused and nothing left the box: the attempt ends there and then."""
    call = dialled()
    assert tell(call, DialFailed(100.1, Outcome.NOT_DIALLED, "DESTINATION_OUT_OF_ORDER")) == [
        Finish(Outcome.NOT_DIALLED, "DESTINATION_OUT_OF_ORDER", None)
    ]


def test_refused_after_the_invitation_left_waits_for_the_end():
    """A failure report for a call that left the box decides nothing: the call's own end does."""
    call = dialled()
    assert tell(call, Left(100.1), DialFailed(100.2, Outcome.BUSY, "USER_BUSY")) == []
    assert tell(call, HungUp(100.3, Outcome.BUSY, "USER_BUSY", 486)) == [Finish(Outcome.BUSY, "USER_BUSY", 486)]


def test_a_person_whom_the_bot_kept_waiting_is_abandoned():
    """Answered, nobody there for two seconds, gone: abandoned; a quicker hang-up is the person's own wish."""
    waited, quick = dialled(), dialled()
    assert tell(waited, Answered(105.0), HungUp(107.0, Outcome.ERROR, "NORMAL"))[0].outcome is Outcome.ABANDONED  # type: ignore[attr-defined]
    assert tell(quick, Answered(105.0), HungUp(106.9, Outcome.ERROR, "NORMAL"))[0].outcome is Outcome.ANSWERED  # type: ignore[attr-defined]


def test_a_bot_that_refuses_abandons_the_person():
    """The target could not be reached: abandoned, however short the call was."""
    call = dialled()
    actions = tell(call, Answered(105.0), ConnectFailed(105.1, "USER_BUSY"), HungUp(105.9, Outcome.ERROR, "NORMAL"))
    assert actions == [Finish(Outcome.ABANDONED, "NORMAL", None)]


def test_the_end_remembers_what_was_not_heard():
    """Answer and bridge events were lost: the end's own times stand in."""
    call = dialled()
    end = HungUp(150.0, Outcome.ERROR, "NORMAL", 200, answered_at=105.0, ringing_at=101.0, connected_at=105.1)
    assert tell(call, end) == [Finish(Outcome.ANSWERED, "NORMAL", 200)]
    assert (call.ringing_at, call.answered_at, call.connected_to) == (101.0, 105.0, "collections")


def test_silence_asks_the_switch():
    """An overdue call is asked for; one that the switch does not know ends as unknown, which counts as made."""
    call = dialled()
    assert tell(call, Overdue(200.0)) == [AskSwitch()]
    assert tell(call, Vanished(200.1, "not known")) == [Finish(Outcome.UNKNOWN, "not known", None)]


def test_hanging_up_twice_is_asked_once():
    """Stop and an operator both want the end: one hang-up goes out, one end is recorded."""
    call = dialled()
    assert request_hang_up(call, "stop") == [HangUp("stop")]
    assert request_hang_up(call, "operator") == []
    assert tell(call, HungUp(110.0, Outcome.CANCELLED, "MANAGER_REQUEST")) == [
        Finish(Outcome.CANCELLED, "MANAGER_REQUEST", None)
    ]
    assert request_hang_up(call, "late") == []


HEARD: tuple[CallEvent, ...] = (
    Left(100.1),
    Ringing(101.0),
    Answered(105.0),
    Connected(105.05, "collections"),
    HungUp(150.0, Outcome.ERROR, "NORMAL", 200, answered_at=105.0, ringing_at=101.0, connected_at=105.05),
)


@pytest.mark.parametrize("lost", [combo for n in range(5) for combo in itertools.combinations(range(4), n)])
def test_any_events_may_be_lost(lost: tuple[int, ...]):
    """Whatever is lost before the end, the end state is the same."""
    call = dialled()
    tell(call, *(event for index, event in enumerate(HEARD) if index not in lost))
    assert (call.state, call.ringing_at, call.answered_at, call.connected_at) == (CallState.ENDED, 101.0, 105.0, 105.05)


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(HEARD[:4]), max_size=6))
def test_any_order_and_repetition_finishes_once(chance: Random, repeats: list[CallEvent]):
    """Events repeated and shuffled, the end among them: exactly one Finish, and it says answered."""
    call = dialled()
    events = [*HEARD, *repeats, HEARD[4]]
    chance.shuffle(events)
    finishes = [action for action in tell(call, *events) if isinstance(action, Finish)]
    assert [finish.outcome for finish in finishes] == [Outcome.ANSWERED]
