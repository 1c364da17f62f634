"""One of many: a lease in Redis with a fencing token, for what only one process at a time should do (the workers' beat).

A token is never given out twice while Redis remembers. Who holds the lease proves it with the token at every turn; one that
was frozen, lost its lease and wakes up finds another token there and gets no turn. Turns are numbered, so what is done in a
turn can carry its number and be done once.
"""

from __future__ import annotations

import uuid
from typing import Any

from redis import Redis

from controller.live import keys

TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local token = redis.call('INCR', KEYS[2]) .. ':' .. ARGV[1]
redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
return token
"""

TURN = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('INCR', KEYS[3])
"""

GIVE_BACK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Lease:
    """seconds: how long it is held without a turn. Raises redis' own errors when Redis is away."""

    def __init__(self, client: Redis, name: str, seconds: float) -> None:
        self._keys = [keys.lease(name), keys.lease_fence(name), keys.lease_turn(name)]
        self._milliseconds = int(seconds * 1000)
        self._take = client.register_script(TAKE)
        self._turn = client.register_script(TURN)
        self._give_back = client.register_script(GIVE_BACK)
        self._token: bytes | str | None = None

    @property
    def held(self) -> bool:
        """Whether we held it when we last looked."""
        return self._token is not None

    def turn(self) -> int | None:
        """The number of our next turn, the lease renewed or newly taken; None while another holds it."""
        if self._token is None:
            token: Any = self._take(keys=self._keys, args=[uuid.uuid4().hex, self._milliseconds])
            if token is None:
                return None
            self._token = token
        number: Any = self._turn(keys=self._keys, args=[self._token, self._milliseconds])
        if not number:
            self._token = None
            return None
        return int(number)

    def give_back(self) -> None:
        """Let the next one have it at once."""
        if self._token is not None:
            self._give_back(keys=self._keys, args=[self._token])
            self._token = None
