"""The counts that pacing reads, and what it answers. One :class:`Board` is one campaign at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """One campaign's counts.

    seats: its concurrency limit; in_progress: calls that hold one. fleet_free: free places at its bot, None without a
    bot. channels_free: free channels at its carriers together. calls_per_second: the tightest sum of rates that applies
    (campaign's dialling rate against its carriers' together). leads: waiting in the hopper or in hand. horizon_seconds: how
    far ahead calls may be given a launch time.
    """

    seats: int
    in_progress: int
    fleet_free: int | None
    channels_free: int
    calls_per_second: float
    rate_limited_by: str
    leads: int
    horizon_seconds: float


@dataclass(frozen=True, slots=True)
class Decision:
    """How many calls to start now. binding: the limit that set the number; reason: the same as a sentence."""

    calls: int
    binding: str
    reason: str
