"""Calls per second: when may the next call leave so that no one-second window ever holds more than the carrier allows?

A token bucket does not do: full at the start of a second it lets twice the rate into one window. Here every launch is given a
moment: the *n*-th last launch (n = the rate, whole calls) must lie more than a second back. Launches are also kept half an
even spacing apart, so that a carrier never gets its whole second in one burst, and yet a launch that was missed can be caught
up. A margin covers the way from the decision to the wire. Rates below one call a second become one call every 1/rate seconds.

The same arithmetic stands in the Redis script of ``live/limits.py`` (there it must run inside Redis); a contract test
holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence

MARGIN_SECONDS = 0.03
"""Jitter allowed between a launch time and the wire: a third is the loop's, which may be so late before the call asks for
another time; the rest is the way to the switch."""

SPACING = 0.5
"""Least distance between two launches, as a share of the even one."""


def whole_rate(calls_per_second: float) -> tuple[int, float]:
    """(calls, seconds): at most so many calls in any stretch so long. 2.5 a second → 2 in 1 s; 0.25 → 1 in 4 s."""
    if calls_per_second >= 1.0:
        return int(calls_per_second), 1.0
    return 1, 1.0 / calls_per_second


def next_launch(now: float, launches: Sequence[float], calls_per_second: float) -> float:
    """When the next call may leave. launches: earlier launch times, newest first, at least as many as the rate (or all)."""
    calls, seconds = whole_rate(calls_per_second)
    at = now
    if launches:
        at = max(at, launches[0] + SPACING * seconds / calls)
    if len(launches) >= calls:
        at = max(at, launches[calls - 1] + seconds + MARGIN_SECONDS)
    return at


def most_launches(calls_per_second: float, seconds: float) -> int:
    """How many launches can at most be given a time within the next ``seconds``."""
    calls, span = whole_rate(calls_per_second)
    return int(seconds / (SPACING * span / calls)) + 1
