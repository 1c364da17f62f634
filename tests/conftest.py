"""Fixtures that every room's tests may use: servers of the real world, empty at the start of each test.

A server that this machine lacks skips the test at a desk and fails it where ``CI=true``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
import redis

from tests.servers import (
    Missing,
    PostgresServer,
    PrometheusServer,
    RedisServer,
    running_postgres,
    running_prometheus,
    running_redis,
)


def _absent(error: Missing) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of our own for the whole session; a test that wants it empty asks for ``redis_url``."""
    try:
        with running_redis() as server:
            yield server
    except Missing as error:
        _absent(error)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server.unix_url) as client:
        client.flushall()
    return redis_server.unix_url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own for the whole session."""
    try:
        with running_postgres() as server:
            yield server
    except Missing as error:
        _absent(error)


@pytest.fixture(scope="session")
def prometheus_server() -> Iterator[PrometheusServer]:
    """A Prometheus of our own for the whole session; it scrapes nothing but itself."""
    try:
        with running_prometheus() as server:
            yield server
    except Missing as error:
        _absent(error)


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database, without any table."""
    name = f"empty_{next(_numbers)}"
    postgres_server.run(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")
