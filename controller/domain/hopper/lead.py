"""A lead: one contact in one run, and where it stands.

    fresh ──► hopper ──► dialing ──► waiting (due_at, reason) ──► hopper …
      ▲          │          └──────► final: done / exhausted / dnc / window_closed / stopped / invalid
      └──────────┘ the claim's lease lapsed, or the lead was handed back

Final states say why nothing more will happen; ``last_outcome`` says how the last attempt ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

CALLBACK = "callback"
"""Reason of a lead that waits for a promised call."""


class LeadState(IntEnum):
    """Stored as small integers; names are what exports and logs show (lower case)."""

    FRESH = 0  # never tried, not claimed
    WAITING = 1  # due later, for ``reason``: retry, callback, deferred …
    HOPPER = 2  # claimed for dialling, under a lease
    DIALING = 3  # an attempt is live
    DONE = 10  # connected, or an outcome after which nothing more is to do
    EXHAUSTED = 11  # attempts used up, or outcome not retryable
    DNC = 12  # on a do-not-call list
    WINDOW_CLOSED = 13  # single_day run: the window ended first
    STOPPED = 14  # the run was stopped first
    INVALID = 15  # the number cannot be dialled

    @property
    def final(self) -> bool:
        return self >= LeadState.DONE

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class HopperLead:
    """A lead about to be dialled.

    phone: E.164 digits without the plus. claim: the fence; the ledger opens an attempt only for the claim that is
    stored with the lead, so a lead handed out twice is dialled once. attempts: charged so far; uncharged: in a row since
    then. attributes: the contact's variables as JSON text.
    leased_until: UTC epoch seconds. only_agent: who promised to call back, and alone may; None = anybody.
    """

    lead_id: int
    run_id: int
    contact_id: int
    phone: int
    attempts: int
    uncharged: int
    claim: str
    leased_until: float
    attributes: str
    only_agent: str | None = None


@dataclass(frozen=True, slots=True)
class LeadMove:
    """Where a lead goes after an attempt. due_at (UTC epoch seconds) only for WAITING."""

    state: LeadState
    reason: str
    due_at: float | None = None
    charged: bool = True
