"""What became of a formula's evaluation, and which value pacing may use (features 3.9).

A formula is a number or a PromQL query, evaluated every pulse. Its answer is not trusted: one that is absurd (not a number,
negative, above the campaign's bound, no series or several) gives way to the campaign's safe value at once. While Prometheus
does not answer, the last good value holds until it is stale, and then gives way, too. Who asks Prometheus lies elsewhere
(port ``FormulaSource``); what a value leads to is ``formula.py``'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a value is not used."""

    NOT_YET = "not_yet"  # never evaluated so far
    UNREACHABLE = "unreachable"  # no answer, none in time, or one that is not Prometheus'
    REFUSED = "refused"  # Prometheus does not take the query
    NO_SERIES = "no_series"
    SEVERAL_SERIES = "several_series"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"  # negative, or above the campaign's bound
    STALE = "stale"


SILENT: frozenset[Fault] = frozenset({Fault.NOT_YET, Fault.UNREACHABLE, Fault.REFUSED})
"""Faults that say nothing of the present: the last good value holds until it is stale."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One evaluation. at: UTC epoch seconds for which the value was computed. fault: None where value is a number, finite or
    not. detail: what was seen, for people."""

    at: float
    value: float | None = None
    fault: Fault | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one formula of a campaign may say. most: the highest value that is believed. safe: in place of one that is not.
    stale_seconds: how old a value may be."""

    most: float
    safe: float
    stale_seconds: float


@dataclass(frozen=True, slots=True)
class InUse:
    """The value that pacing uses now. fault: why the last evaluation is not it; safe: whether it is the safe value."""

    value: float
    fault: Fault | None = None
    safe: bool = False
    detail: str = ""


def fault_of(reading: Reading, most: float) -> Fault | None:
    """What is wrong with one evaluation by itself; None for a value that may be used while it is fresh."""
    if reading.fault is not None:
        return reading.fault
    if reading.value is None or not math.isfinite(reading.value):
        return Fault.NOT_A_NUMBER
    return None if 0.0 <= reading.value <= most else Fault.OUT_OF_RANGE


def in_use(last: Reading | None, last_good: Reading | None, bounds: Bounds, now: float) -> InUse:
    """Which value counts at ``now`` (UTC epoch seconds).

    last: the latest evaluation. last_good: the latest that :func:`fault_of` had nothing against.
    """
    fault = Fault.NOT_YET if last is None else fault_of(last, bounds.most)
    detail = "" if last is None else last.detail
    fresh = last_good is not None and now - last_good.at <= bounds.stale_seconds
    if fault is None and not fresh:
        fault = Fault.STALE
    if last_good is not None and last_good.value is not None and fresh and (fault is None or fault in SILENT):
        return InUse(last_good.value, fault, detail=detail)
    return InUse(bounds.safe, fault, safe=True, detail=detail)


@dataclass(frozen=True, slots=True)
class FormulaOrder:
    """What a campaign's formulas say now, for its board.

    calls: contacts to start, for each seized agent where per_agent, else for the whole pulse. agents: how many to hold
    reserved; None where none is seized before a call leaves. started: calls of this pulse so far. note: why a safe value is in
    use, empty when none is.
    """

    calls: float
    agents: int | None
    per_agent: bool
    started: int = 0
    note: str = ""
