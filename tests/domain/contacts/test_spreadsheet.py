"""Cells that we write are safe to open in a spreadsheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.contacts.spreadsheet import safe_cell


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "+91 98", "+1+1\n"])
def test_formulas_become_text(cell: str) -> None:
    """An apostrophe in front makes a spreadsheet show the cell instead of calculating it."""
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["+919888888888", "-5", "-12.50", "9888888888", "Asha", "", "a=b", "'+1"])
def test_phone_numbers_and_plain_text_stay_readable(cell: str) -> None:
    """A sign and digits alone cannot calculate anything."""
    assert safe_cell(cell) == cell


@given(st.text())
def test_no_cell_begins_as_a_formula(cell: str) -> None:
    """Whatever comes out begins with a sign only when it is a plain number."""
    safe = safe_cell(cell)
    assert safe[:1] not in ("=", "@", "\t", "\r")
    assert safe.removeprefix("'") == cell or safe == cell
    if safe[:1] in ("+", "-"):
        float(safe)
