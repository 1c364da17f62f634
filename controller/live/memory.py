"""The live state without Redis: for stories, the model check and the simulator. One process, any clock.

The same rules as the Redis scripts; ``tests/contracts`` runs one suite over both.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.domain.carriers.launch_rate import next_launch, whole_rate
from controller.domain.hopper.lead import HopperLead
from controller.live.limits import (
    FAULTS_BEFORE_REST,
    FIRST_REST_SECONDS,
    HORIZON_SECONDS,
    LEAD_SECONDS,
    LONGEST_REST_SECONDS,
    LOWEST_FACTOR,
    RECOVERY_STEP,
)
from controller.ports import CarrierChoice, Granted, Launch, NoSlot, SlotRequest, SlotUse, Usage


@dataclass(slots=True)
class _Health:
    factor: float = 1.0
    streak: int = 0
    rest_until: float = float("-inf")


@dataclass(slots=True)
class _Leases:
    """attempt → when its lease ends."""

    ends: dict[str, float] = field(default_factory=dict)

    def used(self, now: float) -> int:
        for attempt in [attempt for attempt, end in self.ends.items() if end <= now]:
            del self.ends[attempt]
        return len(self.ends)


class MemoryLimits:
    """``ports.Limits``. now: monotonic seconds."""

    def __init__(self, now: Callable[[], float], lease_seconds: float) -> None:
        self._now = now
        self._lease = lease_seconds
        self._seats: dict[str, _Leases] = defaultdict(_Leases)
        self._fleets: dict[str, _Leases] = defaultdict(_Leases)
        self._channels: dict[str, _Leases] = defaultdict(_Leases)
        self._phones: dict[int, tuple[str, float]] = {}
        self._launches: dict[str, deque[float]] = defaultdict(deque)
        self._rates: dict[str, deque[float]] = defaultdict(deque)
        self._turns: dict[tuple[str, str], int] = defaultdict(int)
        self._health: dict[str, _Health] = defaultdict(_Health)

    def reserve(self, requests: Sequence[SlotRequest]) -> list[Granted | NoSlot]:
        return [self._one(request) for request in requests]

    def _one(self, request: SlotRequest) -> Granted | NoSlot:
        now = self._now()
        if self._phone_holder(request.phone, now) is not None:
            return NoSlot("number_busy", 0.0)
        if self._seats[request.campaign_key].used(now) >= request.seats:
            return NoSlot("seats", 0.0)
        if request.bot is not None and self._fleets[request.bot].used(now) >= request.bot_capacity:
            return NoSlot("fleet", 0.0)
        earliest = now + LEAD_SECONDS
        if request.rate is not None:
            earliest = next_launch(earliest, self._rates[request.campaign_key], request.rate)
            if earliest - now > HORIZON_SECONDS:
                return NoSlot("dialling_rate", earliest - now - HORIZON_SECONDS)
        refusal: NoSlot | None = None
        for carrier in request.carriers:
            answer = self._by(carrier, request, now, earliest)
            if isinstance(answer, Granted):
                return answer
            refusal = refusal or answer
        return refusal or NoSlot("carrier_down", 0.0)

    def _by(self, carrier: CarrierChoice, request: SlotRequest, now: float, earliest: float) -> Granted | NoSlot:
        health = self._health[carrier.name]
        if health.rest_until > now:
            return NoSlot("carrier_down", health.rest_until - now)
        if self._channels[carrier.name].used(now) >= carrier.channels:
            return NoSlot("carrier_channels", 0.0)
        rate = carrier.calls_per_second * health.factor
        at = next_launch(earliest, self._launches[carrier.name], rate)
        if at - now > HORIZON_SECONDS:
            return NoSlot("carrier_cps", at - now - HORIZON_SECONDS)
        _note(self._launches[carrier.name], rate, at)
        if request.rate is not None:
            _note(self._rates[request.campaign_key], request.rate, at)
        turn = self._turns[request.campaign_key, carrier.name]
        self._turns[request.campaign_key, carrier.name] = turn + 1
        self._enter(SlotUse(request.attempt_id, request.campaign_key, request.phone, request.bot, carrier.name), now)
        return Granted(carrier.name, carrier.numbers[turn % len(carrier.numbers)], at, repr(at))

    def relaunch(self, missed: Launch) -> tuple[float, Launch]:
        now = self._now()
        at, launches = now, self._launches[missed.carrier.name]
        _forget(launches, float(missed.name))
        if missed.rate is not None:
            _forget(self._rates[missed.campaign_key], float(missed.name))
            at = next_launch(at, self._rates[missed.campaign_key], missed.rate)
        rate = missed.carrier.calls_per_second * self._health[missed.carrier.name].factor
        at = next_launch(at, launches, rate)
        _note(launches, rate, at)
        if missed.rate is not None:
            _note(self._rates[missed.campaign_key], missed.rate, at)
        return at, replace(missed, name=repr(at))

    def release(self, uses: Sequence[SlotUse]) -> None:
        for use in uses:
            self._seats[use.campaign_key].ends.pop(use.attempt_id, None)
            if use.bot is not None:
                self._fleets[use.bot].ends.pop(use.attempt_id, None)
            self._channels[use.carrier].ends.pop(use.attempt_id, None)
            if self._phones.get(use.phone, ("", 0.0))[0] == use.attempt_id:
                del self._phones[use.phone]

    def renew(self, uses: Sequence[SlotUse]) -> None:
        now = self._now()
        for use in uses:
            self._enter(use, now)

    def epoch(self) -> str:
        return "memory"

    def usage(self, campaign_keys: Sequence[str], bots: Sequence[str], carriers: Sequence[str]) -> Usage:
        now = self._now()
        return Usage(
            seats={key: self._seats[key].used(now) for key in campaign_keys},
            fleets={bot: self._fleets[bot].used(now) for bot in bots},
            channels={name: self._channels[name].used(now) for name in carriers},
        )

    def carrier_fault(self, carrier: str) -> None:
        health = self._health[carrier]
        health.streak += 1
        health.factor = max(LOWEST_FACTOR, health.factor / 2)
        over = health.streak - FAULTS_BEFORE_REST
        if over >= 0:
            health.rest_until = self._now() + min(FIRST_REST_SECONDS * 2.0 ** min(over, 12), LONGEST_REST_SECONDS)

    def carrier_ok(self, carrier: str) -> None:
        health = self._health[carrier]
        health.factor = min(1.0, health.factor + RECOVERY_STEP)
        health.streak, health.rest_until = 0, float("-inf")

    def _enter(self, use: SlotUse, now: float) -> None:
        end = now + self._lease
        self._seats[use.campaign_key].ends[use.attempt_id] = end
        if use.bot is not None:
            self._fleets[use.bot].ends[use.attempt_id] = end
        self._channels[use.carrier].ends[use.attempt_id] = end
        if self._phone_holder(use.phone, now) in (None, use.attempt_id):
            self._phones[use.phone] = (use.attempt_id, end)

    def _phone_holder(self, phone: int, now: float) -> str | None:
        attempt, end = self._phones.get(phone, ("", 0.0))
        return attempt if attempt and end > now else None


class MemoryHopper:
    """``ports.Hopper``."""

    def __init__(self) -> None:
        self._leads: dict[int, deque[HopperLead]] = defaultdict(deque)

    def push(self, run_id: int, leads: Sequence[HopperLead]) -> None:
        self._leads[run_id].extend(leads)

    def take(self, run_id: int, limit: int) -> list[HopperLead]:
        waiting = self._leads[run_id]
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def depth(self, run_id: int) -> int:
        return len(self._leads[run_id])

    def drop(self, run_id: int) -> None:
        self._leads.pop(run_id, None)


class MemoryBoard:
    """``ports.LiveBoard``."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, dict[str, object]]] = {}

    def publish(self, node: str, campaigns: Mapping[str, Mapping[str, object]]) -> None:
        self._rows[node] = {name: dict(row) for name, row in campaigns.items()}

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        boards: dict[str, dict[str, dict[str, object]]] = {}
        for node, rows in self._rows.items():
            for name, row in rows.items():
                boards.setdefault(name, {})[node] = row
        return boards


def _forget(launches: deque[float], at: float) -> None:
    if at in launches:
        launches.remove(at)


def _note(launches: deque[float], rate: float, at: float) -> None:
    launches.appendleft(at)
    while len(launches) > whole_rate(rate)[0] + 1:
        launches.pop()
