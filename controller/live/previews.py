"""Contacts shown to agents, in Redis (port ``Previews``): one script a method, so that a contact is on one card, an agent has
one, and a card has one end.

A card is two keys under one lease: the agent's, with all that is on it, and the contact's, which is the lock against others.
Skips are remembered as long as runs last; losing them gives agents their skips back and shows a contact to somebody again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from controller.domain.agents.preview import Card, CardEnd, Choice, ChoiceRefusal
from controller.domain.hopper.lead import HopperLead
from controller.errors import LiveStateDown
from controller.live import keys
from controller.ports import ShownCard

SKIPS_MS = 30 * 86_400_000
"""Longer than a run."""

SHOW = """
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'card', ARGV[1], 'fence', ARGV[2], 'contact', KEYS[2], 'skips_left', ARGV[3], 'chosen', '',
  'shown', string.format('%.3f', t[1] + t[2] / 1000000))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[4])
redis.call('SADD', KEYS[3], ARGV[5])
return 1
"""

RENEW = """
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
"""

CHOOSE = """
local card = redis.call('HMGET', KEYS[1], 'chosen', 'skips_left')
if not card[1] then return 'no_card' end
if card[1] ~= '' then return 'chosen_already' end
if ARGV[1] == 'skip' and tonumber(card[2]) <= 0 then return 'no_skips_left' end
redis.call('HSET', KEYS[1], 'chosen', ARGV[1])
return ''
"""

END = """
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[2])
if ARGV[3] == 'skipped' then
  redis.call('HINCRBY', KEYS[4], ARGV[2], 1)
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
if ARGV[3] == 'skipped' or ARGV[3] == 'passed_on' then
  redis.call('SADD', KEYS[5], ARGV[2])
  redis.call('PEXPIRE', KEYS[5], ARGV[4])
end
return 1
"""

SEEN = """
local row = redis.call('HMGET', KEYS[1], 'card', 'chosen', 'shown')
if not row[1] then return false end
local t = redis.call('TIME')
return {row[1], row[2], string.format('%.3f', t[1] + t[2] / 1000000 - row[3])}
"""


class RedisPreviews:
    """lease_seconds: how long a card lasts without a renewal."""

    def __init__(self, client: Redis, lease_seconds: float) -> None:
        self._client = client
        self._lease_ms = int(lease_seconds * 1000)
        self._show = client.register_script(SHOW)
        self._renew = client.register_script(RENEW)
        self._choose = client.register_script(CHOOSE)
        self._end = client.register_script(END)
        self._seen = client.register_script(SEEN)

    def show(self, card: Card) -> bool:
        named = [keys.card(card.agent), _contact(card), keys.cards(card.node)]
        return bool(_run(self._show, named, _dump(card), _fence(card), card.skips_left, self._lease_ms, card.agent))

    def renew(self, cards: Sequence[Card]) -> list[bool]:
        return [bool(_run(self._renew, [keys.card(c.agent), _contact(c)], _fence(c), self._lease_ms)) for c in cards]

    def of_agent(self, agent: str) -> ShownCard | None:
        row = _run(self._seen, [keys.card(agent)])
        if not row:
            return None
        text, chosen, age = row
        return ShownCard(_load(text), Choice(_text(chosen)) if chosen else None, float(age))

    def shown(self, node: str) -> list[ShownCard]:
        """Cards whose lease lapsed are forgotten on the way."""
        found = []
        for name in self._members(node):
            card = self.of_agent(name)
            if card is not None and card.card.node == node:
                found.append(card)
            elif card is None:
                self._forget(node, name)
        return sorted(found, key=lambda one: (-one.age_seconds, one.card.agent))

    def choose(self, agent: str, choice: Choice) -> ChoiceRefusal | None:
        word = _text(_run(self._choose, [keys.card(agent)], choice.value))
        return ChoiceRefusal[word.upper()] if word else None

    def end(self, card: Card, how: CardEnd) -> bool:
        run_id, lead_id = card.lead.run_id, card.lead.lead_id
        named = [
            keys.card(card.agent),
            _contact(card),
            keys.cards(card.node),
            keys.skips(run_id),
            keys.skipped_by(run_id, lead_id),
        ]
        return bool(_run(self._end, named, _fence(card), card.agent, how.value, SKIPS_MS))

    def skips(self, run_id: int, agent: str) -> int:
        try:
            return int(self._client.hget(keys.skips(run_id), agent) or 0)
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error

    def skipped_by(self, run_id: int, lead_ids: Sequence[int]) -> list[frozenset[str]]:
        if not lead_ids:
            return []
        try:
            pipe = self._client.pipeline(transaction=False)
            for lead_id in lead_ids:
                pipe.smembers(keys.skipped_by(run_id, lead_id))
            return [frozenset(_text(name) for name in names) for names in pipe.execute()]
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error

    def _members(self, node: str) -> list[str]:
        try:
            names: Any = self._client.smembers(keys.cards(node))
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error
        return sorted(_text(name) for name in names)

    def _forget(self, node: str, agent: str) -> None:
        try:
            self._client.srem(keys.cards(node), agent)
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error


@contextmanager
def previews_for_any_thread(open_client: Callable[[], Redis], lease_seconds: float) -> Iterator[RedisPreviews]:
    """The cards for a block in whatever native thread; see ``agents.agents_for_any_thread``."""
    with open_client() as client:
        yield RedisPreviews(client, lease_seconds)


def _run(script: Any, named: Sequence[str], *args: Any) -> Any:
    try:
        return script(keys=named, args=args)
    except RedisError as error:
        raise LiveStateDown(f"Redis: {error}") from error


def _contact(card: Card) -> str:
    return keys.card_of(card.lead.run_id, card.lead.lead_id)


def _fence(card: Card) -> str:
    """Which card it is: a contact shown again has another claim."""
    return f"{card.lead.run_id}:{card.lead.lead_id}:{card.lead.claim}"


def _dump(card: Card) -> bytes:
    lead = card.lead
    return orjson.dumps(
        [
            [lead.lead_id, lead.run_id, lead.contact_id, lead.phone, lead.attempts, lead.uncharged, lead.claim],
            [lead.leased_until, lead.attributes, lead.only_agent],
            [card.agent, card.node, card.campaign, card.seconds, card.on_timeout, card.skips_left],
        ]
    )


def _load(text: bytes) -> Card:
    identity, rest, shown = orjson.loads(text)
    return Card(HopperLead(*identity, *rest), *shown)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
