"""Whole campaigns through the production engine: who is dialled, how often, in which order, within which limits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.events import CallEvent, DialFailed, HungUp, Left, Ringing
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.campaign import Contactable, Hours, Pacing
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.window import DAYS
from controller.domain.hopper.lead import LeadState
from controller.domain.site import Carrier
from tests.stories.floor import EAST, WEST, Floor, busy, person


def states(floor: Floor, run_id: int) -> Counter[str]:
    return Counter(LeadState(lead.state).word for lead in floor.store.leads(run_id))


def outcomes(floor: Floor) -> Counter[str]:
    return Counter(str(attempt.end.outcome) for attempt in floor.store.attempts() if attempt.end is not None)


def test_a_list_is_dialled_from_first_to_last():
    """Everybody answers: each contact is called once, talks to the bot, and is done; every slot comes back."""
    with Floor(person) as floor:
        run_id = floor.campaign(120)
        floor.wait(floor.finished(run_id))
        assert states(floor, run_id) == {"done": 120}
        assert Counter(order.dial_string_number for order in floor.switch.dialled).most_common(1)[0][1] == 1
        assert outcomes(floor) == {"answered": 120}
        floor.wait(floor.slots_free)


def test_seats_are_never_exceeded():
    """Three seats: never more than three calls at once, ringing ones included."""
    with Floor(person) as floor:
        run_id = floor.campaign(30, pacing=Pacing(seats=3))
        floor.wait(floor.finished(run_id))
        assert floor.switch.most_live == 3


def test_the_fleet_of_a_bot_is_shared():
    """Two campaigns on a bot for four calls: four at once, together."""
    target = {"kind": "bot", "name": "bot", "address": "sip:bot@127.0.0.1:5070", "capacity": 4}
    with Floor(person) as floor:
        first, second = floor.campaign(20, target=target), floor.campaign(20, "july", target=target)
        floor.wait(floor.finished(first, second))
        assert floor.switch.most_live <= 4


def test_busy_people_are_tried_again_and_not_too_often():
    """Three attempts, then exhausted; and every fresh contact comes before the first retry."""
    with Floor(busy) as floor:
        run_id = floor.campaign(40)
        floor.wait(floor.finished(run_id))
        assert states(floor, run_id) == {"exhausted": 40}
        dialled = [order.dial_string_number for order in floor.switch.dialled]
        assert set(Counter(dialled).values()) == {3}


def test_who_was_connected_is_never_called_again():
    """Busy at first, a person the second time: two calls, done."""

    def script(order: DialOrder) -> list[tuple[float, CallEvent]]:
        earlier = sum(o.dial_string_number == order.dial_string_number for o in floor.switch.dialled)
        return busy(order) if earlier == 1 else person(order)

    with Floor(script) as floor:
        run_id = floor.campaign(20)
        floor.wait(floor.finished(run_id))
        assert states(floor, run_id) == {"done": 20}
        assert len(floor.switch.dialled) == 40


def test_two_campaigns_never_ring_one_number_together():
    """Both lists hold the same people: each is called by both campaigns, one after the other (invariant I1)."""
    live: set[str] = set()
    together: list[str] = []

    def script(order: DialOrder) -> list[tuple[float, CallEvent]]:
        if order.dial_string_number in live:
            together.append(order.dial_string_number)
        live.add(order.dial_string_number)
        return person(order)

    people = [919_999_111_000 + number for number in range(15)]
    with Floor(script) as floor:
        tell = floor.switch.tell

        def tell_and_note(attempt_id: str, event: CallEvent) -> None:
            if isinstance(event, HungUp):
                live.difference_update(o.dial_string_number for o in floor.switch.dialled if o.attempt_id == attempt_id)
            tell(attempt_id, event)

        floor.switch.tell = tell_and_note  # type: ignore[method-assign]
        first = floor.campaign(0, phones=people)
        second = floor.campaign(0, "july", phones=people)
        floor.wait(floor.finished(first, second))
        assert together == []
        assert states(floor, first) == states(floor, second) == {"done": 15}


def test_strict_priority_serves_the_higher_first():
    """One carrier for 40 calls a second: the campaign at 9 is dialled to its end before the one at 2 gets a call."""
    slow = EAST.model_copy(update={"calls_per_second": 40})
    floor = Floor(person)
    low = floor.campaign(20, "july", priority=2, carriers=(slow,))
    high = floor.campaign(20, "june", priority=9, carriers=(slow,))
    floor.fill_once()
    with floor:
        floor.wait(floor.finished(low, high))
        assert [attempt.draft.run_id for attempt in floor.store.attempts()] == [high] * 20 + [low] * 20


def test_weighted_priority_shares_the_carrier():
    """Priorities 5 and 3 on one scarce carrier: calls come in that proportion while both have people left."""
    slow = EAST.model_copy(update={"calls_per_second": 100})
    floor = Floor(person, policy="weighted")
    five = floor.campaign(50, "june", priority=5, carriers=(slow,))
    three = floor.campaign(50, "july", priority=3, carriers=(slow,))
    floor.fill_once()
    with floor:
        floor.wait(floor.finished(five, three))
        got = Counter(attempt.draft.run_id for attempt in floor.store.attempts()[:64])
        assert got == {five: 40, three: 24}


def test_a_paused_run_places_no_call():
    """From the pause on nothing leaves; resumed, it goes on where it was."""
    with Floor(person) as floor:
        run_id = floor.campaign(200, pacing=Pacing(seats=2))
        floor.wait(lambda: len(floor.switch.dialled) > 5)
        floor.store.set_run_state(run_id, RunState.PAUSED)
        floor.loop.nudge()
        floor.wait(lambda: not len(floor.desk))
        placed = len(floor.switch.dialled)
        floor.clock.sleep(0.3)
        assert len(floor.switch.dialled) == placed
        assert floor.loop.standing()["june"]["reason"] == "the run is paused"
        floor.store.set_run_state(run_id, RunState.ACTIVE)
        floor.wait(lambda: len(floor.switch.dialled) > placed)


def another_day() -> str:
    """A day that is neither today nor tomorrow nor yesterday."""
    return DAYS[(datetime.now(UTC).weekday() + 3) % 7]


def test_outside_calling_hours_nothing_is_dialled_and_the_reason_is_told():
    """The window is shut: no call, and the status says until when (invariant I4)."""
    shut = Contactable(timezone="UTC", open=(Hours.model_validate({"days": [another_day()], "hours": ["03:00-03:01"]}),))
    with Floor(person) as floor:
        floor.campaign(5, contactable=shut)
        floor.wait(lambda: "outside calling hours" in str(floor.loop.standing().get("june", {}).get("reason")))
        floor.clock.sleep(0.1)
        assert floor.switch.dialled == []


def test_a_number_on_a_dnc_list_is_not_dialled():
    """Added after the list was scrubbed: the check at the moment of dialling stops it, and its slots come back."""
    with Floor(person) as floor:
        floor.store.add_dnc(9, [919_999_222_001])
        run_id = floor.campaign(0, phones=[919_999_222_000, 919_999_222_001, 919_999_222_002])
        floor.wait(floor.finished(run_id))
        assert states(floor, run_id) == {"done": 2, "dnc": 1}
        assert "919999222001" not in {order.dial_string_number for order in floor.switch.dialled}
        floor.wait(floor.slots_free)


def test_a_call_that_never_left_costs_no_attempt():
    """The switch is full for a while: nobody loses an attempt, everybody is reached afterwards."""
    with Floor(person) as floor:
        floor.switch.refuse = DialFailed(1.0, Outcome.NOT_DIALLED, "DESTINATION_OUT_OF_ORDER")
        run_id = floor.campaign(10)
        floor.wait(lambda: len(floor.switch.dialled) >= 10)
        floor.switch.refuse = None
        floor.wait(floor.finished(run_id))
        assert states(floor, run_id) == {"done": 10}
        assert {lead.attempts for lead in floor.store.leads(run_id)} == {1}


def test_a_failing_carrier_rests_and_the_other_takes_over():
    """East answers 503 to everything: after a few calls the campaign goes by West, and nobody lost an attempt."""

    def script(order: DialOrder) -> list[tuple[float, CallEvent]]:
        if order.gateway == EAST.gateway:
            return [(0.001, Left(1.0)), (0.001, HungUp(1.0, Outcome.CONGESTION, "NORMAL_TEMPORARY_FAILURE", 503))]
        return person(order)

    few = Carrier(name="east", gateway="gw-east", calls_per_second=20, channels=3)
    with Floor(script) as floor:
        run_id = floor.campaign(40, carriers=(few, WEST))
        floor.wait(lambda: states(floor, run_id)["done"] >= 25)
        by_gateway = Counter(order.gateway for order in floor.switch.dialled)
        assert by_gateway["gw-west"] >= 25
        assert all(lead.attempts <= 1 for lead in floor.store.leads(run_id))


def test_ringing_without_answer_ends_by_the_switch():
    """The ring limit is the switch's; its end is the outcome."""
    with Floor(lambda order: [(0.001, Ringing(1.0)), (0.01, HungUp(31.0, Outcome.NO_ANSWER, "NO_ANSWER", 487))]) as floor:
        run_id = floor.campaign(5)
        floor.wait(floor.finished(run_id))
        assert outcomes(floor) == {"no_answer": 15}
