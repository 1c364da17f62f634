"""Seats, places, channels, rates and number locks: all or nothing, under leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CarrierChoice:
    """A carrier that may take the call, with the caller ids it may show. Tried in order."""

    name: str
    calls_per_second: float
    channels: int
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """Everything one call needs at once; all or nothing.

    campaign_key: whose seats and rate. rate: campaign's dialling rate, calls per second, None = no limit. bot: fleet name,
    None when no fleet is needed. phone: locked for the life of the call, system-wide.
    """

    attempt_id: str
    campaign_key: str
    phone: int
    seats: int
    rate: float | None
    bot: str | None
    bot_capacity: int
    carriers: tuple[CarrierChoice, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """Slots are held under a lease. launch_at: when the rates allow the call to leave, monotonic seconds; passed already when
    the answer was late. launch: that moment's name, for ``relaunch``."""

    carrier: str
    caller_id: str
    launch_at: float
    launch: str


@dataclass(frozen=True, slots=True)
class NoSlot:
    """limit: ``seats``, ``dialling_rate``, ``fleet``, ``carrier_channels``, ``carrier_cps``, ``carrier_down``, ``number_busy``,
    or ``settling`` (the live state was lost, living calls are being re-entered). retry_in_seconds: when to ask again."""

    limit: str
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch time that was given: where it counts (carrier, campaign's own rate if it has one) and its name."""

    carrier: CarrierChoice
    campaign_key: str
    rate: float | None
    name: str


@dataclass(frozen=True, slots=True)
class SlotUse:
    """What a campaign's call holds, so that it can be given back and renewed."""

    attempt_id: str
    campaign_key: str
    phone: int
    bot: str | None
    carrier: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Leases held now, by name, over all controllers."""

    seats: Mapping[str, int]
    fleets: Mapping[str, int]
    channels: Mapping[str, int]


class Limits(Protocol):
    """Seats, rate, fleet, channels, carrier CPS, number lock: Redis · in memory. Every slot is a lease."""

    def reserve(self, requests: Sequence[SlotRequest]) -> list[Granted | NoSlot]:
        """Atomic for each request, in order."""
        ...

    def relaunch(self, missed: Launch) -> tuple[float, Launch]:
        """A new launch time for a call that missed its own, which no longer counts: monotonic seconds, and its name."""
        ...

    def release(self, uses: Sequence[SlotUse]) -> None:
        """Give everything back. Twice is harmless."""
        ...

    def renew(self, uses: Sequence[SlotUse]) -> None:
        """Extend the leases of living calls (and re-enter them after Redis lost its data)."""
        ...

    def epoch(self) -> str:
        """Which life of the live state this is; another word after it was lost, and then living calls must be renewed."""
        ...

    def usage(self, campaign_keys: Sequence[str], bots: Sequence[str], carriers: Sequence[str]) -> Usage:
        """What is taken now."""
        ...

    def carrier_fault(self, carrier: str) -> None:
        """The carrier refused: slow it down, and rest it after several in a row."""
        ...

    def carrier_ok(self, carrier: str) -> None:
        """The carrier took a call: let its rate recover."""
        ...
