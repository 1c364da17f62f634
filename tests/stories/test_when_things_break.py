"""Database, Redis, switch and our own mistakes, one at a time, in the middle of a campaign (design section 5)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.events import CallEvent, Connected, HungUp, Left
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.campaigns.campaign import Pacing
from controller.domain.hopper.lead import LeadState
from controller.engine.adopt import adopt_live_attempts
from controller.errors import LiveStateDown, StoreDown, SwitchDown
from controller.ports import Missed
from tests.stories.floor import EAST, Floor, person


def done(floor: Floor, run_id: int) -> int:
    return sum(lead.state is LeadState.DONE for lead in floor.store.leads(run_id))


def test_without_a_write_ahead_there_is_no_call():
    """The database is away: nothing leaves. When it is back everybody is called, once."""
    with Floor(person) as floor:
        opens = floor.store.open_attempts

        def away(drafts: Sequence[AttemptDraft]) -> list[Opening]:
            raise StoreDown("database is away")

        closes = floor.store.close_attempts
        floor.store.open_attempts = floor.store.close_attempts = away  # type: ignore[method-assign, assignment]
        run_id = floor.campaign(20)
        floor.wait(lambda: not floor.ledger.healthy)
        floor.clock.sleep(0.2)
        assert floor.switch.dialled == []
        floor.store.open_attempts, floor.store.close_attempts = opens, closes  # type: ignore[method-assign]
        floor.wait(lambda: floor.ledger.healthy)
        # Leads of the failed round come back when their leases lapse; the sweep does that. Once: a second time would take leads
        # that are just being dialled.
        floor.store.reap(floor.clock.now() + 120.0)
        floor.wait(floor.finished(run_id))
        assert done(floor, run_id) == 20
        assert set(Counter(order.dial_string_number for order in floor.switch.dialled).values()) == {1}


def test_a_write_ahead_of_unknown_fate_is_never_dialled():
    """The commit happened but its answer was lost: the row is closed as not dialled, and the contact called later."""
    with Floor(person) as floor:
        opens = floor.store.open_attempts
        lost: list[str] = []

        def half(drafts: Sequence[AttemptDraft]) -> list[Opening]:
            opens(drafts)
            if not lost:
                lost.extend(draft.attempt_id for draft in drafts)
                raise StoreDown("connection lost during commit")
            return opens([])

        floor.store.open_attempts = half  # type: ignore[method-assign]
        run_id = floor.campaign(5)
        floor.wait(lambda: bool(lost))
        floor.store.open_attempts = opens  # type: ignore[method-assign]
        floor.wait(floor.finished(run_id))
        assert not {order.attempt_id for order in floor.switch.dialled} & set(lost)
        ends = {a.draft.attempt_id: a.end for a in floor.store.attempts() if a.end is not None}
        assert all(ends[attempt].outcome is Outcome.NOT_DIALLED for attempt in lost)
        assert done(floor, run_id) == 5


def test_ends_are_kept_while_the_database_is_away():
    """Calls end during the outage; their ends are written when it is over, each once."""
    with Floor(person) as floor:
        closes = floor.store.close_attempts

        def away(ends: Sequence[AttemptEnd]) -> list[bool]:
            raise StoreDown("database is away")

        run_id = floor.campaign(10, pacing=Pacing(seats=10))
        floor.wait(lambda: len(floor.switch.dialled) >= 1)
        floor.store.close_attempts = away  # type: ignore[method-assign]
        floor.wait(lambda: not floor.ledger.healthy)
        assert not floor.ledger.flushed(0.05)
        floor.store.close_attempts = closes  # type: ignore[method-assign]
        assert floor.ledger.flushed(10.0)
        floor.wait(floor.finished(run_id))
        assert done(floor, run_id) == 10


def test_without_redis_no_call_begins_and_live_calls_go_on():
    """Limits cannot be known: nothing is launched; the conversations of before end as they would have."""

    def long_talk(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [
            (0.001, Left(1.0)),
            (0.001, Connected(2.0, "bot")),
            (0.3, HungUp(3.0, Outcome.ERROR, "NORMAL_CLEARING", 200)),
        ]

    with Floor(long_talk) as floor:
        run_id = floor.campaign(50, pacing=Pacing(seats=5))
        floor.wait(lambda: len(floor.switch.live) == 5)
        placed = len(floor.switch.dialled)
        usage = floor.limits.usage

        def away(*_: object) -> None:
            raise LiveStateDown("Redis is away")

        floor.limits.usage = away  # type: ignore[method-assign, assignment]
        floor.wait(lambda: not len(floor.desk))
        assert len(floor.switch.dialled) == placed
        assert done(floor, run_id) == placed
        assert "Redis is away" in str(floor.loop.standing()["june"]["reason"])
        floor.limits.usage = usage  # type: ignore[method-assign]
        floor.wait(lambda: len(floor.switch.dialled) > placed)


def test_one_calls_error_ends_that_call_alone():
    """The switch layer blows up for one call: it is on record as unknown, the others go on."""

    def script(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return person(order)

    with Floor(script) as floor:
        dial = floor.switch.dial

        def dial_or_break(order: DialOrder, not_after: float) -> object:
            if order.dial_string_number.endswith("3"):
                raise RuntimeError("a mistake of ours")
            return dial(order, not_after)

        floor.switch.dial = dial_or_break  # type: ignore[method-assign, assignment]
        run_id = floor.campaign(20)
        floor.wait(floor.finished(run_id))
        outcomes = Counter(str(a.end.outcome) for a in floor.store.attempts() if a.end is not None)
        assert outcomes == {"answered": 18, "unknown": 2}
        floor.wait(floor.slots_free)


def test_a_switch_that_cannot_be_reached_costs_nobody_an_attempt():
    """The link drops between the write-ahead and the command: not dialled, tried again."""
    with Floor(person) as floor:
        floor.switch.refuse = SwitchDown("link is down")
        run_id = floor.campaign(5)
        floor.wait(lambda: len(floor.store.attempts()) >= 5)
        floor.switch.refuse = None
        floor.wait(floor.finished(run_id))
        assert done(floor, run_id) == 5
        assert {lead.attempts for lead in floor.store.leads(run_id)} == {1}


def test_a_call_that_missed_its_moment_is_given_another():
    """The switch did not take it in time: it leaves once, later, and nobody is charged for the miss."""
    with Floor(person) as floor:
        dial, missed = floor.switch.dial, []

        def late_at_first(order: DialOrder, not_after: float) -> object:
            if order.attempt_id not in missed:
                missed.append(order.attempt_id)
                return Missed("held up")
            return dial(order, not_after)

        floor.switch.dial = late_at_first  # type: ignore[method-assign, assignment]
        run_id = floor.campaign(5)
        floor.wait(floor.finished(run_id))
        assert [order.attempt_id for order in floor.switch.dialled] == missed
        ends = [attempt.end for attempt in floor.store.attempts()]
        assert [(end.outcome, end.launched_at is not None) for end in ends if end is not None] == [(Outcome.ANSWERED, True)] * 5
        floor.wait(floor.slots_free)


def test_a_record_that_cannot_be_read_is_read_again():
    """Without it a call that ended unheard would pass for one that never was, and the person be rung again."""

    def forever(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [(0.001, Left(1.0))]

    with Floor(forever) as floor:
        run_id = floor.campaign(1)
        floor.wait(lambda: len(floor.switch.live) == 1 and all(call.left for call in floor.desk.calls()))
        (attempt_id,) = floor.switch.live
        end_of = floor.switch.end_of

        def unreadable(attempt_id: str) -> HungUp | None:
            raise SwitchDown("the journal cannot be read")

        floor.switch.end_of = unreadable  # type: ignore[method-assign]
        floor.switch.live.clear()
        floor.switch.keeps_record = True
        floor.desk.link_restored(same_core=True)
        floor.clock.sleep(0.8)
        assert floor.desk.holds(attempt_id)
        floor.switch.ends = {
            attempt_id: HungUp(9.0, Outcome.ANSWERED, "NORMAL_CLEARING", 200, answered_at=2.0, connected_at=2.1)
        }
        floor.switch.end_of = end_of  # type: ignore[method-assign]
        floor.wait(floor.finished(run_id))
        assert [a.end.outcome for a in floor.store.attempts() if a.end is not None] == [Outcome.ANSWERED]


def test_after_a_lost_link_every_call_is_asked_for():
    """Events were missed: calls that the switch still has go on, those it does not know end as unknown and stay made."""

    def forever(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [(0.001, Left(1.0))]

    with Floor(forever) as floor:
        run_id = floor.campaign(4)
        floor.wait(lambda: len(floor.switch.live) == 4 and all(call.left for call in floor.desk.calls()))
        gone = sorted(floor.switch.live)[:2]
        floor.switch.live.difference_update(gone)
        floor.desk.link_lost()
        floor.desk.link_restored(same_core=True)
        floor.wait(lambda: len(floor.desk) == 2)
        assert {call.order.attempt_id for call in floor.desk.calls()} == floor.switch.live
        floor.wait(lambda: len([a for a in floor.store.attempts() if a.end is not None]) == 2)
        ended = [a.end.outcome for a in floor.store.attempts() if a.end is not None]
        assert ended == [Outcome.UNKNOWN, Outcome.UNKNOWN]
        for attempt_id in sorted(floor.switch.live):
            floor.desk.hang_up(attempt_id, "operator")
        floor.wait(lambda: not len(floor.desk))
        assert len(floor.switch.hung_up) == 2
        assert run_id in {run.run_id for run in floor.store.running()}


def test_a_question_that_could_not_be_put_is_put_again():
    """Events flow again before commands do: the calls that ended meanwhile are found out soon, not when their time is up."""

    def forever(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [(0.001, Left(1.0)), (0.001, Connected(2.0, "bot"))]

    with Floor(forever) as floor:
        run_id = floor.campaign(2)
        floor.wait(lambda: len(floor.switch.live) == 2 and all(call.connected_at for call in floor.desk.calls()))
        alive = floor.switch.alive

        def no_command_link(attempt_id: str) -> bool:
            raise SwitchDown("no command link")

        floor.switch.alive = no_command_link  # type: ignore[method-assign]
        floor.desk.link_restored(same_core=False)
        floor.clock.sleep(0.1)
        assert len(floor.desk) == 2
        floor.switch.core = "core-2"
        floor.switch.live.clear()
        floor.switch.alive = alive  # type: ignore[method-assign]
        floor.wait(floor.finished(run_id))
        assert [a.end.outcome for a in floor.store.attempts() if a.end is not None] == [Outcome.ANSWERED] * 2


def test_the_switchs_own_record_tells_how_a_missed_call_ended():
    """The link was away while calls ended: their ends are read from the record, and nobody is called again for nothing."""

    def forever(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [(0.001, Left(1.0))]

    with Floor(forever) as floor:
        run_id = floor.campaign(2)
        floor.wait(lambda: len(floor.switch.live) == 2)
        floor.clock.sleep(0.05)
        talked, was_busy = sorted(floor.switch.live)
        floor.switch.live.clear()
        floor.switch.keeps_record = True
        floor.switch.ends = {
            talked: HungUp(9.0, Outcome.ANSWERED, "NORMAL_CLEARING", 200, answered_at=2.0, connected_at=2.1),
            was_busy: HungUp(9.0, Outcome.INVALID_NUMBER, "UNALLOCATED_NUMBER", 404),
        }
        floor.desk.link_restored(same_core=True)
        floor.wait(floor.finished(run_id))
        ends = {a.draft.attempt_id: a.end.outcome for a in floor.store.attempts() if a.end is not None}
        assert ends == {talked: Outcome.ANSWERED, was_busy: Outcome.INVALID_NUMBER}


def test_a_call_just_ordered_is_not_given_up_when_the_link_returns():
    """The switch may not have created it yet: deciding now could dial the person twice."""
    with Floor(lambda order: []) as floor:
        floor.campaign(1)
        floor.wait(lambda: len(floor.switch.live) == 1)
        floor.switch.keeps_record = True
        (order,) = floor.switch.dialled
        floor.switch.live.clear()
        floor.desk.link_restored(same_core=True)
        floor.clock.sleep(1.0)
        assert floor.desk.holds(order.attempt_id)
        floor.switch.tell(order.attempt_id, Left(1.0))
        floor.switch.tell(order.attempt_id, HungUp(2.0, Outcome.INVALID_NUMBER, "UNALLOCATED_NUMBER", 404))
        floor.wait(lambda: not floor.desk.holds(order.attempt_id))


def test_a_restarted_switch_ends_every_call_it_had():
    """Another core: its calls are dead, none is called again without a record."""
    with Floor(lambda order: []) as floor:
        run_id = floor.campaign(3)
        floor.wait(lambda: len(floor.switch.live) == 3)
        floor.switch.keeps_record = True
        floor.switch.core = "core-2"
        floor.switch.live.clear()
        floor.desk.link_restored(same_core=False)
        floor.wait(floor.finished(run_id))
        assert [a.end.outcome for a in floor.store.attempts() if a.end is not None] == [Outcome.UNKNOWN] * 3


def test_a_restarted_controller_takes_over_what_lives():
    """A new life of the same node: the live call goes on and its end is recorded; one ended by the record, one is unknown."""

    def forever(order: DialOrder) -> list[tuple[float, CallEvent]]:
        return [(0.001, Left(1.0))]

    with Floor(forever) as first:
        run_id = first.campaign(3)
        first.wait(lambda: len(first.switch.live) == 3)
        store, (talking, ended, lost) = first.store, sorted(first.switch.live)
    second = Floor(forever, store=store)
    second.switch.live = {talking}
    second.switch.core = "core-2"
    second.switch.ends = {ended: HungUp(9.0, Outcome.INVALID_NUMBER, "UNALLOCATED_NUMBER", 404)}
    with second:
        taken = adopt_live_attempts("fs1", "core-1", store, store, second.desk, second.slots, second.in_thread, second.clock)
        assert taken == 3
        second.wait(lambda: len(second.desk) == 1)
        assert second.desk.holds(talking)
        second.wait(lambda: second.limits.usage(["june"], ["bot"], ["east"]).seats == {"june": 1})
        second.switch.tell(talking, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200, answered_at=2.0, connected_at=2.1))
        second.wait(second.finished(run_id))
        ends = {a.draft.attempt_id: a.end.outcome for a in store.attempts() if a.end is not None}
        assert ends == {talking: Outcome.ANSWERED, ended: Outcome.INVALID_NUMBER, lost: Outcome.UNKNOWN}


def test_a_late_call_does_not_burst():
    """The loop stood still: calls that missed their launch time take new ones instead of leaving all at once."""
    times: list[float] = []

    def script(order: DialOrder) -> list[tuple[float, CallEvent]]:
        times.append(floor.clock.monotonic())
        return person(order)

    with Floor(script) as floor:
        slow = EAST.model_copy(update={"calls_per_second": 20})
        run_id = floor.campaign(40, carriers=(slow,))
        floor.wait(lambda: len(times) >= 3)
        time.sleep(0.4)  # the whole loop stands still
        floor.wait(floor.finished(run_id))
        for index in range(len(times) - 20):
            assert times[index + 20] - times[index] > 0.98


def test_a_switch_that_falls_behind_gets_no_more_calls():
    """Hundreds of commands unanswered: nothing more is launched, the status says so; then it goes on."""
    with Floor(person) as floor:
        floor.switch.backlog = 500
        run_id = floor.campaign(10)
        floor.wait(lambda: floor.loop.standing().get("june", {}).get("binding") == "switch")
        assert floor.switch.dialled == []
        floor.switch.backlog = 0
        floor.wait(floor.finished(run_id))
        assert done(floor, run_id) == 10
