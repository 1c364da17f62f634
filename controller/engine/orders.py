"""From a lead and a plan to everything a call needs: the slots to ask for, the row to write ahead, the order to the switch.

Pure translation; the dial loop decides when, the limits decide whether.
"""

from __future__ import annotations

import uuid

import orjson

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.record import AttemptDraft
from controller.domain.calls.states import Call
from controller.domain.campaigns.plan import RunPlan
from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.carriers.routing import routes
from controller.domain.hopper.lead import HopperLead
from controller.engine.live_call import LiveCall
from controller.ports import CarrierChoice, Granted, Launch, SlotRequest, SlotUse


def slot_request(lead: HopperLead, plan: RunPlan) -> SlotRequest:
    """What a call to ``lead`` would hold. No carriers: no route to that number."""
    return SlotRequest(
        attempt_id=str(uuid.uuid4()),
        campaign_key=plan.campaign,
        phone=lead.phone,
        seats=plan.pacing.seats,
        rate=plan.pacing.calls_per_second,
        bot=plan.target.name if plan.target.capacity is not None else None,
        bot_capacity=plan.target.capacity or 0,
        carriers=tuple(
            CarrierChoice(carrier.name, carrier.calls_per_second, carrier.channels, numbers)
            for carrier, numbers in routes(lead.phone, plan.carriers, plan.numbers)
        ),
    )


def slot_use(request: SlotRequest, granted: Granted) -> SlotUse:
    """What the call holds now, to be given back and renewed."""
    return SlotUse(request.attempt_id, request.campaign_key, request.phone, request.bot, granted.carrier)


def attempt_draft(
    request: SlotRequest, granted: Granted, lead: HopperLead, plan: RunPlan, node: str, now: float
) -> AttemptDraft:
    """The row that is written before the call leaves. now: UTC epoch seconds."""
    return AttemptDraft(
        attempt_id=request.attempt_id,
        lead_id=lead.lead_id,
        claim=lead.claim,
        run_id=lead.run_id,
        campaign_id=plan.campaign_id,
        contact_id=lead.contact_id,
        phone=lead.phone,
        caller_id=granted.caller_id,
        carrier=granted.carrier,
        node=node,
        created_at=now,
        max_attempts=plan.retry.max_attempts,
        dnc_list_ids=plan.dnc_list_ids,
        quiet_seconds=plan.quiet_seconds,
    )


def live_call(
    request: SlotRequest,
    granted: Granted,
    lead: HopperLead,
    plan: RunPlan,
    policy: RetryPolicy,
    now: float,
    not_after: float,
    agent: str | None,
) -> LiveCall:
    """The call as the desk takes it over. agent: who is kept for it. now, not_after: UTC epoch seconds."""
    carrier = next(carrier for carrier in plan.carriers if carrier.name == granted.carrier)
    choice = next(choice for choice in request.carriers if choice.name == granted.carrier)
    order = DialOrder(
        attempt_id=request.attempt_id,
        campaign=plan.campaign,
        run_id=lead.run_id,
        gateway=carrier.gateway,
        dial_string_number=carrier.dial_number(lead.phone),
        caller_id=granted.caller_id,
        ring_seconds=plan.max_ring_seconds,
        max_seconds=plan.max_call_seconds,
        target=plan.call_target,
        attributes=_attributes(lead.attributes),
        connect_on_answer=plan.connects_on_answer,
        verdict_seconds=plan.verdict_seconds,
        treatment=plan.answering.treatment,
    )
    return LiveCall(
        call=Call(order, placed_at=now, answering=plan.answering, agent=agent, seized=agent),
        lead_id=lead.lead_id,
        contact_id=lead.contact_id,
        run_id=lead.run_id,
        attempts=lead.attempts,
        uncharged=lead.uncharged,
        policy=policy,
        use=slot_use(request, granted),
        launch=Launch(choice, request.campaign_key, request.rate, granted.launch),
        launch_at=granted.launch_at,
        not_after=not_after,
        opt_out_list=plan.dnc_list_ids[-1] if plan.dnc_list_ids else None,
    )


def _attributes(text: str) -> tuple[tuple[str, str], ...]:
    """The contact's variables from their stored JSON text."""
    return tuple((str(name), str(value)) for name, value in orjson.loads(text).items()) if text else ()
