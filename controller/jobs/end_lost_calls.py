"""Sweep: calls of controllers that never came back.

A controller that restarts settles its own calls. One whose machine is gone cannot, and its attempts would hold their runs open
for ever. Their end is written as ``unknown`` (which counts as made) only when the call is certainly over: no campaign lets a
call live longer than its ring limit and its maximum duration, which FreeSWITCH itself enforces, so nobody can be on the line
when the number becomes free again.
"""

from __future__ import annotations

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptEnd
from controller.domain.campaigns.retry import RetryPolicy
from controller.jobs.world import World
from controller.storage.attempts import SqlAttemptStore
from controller.storage.nodes import NodeStore

SILENT_SECONDS = 120.0
"""A controller says that it lives every few seconds."""
MARGIN_SECONDS = 60.0
LONGEST_RING_SECONDS = 120.0
LONGEST_CALL_SECONDS = 6 * 3600.0
"""For a run whose plan is no longer at hand: the most a campaign file allows."""


def end_lost_calls(world: World, now: float) -> int:
    """How many attempts were given up."""
    store = SqlAttemptStore(world.database)
    plans = {run.run_id: run.plan for run in world.runs.running()}
    ends = []
    for node in NodeStore(world.database).silent_since(now - SILENT_SECONDS):
        for attempt in store.open_attempts_of(node):
            plan = plans.get(attempt.run_id)
            longest = (
                plan.max_ring_seconds + plan.max_call_seconds
                if plan is not None
                else LONGEST_RING_SECONDS + LONGEST_CALL_SECONDS
            )
            if attempt.created_at + longest + MARGIN_SECONDS > now:
                continue
            policy = plan.retry_policy if plan is not None else RetryPolicy()
            ends.append(
                AttemptEnd(
                    attempt_id=attempt.attempt_id,
                    lead_id=attempt.lead_id,
                    run_id=attempt.run_id,
                    ended_at=now,
                    outcome=Outcome.UNKNOWN,
                    cause=f"controller {node} was lost",
                    move=policy.after(Outcome.UNKNOWN, attempt.attempts, attempt.uncharged, now),
                )
            )
    return sum(store.close_attempts(ends)) if ends else 0
