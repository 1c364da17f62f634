"""Calls per second hold in any one-second window, not only on average."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.carriers.launch_rate import next_launch, whole_rate


@given(
    st.floats(min_value=0.2, max_value=60.0),
    st.lists(st.floats(min_value=0.0, max_value=0.4), min_size=1, max_size=200),
)
def test_no_window_holds_more_than_the_rate(rate: float, pauses: list[float]):
    """However the requests bunch, no stretch of one second (or of 1/rate below one a second) holds more than the rate."""
    calls, seconds = whole_rate(rate)
    launches: list[float] = []
    now = 0.0
    for pause in pauses:
        now += pause
        launches.insert(0, next_launch(now, launches, rate))
    times = sorted(launches)
    for index in range(len(times) - calls):
        assert times[index + calls] - times[index] > seconds


def test_unused_time_is_not_saved_up():
    """After a quiet hour the first second still holds no more than the rate."""
    launches: list[float] = []
    for _ in range(30):
        launches.insert(0, next_launch(3600.0, launches, 10.0))
    assert sum(1 for at in launches if at < 3601.0) == 10


def test_a_steady_caller_gets_nearly_the_whole_rate():
    """The margin costs three per cent, not more."""
    launches: list[float] = []
    now = 0.0
    while now < 100.0:
        launches.insert(0, next_launch(now, launches[:51], 50.0))
        now = launches[0]
    assert len(launches) / 100.0 > 50.0 * 0.97
