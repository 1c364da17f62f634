"""Events of a channel → what happened to the call, in the trade's words.

Each function reads one kind of event. What it may say depends on what was said before (:class:`TrackedCall`): an event that
comes twice says nothing the second time, and the hang-up event carries the switch's own memory of the call, so that a lost
event changes nothing in the end.

Times are our clock's, stamped when the event arrived; FreeSWITCH's own clock, up to 15 ms off (baseline section 3), is used
only for what was not heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.domain.calls.events import (
    Answered,
    CallEvent,
    Connected,
    ConnectFailed,
    DialFailed,
    HungUp,
    KeyPressed,
    Left,
    MessagePlayed,
    Ringing,
)
from controller.domain.calls.outcome import Outcome
from esl_handlers.causes import NEVER_LEFT, CallEnd, outcome_of, refusal_cause
from esl_handlers.wire import Event, in_wire_order


@dataclass(slots=True)
class TrackedCall:
    """A call of ours as the event stream has shown it.

    target_name: "" for a call that was adopted; its channel knows. link_age: which event link it was dialled under.
    is_to_wait: it was dialled to wait, once it is answered, and has not been joined.
    settled: it is in the wait, or beyond it, and can be moved.
    kill_wanted: we asked for its end before the switch knew it. gone: the switch, asked, did not know it.
    """

    attempt_id: str
    target_name: str
    campaign: str | None
    run_id: int | None
    link_age: int
    is_to_wait: bool = False
    left: bool = False
    rang: bool = False
    answered: bool = False
    connected: bool = False
    failed: bool = False
    settled: bool = False
    kill_wanted: bool = False
    gone: bool = False

    @property
    def may_wait(self) -> bool:
        """Whether it may be in the wait without our having heard so."""
        return self.answered or self.link_age < 0


_BRIDGE = in_wire_order("variable_trunkline_to")
_CONNECT = in_wire_order(
    "variable_trunkline_to", "variable_trunkline_connect", "variable_originate_disposition", "variable_trunkline_played"
)
_HANG_UP = in_wire_order(
    "Hangup-Cause",
    "Caller-Channel-Answered-Time",
    "Caller-Channel-Progress-Time",
    "Caller-Channel-Progress-Media-Time",
    "Caller-Channel-Bridged-Time",
    "variable_sip_network_ip",
    "variable_sip_invite_failure_status",
    "variable_sip_term_status",
)
_AFTER_ANSWER = in_wire_order("variable_trunkline_connect", "variable_originate_disposition")

CONNECTED_WORDS = ("playing", "ivr")
FAILED_WORDS = ("failed", "overdue")
OPTED_OUT_WORD = "opted_out"
WAITING_WORDS = ("waiting", "agent_lost")
TREATED_WORDS = ("agent_lost", "abandoned", OPTED_OUT_WORD)
PLAYED = "FILE PLAYED"
"""Values of ``trunkline_connect`` and, the last, of ``trunkline_played``, which dialplan/trunkline.xml and trunkline-agents.xml
set."""


def created(call: TrackedCall, event: Event) -> CallEvent | None:
    """CHANNEL_CREATE comes just after the INVITE went out."""
    if call.left:
        return None
    call.left = True
    return Left(event.received_at)


def ringing(call: TrackedCall, event: Event) -> CallEvent | None:
    """CHANNEL_PROGRESS (180) or CHANNEL_PROGRESS_MEDIA (183); the first counts."""
    if call.rang:
        return None
    call.left = call.rang = True
    return Ringing(event.received_at)


def answered(call: TrackedCall, event: Event) -> CallEvent | None:
    if call.answered:
        return None
    call.left = call.answered = True
    return Answered(event.received_at)


def bridged(call: TrackedCall, event: Event) -> CallEvent | None:
    """CHANNEL_BRIDGE: person and bot hear each other."""
    if call.connected:
        return None
    call.connected = True
    return Connected(event.received_at, call.target_name or event.pick(_BRIDGE)[0])


def connecting(call: TrackedCall, event: Event) -> CallEvent | None:
    """``trunkline::connect`` from the dialplan: a sound or an IVR has begun, a message was played, or a target was not to be
    had."""
    to, word, disposition, played = event.pick(_CONNECT)
    call.settled = True
    if played:
        if played == PLAYED:
            return MessagePlayed(event.received_at)
        return ConnectFailed(event.received_at, f"message: {played}", told=False)
    if word in CONNECTED_WORDS and not call.connected:
        call.connected = True
        return Connected(event.received_at, call.target_name or to)
    if word in FAILED_WORDS and not call.failed:
        call.failed = True
        return ConnectFailed(event.received_at, _why(word, disposition))
    return None


def opted_out(call: TrackedCall, event: Event) -> CallEvent:
    """``trunkline::opt-out`` from the dialplan: the person pressed the key that the abandoned-call message names."""
    return KeyPressed(event.received_at, event.get("variable_trunkline_opt_out_key"))


def hung_up(call: TrackedCall, event: Event) -> CallEvent:
    """CHANNEL_HANGUP_COMPLETE: the end, and everything the switch remembers of the call."""
    cause, answer, progress, media, bridge, network_ip, failure_status, term_status = event.pick(_HANG_UP)
    rings = [at for at in (seconds_of(progress), seconds_of(media)) if at is not None]
    rang_at = min(rings, default=None)
    answered_at = seconds_of(answer)
    word, disposition = event.pick(_AFTER_ANSWER) if answered_at is not None else ("", "")
    status = status_of(term_status) or status_of(failure_status)
    connected_at = seconds_of(bridge)
    if connected_at is None and word in CONNECTED_WORDS:
        connected_at = answered_at
    end = CallEnd(
        cause=cause,
        # A 487 without a final status of the far end is the answer to our own CANCEL: the cause says why we sent it.
        sip_status=status_of(term_status),
        replied=bool(network_ip),
        rang=call.rang or rang_at is not None,
    )
    return HungUp(
        at=event.received_at,
        outcome=outcome_of(end) if answered_at is None else Outcome.ANSWERED,
        cause=cause or "NO_CAUSE",
        sip_status=status,
        answered_at=answered_at,
        ringing_at=rang_at,
        connected_at=connected_at,
        connect_failed=_why(word, disposition) if word in (*FAILED_WORDS, *TREATED_WORDS) else None,
        opted_out=word == OPTED_OUT_WORD,
    )


def job_done(call: TrackedCall, event: Event, link_unbroken: bool) -> CallEvent | None:
    """BACKGROUND_JOB of our originate. Nothing left the box when the switch names a cause of its own making and no
    CHANNEL_CREATE came; that proves something only if we listened without a gap since the command was sent."""
    cause = refusal_cause(event.body)
    if cause is None:
        return None
    stayed = not call.left and link_unbroken and cause in NEVER_LEFT
    return DialFailed(event.received_at, NEVER_LEFT.get(cause, Outcome.ERROR), cause, left=not stayed)


Reading = Callable[[TrackedCall, Event], CallEvent | None]


def _why(word: str, disposition: str) -> str:
    return disposition if word == "failed" and disposition else word


def seconds_of(micros: str) -> float | None:
    """FreeSWITCH's microseconds since 1970 → UTC epoch seconds; None for 0 and for anything else."""
    return int(micros) / 1_000_000 if micros.isdigit() and int(micros) > 0 else None


def status_of(text: str) -> int | None:
    """A SIP status, or None."""
    return int(text) if text.isdigit() and 100 <= int(text) <= 699 else None
