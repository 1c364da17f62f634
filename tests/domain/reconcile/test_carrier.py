"""A carrier's file: read or refused in words, and matched with attempts by number and start."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.calls.outcome import Outcome
from controller.domain.reconcile.calls import Kind
from controller.domain.reconcile.carrier import MOST_MISTAKES, CarrierCall, CarrierRecord, read_calls
from tests.domain.reconcile.test_calls import ATTEMPT

START = ATTEMPT.created_at
DIGITS = str(ATTEMPT.phone)


def call(at: float = START, number: str = DIGITS, answered: bool | None = None, line: int = 2) -> CarrierCall:
    return CarrierCall(line, number, at, answered)


def read(text: str) -> list[CarrierCall] | list[str]:
    return read_calls(io.StringIO(text, newline=""))


def test_numbers_times_and_answers_in_the_spellings_of_carriers():
    """Times with a zone, without one (UTC) and as epoch seconds; answered in words or by the duration."""
    text = (
        "Time,number,answered,duration,route\n"
        "2026-11-21T10:00:00+05:30,+91 98765-43210,yes,,x\n"
        "2026-11-21 04:30:00,09876543210,,0,x\n"
        "\n"
        "1795235400.5,919876543210,,12.5,x\n"
    )
    assert read(text) == [
        CarrierCall(2, "919876543210", 1795235400.0, True),
        CarrierCall(3, "09876543210", 1795235400.0, False),
        CarrierCall(5, "919876543210", 1795235400.5, True),
    ]


def test_a_file_that_says_nothing_of_answers():
    """Only number and time are needed."""
    assert read("number,time\n1,0\n") == [CarrierCall(2, "1", 0.0, None)]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "line 1: no column number and no column time"),
        ("number,when\n1,2\n", "line 1: no column time"),
        ("number,time\nnobody,0\n", "line 2: 'nobody' is no number"),
        (f"number,time\n{'9' * 5000},0\n", f"line 2: '{'9' * 40}' is no number"),
        ("number,time\n1,yesterday\n", "line 2: 'yesterday' is no time"),
        ("number,time\n1,nan\n", "line 2: 'nan' is no time"),
        ("number,time\n1,1e300\n", "line 2: '1e300' is no time"),
        ("number,time\n1\n", "line 2: 1 cells, the header has 2"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, mistake: str):
    """One sentence for each row that cannot be read."""
    assert read(text) == [mistake]


def test_a_file_of_something_else_does_not_fill_the_screen():
    """The first mistakes stand for the rest."""
    said = read("number,time\n" + "x,y\n" * 1000)
    assert len(said) == MOST_MISTAKES + 1
    assert said[-1] == f"and {1000 - MOST_MISTAKES} more rows like these"


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str):
    """Nothing in a file stops the reader."""
    said = read(text)
    assert all(isinstance(one, CarrierCall | str) for one in said)


@given(st.lists(st.lists(st.one_of(st.text(max_size=12), st.just("0"), st.just("9" * 12)), min_size=2, max_size=4)))
def test_any_cells_behind_a_good_header(rows: list[list[str]]):
    """A good header proves nothing about the rows; whatever is read is a number and a time."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["number", "time", "duration"], *rows])
    for one in read(text.getvalue()):
        assert isinstance(one, str) or (one.number.isdigit() and one.at >= 0.0)


def test_a_call_is_known_by_number_and_start():
    """Within the tolerance, by the E.164 digits or by the number as it was sent to that carrier."""
    assert CarrierRecord([call(START + 4.9)], 5.0).match(ATTEMPT, [DIGITS]) is None
    assert CarrierRecord([call(number="09876543210")], 5.0).match(ATTEMPT, [DIGITS, "09876543210"]) is None
    late = CarrierRecord([call(START + 5.1)], 5.0).match(ATTEMPT, [DIGITS])
    assert late is not None
    assert late.kind is Kind.NOT_AT_CARRIER


def test_each_call_belongs_to_one_attempt():
    """Two attempts and one call: one of them is not at the carrier. Two calls and one attempt: one call is a stray."""
    record = CarrierRecord([call(START + 1, line=2), call(START + 3, line=3)], 5.0)
    assert record.match(ATTEMPT, [DIGITS]) is None
    assert [(one.kind, one.phone, one.theirs) for one in record.unclaimed()] == [(Kind.ONLY_AT_CARRIER, DIGITS, "line 3")]
    assert record.match(replace(ATTEMPT, created_at=START + 2), [DIGITS]) is None
    assert record.unclaimed() == []
    third = record.match(ATTEMPT, [DIGITS])
    assert third is not None
    assert third.kind is Kind.NOT_AT_CARRIER


def test_an_answer_that_only_the_carrier_bills():
    """Answered for the carrier, not for us; a file that does not say is believed to agree."""
    differs = CarrierRecord([call(answered=True)], 5.0).match(ATTEMPT, [DIGITS])
    assert differs is not None
    assert (differs.kind, differs.ours, differs.theirs) == (Kind.CARRIER_ANSWERED, "no_answer", "line 2: answered")
    assert CarrierRecord([call(answered=False)], 5.0).match(ATTEMPT, [DIGITS]) is None
    assert CarrierRecord([call(answered=None)], 5.0).match(ATTEMPT, [DIGITS]) is None


def test_calls_that_need_not_be_at_the_carrier():
    """One in progress is not billed yet; one that our switch refused never got there."""
    for outcome in (None, Outcome.NOT_DIALLED):
        attempt = replace(ATTEMPT, outcome=outcome, ringing_at=None)
        assert CarrierRecord([], 5.0).match(attempt, [DIGITS]) is None


def test_the_period_of_a_file():
    """From its first to its last call, with the tolerance at both ends."""
    assert CarrierRecord([call(100.0), call(200.0)], 5.0).period() == (95.0, 205.0)
    assert CarrierRecord([], 5.0).period() is None
