"""Taking over what an earlier life of this controller left: live attempts of the ledger, asked for at the switch.

A call that still lives is adopted as it is: a bridged conversation goes on untouched and its end is recorded. An attempt that
the switch does not know has ended unseen; what became of it cannot be learned here, so it is ``unknown`` and counts as made:
better one call too few than one too many (invariant I3).
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from controller.domain.calls.actions import DialOrder
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptEnd, OpenAttempt
from controller.domain.calls.states import Call
from controller.domain.campaigns.plan import RunPlan
from controller.domain.campaigns.retry import RetryPolicy
from controller.engine.call_desk import CallDesk, LiveCall
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.slots import SlotDesk
from controller.ports import AttemptStore, Clock, InThread, RunStore, SlotUse, Switch

log = structlog.get_logger("adopt")


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many calls live on, and how many had ended unseen."""

    alive: int
    unknown: int


def adopt_live_attempts(
    node: str,
    attempts: AttemptStore,
    runs: RunStore,
    switch: Switch,
    desk: CallDesk,
    ledger: LedgerDesk,
    slots: SlotDesk,
    in_thread: InThread,
    clock: Clock,
) -> Adopted:
    """Settle every attempt that this node left open. Call it when events flow and before anything is dialled.

    Raises SwitchDown or StoreDown; asking again is harmless.
    """
    left = [one for one in in_thread(lambda: attempts.open_attempts_of(node)) if not desk.holds(one.attempt_id)]
    plans = {run.run_id: run.plan for run in in_thread(runs.running)}
    alive = unknown = 0
    for attempt in left:
        plan = plans.get(attempt.run_id)
        if plan is not None and switch.alive(attempt.attempt_id):
            desk.adopt(_living(attempt, plan))
            alive += 1
        else:
            policy = plan.retry.policy() if plan is not None else RetryPolicy()
            ledger.close(_ended_unseen(attempt, policy, clock.now()))
            unknown += 1
    slots.renew(desk.uses())
    if left:
        log.warning("attempts of an earlier life", alive=alive, unknown=unknown)
    return Adopted(alive, unknown)


def _living(attempt: OpenAttempt, plan: RunPlan) -> LiveCall:
    order = DialOrder(
        attempt_id=attempt.attempt_id,
        campaign=attempt.campaign,
        run_id=attempt.run_id,
        gateway=attempt.carrier,
        dial_string_number=str(attempt.phone),
        caller_id=attempt.caller_id,
        ring_seconds=plan.max_ring_seconds,
        max_seconds=plan.max_call_seconds,
        target=plan.call_target,
    )
    bot = plan.target.name if plan.target.capacity is not None else None
    return LiveCall(
        call=Call(order, placed_at=attempt.created_at, left=True),
        lead_id=attempt.lead_id,
        contact_id=attempt.contact_id,
        run_id=attempt.run_id,
        attempts=attempt.attempts,
        uncharged=attempt.uncharged,
        policy=plan.retry.policy(),
        use=SlotUse(attempt.attempt_id, attempt.campaign, attempt.phone, bot, attempt.carrier),
        launch=None,
        launch_at=0.0,
        not_after=0.0,
    )


def _ended_unseen(attempt: OpenAttempt, policy: RetryPolicy, now: float) -> AttemptEnd:
    return AttemptEnd(
        attempt_id=attempt.attempt_id,
        lead_id=attempt.lead_id,
        run_id=attempt.run_id,
        ended_at=now,
        outcome=Outcome.UNKNOWN,
        cause="ended while the controller was away",
        move=policy.after(Outcome.UNKNOWN, attempt.attempts, attempt.uncharged, now),
    )
