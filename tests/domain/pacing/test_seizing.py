"""Requests for agents: met, timed out, or made where nobody works."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.agents.agent import SeizureOutcome
from controller.domain.pacing.board import Team
from controller.domain.pacing.seizing import SeizeRequests

BUSY = Team("sales", ready=0, talking=(5.0,))
NOBODY = Team("sales", ready=0)


def test_request_that_is_met_in_time_has_no_bad_end():
    """Two agents are wanted, one is free: the second request is met before its time to live is over."""
    requests = SeizeRequests()
    assert requests.look(2, Team("sales", ready=1), 0.0, 20.0) == []
    assert requests.look(2, Team("sales", ready=1, reserved=1), 19.0, 20.0) == []
    assert requests.look(2, Team("sales", ready=1, reserved=1), 100.0, 20.0) == []


def test_request_times_out_while_everybody_talks_and_is_made_anew():
    """After twenty seconds without a free agent the request is over; the next one waits its own twenty."""
    requests = SeizeRequests()
    ended = [len(requests.look(1, BUSY, float(second), 20.0)) for second in range(61)]
    assert [second for second, count in enumerate(ended) if count] == [20, 40, 60]
    assert requests.look(1, BUSY, 80.0, 20.0) == [SeizureOutcome.TIMEOUT]


def test_where_nobody_is_logged_in_there_is_none():
    """An empty floor is not a slow one."""
    requests = SeizeRequests()
    assert requests.look(2, NOBODY, 0.0, 5.0) == []
    assert requests.look(2, NOBODY, 5.0, 5.0) == [SeizureOutcome.NONE] * 2


def test_formula_that_wants_fewer_withdraws_its_requests():
    """What is not wanted any more cannot time out."""
    requests = SeizeRequests()
    requests.look(3, BUSY, 0.0, 20.0)
    assert requests.look(0, BUSY, 10.0, 20.0) == []
    assert requests.look(3, BUSY, 25.0, 20.0) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 30)), max_size=30))
def test_as_many_requests_wait_as_agents_are_missing(looks: list[tuple[int, int, float]]):
    """Whatever the formula wants and whoever comes and goes, one request a missing agent, none older than its time."""
    requests, now = SeizeRequests(), 0.0
    for target, ready, seconds in looks:
        now += seconds
        requests.look(target, Team("sales", ready=ready), now, 20.0)
        assert len(requests.since) == max(0, target - ready)
        assert all(now - since < 20.0 for since in requests.since)
