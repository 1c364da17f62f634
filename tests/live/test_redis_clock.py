"""Redis' clock against ours: whatever delays an exchange, a launch stays where Redis put it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.live.redis_clock import DRIFT, RedisClock

DELAY = st.floats(0.0, 2.0)


@given(st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=20), st.floats(-1e9, 1e9))
def test_the_fastest_exchange_decides(delays: list[tuple[float, float]], distance: float):
    """The error is half the shortest exchange's duration and the drift since it, however long the others took."""
    clock, at = RedisClock(), 1000.0
    for there, back in delays:
        clock.answered(at, at + there + distance, at + there + back)
        at += there + back + 0.1
    shortest = min(there + back for there, back in delays)
    drift = DRIFT * (at - 1000.0)
    assert abs(clock.ours(at + distance) - at) <= shortest / 2 + drift + 1e-6


def test_a_clock_that_was_set_is_believed_at_once():
    """The bounds contradict the answer: they were those of the clock before."""
    clock = RedisClock()
    clock.answered(1000.0, 5000.0, 1000.001)
    clock.answered(1001.0, 9001.0, 1001.001)
    assert abs(clock.ours(9001.0) - 1001.0) < 0.001


def test_clocks_may_drift_apart():
    """An hour later an exchange that lies within the drift narrows the bounds again."""
    clock = RedisClock()
    clock.answered(1000.0, 5000.0, 1000.001)
    clock.answered(4600.0, 8601.0, 4600.001)
    assert abs(clock.ours(8601.0) - 4600.0) < 0.001
