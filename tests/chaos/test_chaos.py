"""Everything is killed, cut and mangled in turn while two campaigns dial; afterwards far end, attempts and leads agree.

The short form of ``make soak``: two nodes on PostgreSQL, and one on SQLite.
"""

from __future__ import annotations

import os

import pytest

from tests.chaos.run import run
from tests.servers import Missing, postgres_programs, redis_executable

CONTACTS = 500
CALLS_PER_SECOND = 50
AGENTS = 3


def stores() -> bool:
    """Whether there is a PostgreSQL; not without a Redis."""
    try:
        redis_executable()
        return bool(postgres_programs())
    except Missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 4])
def test_nobody_is_dialled_twice_and_nobody_is_lost_whatever_breaks(seed):
    """No double, no lost lead, no slot left behind, no limit exceeded, no record that disagrees with the far end's."""
    result = run(seed, CONTACTS, CALLS_PER_SECOND, stores(), print)
    assert result.reckoning.wrong == {}, f"everything of the run lies in {result.folder}"
    assert sum(result.struck.values()) > 5


@pytest.mark.timeout(600)
def test_agents_have_one_call_each_and_are_never_stuck_whatever_breaks():
    """They talk, wrap up, and come back when a fault has thrown them out; in the end all are ready, and the records agree."""
    faults = ("controller_killed", "redis_emptied", "every_link_reset", "events_lost", "events_doubled")
    result = run(3, AGENTS * 5, CALLS_PER_SECOND, stores(), print, faults, agents=AGENTS)
    assert result.reckoning.wrong == {}, f"everything of the run lies in {result.folder}"
    assert sum(result.struck.values()) > 2
