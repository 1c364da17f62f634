"""The audit: the far end's own record, the attempts table and the leads, held against one another, call for call.

The far end is the virtual switch's ledger (or any list of calls that somebody else wrote down). What is checked:

- every call of the ledger has an attempt of that identity, to that number, and the attempt has an end;
- every attempt that counts as made, or has any sign of having left, is in the ledger;
- the two agree on how it ended, where the far end can know;
- no number was dialled while a call to it was live, no lead more often than its limit or after it had been connected: a
  *double*;
- no lead is left over: each is final.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from controller.domain.calls.outcome import RULES, Outcome

SAME_END: Mapping[str, frozenset[str]] = {
    "answered": frozenset({"answered", "abandoned", "machine", "unknown"}),
    "busy": frozenset({"busy", "unknown"}),
    "no_answer": frozenset({"no_answer", "cancelled", "unknown"}),
    "rejected": frozenset({"rejected", "unknown"}),
    "unreachable": frozenset({"gateway_error", "error", "unknown"}),
    "invalid": frozenset({"invalid_number", "unknown"}),
    "unavailable": frozenset({"rnr", "unknown"}),
    "congestion": frozenset({"congestion", "error", "unknown"}),
    "timeout": frozenset({"timeout", "no_answer", "unknown"}),
    "cancelled": frozenset({"cancelled", "no_answer", "unknown"}),
    "lost": frozenset({"unknown"}),
    "open": frozenset({"unknown"}),
}
"""What the far end saw → outcomes that agree with it; an end that is not listed is not compared. ``lost`` and ``open`` are
calls that died with their switch before anybody had answered."""


@dataclass(frozen=True, slots=True)
class FarCall:
    """A call as the far end wrote it down. number: the digits dialled. time, ended: UTC epoch seconds. ended: None where the
    far end did not note it; then the call is taken to have lasted as long as its attempt. connected: joined with a bot."""

    time: float
    uuid: str
    number: str
    end: str
    gateway: str = ""
    ended: float | None = None
    connected: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt as stored."""

    attempt_id: str
    contact_id: int
    dialled: str
    ended_at: float | None
    outcome: str | None
    max_attempts: int

    @property
    def charged(self) -> bool:
        """Whether it counts as made; one without an end does."""
        return self.outcome is None or RULES[Outcome(self.outcome)].charged


@dataclass(slots=True)
class Findings:
    """What does not agree, one sentence each; empty lists are the aim."""

    attempts: int = 0
    ledger: int = 0
    mismatches: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    unfinished_leads: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not self.mismatches and not self.doubles and not self.unfinished_leads


def read_ledger(path: Path) -> list[FarCall]:
    """The virtual switch's ledger; ``end`` is padded there and stripped here."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            FarCall(float(row["time"]), row["uuid"], row["number"], row["end"].strip(), row["gateway"])
            for row in csv.DictReader(file)
        ]


def audit(rows: Iterable[Row], far: Iterable[FarCall], unfinished_leads: int = 0, crashes: bool = False) -> Findings:
    """Hold the two records against one another.

    crashes: processes were killed meanwhile. Then an attempt of unknown fate, which counts as made, may never have left.
    """
    found = Findings(unfinished_leads=unfinished_leads)
    attempts = {row.attempt_id: row for row in rows}
    ledger = list(far)
    found.attempts, found.ledger = len(attempts), len(ledger)
    found.outcomes.update(row.outcome or "open" for row in attempts.values())
    seen = Counter(call.uuid for call in ledger)
    found.doubles += [f"call {uuid} was placed {times} times" for uuid, times in seen.items() if times > 1]
    for call in ledger:
        row = attempts.get(call.uuid)
        if row is None:
            found.mismatches.append(f"call {call.uuid} has no attempt")
        else:
            found.mismatches += _disagreement(row, call)
    for row in attempts.values():
        if row.attempt_id not in seen and row.charged and not (crashes and row.outcome == Outcome.UNKNOWN):
            found.mismatches.append(f"attempt {row.attempt_id} ({row.outcome}) is not in the ledger")
    found.doubles += _over_limit(attempts.values()) + _overlapping(attempts, ledger) + _connected_again(attempts, ledger)
    return found


def _disagreement(row: Row, call: FarCall) -> list[str]:
    if row.ended_at is None:
        return [f"attempt {row.attempt_id} has no end"]
    if row.dialled != call.number:
        return [f"attempt {row.attempt_id} went to another number than the ledger says"]
    if call.end in SAME_END and row.outcome not in SAME_END[call.end]:
        return [f"attempt {row.attempt_id} says {row.outcome}, the far end says {call.end}"]
    return []


def _over_limit(rows: Iterable[Row]) -> list[str]:
    made: Counter[int] = Counter()
    limits: dict[int, int] = {}
    for row in rows:
        made[row.contact_id] += row.charged
        limits[row.contact_id] = row.max_attempts
    return [
        f"contact {contact} had {count} attempts, {limits[contact]} are allowed"
        for contact, count in made.items()
        if count > limits[contact]
    ]


def _overlapping(attempts: Mapping[str, Row], ledger: Iterable[FarCall]) -> list[str]:
    """Two calls to one number at the same time."""
    by_number: dict[str, list[FarCall]] = defaultdict(list)
    for call in ledger:
        by_number[call.number].append(call)
    doubles = []
    for calls in by_number.values():
        calls.sort(key=lambda call: call.time)
        for earlier, later in pairwise(calls):
            row = attempts.get(earlier.uuid)
            ended = earlier.ended if earlier.ended is not None or row is None else row.ended_at
            if ended is not None and later.time < ended - CLOCK_SECONDS:
                doubles.append(f"calls {earlier.uuid} and {later.uuid} overlap")
    return doubles


def _connected_again(attempts: Mapping[str, Row], ledger: Iterable[FarCall]) -> list[str]:
    """A contact that had talked to the bot, by the far end's word or ours, and was called once more."""
    connected: dict[int, FarCall] = {}
    doubles = []
    for call in sorted(ledger, key=lambda call: call.time):
        row = attempts.get(call.uuid)
        if row is None:
            continue
        if row.contact_id in connected:
            doubles.append(f"contact {row.contact_id} was connected by {connected[row.contact_id].uuid}, then {call.uuid}")
        if call.connected or row.outcome == Outcome.ANSWERED:
            connected[row.contact_id] = call
    return doubles


CLOCK_SECONDS = 0.05
"""The far end notes a call's end before we hear of it; nothing else may overlap."""
