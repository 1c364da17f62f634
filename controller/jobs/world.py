"""What a sweep needs of the world: database, Redis and settings, opened once in a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from redis import Redis

from controller import config
from controller.config import Settings
from controller.jobs.queues import open_redis
from controller.live.hopper import RedisHopper
from controller.storage.database import Database
from controller.storage.lead_preparation import LeadPreparation
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore


@dataclass(frozen=True)
class World:
    """Handed to every sweep, with the time."""

    database: Database
    redis: Redis
    settings: Settings

    @cached_property
    def runs(self) -> SqlRunStore:
        return SqlRunStore(self.database)

    @cached_property
    def leads(self) -> SqlLeadStore:
        return SqlLeadStore(self.database)

    @cached_property
    def preparation(self) -> LeadPreparation:
        return LeadPreparation(self.database)

    @cached_property
    def hopper(self) -> RedisHopper:
        return RedisHopper(self.redis)


def open_world(settings: Settings) -> World:
    """Connections are made when they are first used."""
    return World(Database(settings.database_url), open_redis(settings), settings)


_own: World | None = None


def use(settings: Settings) -> None:
    """Settings of this process' jobs; without it they are read from the configuration."""
    global _own
    _own = open_world(settings)


def own() -> World:
    """This process' world."""
    if _own is None:
        use(config.load())
    assert _own is not None
    return _own
