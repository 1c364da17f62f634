"""What is written of a call: before it is placed (:class:`AttemptDraft`) and when it is over (:class:`AttemptEnd`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.agents.agent import SeizureOutcome
from controller.domain.calls.outcome import Outcome
from controller.domain.hopper.lead import LeadMove


@dataclass(frozen=True, slots=True)
class AttemptDraft:
    """An attempt about to be made; committed before the call leaves (design section 3, step 5).

    claim: the lead's fence. max_attempts: the ledger refuses a lead that has used them up. dnc_list_ids: looked up in the
    same transaction. created_at: UTC epoch seconds. quiet_seconds: a number with an abandoned call less long ago is left alone.
    """

    attempt_id: str
    lead_id: int
    claim: str
    run_id: int
    campaign_id: int
    contact_id: int
    phone: int
    caller_id: str
    carrier: str
    node: str
    created_at: float
    max_attempts: int
    dnc_list_ids: tuple[int, ...]
    quiet_seconds: float = 0.0


class Opening(StrEnum):
    """What the ledger said to a draft."""

    OPENED = "opened"
    CLAIM_LOST = "claim_lost"  # the lead is no longer ours: lease lapsed, run stopped, somebody else has it
    NUMBER_LIVE = "number_live"  # an attempt to this number is live somewhere; the lead was put back with a due time
    QUIET = "quiet"  # the last person at this number was left without an agent lately; the lead was put back with a due time
    DNC = "dnc"  # on a do-not-call list; the lead is final


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """An attempt that is over, and where its lead goes. Times are UTC epoch seconds.

    launched_at: None when it never left, or left in an earlier life of its controller. amd_…, beep_at, key_at: what detection
    heard, as ``states.Evidence``. agent, seizure: who was reserved for it last, and how that went. opted_out: the number goes
    on do-not-call list ``opt_out_list`` in the same transaction; None = the global one.
    """

    attempt_id: str
    lead_id: int
    run_id: int
    ended_at: float
    outcome: Outcome
    cause: str
    move: LeadMove
    sip_status: int | None = None
    launched_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    connected_to: str | None = None
    connected_at: float | None = None
    amd_verdict: str | None = None
    amd_ms: int | None = None
    amd_confidence: float | None = None
    amd_detail: tuple[tuple[str, str | float], ...] = ()
    amd_revised: str | None = None
    amd_revised_ms: int | None = None
    beep_at: float | None = None
    key_at: float | None = None
    agent: str | None = None
    seizure: SeizureOutcome | None = None
    opted_out: bool = False
    opt_out_list: int | None = None


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """A live attempt as the ledger knows it; what a restarted controller reads back."""

    attempt_id: str
    lead_id: int
    run_id: int
    campaign_id: int
    campaign: str
    contact_id: int
    phone: int
    caller_id: str
    carrier: str
    node: str
    created_at: float
    attempts: int
    uncharged: int
