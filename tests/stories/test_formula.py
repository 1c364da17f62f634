"""Campaigns that are paced by formulas, in the production engine."""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.events import Answered, CallEvent, HungUp, Left
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.answers import Abandoned
from controller.domain.campaigns.pacing import FormulaPacing, Pacing
from controller.domain.campaigns.plan import PlannedTarget
from tests.stories.floor import Floor, person
from tests.stories.test_calls_with_agents import Office


def test_so_many_calls_a_pulse():
    """Five calls a second by formula, however many seats are free; the status says so."""
    paced = Pacing(seats=100, formula=FormulaPacing(calls_to_start=5, pulse_seconds=1, stale_seconds=60))
    with Floor(person) as floor:
        run_id = floor.campaign(12, pacing=paced)
        began = floor.clock.monotonic()
        floor.wait(floor.finished(run_id))
        assert floor.clock.monotonic() - began > 1.0, "three pulses take two seconds"
        assert len(floor.switch.dialled) == 12


def test_query_without_prometheus_dials_by_the_safe_value():
    """No Prometheus is configured: one call a pulse, so the campaign creeps on, and the reason is shown."""
    paced = Pacing(seats=100, formula=FormulaPacing(calls_to_start="sum(up)", pulse_seconds=1, stale_seconds=60))
    with Floor(person) as floor:
        run_id = floor.campaign(2, pacing=paced)
        floor.wait(lambda: "safe value" in str(floor.loop.standing().get("june", {}).get("reason")))
        floor.wait(floor.finished(run_id))
        assert floor.watch.counts["formula_fault"] >= 1


def picks_up(order: DialOrder) -> Sequence[tuple[float, CallEvent]]:
    return [(0.001, Left(1.0)), (0.002, Answered(2.0)), (0.06, HungUp(9.0, Outcome.ERROR, "NORMAL_CLEARING", 200))]


def test_agents_are_seized_as_the_formula_says():
    """Three agents work, the formula seizes two at a time: everybody who picks up is taken by an agent who was seized first."""
    office = Office(["anna", "ben", "cora"])
    formula = FormulaPacing(calls_to_start=1, agents_to_seize=2, pulse_seconds=1)
    sales = PlannedTarget(kind="queue", name="sales", address="sales")
    with Floor(picks_up, staff=office) as floor:
        office.come_in()
        run_id = floor.campaign(
            12,
            mode="predictive",
            target=sales,
            abandoned=Abandoned(message="sorry.wav"),
            pacing=Pacing(seats=100, formula=formula),
        )
        floor.wait(floor.finished(run_id))
        ends = [attempt.end for attempt in floor.store.attempts()]
        assert {end.outcome for end in ends if end is not None} == {Outcome.ANSWERED}
        assert sum(office.phones.talks.values()) == 12
        assert floor.watch.counts["agent_seizure"] >= 12
