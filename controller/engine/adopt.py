"""Taking over what an earlier life of this controller left: live attempts of the ledger, asked for at the switch.

Each is taken over as a call of its own and asked for. One that still lives goes on untouched, a bridged conversation too, and
its end is recorded. One that ended unseen ends by the switch's own record. Where there is no record, or the switch itself was
restarted, its fate cannot be learned: ``unknown``, which counts as made: better one call too few than one too many (I3).
"""

from __future__ import annotations

import structlog

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Answering
from controller.domain.calls.events import Overdue
from controller.domain.calls.record import OpenAttempt
from controller.domain.calls.states import Call
from controller.domain.campaigns.plan import RunPlan
from controller.domain.campaigns.retry import RetryPolicy
from controller.engine.call_desk import CallDesk
from controller.engine.live_call import LiveCall
from controller.engine.slots import SlotDesk
from controller.ports import AttemptStore, Clock, InThread, RunStore, SlotUse

log = structlog.get_logger("adopt")

LONGEST_RING_SECONDS = 120
LONGEST_CALL_SECONDS = 6 * 3600
"""The most a campaign file allows."""


def adopt_live_attempts(
    node: str,
    former_core: str,
    attempts: AttemptStore,
    runs: RunStore,
    desk: CallDesk,
    slots: SlotDesk,
    in_thread: InThread,
    clock: Clock,
) -> int:
    """Take over every attempt that this node left open; how many. Call it when events flow and before anything is dialled.

    former_core: the life of the switch that the earlier controller dialled with; empty when that is not known.
    Raises StoreDown; asking again is harmless.
    """
    left = [one for one in in_thread(lambda: attempts.open_attempts_of(node)) if not desk.holds(one.attempt_id)]
    plans = {run.run_id: run.plan for run in in_thread(runs.running)}
    for attempt in left:
        desk.adopt(_taken_over(attempt, plans.get(attempt.run_id), former_core))
    slots.renew(desk.uses())
    for attempt in left:
        desk.hear(attempt.attempt_id, Overdue(clock.now()))
    if left:
        log.warning("attempts of an earlier life", count=len(left), core=former_core)
    return len(left)


def _taken_over(attempt: OpenAttempt, plan: RunPlan | None, core: str) -> LiveCall:
    """What is known of it again. A run that is no longer running leaves its calls the default retry rules, which its closing
    overrules anyhow."""
    order = DialOrder(
        attempt_id=attempt.attempt_id,
        campaign=attempt.campaign,
        run_id=attempt.run_id,
        gateway=attempt.carrier,
        dial_string_number=str(attempt.phone),
        caller_id=attempt.caller_id,
        ring_seconds=plan.max_ring_seconds if plan is not None else LONGEST_RING_SECONDS,
        max_seconds=plan.max_call_seconds if plan is not None else LONGEST_CALL_SECONDS,
        target=plan.call_target if plan is not None else Target("bot", "unknown", ""),
        connect_on_answer=plan.connects_on_answer if plan is not None else True,
    )
    bot = plan.target.name if plan is not None and plan.target.capacity is not None else None
    return LiveCall(
        call=Call(order, placed_at=attempt.created_at, answering=plan.answering if plan is not None else Answering()),
        lead_id=attempt.lead_id,
        contact_id=attempt.contact_id,
        run_id=attempt.run_id,
        attempts=attempt.attempts,
        uncharged=attempt.uncharged,
        policy=plan.retry_policy if plan is not None else RetryPolicy(),
        use=SlotUse(attempt.attempt_id, attempt.campaign, attempt.phone, bot, attempt.carrier),
        launch=None,
        launch_at=0.0,
        not_after=0.0,
        opt_out_list=plan.dnc_list_ids[-1] if plan is not None and plan.dnc_list_ids else None,
        core=core,
    )
