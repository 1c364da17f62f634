"""How a call ended → our outcome. One table for SIP statuses, one for hangup causes, one for refusals to dial.

The SIP status decides where the far end gave one: several statuses share a hangup cause (401 and 603 are both
CALL_REJECTED), and Q.850 16 covers a declined call, our own kill and a normal end alike. The cause decides where no status
exists: our timers, our kill, faults of our own switch.

Two corrections follow from what FreeSWITCH does (facts section 4, baseline section 0):

- A 503 that nobody sent is made up by FreeSWITCH when the carrier cannot be reached. A real one leaves the sender's address.
- A person whose phone has rung has been disturbed, whatever the carrier says afterwards: a fault of the carrier after
  ringing is charged to the contact as an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.calls.outcome import Outcome

KILL_CAUSE = "MANAGER_REQUEST"
"""Given with every uuid_kill of ours. Without one FreeSWITCH says NORMAL_CLEARING, as for a conversation that ended."""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """What the hang-up event says. sip_status: final status of the INVITE, None when there was none. replied: some SIP
    reply came from the network. rang: 180 or 183 was seen."""

    cause: str
    sip_status: int | None
    replied: bool
    rang: bool


BY_STATUS: dict[int, Outcome] = {
    486: Outcome.BUSY,
    600: Outcome.BUSY,
    480: Outcome.RNR,
    404: Outcome.INVALID_NUMBER,
    410: Outcome.INVALID_NUMBER,
    484: Outcome.INVALID_NUMBER,
    485: Outcome.INVALID_NUMBER,
    604: Outcome.INVALID_NUMBER,
    603: Outcome.REJECTED,
    607: Outcome.REJECTED,
    608: Outcome.REJECTED,
    401: Outcome.GATEWAY_ERROR,
    402: Outcome.GATEWAY_ERROR,
    403: Outcome.GATEWAY_ERROR,
    407: Outcome.GATEWAY_ERROR,
    428: Outcome.GATEWAY_ERROR,
    429: Outcome.GATEWAY_ERROR,
    437: Outcome.GATEWAY_ERROR,
    438: Outcome.GATEWAY_ERROR,
    405: Outcome.GATEWAY_ERROR,
    502: Outcome.GATEWAY_ERROR,
    408: Outcome.TIMEOUT,
    504: Outcome.TIMEOUT,
    400: Outcome.CONGESTION,
    481: Outcome.CONGESTION,
    500: Outcome.CONGESTION,
    503: Outcome.CONGESTION,
    406: Outcome.ERROR,
    415: Outcome.ERROR,
    482: Outcome.ERROR,
    483: Outcome.ERROR,
    488: Outcome.ERROR,
    501: Outcome.ERROR,
    606: Outcome.ERROR,
    487: Outcome.CANCELLED,
}
"""Final SIP status of the INVITE, as the carrier gave it."""

BY_CAUSE: dict[str, Outcome] = {
    "NO_ANSWER": Outcome.NO_ANSWER,
    "ALLOTTED_TIMEOUT": Outcome.NO_ANSWER,
    "PROGRESS_TIMEOUT": Outcome.NO_ANSWER,
    "NO_USER_RESPONSE": Outcome.RNR,
    "SUBSCRIBER_ABSENT": Outcome.RNR,
    "USER_NOT_REGISTERED": Outcome.RNR,
    "USER_BUSY": Outcome.BUSY,
    "CALL_REJECTED": Outcome.REJECTED,
    "UNWANTED": Outcome.REJECTED,
    "UNALLOCATED_NUMBER": Outcome.INVALID_NUMBER,
    "NUMBER_CHANGED": Outcome.INVALID_NUMBER,
    "INVALID_NUMBER_FORMAT": Outcome.INVALID_NUMBER,
    "NO_ROUTE_DESTINATION": Outcome.INVALID_NUMBER,
    "RECOVERY_ON_TIMER_EXPIRE": Outcome.TIMEOUT,
    "NORMAL_CIRCUIT_CONGESTION": Outcome.CONGESTION,
    "SWITCH_CONGESTION": Outcome.CONGESTION,
    "NORMAL_TEMPORARY_FAILURE": Outcome.GATEWAY_ERROR,
    "NETWORK_OUT_OF_ORDER": Outcome.GATEWAY_ERROR,
    "SERVICE_UNAVAILABLE": Outcome.GATEWAY_ERROR,
    "GATEWAY_DOWN": Outcome.GATEWAY_ERROR,
    "INVALID_GATEWAY": Outcome.GATEWAY_ERROR,
    "INVALID_PROFILE": Outcome.GATEWAY_ERROR,
    KILL_CAUSE: Outcome.CANCELLED,
    "ORIGINATOR_CANCEL": Outcome.CANCELLED,
    "LOSE_RACE": Outcome.CANCELLED,
    "SYSTEM_SHUTDOWN": Outcome.CANCELLED,
}
"""Hangup cause of a call that left and got no final status. Not listed: an error."""

NEVER_LEFT: dict[str, Outcome] = {
    "DESTINATION_OUT_OF_ORDER": Outcome.NOT_DIALLED,  # over max-sessions or sessions-per-second, or paused
    "SYSTEM_SHUTDOWN": Outcome.NOT_DIALLED,
    "GATEWAY_DOWN": Outcome.GATEWAY_ERROR,
    "INVALID_GATEWAY": Outcome.GATEWAY_ERROR,
    "INVALID_PROFILE": Outcome.GATEWAY_ERROR,
    "INVALID_URL": Outcome.ERROR,
    "CHAN_NOT_IMPLEMENTED": Outcome.ERROR,
    "USAGE": Outcome.ERROR,
}
"""What originate answers when it made no channel. Any other answer means that an INVITE may be out."""


def outcome_of(end: CallEnd) -> Outcome:
    """The outcome of a call that ended without an answer."""
    if end.sip_status is None or end.sip_status < 300:
        outcome = BY_CAUSE.get(end.cause, Outcome.ERROR)
    elif end.sip_status == 503 and not end.replied:
        outcome = Outcome.GATEWAY_ERROR
    else:
        outcome = BY_STATUS.get(end.sip_status, Outcome.ERROR)
    if end.rang and outcome in (Outcome.CONGESTION, Outcome.GATEWAY_ERROR):
        return Outcome.ERROR
    return outcome


def refusal_cause(body: str) -> str | None:
    """Result of a background originate → the cause of its failure; None when it worked.

    ``-ERR GATEWAY_DOWN`` → ``GATEWAY_DOWN``; ``-USAGE: …`` → ``USAGE``; whatever is not ``+OK`` failed.
    """
    text = body.strip()
    if text.startswith("+OK"):
        return None
    words = text.lstrip("-").replace(":", " ").split()
    if words and words[0] == "ERR":
        words = words[1:]
    return words[0] if words else "NO_REASON"
