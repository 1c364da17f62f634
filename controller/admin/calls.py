"""Live calls: which there are, one of them in full, hanging one up.

Which calls are live is in the ledger and any process can tell; what state a call is in only its controller knows, and only
that one can end it. When nobody holds a call, the ledger's word is the answer.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import Field

from controller.admin.commands import Args, Desk, LiveCalls, Verb
from controller.domain.contacts.phone import e164
from controller.errors import NotFound, Refused, WrongState
from controller.storage.attempts import SqlAttemptStore
from controller.storage.look_up import CallRow, LookUp


class OneCall(Args):
    """attempt_id: the call's identity everywhere, FreeSWITCH included."""

    attempt_id: str


class HangUp(OneCall):
    """reason: for the record of the call."""

    reason: str = Field(default="operator", pattern=r"^[A-Za-z0-9_ .-]{1,64}$")


class FirstWord(OneCall):
    """milliseconds: from the answer until the person heard the bot."""

    milliseconds: int = Field(ge=0, le=3_600_000)


class InProgress(Args):
    """campaign: only its calls. limit: so many at most, the oldest first."""

    campaign: str | None = None
    limit: int = Field(default=1000, ge=1, le=100_000)


def list_calls(desk: Desk, args: InProgress) -> list[dict[str, Any]]:
    """Calls in progress, over all nodes."""
    return [_row(call) for call in LookUp(desk.database).calls_in_progress(args.campaign, args.limit)]


def show_stored(desk: Desk, args: OneCall) -> dict[str, Any]:
    """The ledger's word about a call, live or over."""
    call = LookUp(desk.database).call(args.attempt_id)
    if call is None:
        raise NotFound(f"no call has the id {args.attempt_id}; `trunkline call ls` shows those in progress")
    return _row(call)


def show_live(calls: LiveCalls, args: OneCall) -> dict[str, Any]:
    """The word of the controller that holds the call. Times are UTC epoch seconds."""
    held = next((call for call in calls.calls() if call.order.attempt_id == args.attempt_id), None)
    if held is None:
        raise WrongState(f"call {args.attempt_id} has just ended")
    order = held.order
    return {
        "attempt_id": order.attempt_id,
        "campaign": order.campaign,
        "state": held.state.value,
        "dialled": order.dial_string_number,
        "caller_id": order.caller_id,
        "gateway": order.gateway,
        "placed_at": held.placed_at,
        "ringing_at": held.ringing_at,
        "answered_at": held.answered_at,
        "connected_at": held.connected_at,
        "connected_to": held.connected_to,
        "hang_up_reason": held.hang_up_reason,
    }


def hang_up_live(calls: LiveCalls, args: HangUp) -> dict[str, Any]:
    """Ask the switch to end the call; its end follows as an event."""
    if not calls.hang_up(args.attempt_id, args.reason):
        raise WrongState(f"call {args.attempt_id} has just ended")
    return {"attempt_id": args.attempt_id, "hanging_up": True}


def hang_up_unheld(desk: Desk, args: HangUp) -> dict[str, Any]:
    """Why nobody can end the call."""
    call = show_stored(desk, OneCall(attempt_id=args.attempt_id))
    if call["ended_at"] is not None:
        raise WrongState(f"call {args.attempt_id} is over already: {call['outcome']}")
    raise Refused(f"call {args.attempt_id} belongs to controller {call['node']}, which does not answer; see `call show`")


def note_first_word(desk: Desk, args: FirstWord) -> dict[str, Any]:
    """A bot tells how long the person waited for it; later than two seconds counts as an abandoned call."""
    if not SqlAttemptStore(desk.database).set_first_word(args.attempt_id, args.milliseconds):
        raise NotFound(f"no call has the id {args.attempt_id}; a bot finds it in the header X-Trunkline-Attempt")
    return {"attempt_id": args.attempt_id, "first_word_ms": args.milliseconds}


def _row(call: CallRow) -> dict[str, Any]:
    return asdict(call) | {"phone": e164(call.phone)}


CALL_VERBS = (
    Verb("call.ls", InProgress, "calls in progress", do=list_calls, reads=True),
    Verb("call.show", OneCall, "one call, live or over", do=show_stored, act=show_live, reads=True),
    Verb("call.first_word", FirstWord, "when the person heard the bot's first word", change=note_first_word),
    Verb("call.hangup", HangUp, "end a live call", do=hang_up_unheld, act=hang_up_live),
)
