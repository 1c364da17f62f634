"""Which column of a contact file holds the number, and which columns become variables.

Without a map, the number is in the column called ``phone_number`` (capitals, spaces, hyphens and underscores do not matter:
``Phone Number`` is the same), and every other column is a variable of its own name.
A map (``column_map``) says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic is not for the processes that only normalise numbers
    from controller.domain.contacts.column_map import ColumnMap

MAX_COLUMNS = 200
MAX_NAME_LENGTH = 64
PHONE_COLUMN = "phone_number"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where things are in a row. phone: index of the number's column; attributes: index and variable name of the others;
    width: how many columns the header has."""

    phone: int
    phone_name: str
    attributes: tuple[tuple[int, str], ...]
    width: int
    names: tuple[str, ...]


def read_header(header: Sequence[str], column_map: ColumnMap | None = None) -> Columns | list[str]:
    """What the header says, or every mistake in it.

    Columns without a name at the end of the header are spreadsheets' leftovers and do not count; elsewhere they are
    mistakes, as are two columns of one name (capitals do not make a difference: SIP headers do not know them).
    """
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    found = _mistakes_in_names(names)
    if found:
        return found
    if column_map is None:
        return _by_name(names)
    return _by_map(names, column_map)


def is_phone_column(name: str) -> bool:
    """Whether a column of this name holds the number when no map says otherwise."""
    return re.sub(r"[\s_-]+", "", name.casefold()) == "phonenumber"


def _by_name(names: list[str]) -> Columns | list[str]:
    phones = [index for index, name in enumerate(names) if is_phone_column(name)]
    if not phones:
        return [f"there is no column {PHONE_COLUMN} (columns: {_listed(names)}); rename one or say which with a map"]
    if len(phones) > 1:
        both = _listed([names[index] for index in phones])
        return [f"more than one column could be {PHONE_COLUMN} ({both}); say which with a map"]
    phone = phones[0]
    others = tuple((index, name) for index, name in enumerate(names) if index != phone)
    return Columns(phone, names[phone], others, len(names), tuple(names))


def _by_map(names: list[str], column_map: ColumnMap) -> Columns | list[str]:
    place = {name: index for index, name in enumerate(names)}
    wanted = [column_map.phone, *(column_map.attributes or {})]
    found = [
        f"the map names column {name!r}, which is not there (columns: {_listed(names)})" for name in wanted if name not in place
    ]
    if found:
        return found
    phone = place[column_map.phone]
    if column_map.attributes is None:
        others = [(index, name) for index, name in enumerate(names) if index != phone]
    else:
        others = sorted((place[column], variable) for column, variable in column_map.attributes.items())
        found = _mistakes_in_names([variable for _, variable in others], of="the map's variable")
    return found or Columns(phone, names[phone], tuple(others), len(names), tuple(names))


def _mistakes_in_names(names: list[str], of: str = "column") -> list[str]:
    if len(names) > MAX_COLUMNS:
        return [f"has {len(names)} columns, more than {MAX_COLUMNS}"]
    found = []
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            found.append(f"{of} {number} has no name; name it or remove it")
        elif len(name) > MAX_NAME_LENGTH:
            found.append(f"the name of {of} {number} is longer than {MAX_NAME_LENGTH} characters ({name[:20]!r}…)")
        elif not name.isprintable():
            found.append(f"the name of {of} {number} has characters that cannot be printed ({name!r})")
        elif name.casefold() in first:
            found.append(f"{of} {number} has the same name as {first[name.casefold()]} ({name!r}); rename one")
        else:
            first[name.casefold()] = number
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return shown + (", …" if len(names) > 20 else "") if shown else "none"
