"""A campaign without agents that is paced by a formula, in the production engine."""

from __future__ import annotations

from controller.domain.campaigns.pacing import FormulaPacing, Pacing
from tests.stories.floor import Floor, person


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
