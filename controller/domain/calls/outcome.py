"""How an attempt ended, and what that means for the contact, the carrier and the retry.

One table, :data:`RULES`. Which SIP status or hangup cause leads to which outcome is FreeSWITCH's business and lies in
``esl_handlers/causes.py``; this page only knows the trade's words (features 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The system outcomes of features 5.1."""

    ANSWERED = "answered"  # a person picked up and was connected (or hung up before we owed them anything)
    MACHINE = "machine"
    MESSAGE_LEFT = "message_left"  # a machine, and our message is on it
    FAX = "fax"
    AMD_UNKNOWN = "amd_unknown"  # detection could not tell, and the campaign hangs up then
    ABANDONED = "abandoned"  # a person picked up and nobody was there in time
    AGENT_UNAVAILABLE = "agent_unavailable"  # a machine that the campaign passes on, and no agent was free for it
    NO_ANSWER = "no_answer"  # rang until our ring limit
    RNR = "rnr"  # ring no response: the far network says that the user does not respond (480)
    BUSY = "busy"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    TIMEOUT = "timeout"  # the network's own timer ran out (408, 504)
    ERROR = "error"
    GATEWAY_ERROR = "gateway_error"  # the carrier refused us or cannot be reached
    CONGESTION = "congestion"  # the carrier is full (503 …)
    NOT_DIALLED = "not_dialled"  # refused inside our own switch: no INVITE left
    CANCELLED = "cancelled"  # we hung up before an answer: stop, kill, shutdown
    UNKNOWN = "unknown"  # its fate cannot be learned; counts as made


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """What an outcome means.

    connected: the contact is done and never dialled again in this run (5.2).
    charged: costs the contact one of its attempts.
    carrier_fault: the carrier slows down, and the call may go by another one.
    final: no retry whatever the campaign says (wrong number).
    retry_delay_seconds: when the retry is not the campaign's to time (uncharged outcomes); None = the campaign's delay.
    """

    connected: bool = False
    charged: bool = True
    carrier_fault: bool = False
    final: bool = False
    retry_delay_seconds: float | None = None


RULES: dict[Outcome, OutcomeRule] = {
    Outcome.ANSWERED: OutcomeRule(connected=True, final=True),
    Outcome.MACHINE: OutcomeRule(),
    Outcome.MESSAGE_LEFT: OutcomeRule(),
    Outcome.FAX: OutcomeRule(final=True),
    Outcome.AMD_UNKNOWN: OutcomeRule(),
    # Not before the quiet period is over: campaigns/retry.py, and the ledger for other campaigns.
    Outcome.ABANDONED: OutcomeRule(),
    Outcome.AGENT_UNAVAILABLE: OutcomeRule(),
    Outcome.NO_ANSWER: OutcomeRule(),
    Outcome.RNR: OutcomeRule(),
    Outcome.BUSY: OutcomeRule(),
    Outcome.REJECTED: OutcomeRule(),
    Outcome.INVALID_NUMBER: OutcomeRule(final=True),
    Outcome.TIMEOUT: OutcomeRule(),
    Outcome.ERROR: OutcomeRule(),
    Outcome.GATEWAY_ERROR: OutcomeRule(charged=False, carrier_fault=True, retry_delay_seconds=30.0),
    Outcome.CONGESTION: OutcomeRule(charged=False, carrier_fault=True, retry_delay_seconds=15.0),
    Outcome.NOT_DIALLED: OutcomeRule(charged=False, retry_delay_seconds=1.0),
    Outcome.CANCELLED: OutcomeRule(charged=False, retry_delay_seconds=60.0),
    Outcome.UNKNOWN: OutcomeRule(),
}

DEFAULT_RETRYABLE: frozenset[Outcome] = frozenset(
    {Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.RNR, Outcome.ERROR, Outcome.TIMEOUT}
)
"""Retried when the campaign says nothing (features 5.2)."""

NEVER_RETRIED: frozenset[Outcome] = frozenset(o for o, rule in RULES.items() if rule.final)
