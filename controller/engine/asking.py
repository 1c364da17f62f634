"""The switch is asked what became of a call: whether it lives, waits, or how it ended.

Asked when nothing was heard for too long, after a lost link, and for calls of an earlier life of this controller.
"""

from __future__ import annotations

import structlog

from controller.domain.calls.events import CallEvent, FoundWaiting, Left, Vanished
from controller.domain.calls.states import BEFORE_ANSWER
from controller.engine.live_call import LiveCall
from controller.errors import SwitchDown
from controller.ports import Clock, Switch

log = structlog.get_logger("call")

GRACE_SECONDS = 0.5
"""Between learning that a call is gone and looking for its end: the event may be on its way."""
CREATION_SECONDS = 10.0
"""After the ring limit and this, a call that the switch neither has nor recorded was never created there."""


def ask(live: LiveCall, switch: Switch, clock: Clock) -> list[CallEvent]:
    """What the switch knows, as events; none when it cannot say now, or when its answer is overtaken by an event in the queue.

    Blocks for a moment when the call is gone.
    """
    live.unasked = True
    try:
        alive = switch.alive(live.attempt_id)
        # Whoever answered while we did not listen waits for nothing now: the dead-man's switch is all that speaks to them.
        waits = alive and live.call.state in BEFORE_ANSWER and switch.waits(live.attempt_id)
    except SwitchDown:
        return []
    live.unasked = False
    if alive:
        now = clock.now()
        return [Left(now), FoundWaiting(now)] if waits and live.queue.empty() else [Left(now)]
    # Its end may be on its way: an event that is already queued wins over the question's answer.
    clock.sleep(GRACE_SECONDS)
    if not live.queue.empty():
        return []
    return _how_it_ended(live, switch, clock)


def _how_it_ended(live: LiveCall, switch: Switch, clock: Clock) -> list[CallEvent]:
    try:
        end = switch.end_of(live.attempt_id)
    except SwitchDown as error:
        # Taken for a call without a record, it would pass for one that was never dialled.
        log.error("journal not read", attempt=live.attempt_id, error=str(error))
        live.unasked = True
        return []
    if end is not None:
        return [end]
    same_core = live.core == switch.core
    age = clock.monotonic() - live.known_since
    if same_core and not live.call.left and age < live.call.order.ring_seconds + CREATION_SECONDS:
        # The command may still be on its way inside the switch; the overdue timer asks again.
        return []
    recorded = switch.keeps_record and same_core
    return [Vanished(clock.now(), "not known to the switch", recorded)]
