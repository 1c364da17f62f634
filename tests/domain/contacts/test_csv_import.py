"""What a row is worth: a contact, or a rejection with its reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.contacts.columns import Columns, read_header
from controller.domain.contacts.csv_import import (
    MAX_ATTRIBUTES,
    MAX_VALUE,
    Contact,
    Rejected,
    Row,
    Why,
    read_row,
    read_rows,
)

HOSTILE = [
    'O\'Brien "Bob"',
    "a}b{c",
    "line\r\nbreak",
    "${strftime()}",
    "^^:x=1:y=2",
    "[origination_caller_id_number=1]",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "'; DROP TABLE contacts; --",
    "<script>alert(1)</script>",
    "\u202eright to left",
    "👩‍💻 naïve",
    "\x07bell",
    "x" * MAX_VALUE,
]


def columns(*names: str) -> Columns:
    found = read_header(names)
    assert isinstance(found, Columns)
    return found


@pytest.mark.parametrize("written", ["+919888888888", "919888888888", "9888888888", "09888888888", " +91 98888-88888 "])
def test_every_way_of_writing_is_one_number(written: str) -> None:
    """With the list's region, national and international writing become the same E.164 digits."""
    contact = read_row(Row(2, [written]), columns("phone_number"), "IN")
    assert contact == Contact(2, 919888888888, "{}")


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_kept_as_text(value: str) -> None:
    """Whatever a cell holds is the value of its variable and nothing else."""
    contact = read_row(Row(2, ["+919888888888", value]), columns("phone_number", "note"), "IN")
    assert isinstance(contact, Contact)
    assert json.loads(contact.attributes) == {"note": value}


def test_empty_cells_are_no_variables() -> None:
    """A contact has the variables that its row fills."""
    contact = read_row(Row(2, ["+919888888888", "", " \t", "Pune"]), columns("phone_number", "a", "b", "city"), "IN")
    assert isinstance(contact, Contact)
    assert json.loads(contact.attributes) == {"city": "Pune"}


@pytest.mark.parametrize(
    ("cells", "why", "column", "words"),
    [
        (["12", "x", "y"], Why.INVALID_NUMBER, "phone_number", "not a valid number"),
        (["", "x", "y"], Why.INVALID_NUMBER, "phone_number", "empty"),
        (["+919888888888", "x"], Why.RAGGED, "", "has 2 of 3 columns"),
        (["+919888888888", "x", "y", "z"], Why.RAGGED, "", "has 4 columns, the header 3"),
        (["+919888888888", "x" * (MAX_VALUE + 1), "y"], Why.TOO_LONG, "note", "10001 characters"),
        (["+919888888888", "x\0", "y"], Why.UNREADABLE, "note", "NUL"),
        (["+919888888888", "\ud800", "y"], Why.UNREADABLE, "", "surrogate"),
        (["9" * 5000, "x", "y"], Why.INVALID_NUMBER, "phone_number", "too long"),
    ],
)
def test_rejections_say_where_and_why(cells: list[str], why: Why, column: str, words: str) -> None:
    """The report can name line, column, value and reason; the value is shortened."""
    rejected = read_row(Row(7, cells), columns("phone_number", "note", "city"), "IN")
    assert isinstance(rejected, Rejected)
    assert (rejected.line, rejected.why, rejected.column) == (7, why, column)
    assert words in rejected.reason
    assert len(rejected.value) <= 100


def test_all_variables_together_have_a_limit() -> None:
    """They travel with every attempt, so a row of many long values is rejected as a whole."""
    names = [f"c{number}" for number in range(8)]
    cells = ["x" * MAX_VALUE] * 8
    assert len("".join(cells)) > MAX_ATTRIBUTES
    rejected = read_row(Row(2, ["+919888888888", *cells]), columns("phone_number", *names), "IN")
    assert isinstance(rejected, Rejected)
    assert rejected.why is Why.TOO_LONG


def test_blank_cells_beyond_the_header_do_no_harm() -> None:
    """Spreadsheets leave delimiters at the end of rows."""
    assert isinstance(read_row(Row(2, ["+919888888888", "", " "]), columns("phone_number"), "IN"), Contact)


@given(st.lists(st.lists(st.text(), max_size=4), max_size=20))
def test_any_rows_add_up(cells: list[list[str]]) -> None:
    """Every row is either a contact or rejected, in the order of the file, whatever is in it."""
    rows = [Row(number, row) for number, row in enumerate(cells, start=2)]
    contacts, rejected = read_rows(rows, columns("phone_number", "a", "b"), "IN")
    assert sorted([one.line for one in contacts] + [one.line for one in rejected]) == [row.line for row in rows]
