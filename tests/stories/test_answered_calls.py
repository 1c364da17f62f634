"""Whole calls with detection: who is connected, who is hung up on, who gets a message, and how each is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.answering import Attach, OnMachine, OnUnknown
from controller.domain.calls.events import (
    Answered,
    BeepHeard,
    CallEvent,
    Connected,
    HungUp,
    KeyPressed,
    Left,
    MessagePlayed,
    VerdictGiven,
    VerdictRevised,
)
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptEnd
from controller.domain.campaigns.answers import Abandoned, AmdDefaults
from controller.engine.adopt import adopt_live_attempts
from controller.errors import SwitchDown
from tests.stories.floor import Floor

Script = Sequence[tuple[float, CallEvent]]
PICKED_UP: Script = [(0.001, Left(1.0)), (0.002, Answered(2.0))]
TALKS: Script = [(0.001, Connected(3.0, "bot")), (0.02, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200))]
LISTEN = AmdDefaults(enabled=True)
VOICEMAIL = AmdDefaults(enabled=True, action_on_machine=OnMachine.LEAVE_MESSAGE, message="vm.wav")


def verdict(kind: str) -> Script:
    return [(0.005, VerdictGiven(2.5, kind, 0.9, 500))]


def told(
    answers: dict[str, Script], picked_up: Script = PICKED_UP, contacts: int = 3, **plan: Any
) -> tuple[Floor, list[AttemptEnd]]:
    """A campaign whose calls all go this way, to its end."""
    with Floor(lambda order: picked_up) as floor:
        floor.switch.answers = answers
        run_id = floor.campaign(contacts, **plan)
        floor.wait(floor.finished(run_id))
        floor.wait(floor.slots_free)
    return floor, [attempt.end for attempt in floor.store.attempts() if attempt.end is not None]


def outcomes(ends: list[AttemptEnd]) -> Counter[str]:
    return Counter(end.outcome.value for end in ends)


def asked(floor: Floor) -> set[tuple[str, ...]]:
    """The different things that were asked of the switch for a call."""
    return {tuple(floor.switch.asked_of(order.attempt_id)) for order in floor.switch.dialled}


def test_a_person_is_connected_after_the_verdict():
    """Parked at the answer, listened to, joined with the bot; verdict and its time are on record."""
    floor, ends = told({"screen": verdict("person"), "connect": TALKS}, amd=LISTEN)
    assert outcomes(ends) == {"answered": 3}
    assert asked(floor) == {("screen", "connect", "stop_screening")}
    assert not any(order.connect_on_answer for order in floor.switch.dialled)
    assert {(end.amd_verdict, end.amd_ms, end.amd_confidence, end.connected_to) for end in ends} == {
        ("person", 500, 0.9, "bot")
    }


def test_a_machine_is_hung_up_on_by_default():
    """Nobody is connected, and the contact is done unless the campaign retries machines."""
    floor, ends = told({"screen": verdict("machine")}, amd=LISTEN)
    assert outcomes(ends) == {"machine": 3}
    assert len(floor.switch.hung_up) == 3


def test_a_machine_gets_the_message_after_its_beep():
    """Held, beep, message, hang-up: counted as a message left."""
    beep: Script = [(0.01, BeepHeard(6.0))]
    floor, ends = told(
        {"screen": verdict("machine"), "park": beep, "leave vm.wav": [(0.01, MessagePlayed(9.0))]}, amd=VOICEMAIL
    )
    assert outcomes(ends) == {"message_left": 3}
    assert asked(floor) == {("screen", "park", "leave vm.wav", "stop_screening")}
    assert {end.beep_at for end in ends} == {6.0}


def test_a_machine_without_a_beep_gets_the_message_when_time_is_up():
    """Detection hears neither beep nor silence: after ``beep_seconds`` the message is left all the same."""
    patient = VOICEMAIL.model_copy(update={"beep_seconds": 1.0})
    _floor, ends = told({"screen": verdict("machine"), "leave vm.wav": [(0.01, MessagePlayed(9.0))]}, contacts=1, amd=patient)
    assert outcomes(ends) == {"message_left": 1}


@pytest.mark.parametrize(
    ("setting", "wanted", "follows"),
    [
        (OnUnknown.CONTINUE, "answered", ("screen", "connect", "stop_screening")),
        (OnUnknown.TEARDOWN, "amd_unknown", ("screen", "stop_screening")),
    ],
)
def test_doubt_follows_the_setting(setting: OnUnknown, wanted: str, follows: tuple[str, ...]):
    """``unknown`` is a person unless the campaign hangs up on doubt, and then it is counted by its own name."""
    amd = LISTEN.model_copy(update={"action_on_unknown": setting})
    floor, ends = told({"screen": verdict("unknown"), "connect": TALKS}, amd=amd)
    assert outcomes(ends) == {wanted: 3}
    assert asked(floor) == {follows}


def test_detection_that_dies_leaves_nobody_waiting():
    """No verdict comes: a second after detection's own limit the person is connected."""
    deaf = LISTEN.model_copy(update={"max_seconds": 1.0})
    _floor, ends = told({"connect": TALKS}, contacts=1, amd=deaf)
    assert outcomes(ends) == {"answered": 1}
    assert ends[0].amd_verdict == "unknown"


def test_detection_that_cannot_be_asked_for_leaves_nobody_waiting():
    """The switch is away at the answer: the call is passed on when it should have been judged."""
    with Floor(lambda order: PICKED_UP) as floor:
        floor.switch.answers = {"connect": TALKS}

        def away(attempt_id: str, detection: object) -> None:
            raise SwitchDown("no command link")

        floor.switch.screen = away  # type: ignore[method-assign, assignment]
        run_id = floor.campaign(1, amd=LISTEN.model_copy(update={"max_seconds": 1.0}))
        floor.wait(floor.finished(run_id))
        assert outcomes([a.end for a in floor.store.attempts() if a.end is not None]) == {"answered": 1}


def test_a_provisional_person_turns_out_a_machine():
    """Connected, then revised: hung up, the bot is free, and the attempt says machine with both verdicts."""
    joined: Script = [(0.001, Connected(3.0, "bot")), (0.01, VerdictRevised(5.0, "machine", 0.8, 3000))]
    floor, ends = told({"screen": verdict("person"), "connect": joined}, amd=LISTEN)
    assert outcomes(ends) == {"machine": 3}
    assert {(end.amd_verdict, end.amd_revised, end.amd_revised_ms) for end in ends} == {("person", "machine", 3000)}
    assert len(floor.switch.hung_up) == 3


def test_a_bot_attached_at_once_is_freed_from_a_machine():
    """Joined at the answer by the switch itself; the verdict takes the call away."""
    picked_up: Script = [*PICKED_UP, (0.001, Connected(2.1, "bot"))]
    amd = LISTEN.model_copy(update={"attach": Attach.AT_ONCE})
    floor, ends = told({"screen": verdict("machine")}, picked_up, amd=amd)
    assert outcomes(ends) == {"machine": 3}
    assert all(order.connect_on_answer for order in floor.switch.dialled)


def test_somebody_picks_up_during_the_message():
    """A key in the middle of the message: it stops, and the person talks to the bot."""
    beep: Script = [(0.01, BeepHeard(6.0))]
    floor, ends = told(
        {"screen": verdict("machine"), "park": beep, "leave vm.wav": [(0.01, KeyPressed(7.0, "1"))], "connect": TALKS},
        amd=VOICEMAIL,
    )
    assert outcomes(ends) == {"answered": 3}
    assert asked(floor) == {("screen", "park", "leave vm.wav", "stop_message", "connect", "stop_screening")}
    assert {(end.amd_verdict, end.amd_revised, end.key_at) for end in ends} == {("machine", "person", 7.0)}


def test_fax_machines_are_never_called_again():
    """Their tone ends the call; a retry rule for machines does not apply to them."""
    _, ends = told({"screen": verdict("fax")}, amd=LISTEN)
    assert outcomes(ends) == {"fax": 3}


def test_a_person_whom_nobody_takes_may_opt_out():
    """No agent on this floor: the message plays, the key puts the number on the campaign's own list, the call is abandoned."""
    queue = {"kind": "queue", "name": "sales", "address": "sales"}
    sorry: Script = [(0.01, KeyPressed(5.0, "9")), (0.01, MessagePlayed(9.0))]
    _floor, ends = told(
        {"treat sorry.wav": sorry},
        target=queue,
        abandoned=Abandoned(message="sorry.wav", opt_out_key="9"),
        dnc_list_ids=(9, 10),
    )
    assert outcomes(ends) == {"abandoned": 3}
    assert {(end.opted_out, end.opt_out_list) for end in ends} == {(True, 10)}


def test_a_restarted_controller_fetches_who_waits():
    """An answered person waited for a controller that died: the next one connects them at once, without listening first."""

    def waiting(order: DialOrder) -> Script:
        return PICKED_UP

    with Floor(waiting) as first:
        run_id = first.campaign(1, amd=LISTEN)
        first.wait(lambda: ("screen",) in asked(first))
        store = first.store
        (order,) = first.switch.dialled
    second = Floor(waiting, store=store)
    second.switch.live = second.switch.waiting = {order.attempt_id}
    second.switch.answers = {"connect": TALKS}
    with second:
        adopt_live_attempts("fs1", "core-1", store, store, second.desk, second.slots, second.in_thread, second.clock)
        second.wait(second.finished(run_id))
        assert second.switch.asked_of(order.attempt_id) == ["connect"]
        assert [a.end.outcome for a in store.attempts() if a.end is not None] == [Outcome.ANSWERED]
