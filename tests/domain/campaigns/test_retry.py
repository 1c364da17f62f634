"""Who is called again (features 5.2)."""

from __future__ import annotations

import pytest

from controller.domain.calls.outcome import DEFAULT_RETRYABLE, NEVER_RETRIED, RULES, Outcome
from controller.domain.campaigns.retry import MOST_UNCHARGED, UNCHARGED_LIMIT_SECONDS, RetryPolicy
from controller.domain.hopper.lead import LeadState

POLICY = RetryPolicy(max_attempts=3, delay_seconds=600.0, delays={Outcome.NO_ANSWER: 60.0})


@pytest.mark.parametrize("outcome", sorted(DEFAULT_RETRYABLE))
def test_retryable_outcomes_wait_and_then_run_out(outcome: Outcome):
    """Two retries after the first call, then exhausted."""
    delay = 60.0 if outcome is Outcome.NO_ANSWER else 600.0
    first = POLICY.after(outcome, attempts=0, uncharged=0, now=1000.0)
    assert (first.state, first.due_at, first.charged) == (LeadState.WAITING, 1000.0 + delay, True)
    assert POLICY.after(outcome, attempts=1, uncharged=0, now=1000.0).state is LeadState.WAITING
    assert POLICY.after(outcome, attempts=2, uncharged=0, now=1000.0).state is LeadState.EXHAUSTED


@pytest.mark.parametrize("outcome", sorted(NEVER_RETRIED))
def test_some_outcomes_are_never_retried(outcome: Outcome):
    """Connected, wrong number, fax: done, even when the campaign asks for it."""
    greedy = RetryPolicy(retryable=frozenset(Outcome))
    assert greedy.after(outcome, attempts=0, uncharged=0, now=0.0).state is LeadState.DONE


def test_busy_and_machine_are_not_retried_by_default():
    """The default set is the document's: no_answer, rejected, rnr, error, timeout."""
    for outcome in (Outcome.BUSY, Outcome.MACHINE, Outcome.UNKNOWN):
        assert POLICY.after(outcome, attempts=0, uncharged=0, now=0.0).state is LeadState.DONE


@pytest.mark.parametrize("outcome", [o for o, rule in RULES.items() if not rule.charged])
def test_faults_that_are_not_the_contacts_cost_no_attempt(outcome: Outcome):
    """However often the carrier or our own switch refuses, the contact keeps its attempts; the wait grows; it ends."""
    waits = []
    for times in range(15):
        move = POLICY.after(outcome, attempts=2, uncharged=times, now=0.0)
        assert (move.state, move.charged) == (LeadState.WAITING, False)
        waits.append(move.due_at)
    assert waits == sorted(waits)
    assert waits[-1] == UNCHARGED_LIMIT_SECONDS
    given_up = POLICY.after(outcome, attempts=2, uncharged=MOST_UNCHARGED - 1, now=0.0)
    assert (given_up.state, given_up.charged) == (LeadState.EXHAUSTED, False)


def test_an_abandoned_person_is_left_in_peace_for_three_days():
    """Only a campaign that names ``abandoned`` calls again at all, and not before 72 hours unless an agent is guaranteed."""
    assert POLICY.after(Outcome.ABANDONED, attempts=0, uncharged=0, now=0.0).state is LeadState.DONE
    keen = RetryPolicy(delay_seconds=600.0, retryable=frozenset({Outcome.ABANDONED}))
    assert keen.after(Outcome.ABANDONED, attempts=0, uncharged=0, now=0.0).due_at == 72 * 3600.0
    guaranteed = RetryPolicy(delay_seconds=600.0, retryable=frozenset({Outcome.ABANDONED}), quiet_seconds=0.0)
    assert guaranteed.after(Outcome.ABANDONED, attempts=0, uncharged=0, now=0.0).due_at == 600.0
