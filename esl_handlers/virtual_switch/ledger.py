"""The far end's own record, for audits: one CSV row for every call that left through a gateway, in the order they left.

Columns: ``time`` (UTC epoch seconds with milliseconds, when the INVITE left), ``uuid``, ``number`` (digits as dialled),
``caller_id``, ``gateway``, ``end``. Calls that the switch refused itself (unknown or down gateway, rate, duplicate
uuid) never left and have no row.

The row is written when the call leaves, with end ``open``; ``end`` is a field of fixed width, padded with spaces
(readers strip), and is overwritten in place. So a kill -9 loses nothing: it leaves ``open`` for calls that were still
ringing and ``answered`` for those that had been picked up. Ends: answered, busy, no_answer, cancelled, rejected,
congestion, invalid, unavailable, unreachable, timeout, refused (any other status), lost (the virtual switch itself was
restarted).
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

END_WIDTH = 16
HEADER = "time,uuid,number,caller_id,gateway,end\n"


class Ledger:
    """An open ledger file; appends to one that is already there."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._size = os.fstat(self._file).st_size
        if self._size == 0:
            self._size = os.pwrite(self._file, HEADER.encode(), 0)

    def open_row(self, time: float, uuid: str, number: str, caller_id: str, gateway: str) -> int:
        """A call has left. Returns where its ``end`` lies, for :meth:`close_row`."""
        row = io.StringIO()
        csv.writer(row, lineterminator=",").writerow([f"{time:.3f}", uuid, number, caller_id, gateway])
        data = row.getvalue().encode("utf-8", "surrogateescape")
        os.pwrite(self._file, data + b"open".ljust(END_WIDTH) + b"\n", self._size)
        place = self._size + len(data)
        self._size = place + END_WIDTH + 1
        return place

    def close_row(self, place: int, end: str) -> None:
        """What became of it."""
        os.pwrite(self._file, end.encode("ascii").ljust(END_WIDTH)[:END_WIDTH], place)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_ledger(path: Path) -> list[dict[str, str]]:
    """All rows, ``end`` stripped; safe while the ledger is being written."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [{key: value.strip() for key, value in row.items()} for row in csv.DictReader(file) if row["end"] is not None]
