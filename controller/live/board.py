"""What each controller says of the present moment, for ``campaign status``: what binds the pace, and why nothing is dialled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from controller.errors import LiveStateDown
from controller.live import keys

LIFETIME_SECONDS = 10
"""A controller that has not published for this long is not shown."""


class RedisBoard:
    """``ports.LiveBoard`` on Redis; for the thread that opened the client."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def publish(self, node: str, campaigns: Mapping[str, Mapping[str, object]]) -> None:
        try:
            pipe = self._client.pipeline(transaction=True)
            pipe.delete(keys.board(node))
            if campaigns:
                pipe.hset(
                    keys.board(node),
                    mapping={name: orjson.dumps(dict(row)) for name, row in campaigns.items()},
                )
                pipe.expire(keys.board(node), LIFETIME_SECONDS)
            seconds = int(self._client.time()[0])
            pipe.zadd(keys.NODES, {node: seconds})
            pipe.zremrangebyscore(keys.NODES, "-inf", seconds - LIFETIME_SECONDS)
            pipe.execute()
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error

    def nodes(self) -> list[str]:
        """Controllers that published lately."""
        try:
            seconds = int(self._client.time()[0])
            found: Any = self._client.zrangebyscore(keys.NODES, seconds - LIFETIME_SECONDS, "+inf")
        except RedisError as error:
            raise LiveStateDown(f"Redis: {error}") from error
        return sorted(item.decode() if isinstance(item, bytes) else item for item in found)

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        boards: dict[str, dict[str, dict[str, object]]] = {}
        for node in self.nodes():
            try:
                rows: Any = self._client.hgetall(keys.board(node))
            except RedisError as error:
                raise LiveStateDown(f"Redis: {error}") from error
            for name, row in rows.items():
                campaign = name.decode() if isinstance(name, bytes) else name
                boards.setdefault(campaign, {})[node] = orjson.loads(row)
        return boards


class BoardForAnyThread(RedisBoard):
    """The board for readers in several native threads of a patched process: there a connection works only in the thread that
    opened it, so each reading opens one of its own. open_client: a new client."""

    def __init__(self, open_client: Callable[[], Redis]) -> None:
        self._open_client = open_client

    def nodes(self) -> list[str]:
        with self._open_client() as client:
            return RedisBoard(client).nodes()

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        with self._open_client() as client:
            return RedisBoard(client).read()
