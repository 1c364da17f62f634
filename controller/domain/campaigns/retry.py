"""Whether and when a contact is called again (features 5.2).

Once connected: never. A wrong number, a fax: never. An outcome that is not charged (our switch refused, the carrier was full)
does not cost an attempt and comes back after a delay of its own, which grows; it gives up in the end. Everything else: while
attempts are left and the outcome is among the retryable ones. Retries are dialled after all fresh contacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.domain.calls.answering import QUIET_SECONDS
from controller.domain.calls.outcome import DEFAULT_RETRYABLE, RULES, Outcome
from controller.domain.hopper.lead import LeadMove, LeadState

UNCHARGED_LIMIT_SECONDS = 600.0
"""The delay of an uncharged outcome doubles up to this while the fault lasts."""
MOST_UNCHARGED = 20
"""In a row; then the lead is given up, so that a run with a number that no carrier ever takes ends. With the delays above the
fault has lasted for hours by then."""


@dataclass(frozen=True)
class RetryPolicy:
    """max_attempts: calls to a contact in one run, the first included. delays: seconds by outcome, over ``delay_seconds``.
    quiet_seconds: the least delay after an abandoned call; 0.0 where an agent is guaranteed (Ofcom: 72 hours otherwise).
    """

    max_attempts: int = 3
    delay_seconds: float = 3600.0
    retryable: frozenset[Outcome] = DEFAULT_RETRYABLE
    delays: Mapping[Outcome, float] = field(default_factory=dict)
    quiet_seconds: float = QUIET_SECONDS

    def after(self, outcome: Outcome, attempts: int, uncharged: int, now: float) -> LeadMove:
        """Where the lead goes.

        attempts: made so far and charged, not counting this one. uncharged: earlier attempts in a row that were not
        charged, this one not counted. now: UTC epoch seconds.
        """
        rule = RULES[outcome]
        if not rule.charged:
            if uncharged + 1 >= MOST_UNCHARGED:
                return LeadMove(LeadState.EXHAUSTED, outcome.value, charged=False)
            delay = min((rule.retry_delay_seconds or 1.0) * 2.0 ** min(uncharged, 12), UNCHARGED_LIMIT_SECONDS)
            return LeadMove(LeadState.WAITING, outcome.value, due_at=now + delay, charged=False)
        if rule.final:
            return LeadMove(LeadState.DONE, outcome.value)
        if outcome in self.retryable:
            if attempts + 1 >= self.max_attempts:
                return LeadMove(LeadState.EXHAUSTED, outcome.value)
            delay = self.delays.get(outcome, self.delay_seconds)
            if outcome is Outcome.ABANDONED:
                delay = max(delay, self.quiet_seconds)
            return LeadMove(LeadState.WAITING, outcome.value, due_at=now + delay)
        return LeadMove(LeadState.DONE, outcome.value)
