"""The report of an import: a CSV file with the line, column, value and reason of every row that was not taken.

Grows while the import runs and gets its name when the import ends, so a report that is there is complete. Cells are safe
to open in a spreadsheet (``domain/contacts/spreadsheet``).
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from controller.domain.contacts.csv_import import Rejected
from controller.domain.contacts.spreadsheet import safe_cell

HEADER = ("line", "column", "value", "reason")


class Report:
    """by_reason: rejected rows by kind, so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_reason: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished = path.with_name(path.name + ".part")
        self._file = self._unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(HEADER)

    def add(self, rejected: Sequence[Rejected]) -> None:
        """In the order of the file."""
        for line, why, column, value, reason in sorted(rejected):
            self.by_reason[why.value] += 1
            self._csv.writerow((line, safe_cell(column), safe_cell(value), reason))

    def close(self) -> None:
        """Complete: the file gets its name."""
        self._file.close()
        os.replace(self._unfinished, self.path)

    def abandon(self) -> None:
        """Incomplete: the file goes away."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)
