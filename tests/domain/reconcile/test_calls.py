"""The ledger's attempt against the journal's line: what agrees, what differs, what the line proves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.calls.events import HungUp
from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.hopper.lead import LeadState
from controller.domain.reconcile.calls import Kind, Recorded, compare, end_by, without_attempt
from tests.contracts.worlds import plan

NOW = 10_000.0
PLAN = plan()
ATTEMPT = Recorded(
    attempt_id="a-1",
    run_id=1,
    campaign_id=1,
    lead_id=7,
    phone=919876543210,
    caller_id="+911140001000",
    carrier="north",
    node="n1",
    created_at=1_000.0,
    launched_at=1_000.0,
    ringing_at=1_002.0,
    answered_at=None,
    connected_to=None,
    ended_at=1_030.0,
    amd_verdict=None,
    amd_ms=None,
    outcome=Outcome.NO_ANSWER,
    attempts=1,
    uncharged=0,
)
RANG = HungUp(1_030.0, Outcome.NO_ANSWER, "NO_ANSWER", ringing_at=1_002.0)
TALKED = HungUp(1_060.0, Outcome.ANSWERED, "NORMAL_CLEARING", 200, 1_005.0, 1_002.0, 1_005.2)


def kind(attempt: Recorded, line: HungUp | None, now: float = NOW) -> Kind | None:
    found = compare(attempt, PLAN, line, now)
    return None if found is None else found.kind


def given_up(**change: Any) -> Recorded:
    return replace(ATTEMPT, outcome=Outcome.UNKNOWN, ringing_at=None, **change)


def still_open(**change: Any) -> Recorded:
    return replace(ATTEMPT, outcome=None, ended_at=None, ringing_at=None, attempts=0, **change)


def test_two_records_of_one_call_agree():
    """Same outcome, answered or not: no difference, whatever the clocks' milliseconds."""
    assert kind(ATTEMPT, replace(RANG, at=1_030.02)) is None
    answered = replace(ATTEMPT, outcome=Outcome.ANSWERED, answered_at=1_005.01, ended_at=1_060.0)
    assert kind(answered, TALKED) is None


def test_a_call_that_was_answered_for_one_side_only():
    """The ledger says that it rang out, the switch that somebody spoke."""
    assert kind(ATTEMPT, TALKED) is Kind.ANSWERED
    assert kind(replace(ATTEMPT, outcome=Outcome.ANSWERED, answered_at=1_005.0), RANG) is Kind.ANSWERED


def test_calls_that_ended_differently():
    """Busy is not no answer, and a call that counts as never dialled has no line."""
    assert kind(replace(ATTEMPT, outcome=Outcome.BUSY), RANG) is Kind.OUTCOME
    assert kind(replace(ATTEMPT, outcome=Outcome.NOT_DIALLED, ringing_at=None), RANG) is Kind.OUTCOME


def test_a_person_left_waiting_is_abandoned_in_both():
    """The call machine judges the journal's line by the same two seconds as it judged the hang-up."""
    waited = HungUp(1_010.0, Outcome.ANSWERED, "NORMAL_CLEARING", 200, answered_at=1_005.0)
    assert end_by(waited, ATTEMPT, PLAN).outcome is Outcome.ABANDONED
    assert end_by(replace(waited, at=1_006.0), ATTEMPT, PLAN).outcome is Outcome.ANSWERED
    assert end_by(waited, replace(ATTEMPT, amd_verdict="machine"), PLAN).outcome is Outcome.MACHINE


def test_the_journal_ends_what_was_given_up():
    """``unknown`` gets outcome, cause and times; the attempt is not counted twice against the limit."""
    found = compare(given_up(attempts=2), PLAN, RANG, NOW)
    assert found is not None
    assert found.kind is Kind.UNKNOWN
    assert found.end is not None
    assert (found.end.outcome, found.end.ended_at, found.end.ringing_at) == (Outcome.NO_ANSWER, 1_030.0, 1_002.0)
    assert found.end.move.state is LeadState.WAITING  # two of three are made, this one included


def test_the_journal_ends_what_is_still_open():
    """Once it is long over; a fresh end may still be on its way to the database."""
    assert kind(still_open(), RANG, now=1_030.0 + 59.0) is None
    found = compare(still_open(), PLAN, TALKED, NOW)
    assert found is not None
    assert found.kind is Kind.STILL_OPEN
    assert found.end is not None
    assert (found.end.connected_to, found.end.move.state) == ("playback", LeadState.DONE)


def test_an_attempt_without_a_line():
    """A call in progress has none yet, and one that the switch refused never gets one; any other lacks it."""
    assert kind(still_open(), None, now=1_010.0) is None
    assert kind(still_open(), None) is Kind.STILL_OPEN
    assert kind(ATTEMPT, None) is Kind.NO_LINE
    assert kind(given_up(), None) is Kind.NO_LINE
    refused = replace(ATTEMPT, outcome=Outcome.NOT_DIALLED, ringing_at=None)
    assert kind(refused, None) is None
    assert kind(replace(refused, outcome=Outcome.GATEWAY_ERROR), None) is None


def test_a_line_without_an_attempt_has_nothing_to_repair():
    """A call that nobody wrote down is told, not invented."""
    found = without_attempt("stray", TALKED)
    assert (found.kind, found.attempt_id, found.phone, found.end) == (Kind.NO_ATTEMPT, "stray", "", None)


times = st.one_of(st.none(), st.floats(0, 2e9))


@given(
    outcome=st.sampled_from([None, *Outcome]),
    line=st.builds(HungUp, st.floats(0, 2e9), st.sampled_from(Outcome), st.text(max_size=8), st.none(), times, times, times),
    attempts=st.integers(1, 3),
)
def test_only_what_was_never_learned_is_repaired(outcome: Outcome | None, line: HungUp, attempts: int):
    """Whatever the two say, an end that the ledger heard itself is never replaced."""
    attempt = replace(ATTEMPT, outcome=outcome, attempts=attempts)
    found = compare(attempt, PLAN, line, NOW)
    if found is not None and found.end is not None:
        assert outcome in (None, Outcome.UNKNOWN)
        assert found.end.move.charged == RULES[found.end.outcome].charged


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_line_agrees_with_the_end_it_makes(outcome: Outcome):
    """What a repair writes is no difference at the next comparison."""
    line = replace(RANG, outcome=outcome)
    end = end_by(line, given_up(), PLAN)
    if end.outcome is not Outcome.UNKNOWN:
        repaired = replace(ATTEMPT, outcome=end.outcome, answered_at=end.answered_at, ringing_at=end.ringing_at)
        assert compare(repaired, PLAN, line, NOW) is None
