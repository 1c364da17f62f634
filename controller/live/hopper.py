"""The hopper: leads about to be dialled, claimed from the database under a lease and waiting in Redis.

Losing it loses nothing: the claims' leases lapse and the leads go back to where they were. Handing a lead out twice dials
nobody twice: the ledger opens an attempt only for the claim stored with the lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import orjson
from redis import Redis
from redis.exceptions import RedisError

from controller.domain.hopper.lead import HopperLead
from controller.errors import LiveStateDown
from controller.live import keys


class RedisHopper:
    """``ports.Hopper`` as one Redis list a run, oldest first."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def push(self, run_id: int, leads: Sequence[HopperLead]) -> None:
        if leads:
            try:
                self._client.rpush(keys.hopper(run_id), *(_dump(lead) for lead in leads))
            except RedisError as error:
                raise LiveStateDown(f"Redis: {error}") from error

    def take(self, run_id: int, limit: int) -> list[HopperLead]:
        if limit <= 0:
            return []
        try:
            found = self._client.lpop(keys.hopper(run_id), limit)
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error
        return [_load(run_id, item) for item in cast("list[bytes]", found) or []]

    def depth(self, run_id: int) -> int:
        try:
            return int(self._client.llen(keys.hopper(run_id)))
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error

    def drop(self, run_id: int) -> None:
        try:
            self._client.delete(keys.hopper(run_id))
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error


def _dump(lead: HopperLead) -> bytes:
    return orjson.dumps(
        [
            lead.lead_id,
            lead.contact_id,
            lead.phone,
            lead.attempts,
            lead.uncharged,
            lead.claim,
            lead.leased_until,
            lead.attributes,
            lead.only_agent,
        ]
    )


def _load(run_id: int, item: bytes | str) -> HopperLead:
    lead_id, contact_id, phone, attempts, uncharged, claim, leased_until, attributes, only_agent = orjson.loads(item)
    return HopperLead(lead_id, run_id, contact_id, phone, attempts, uncharged, claim, leased_until, attributes, only_agent)
