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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 4])
def test_nobody_is_dialled_twice_and_nobody_is_lost_whatever_breaks(seed):
    """No double, no lost lead, no slot left behind, no limit exceeded, no record that disagrees with the far end's."""
    try:
        redis_executable()
        postgres = bool(postgres_programs())
    except Missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    result = run(seed, CONTACTS, CALLS_PER_SECOND, postgres, print)
    assert result.reckoning.wrong == {}, f"everything of the run lies in {result.folder}"
    assert sum(result.struck.values()) > 5
