"""A carrier's own record of our calls, read from its CSV file and held against the ledger.

A carrier knows nothing of our attempts' ids: a call of its file and an attempt are the same when the number is and the starts
lie within a tolerance, each with the nearest that is left. The number may be written as E.164 or as we sent it to the carrier.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.domain.reconcile.calls import Difference, Kind, Recorded

NUMBER, TIME, DURATION, ANSWERED = "number", "time", "duration", "answered"
MOST_MISTAKES = 20
"""Shown of one file; the rest is like them."""
LONGEST_NUMBER = 24
"""Digits: E.164 has 15 at most, and a carrier may want a prefix."""
LATEST_EPOCH = 253_402_300_799.0
"""The end of the year 9999: what is beyond it is no time in seconds."""
WORDS = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """One row. line: of the file. number: digits. at: UTC epoch seconds. answered: None when the file does not say."""

    line: int
    number: str
    at: float
    answered: bool | None


def read_calls(lines: Iterable[str]) -> list[CarrierCall] | list[str]:
    """The calls of a file, or all that is wrong with it, one sentence each.

    Columns ``number`` and ``time`` must be there; ``answered`` (1/0, yes/no, true/false) or ``duration`` (seconds; more than 0
    is answered) may be; others are left alone. A time is ISO 8601, in UTC where it names no zone, or epoch seconds.
    """
    calls: list[CarrierCall] = []
    mistakes: list[str] = []
    rows = csv.reader(lines, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        missing = [name for name in (NUMBER, TIME) if name not in names]
        if missing:
            return [f"line 1: no column {' and no column '.join(missing)}"]
        for cells in rows:
            call = _call(cells, names, rows.line_num) if any(cells) else None
            if isinstance(call, CarrierCall):
                calls.append(call)
            elif call is not None:
                mistakes.append(f"line {rows.line_num}: {call}")
    except csv.Error as error:
        mistakes.append(f"line {rows.line_num}: {error}")
    if len(mistakes) > MOST_MISTAKES:
        mistakes[MOST_MISTAKES:] = [f"and {len(mistakes) - MOST_MISTAKES} more rows like these"]
    return mistakes or calls


def _call(cells: Sequence[str], names: Sequence[str], line: int) -> CarrierCall | str:
    """One row, or why it is none."""
    if len(cells) != len(names):
        return f"{len(cells)} cells, the header has {len(names)}"
    row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    number = "".join(character for character in row[NUMBER] if character in "0123456789")
    if not 0 < len(number) <= LONGEST_NUMBER:
        return f"{row[NUMBER][:40]!r} is no number"
    at = _moment(row[TIME])
    return f"{row[TIME][:40]!r} is no time" if at is None else CarrierCall(line, number, at, _answered(row))


def _moment(text: str) -> float | None:
    try:
        at = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
            at = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return at if 0.0 <= at <= LATEST_EPOCH else None


def _answered(row: dict[str, str]) -> bool | None:
    said = WORDS.get(row.get(ANSWERED, "").lower())
    if said is not None:
        return said
    try:
        return float(row[DURATION]) > 0.0
    except (KeyError, ValueError):
        return None


class CarrierRecord:
    """The calls of one file, each of which belongs to one attempt at most. tolerance_seconds: between the carrier's start and
    the attempt's."""

    def __init__(self, calls: Iterable[CarrierCall], tolerance_seconds: float) -> None:
        self._tolerance = tolerance_seconds
        self._by_number: dict[str, list[CarrierCall]] = defaultdict(list)
        for call in calls:
            self._by_number[call.number].append(call)

    def __len__(self) -> int:
        """Calls that no attempt has claimed yet."""
        return sum(len(calls) for calls in self._by_number.values())

    def period(self) -> tuple[float, float] | None:
        """From when to when an attempt can be among them, UTC epoch seconds; None for an empty file."""
        times = [call.at for calls in self._by_number.values() for call in calls]
        return (min(times) - self._tolerance, max(times) + self._tolerance) if times else None

    def match(self, attempt: Recorded, numbers: Sequence[str]) -> Difference | None:
        """Claim the attempt's call and compare the two. numbers: what the carrier may call it by, digits."""
        call = self._claim(numbers, attempt.launched_at or attempt.created_at)
        phone = f"+{attempt.phone}"
        ours = "open" if attempt.outcome is None else attempt.outcome.value
        if call is None:
            if attempt.outcome is None or attempt.maybe_refused_here:
                return None
            return Difference(Kind.NOT_AT_CARRIER, attempt.attempt_id, phone, attempt.created_at, ours, "no call")
        answered = attempt.answered_at is not None
        if attempt.outcome is None or call.answered in (None, answered):
            return None
        theirs = f"line {call.line}: {'answered' if call.answered else 'not answered'}"
        return Difference(Kind.CARRIER_ANSWERED, attempt.attempt_id, phone, attempt.created_at, ours, theirs)

    def unclaimed(self) -> list[Difference]:
        """Calls of the file without an attempt."""
        left = sorted((call for calls in self._by_number.values() for call in calls), key=lambda call: call.line)
        return [Difference(Kind.ONLY_AT_CARRIER, "", call.number, call.at, "no attempt", f"line {call.line}") for call in left]

    def _claim(self, numbers: Sequence[str], at: float) -> CarrierCall | None:
        near = [
            (abs(call.at - at), call.line, call)
            for number in dict.fromkeys(numbers)
            for call in self._by_number.get(number, ())
            if abs(call.at - at) <= self._tolerance
        ]
        if not near:
            return None
        call = min(near)[2]
        self._by_number[call.number].remove(call)
        return call
