"""The map file: which column of a contact file holds the number, and which columns become which variables.

It is TOML::

    phone = "Mobile No"            # the column that holds the number

    [attributes]                   # column = variable; columns not named here are left out
    "Cust Name" = "FirstName"
    "Due Amt" = "amount"

Without the table ``[attributes]`` every other column is a variable of its own name.
A map cannot say more; what the columns then mean is decided in ``columns``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from pydantic import ValidationError

from controller.domain.site import Part, mistakes


class ColumnMap(Part):
    """A map file, read."""

    phone: str
    attributes: Mapping[str, str] | None = None


def read_map(text: str) -> ColumnMap | list[str]:
    """The map, or every mistake in it."""
    try:
        return ColumnMap.model_validate(tomllib.loads(text))
    except ValidationError as error:
        return mistakes(error)
    except ValueError as error:  # TOMLDecodeError is one; so is an integer of thousands of digits
        return [f"is not TOML: {error}"]
    except RecursionError:
        return ["is not TOML of ours: values are nested too deeply"]
