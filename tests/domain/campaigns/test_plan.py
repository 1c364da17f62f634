"""From what a campaign's owner wrote to what the engine dials by."""

from __future__ import annotations

from typing import Any

from controller.domain.calls.answering import Answering, Attach, Detection, OnMachine, Preset, Treatment
from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.campaigns.campaign import Campaign
from controller.domain.campaigns.plan import RunPlan, compile_plan
from controller.domain.site import Bot, Carrier, Number

CARRIER = Carrier(name="north", gateway="north", calls_per_second=10, channels=60)
NUMBER = Number(number="+911140001000", carrier="north")
BOT = Bot(name="collections", uri="sip:c@10.0.0.5", capacity=40, tested=True)


def planned(system: AmdDefaults | None = None, **changes: Any) -> RunPlan:
    fields: dict[str, Any] = {
        "name": "june",
        "lists": ("june",),
        "connect": {"bot": "collections"},
        "numbers": {"pool": ("+911140001000",)},
        "window": {"timezone": "Asia/Kolkata", "open": ({"hours": ("09:00-18:00",)},)},
    }
    return compile_plan(
        Campaign.model_validate(fields | changes), 1, [1], [1], [CARRIER], [NUMBER], [BOT], system or AmdDefaults()
    )


def test_without_detection_the_switch_joins_by_itself():
    """Off by default: nobody listens, and the bot is joined without a round trip."""
    plan = planned()
    assert plan.answering == Answering()
    assert plan.connects_on_answer


def test_a_campaign_overrides_the_systems_detection():
    """Every key that the campaign leaves out is the system's."""
    system = AmdDefaults(enabled=True, preset=Preset.CAREFUL, max_seconds=4.0, message="vm.wav")
    plan = planned(system, amd={"preset": "fast", "action_on_machine": "leave_message"})
    assert plan.answering.detection == Detection(Preset.FAST, max_seconds=4.0, beep=True)
    assert (plan.answering.on_machine, plan.answering.message) == (OnMachine.LEAVE_MESSAGE, "vm.wav")
    assert not plan.connects_on_answer
    assert planned(system, amd={"enabled": False}).connects_on_answer


def test_a_bot_attached_at_once_is_joined_by_the_switch():
    """Detection listens beside the conversation."""
    plan = planned(amd={"enabled": True, "attach": "at_once"})
    assert plan.answering.attach is Attach.AT_ONCE
    assert plan.connects_on_answer


def test_calls_for_a_queue_wait_for_our_word():
    """No agent is known to the switch, so the call is parked at the answer, with its apology at hand."""
    plan = planned(mode="predictive", connect={"queue": "sales"}, abandoned={"message": "/srv/sorry.wav", "opt_out_key": "9"})
    assert (plan.call_target.kind, plan.call_target.address) == ("queue", "sales")
    assert not plan.connects_on_answer
    assert plan.answering.treatment == Treatment("/srv/sorry.wav", "9")


def test_the_quiet_period_is_for_modes_that_guarantee_nobody():
    """72 hours after an abandoned call, but none where an agent is reserved before the call leaves."""
    queue = {"connect": {"queue": "sales"}, "abandoned": {"message": "/srv/sorry.wav"}}
    assert planned(mode="predictive", **queue).quiet_seconds == 72 * 3600.0
    assert planned(mode="progressive", **queue).quiet_seconds == 0.0


def test_a_plan_of_an_earlier_version_is_read():
    """Runs that were started before there was detection go on without."""
    stored = planned().model_dump(mode="json")
    del stored["amd"], stored["abandoned"]
    assert RunPlan.model_validate(stored).answering == Answering()
