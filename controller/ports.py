"""What the engine asks of the world. Each port has two or more fulfilments and one contract suite (tests/contracts/).

Everything here may block the calling greenlet or thread for a short time; nothing here blocks the whole process. Fulfilments
raise ``Unavailable`` (``StoreDown``, ``LiveStateDown``, ``SwitchDown``) when their world is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.events import CallEvent, DialFailed, HungUp
from controller.domain.calls.record import AttemptDraft, AttemptEnd, OpenAttempt, Opening
from controller.domain.campaigns.plan import RunPlan
from controller.domain.hopper.lead import HopperLead, LeadState

T = TypeVar("T")


class InThread(Protocol):
    """Runs blocking work in a native thread while the calling greenlet waits."""

    def __call__(self, work: Callable[[], T]) -> T: ...


class Clock(Protocol):
    """Both of people's clocks; virtual in tests and in the simulator."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        ...


class SwitchListener(Protocol):
    """Who is told what the switch reports. Called from the link's own greenlet: put and return."""

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        """Something happened to a call. Calls that are not ours are not reported."""
        ...

    def link_lost(self) -> None:
        """No events come any more; calls go on without us."""
        ...

    def link_restored(self, same_core: bool) -> None:
        """Events come again. same_core: False when the switch itself was restarted, so every call it had is dead."""
        ...


class Switch(Protocol):
    """FreeSWITCH over ESL · the simulator's people."""

    @property
    def ready(self) -> bool:
        """Whether calls can be placed and their events seen."""
        ...

    @property
    def backlog(self) -> int:
        """Commands that are out and unanswered: how far the switch is behind. An overloaded one falls behind, it does not
        refuse."""
        ...

    def dial(self, order: DialOrder) -> DialFailed | None:
        """Place one call.

        Returns once the command's fate is known or its reply is late: a ``DialFailed`` with ``left=False`` when it is
        certain that nothing left the box, else None and events follow. Bytes that were written count as dialled.
        """
        ...

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        """Join a parked, answered call with a target; ``Connected`` or ``ConnectFailed`` follows."""
        ...

    def hang_up(self, attempt_id: str, why: str) -> None:
        """End a call; ``HungUp`` follows. A call that is already gone is no error."""
        ...

    def alive(self, attempt_id: str) -> bool:
        """Whether the switch has a call of that identity now."""
        ...

    def end_of(self, attempt_id: str) -> HungUp | None:
        """How a call ended, from the switch's own record of ended calls; None when it has no such record."""
        ...

    @property
    def keeps_record(self) -> bool:
        """Whether there is such a record at all."""
        ...

    @property
    def core(self) -> str:
        """Which life of the switch this is; another word after it was restarted. Empty before the first link."""
        ...


class AttemptStore(Protocol):
    """The ledger of calls: SQLAlchemy · in memory. Both methods are one transaction for the whole batch."""

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        """Write ahead. One answer a draft, in order.

        OPENED: the attempt row is durable and the lead is DIALING. Otherwise no row exists. A second attempt with the same
        lead, or to a number that has a live attempt, is refused here whatever the caller believes.
        """
        ...

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """Write ends and move the leads. True for each attempt that was open until now; a repeat changes nothing."""
        ...

    def open_attempts_of(self, node: str) -> list[OpenAttempt]:
        """The live attempts that this controller placed."""
        ...


class LeadStore(Protocol):
    """Leads of runs: SQLAlchemy · in memory."""

    def claim(self, run_id: int, limit: int, now: float, leased_until: float) -> list[HopperLead]:
        """Up to ``limit`` leads, fresh ones by rank first, then due ones by due time; each becomes HOPPER with a new claim."""
        ...

    def give_back(self, leads: Sequence[HopperLead]) -> int:
        """Leads that will not be dialled now return to where they were, if the claim still holds. How many did."""
        ...

    def defer(self, lead: HopperLead, due_at: float, reason: str) -> bool:
        """A gate refused: WAITING until ``due_at`` for ``reason``, if the claim still holds."""
        ...

    def reap(self, now: float, limit: int = 5000) -> int:
        """Return leads whose lease lapsed. How many."""
        ...

    def close_waiting(self, run_id: int, into: LeadState, limit: int = 5000) -> int:
        """Fresh, waiting and hopper leads of a run become final ``into``; call until it returns 0."""
        ...

    def unfinished(self, run_id: int) -> bool:
        """Whether any lead of the run is not final."""
        ...

    def next_due(self, run_id: int) -> float | None:
        """Due time of the earliest waiting lead (0.0 while fresh ones are left); None when none waits."""
        ...


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run as the controller sees it. state: ``RunState`` value."""

    run_id: int
    number: int
    state: str
    plan: RunPlan


class RunStore(Protocol):
    """Which runs there are to dial."""

    def running(self) -> list[RunningRun]:
        """Runs that are active, paused or closing."""
        ...


class Hopper(Protocol):
    """Leads about to be dialled: Redis · in memory. May be lost at any moment; the leads' leases bring them back."""

    def push(self, run_id: int, leads: Sequence[HopperLead]) -> None: ...

    def take(self, run_id: int, limit: int) -> list[HopperLead]: ...

    def depth(self, run_id: int) -> int: ...

    def drop(self, run_id: int) -> None:
        """Forget a run's hopper."""
        ...


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
    """Slots are held under a lease. launch_in_seconds: when the rates allow the call to leave, from now, negative when the
    answer was so late that the moment has passed; launch: that moment's name, for ``relaunch``."""

    carrier: str
    caller_id: str
    launch_in_seconds: float
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
        """A new launch time for a call that missed its own, which no longer counts: seconds from now, and its name."""
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


class LiveBoard(Protocol):
    """What ``campaign status`` shows of the present moment: Redis · in memory. Expires by itself when nobody publishes."""

    def publish(self, node: str, campaigns: Mapping[str, Mapping[str, object]]) -> None: ...

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        """campaign → node → what that node published."""
        ...
