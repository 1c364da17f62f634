"""Seats, dialling rate, bot fleet, carrier channels and CPS, number locks: all or nothing, in one Redis script.

Every slot is a lease. A living call renews it; what a crashed controller held comes back by itself when the lease ends.
Releases are harmless when repeated.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from controller.domain.carriers.launch_rate import MARGIN_SECONDS
from controller.errors import LiveStateDown
from controller.live import keys, scripts
from controller.live.redis_clock import RedisClock
from controller.ports import Granted, Launch, NoSlot, SlotRequest, SlotUse, Usage

HORIZON_SECONDS = 0.3
"""A call is given its launch time at most this far ahead; further off, ask again later."""

LEAD_SECONDS = 0.03
"""And at least this far: the answer and the write-ahead come first."""

SETTLE_SECONDS = 3.0
"""Controllers look every second whether the live state is still the one they know."""

FAULTS_BEFORE_REST = 5
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 120.0
LOWEST_FACTOR = 0.1
RECOVERY_STEP = 0.05


class RedisLimits:
    """``ports.Limits`` on Redis. lease_seconds: how long a slot stays taken without a renewal. settle_seconds: how long nothing
    is granted after Redis lost its data or was restarted, so that every controller can re-enter its living calls' slots."""

    def __init__(self, client: Redis, lease_seconds: float, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._client = client
        self._settle_ms = int(settle_seconds * 1000)
        self._epoch = client.register_script(scripts.EPOCH)
        self._lease_ms = int(lease_seconds * 1000)
        self._reserve = client.register_script(scripts.RESERVE)
        self._relaunch = client.register_script(scripts.RELAUNCH)
        self._release = client.register_script(scripts.RELEASE)
        self._renew = client.register_script(scripts.RENEW)
        self._in_use = client.register_script(scripts.IN_USE)
        self._fault = client.register_script(scripts.CARRIER_FAULT)
        self._ok = client.register_script(scripts.CARRIER_OK)
        self._clock = RedisClock()
        self._troubled: set[str] = set()

    def reserve(self, requests: Sequence[SlotRequest]) -> list[Granted | NoSlot]:
        asked = {
            "requests": [_request(request) for request in requests],
            "lease": self._lease_ms,
            "horizon": HORIZON_SECONDS * 1000,
            "margin": MARGIN_SECONDS * 1000,
            "lead": LEAD_SECONDS * 1000,
            "settle": self._settle_ms,
        }
        begun = time.monotonic()
        stamp, *rows = self._run(self._reserve, orjson.dumps(asked))
        self._clock.answered(begun, float(stamp) / 1000.0, time.monotonic())
        return [self._answer(row) for row in rows]

    def relaunch(self, missed: Launch) -> tuple[float, Launch]:
        carrier, rate = missed.carrier, "" if missed.rate is None else missed.rate
        begun = time.monotonic()
        stamp, name = self._run(
            self._relaunch,
            carrier.name,
            carrier.calls_per_second,
            missed.campaign_key,
            rate,
            missed.name,
            MARGIN_SECONDS * 1000,
            LEAD_SECONDS * 1000,
        )
        self._clock.answered(begun, float(stamp) / 1000.0, time.monotonic())
        return self._clock.ours(float(name) / 1000.0), replace(missed, name=_text(name))

    def release(self, uses: Sequence[SlotUse]) -> None:
        self._run(self._release, orjson.dumps([_use(use) for use in uses]))

    def renew(self, uses: Sequence[SlotUse]) -> None:
        self._run(self._renew, orjson.dumps({"uses": [_use(use) for use in uses], "lease": self._lease_ms}))

    def epoch(self) -> str:
        return _text(self._run(self._epoch, self._settle_ms))

    def usage(self, campaign_keys: Sequence[str], bots: Sequence[str], carriers: Sequence[str]) -> Usage:
        wanted = [
            *(keys.seats(key) for key in campaign_keys),
            *(keys.fleet(bot) for bot in bots),
            *(keys.channels(name) for name in carriers),
        ]
        counts = iter([int(count) for count in self._run(self._in_use, *wanted)] if wanted else [])
        return Usage(
            seats={key: next(counts) for key in campaign_keys},
            fleets={bot: next(counts) for bot in bots},
            channels={name: next(counts) for name in carriers},
        )

    def carrier_fault(self, carrier: str) -> None:
        self._troubled.add(carrier)
        self._run(
            self._fault,
            carrier,
            FAULTS_BEFORE_REST,
            FIRST_REST_SECONDS * 1000,
            LONGEST_REST_SECONDS * 1000,
            LOWEST_FACTOR,
        )

    def carrier_ok(self, carrier: str) -> None:
        if carrier in self._troubled and not self._run(self._ok, carrier, RECOVERY_STEP):
            self._troubled.discard(carrier)

    def _answer(self, row: Sequence[Any]) -> Granted | NoSlot:
        if int(row[0]):
            carrier = _text(row[1])
            if int(row[3]):
                self._troubled.add(carrier)
            return Granted(carrier, _text(row[2]), self._clock.ours(float(row[4]) / 1000.0), _text(row[4]))
        return NoSlot(_text(row[1]), float(row[2]) / 1000.0)

    @staticmethod
    def _run(script: Any, *args: Any) -> Any:
        try:
            return script(args=args)
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error


def _request(request: SlotRequest) -> dict[str, object]:
    return {
        "id": request.attempt_id,
        "campaign": request.campaign_key,
        "phone": str(request.phone),
        "seats": request.seats,
        **({"rate": request.rate} if request.rate is not None else {}),
        **({"bot": request.bot, "capacity": request.bot_capacity} if request.bot is not None else {}),
        "carriers": [
            {"name": c.name, "cps": c.calls_per_second, "channels": c.channels, "numbers": c.numbers} for c in request.carriers
        ],
    }


def _use(use: SlotUse) -> dict[str, object]:
    return {
        "id": use.attempt_id,
        "campaign": use.campaign_key,
        "phone": str(use.phone),
        **({"bot": use.bot} if use.bot is not None else {}),
        "carrier": use.carrier,
    }


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
