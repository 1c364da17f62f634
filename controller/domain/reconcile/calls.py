"""Two records of one call held against one another: the attempt of our ledger and the switch's line about its end.

Decides what counts as a difference and what the line proves. How an end becomes an outcome is not decided here: the call
machine hears the line as it would have heard the hang-up. Reading, looking up and repairing are left to
``controller/reconciliation.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.calls.actions import DialOrder, Finish
from controller.domain.calls.events import HungUp
from controller.domain.calls.machine import hear
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptEnd
from controller.domain.calls.states import Call, Evidence
from controller.domain.campaigns.plan import RunPlan

SETTLED_SECONDS = 60.0
"""An end that is younger may still be on its way from the controller to the database."""
MARGIN_SECONDS = 60.0
"""After the longest ring and talk that the plan allows, a call is certainly over."""
REFUSED_HERE = frozenset({Outcome.NOT_DIALLED, Outcome.GATEWAY_ERROR})
"""Outcomes of calls that the switch may have refused before they had a channel: no line is written about those."""
KNOWN_TO_US = frozenset(
    {Outcome.MACHINE, Outcome.MESSAGE_LEFT, Outcome.FAX, Outcome.AMD_UNKNOWN, Outcome.ABANDONED, Outcome.AGENT_UNAVAILABLE}
)
"""What became of an answered call that only those know who heard it: the journal cannot contradict them."""


class Kind(StrEnum):
    """What two records disagree about."""

    NO_ATTEMPT = "no_attempt"  # the journal has a call that the ledger does not
    NO_LINE = "no_journal_line"  # the ledger has a call that the journal does not
    STILL_OPEN = "still_open"  # in progress for the ledger, and long over
    UNKNOWN = "unknown"  # the ledger never learned the end; the journal knows it
    ANSWERED = "answered"  # answered for one, not for the other
    OUTCOME = "outcome"  # ended differently
    NOT_AT_CARRIER = "not_at_carrier"
    ONLY_AT_CARRIER = "only_at_carrier"
    CARRIER_ANSWERED = "carrier_answered"  # answered for the carrier and not for us, or the other way round


@dataclass(frozen=True, slots=True)
class Recorded:
    """An attempt as the ledger has it. phone: E.164 digits. attempts, uncharged: of its lead, as they stand now; 0 when the
    lead is gone. Times are UTC epoch seconds; outcome and ended_at are None while it is open."""

    attempt_id: str
    run_id: int
    campaign_id: int
    lead_id: int
    phone: int
    caller_id: str
    carrier: str
    node: str
    created_at: float
    launched_at: float | None
    ringing_at: float | None
    answered_at: float | None
    connected_to: str | None
    ended_at: float | None
    amd_verdict: str | None
    amd_ms: int | None
    outcome: Outcome | None
    attempts: int
    uncharged: int

    @property
    def maybe_refused_here(self) -> bool:
        """Whether no other record of the call needs to exist."""
        return self.outcome in REFUSED_HERE and self.ringing_at is None


@dataclass(frozen=True, slots=True)
class Difference:
    """One call, two stories. attempt_id: empty when the ledger has none. phone: E.164, or as the carrier writes it; empty when
    nobody says it. at: UTC epoch seconds. ours, theirs: what the ledger and what the other record say. end: what the attempt's
    end must be, where the journal proves it."""

    kind: Kind
    attempt_id: str
    phone: str
    at: float
    ours: str
    theirs: str
    end: AttemptEnd | None = None


def compare(attempt: Recorded, plan: RunPlan, line: HungUp | None, now: float) -> Difference | None:
    """The difference between an attempt and the journal's line about it; None when they agree or it is too early to say.

    line: None = the journal, which should hold it, has none.
    """
    if line is None:
        return _without_line(attempt, plan, now)
    if attempt.outcome is None:
        if line.at + SETTLED_SECONDS > now:
            return None
        end = end_by(line, attempt, plan)
        return _difference(Kind.STILL_OPEN, attempt, f"{end.outcome}, {end.cause}", end)
    end = end_by(line, attempt, plan)
    if attempt.outcome is Outcome.UNKNOWN:
        return _difference(Kind.UNKNOWN, attempt, f"{end.outcome}, {end.cause}", end)
    if (attempt.answered_at is None) != (end.answered_at is None):
        return _difference(Kind.ANSWERED, attempt, "not answered" if end.answered_at is None else "answered")
    if attempt.outcome is not end.outcome and not (end.answered_at is not None and attempt.outcome in KNOWN_TO_US):
        return _difference(Kind.OUTCOME, attempt, f"{end.outcome}, {end.cause}")
    return None


def without_attempt(attempt_id: str, line: HungUp) -> Difference:
    """A call that left without being written down: what must never be (I3)."""
    return Difference(Kind.NO_ATTEMPT, attempt_id, "", line.at, "", f"{line.outcome}, {line.cause}")


def end_by(line: HungUp, attempt: Recorded, plan: RunPlan) -> AttemptEnd:
    """The end of an attempt as the call machine would have written it, had it heard what the journal says."""
    order = DialOrder(
        attempt_id=attempt.attempt_id,
        campaign=plan.campaign,
        run_id=attempt.run_id,
        gateway=attempt.carrier,
        dial_string_number=str(attempt.phone),
        caller_id=attempt.caller_id,
        ring_seconds=plan.max_ring_seconds,
        max_seconds=plan.max_call_seconds,
        target=plan.call_target,
    )
    call = Call(order, attempt.created_at, answering=plan.answering)
    call.evidence = Evidence(verdict=attempt.amd_verdict, verdict_ms=attempt.amd_ms)
    before = attempt.attempts - (attempt.outcome is Outcome.UNKNOWN)  # which was charged when it was given up
    (finish,) = hear(call, line)
    assert isinstance(finish, Finish), "a hang-up ends a call in every state"
    return AttemptEnd(
        attempt_id=attempt.attempt_id,
        lead_id=attempt.lead_id,
        run_id=attempt.run_id,
        ended_at=line.at,
        outcome=finish.outcome,
        cause=finish.cause,
        sip_status=finish.sip_status,
        move=plan.retry_policy.after(finish.outcome, before, attempt.uncharged, line.at),
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        connected_to=call.connected_to,
        connected_at=call.connected_at,
        amd_verdict=call.evidence.verdict,
        amd_ms=call.evidence.verdict_ms,
    )


def _without_line(attempt: Recorded, plan: RunPlan, now: float) -> Difference | None:
    if attempt.outcome is None:
        longest = plan.max_ring_seconds + plan.max_call_seconds + MARGIN_SECONDS
        return _difference(Kind.STILL_OPEN, attempt, "no line") if attempt.created_at + longest < now else None
    if attempt.maybe_refused_here:
        return None
    return _difference(Kind.NO_LINE, attempt, "no line")


def _difference(kind: Kind, attempt: Recorded, theirs: str, end: AttemptEnd | None = None) -> Difference:
    ours = "open" if attempt.outcome is None else attempt.outcome.value
    if kind is Kind.ANSWERED:
        ours += ", answered" if attempt.answered_at is not None else ", not answered"
    return Difference(kind, attempt.attempt_id, f"+{attempt.phone}", attempt.created_at, ours, theirs, end)
