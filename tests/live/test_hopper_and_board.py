"""The hopper keeps order and loses nothing it was given; the board forgets controllers that fell silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from controller.domain.hopper.lead import HopperLead
from controller.live.board import RedisBoard
from controller.live.hopper import RedisHopper
from controller.live.memory import MemoryBoard, MemoryHopper
from controller.ports import Hopper, LiveBoard
from tests.servers import RedisServer


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    client = Redis.from_url(redis_server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=["redis", "memory"])
def hopper(request: pytest.FixtureRequest) -> Hopper:
    return MemoryHopper() if request.param == "memory" else RedisHopper(request.getfixturevalue("client"))


@pytest.fixture(params=["redis", "memory"])
def board(request: pytest.FixtureRequest) -> LiveBoard:
    return MemoryBoard() if request.param == "memory" else RedisBoard(request.getfixturevalue("client"))


def lead(number: int) -> HopperLead:
    return HopperLead(number, 7, number, 919_999_999_000 + number, 1, 2, f"claim-{number}", 1234.5, '{"name": "Chloé \\u0000"}')


def test_first_in_first_out(hopper: Hopper):
    """Leads come out in the order they went in, unchanged, and only once."""
    hopper.push(7, [lead(1), lead(2)])
    hopper.push(7, [lead(3)])
    assert hopper.depth(7) == 3
    assert hopper.take(7, 2) == [lead(1), lead(2)]
    assert hopper.take(7, 5) == [lead(3)]
    assert hopper.take(7, 5) == []


def test_runs_do_not_mix(hopper: Hopper):
    """A dropped run's hopper is empty; another's is not."""
    hopper.push(7, [lead(1)])
    hopper.push(8, [lead(1)])
    hopper.drop(7)
    assert (hopper.depth(7), hopper.depth(8)) == (0, 1)
    assert hopper.take(7, 0) == []


def test_the_board_shows_each_controllers_view(board: LiveBoard):
    """A campaign's row is there by controller; what a controller no longer publishes is gone."""
    board.publish("fs1", {"june": {"binding": "seats"}, "july": {"binding": "fleet"}})
    board.publish("fs2", {"june": {"binding": "carrier_cps"}})
    assert board.read()["june"] == {"fs1": {"binding": "seats"}, "fs2": {"binding": "carrier_cps"}}
    board.publish("fs1", {})
    assert board.read() == {"june": {"fs2": {"binding": "carrier_cps"}}}
