"""Calling hours on the virtual clock: when a simulated run begins, and in which stretches of it people may be rung."""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.domain.campaigns.window import Window

Stretch = tuple[float, float]
"""Beginning and end in seconds from the start of the run."""


def fresh_start(window: Window, now: datetime) -> datetime:
    """The next beginning of calling hours, so that a forecast made at any time of the day is one of whole days; ``now`` (aware)
    where they never end. ValueError for a window without hours."""
    closes = window.closes_at(now)
    opens = window.opens_at(now if closes is None else closes)
    if opens is None:
        raise ValueError("its calling hours are empty")
    return now if closes is not None and opens <= closes else opens


def stretches(window: Window, start: datetime, seconds: float, single_day: bool = False) -> tuple[Stretch, ...]:
    """When people may be rung within so many seconds from ``start`` (aware). single_day: only on the day of the start."""
    found: list[Stretch] = []
    moment, end = start, start + timedelta(seconds=seconds)
    while moment < end:
        opens = window.opens_at(moment)
        if opens is None or opens >= end:
            break
        if single_day and opens.astimezone(window.zone).date() != start.astimezone(window.zone).date():
            break
        closes = window.closes_at(opens)
        if closes is None or closes <= opens:
            break
        found.append(((opens - start).total_seconds(), (closes - start).total_seconds()))
        moment = closes
    return tuple(found)
