"""A file of numbers onto a do-not-call list: a CSV with a ``phone_number`` column, or one number a line.

A column ``reason`` is kept where there is one. A file whose first line has no column of that name and holds a number (or is
one column wide) is taken for one number a line, in its first column. Numbers that cannot be read are reported, never dropped
in silence: who is not on the list will be called. Doing it again adds nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from controller.config import Limits
from controller.domain.contacts.columns import is_phone_column
from controller.domain.contacts.csv_import import SHOWN, Rejected, Row, Why
from controller.domain.contacts.phone import BadNumber, known_region, normalise
from controller.errors import BadFile, Refused
from controller.jobs.csv_file import FileLimits, look_at, reading
from controller.jobs.import_report import Report
from controller.storage.database import Database
from controller.storage.dnc import CHUNK, DncLimits, DncStore

NO_REGION = "ZZ"
"""No country: only numbers written with a plus and their country code can be read."""
MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class DncResult:
    """rows = added + already (on the list, or earlier in the file) + rejected. report: file of the rejected rows."""

    list_name: str
    rows: int
    added: int
    already: int
    rejected: int
    report: Path
    encoding: str
    encoding_guessed: bool


@dataclass(frozen=True, slots=True)
class _Places:
    phone: int
    reason: int | None
    header: bool


def import_dnc(
    database: Database,
    limits: Limits,
    reports: Path,
    list_name: str,
    file: Path,
    *,
    region: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    now: Callable[[], float] = time.time,
) -> DncResult:
    """region: ISO 3166 alpha-2 of numbers without a country code; None = such numbers are rejected.

    BadFile, Refused: nothing was added. LimitReached: numbers before the limit are on the list, and the message says where
    it was. Unavailable: call again.
    """
    if region is not None and not known_region(region):
        raise Refused(f"{region!r} is no region; use two capital letters such as IN, US or GB")
    found = look_at(file, FileLimits(limits.csv_bytes, limits.csv_rows), encoding, delimiter)
    places = _places(found.first, region or NO_REGION, file)
    store = DncStore(database, now)
    dnc_limits = dnc_limits_of(limits)
    store.make(list_name, dnc_limits)
    report = Report(reports / f"dnc-{list_name}-{found.digest[:16]}.csv")
    rows = added = rejected = 0
    try:
        with reading(found) as source:
            records = source.rows if not places.header else islice(source.rows, 1, None)
            for first in records:
                batch = [first, *islice(records, CHUNK - 1)]
                numbers, bad = _read(batch, places, region or NO_REGION)
                added += store.add(list_name, numbers, dnc_limits)
                report.add(bad)
                rows += len(batch)
                rejected += len(bad)
        report.close()
    except BaseException:
        report.abandon()
        raise
    return DncResult(list_name, rows, added, rows - added - rejected, rejected, report.path, found.encoding, found.guessed)


def dnc_limits_of(limits: Limits) -> DncLimits:
    """Those of features 1.13 that are about do-not-call lists."""
    return DncLimits(limits.dnc_lists, limits.dnc_numbers_per_list, limits.dnc_numbers)


def _places(first: Row, region: str, file: Path) -> _Places:
    names = [cell.strip() for cell in first.cells]
    phones = [index for index, name in enumerate(names) if is_phone_column(name)]
    if len(phones) > 1:
        raise BadFile(str(file), [f"line {first.line}: more than one column is called phone_number; rename one"])
    if phones:
        reasons = [index for index, name in enumerate(names) if name.casefold() == "reason"]
        return _Places(phones[0], reasons[0] if reasons else None, header=True)
    if len(names) == 1 or isinstance(normalise(names[0], region), int):
        return _Places(0, None, header=False)
    raise BadFile(
        str(file),
        [f"line {first.line}: neither a header with a column phone_number nor a number; add the header, or one number a line"],
    )


def _read(batch: list[Row], places: _Places, region: str) -> tuple[dict[int, str], list[Rejected]]:
    numbers: dict[int, str] = {}
    bad: list[Rejected] = []
    for line, cells in batch:
        raw = cells[places.phone] if places.phone < len(cells) else ""
        phone = normalise(raw, region)
        if isinstance(phone, BadNumber):
            bad.append(Rejected(line, Why.INVALID_NUMBER, "phone_number", raw[:SHOWN], phone.reason))
            continue
        reason = cells[places.reason] if places.reason is not None and places.reason < len(cells) else ""
        numbers.setdefault(phone, reason.replace("\0", "").strip()[:MAX_REASON])
    return numbers, bad
