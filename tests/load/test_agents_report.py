"""What a run with agents says of itself, reckoned from records that are known."""

from __future__ import annotations

from collections import Counter

from tests.freeswitch.sipp import Invite
from tests.load.agents import figures, good
from tests.load.campaign import Row

WRAP_UP = 2.0


def row(number: int, answered: float, connected: float, ended: float, agent: str = "ann") -> Row:
    return Row(number, "answered", answered, connected, ended_at=ended, connected_to=agent)


def report(*rows: Row, dialled: int | None = None) -> dict[str, object]:
    numbers = [row.phone for row in rows][:dialled]
    invites = [Invite(0.0, str(number), "", str(number), "") for number in numbers]
    return figures(rows, invites, Counter(ready=1), agents=1, seconds=20.0, wrap_up=WRAP_UP, phones_lost=0)


def test_who_waited_for_an_agent_is_told_apart_from_who_was_joined_at_once() -> None:
    """The second person answers at 9 while the agent is busy until 10, wrap-up included; the third when the agent is free."""
    found = report(row(1, 1.0, 1.05, 8.0), row(2, 9.0, 10.07, 12.0), row(3, 15.0, 15.06, 16.0))
    assert (found["talks"], found["waited"]) == (3, 1)
    assert (found["ready_p50_ms"], found["ready_p99_ms"]) == (60.0, 60.0)
    assert (found["wait_p50_ms"], found["freed_p50_ms"]) == (1070.0, 70.0)
    assert good(found)


def test_a_call_that_only_one_side_knows_of_is_bad() -> None:
    """An attempt whose invitation SIPp never saw."""
    found = report(row(1, 1.0, 1.05, 2.0), row(2, 5.0, 5.05, 6.0), dialled=1)
    assert found["mismatches"] == 1
    assert not good(found)


def test_an_agent_with_two_calls_is_bad() -> None:
    """The second begins while the first goes on."""
    found = report(row(1, 1.0, 1.05, 9.0), row(2, 5.0, 5.05, 6.0))
    assert found["two_at_once"] == 1
    assert not good(found)
