"""Rows of a contact file → contacts, or a reasoned rejection of each row that is none.

Decides what one row is worth by itself. Duplicates are found where the list is (``storage/imports``), because only the list
knows what it already holds. Values are kept exactly as they are written; an empty cell is no variable. Nothing is
interpreted: ``${x}``, ``^^``, quotes, formulas are text here, and whoever hands them on must quote them for his world.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import orjson

from controller.domain.contacts.columns import Columns
from controller.domain.contacts.phone import BadNumber, normalise

MAX_VALUE = 10_000
"""Characters of one cell."""
MAX_ATTRIBUTES = 65_536
"""Bytes of all variables of one contact: they travel through Redis and into the call."""
SHOWN = 100
"""Characters of a rejected value that the report repeats."""


class Why(StrEnum):
    """Kinds of rejection, for counting."""

    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"  # the number came earlier in the file
    IN_LIST = "in_list"  # the list had the number before this file
    RAGGED = "ragged"  # more or fewer cells than the header
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"  # NUL or characters that are no text


class Row(NamedTuple):
    """A record as read. line: where it begins in the file, from 1."""

    line: int
    cells: list[str]


class Contact(NamedTuple):
    """A row that can be dialled. phone: E.164 digits; attributes: JSON object of texts."""

    line: int
    phone: int
    attributes: str


class Rejected(NamedTuple):
    """A row that cannot. column and value: what is wrong with it (value shortened); reason: a clause for people."""

    line: int
    why: Why
    column: str
    value: str
    reason: str


def read_row(row: Row, columns: Columns, region: str) -> Contact | Rejected:
    """region: ISO 3166 alpha-2, for numbers without a country code."""
    line, cells = row
    if len(cells) != columns.width and not _only_blanks_beyond(cells, columns.width):
        reason = (
            f"has {len(cells)} of {columns.width} columns"
            if len(cells) < columns.width
            else (f"has {len(cells)} columns, the header {columns.width}")
        )
        return Rejected(line, Why.RAGGED, "", cells[columns.phone][:SHOWN] if columns.phone < len(cells) else "", reason)
    for index, cell in enumerate(cells[: columns.width]):
        if len(cell) > MAX_VALUE:
            return Rejected(
                line, Why.TOO_LONG, columns.names[index], cell[:SHOWN], f"{len(cell)} characters, at most {MAX_VALUE}"
            )
        if "\0" in cell:
            return Rejected(line, Why.UNREADABLE, columns.names[index], cell[:SHOWN], "contains a NUL character")
    raw = cells[columns.phone]
    phone = normalise(raw, region)
    if isinstance(phone, BadNumber):
        return Rejected(line, Why.INVALID_NUMBER, columns.phone_name, raw[:SHOWN], phone.reason)
    attributes = {name: cells[index] for index, name in columns.attributes if cells[index] and not cells[index].isspace()}
    try:
        text = orjson.dumps(attributes)
    except orjson.JSONEncodeError:
        return Rejected(line, Why.UNREADABLE, "", raw[:SHOWN], "contains half of a surrogate pair, which is no character")
    if len(text) > MAX_ATTRIBUTES:
        return Rejected(
            line, Why.TOO_LONG, "", raw[:SHOWN], f"its variables take {len(text)} bytes together, at most {MAX_ATTRIBUTES}"
        )
    return Contact(line, phone, text.decode())


def read_rows(rows: Iterable[Row], columns: Columns, region: str) -> tuple[list[Contact], list[Rejected]]:
    """The contacts and the rejections of a batch, each in the order of the file."""
    contacts: list[Contact] = []
    rejected: list[Rejected] = []
    for row in rows:
        result = read_row(row, columns, region)
        if isinstance(result, Contact):
            contacts.append(result)
        else:
            rejected.append(result)
    return contacts, rejected


def _only_blanks_beyond(cells: list[str], width: int) -> bool:
    """Spreadsheets leave delimiters at the end of rows; nothing is lost by overlooking them."""
    return len(cells) > width and not any(cell.strip() for cell in cells[width:])
