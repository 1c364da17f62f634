"""What a header and a map say about the columns of a contact file."""

from __future__ import annotations

import pytest

from controller.domain.contacts.column_map import ColumnMap, read_map
from controller.domain.contacts.columns import MAX_COLUMNS, Columns, read_header


@pytest.mark.parametrize("name", ["phone_number", "Phone Number", "PHONENUMBER", " phone-number ", "Phone_ Number"])
def test_phone_column_is_found_by_its_name(name: str) -> None:
    """Capitals, spaces, hyphens and underscores make no difference; the other columns are variables."""
    columns = read_header(["name", name, "city"])
    assert isinstance(columns, Columns)
    assert columns.phone == 1
    assert columns.attributes == ((0, "name"), (2, "city"))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["name", "mobile"], ["no column phone_number", "name, mobile"]),
        (["phone_number", "Phone Number"], ["more than one column"]),
        (["phone_number", "", "city"], ["column 2 has no name"]),
        (["phone_number", "Name", "name"], ["column 3 has the same name as 2"]),
        (["phone_number", "x" * 65], ["longer than 64"]),
        (["phone_number", "a\nb", "", "a\x07"], ["column 2", "column 3", "column 4"]),
        (["phone_number", *map(str, range(MAX_COLUMNS))], ["201 columns"]),
        ([], ["no column phone_number"]),
    ],
)
def test_mistakes_in_the_header_are_told_at_once(header: list[str], words: list[str]) -> None:
    """Every mistake has its place and is found before a row is read."""
    found = read_header(header)
    assert isinstance(found, list)
    assert all(any(word in mistake for mistake in found) for word in words), found


def test_empty_names_at_the_end_are_leftovers() -> None:
    """Spreadsheets leave delimiters behind the last column."""
    columns = read_header(["phone_number", "name", "", " "])
    assert isinstance(columns, Columns)
    assert columns.width == 2


def test_map_names_the_number_and_the_variables() -> None:
    """Only the columns that a map names become variables, under the names it gives them."""
    column_map = read_map('phone = "Mobile"\n[attributes]\n"Due Amt" = "amount"\n"Cust" = "FirstName"\n')
    assert isinstance(column_map, ColumnMap)
    columns = read_header(["Cust", "Mobile", "Notes", "Due Amt"], column_map)
    assert isinstance(columns, Columns)
    assert (columns.phone, columns.attributes) == (1, ((0, "FirstName"), (3, "amount")))


def test_map_without_attributes_keeps_every_other_column() -> None:
    """The shortest map says only where the number is."""
    columns = read_header(["Cust", "Mobile", "Notes"], ColumnMap(phone="Mobile"))
    assert isinstance(columns, Columns)
    assert columns.attributes == ((0, "Cust"), (2, "Notes"))


def test_map_that_does_not_fit_the_file_is_refused() -> None:
    """Every column that the map names and the file lacks is told."""
    found = read_header(["a", "b"], ColumnMap(phone="x", attributes={"y": "v", "a": "w"}))
    assert isinstance(found, list)
    assert len(found) == 2


def test_two_columns_cannot_become_one_variable() -> None:
    """Which of the two would it be?"""
    found = read_header(["p", "a", "b"], ColumnMap(phone="p", attributes={"a": "Name", "b": "name"}))
    assert isinstance(found, list)
    assert "same name" in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [("phone = ", "not TOML"), ("[attributes]", "phone: is missing"), ('phone = "a"\nfone = "b"', "fone: no such key")],
)
def test_mistakes_in_a_map_are_told(text: str, words: str) -> None:
    """A map is checked before the file is opened."""
    found = read_map(text)
    assert isinstance(found, list)
    assert words in found[0]


@pytest.mark.parametrize("value", ["[" * 5000, "{a=" * 5000, "1" * 5000])
def test_a_map_made_to_break_its_reader_is_refused(value: str) -> None:
    """Nested without end, or a number without end: one sentence, no crash."""
    found = read_map(f"phone = {value}")
    assert isinstance(found, list)
    assert found[0].startswith("is not TOML")
