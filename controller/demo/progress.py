"""The running campaign as a person watches it: bar, seats, calls per second, outcomes, and what limits the pace now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

FINAL_STATES = ("done", "exhausted", "dnc", "window_closed", "stopped", "invalid")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at a running campaign. seats: ``12 of 50``. leads, outcomes: counts by name. binding, reason: what limits the
    pace now."""

    name: str
    state: str
    seconds: float
    seats: str
    calls_per_second: float
    hopper: int
    binding: str
    reason: str
    leads: Mapping[str, int]
    outcomes: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.leads.values())

    @property
    def final(self) -> int:
        return sum(self.leads.get(state, 0) for state in FINAL_STATES)


def picture(shot: Snapshot) -> Group:
    """For a terminal that can be drawn on."""
    head = Text.assemble(
        (f" {shot.name} ", "bold reverse"),
        f"  {shot.state}   {shot.seconds:5.1f} s   {shot.final} of {shot.total} contacts final",
    )
    bar = ProgressBar(total=max(shot.total, 1), completed=shot.final, width=72)
    now = Table.grid(padding=(0, 3))
    now.add_row("seats", shot.seats)
    now.add_row("calls a second", str(shot.calls_per_second))
    now.add_row("hopper", str(shot.hopper))
    now.add_row("limited by", f"{shot.binding}: {shot.reason}")
    now.add_row("contacts", "  ".join(f"{state} {count}" for state, count in sorted(shot.leads.items()) if count))
    outcomes = Table.grid(padding=(0, 2))
    most = max(shot.outcomes.values(), default=1)
    for outcome, count in sorted(shot.outcomes.items(), key=lambda item: -item[1]):
        outcomes.add_row(outcome, Text("█" * max(1, round(36 * count / most)), style=_colour(outcome)), str(count))
    return Group(head, bar, Text(), now, Text(), outcomes)


def line(shot: Snapshot) -> str:
    """For a log: one look in one line."""
    outcomes = " ".join(f"{outcome}={count}" for outcome, count in sorted(shot.outcomes.items()))
    return (
        f"{shot.seconds:6.1f} s  {shot.state:9s} {shot.final}/{shot.total} final  seats {shot.seats}"
        f"  {shot.calls_per_second} calls/s  limited by {shot.binding}  {outcomes}"
    )


def _colour(outcome: str) -> str:
    return {"answered": "green", "machine": "cyan", "abandoned": "red", "unknown": "red"}.get(outcome, "yellow")
