"""Cells of CSV files that we write, made safe for the spreadsheet they will be opened in.

A spreadsheet takes a cell that begins with ``= + - @``, TAB or CR for a formula, so a contact's name could run a command on
the desk of whoever opens the report. Such a cell gets an apostrophe in front, which spreadsheets show as text.
A plus or minus followed by digits alone stays as it is: it cannot be a formula that does anything, and phone numbers
must stay readable for people and for programs.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^[\s\x00]*[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"^[+-]?[0-9]{1,20}(\.[0-9]{1,20})?\Z")


def safe_cell(text: str) -> str:
    """``text``, with an apostrophe in front where a spreadsheet would calculate it."""
    if _FORMULA.match(text) and not _PLAIN_NUMBER.match(text):
        return "'" + text
    return text
