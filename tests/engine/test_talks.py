"""People who talk while others of the same campaign talk elsewhere: the drop guard counts them all."""

from __future__ import annotations

import pytest

from controller.domain.campaigns.pacing import DropGuard, Pacing
from controller.domain.pacing.drop_guard import Level, Tally
from controller.engine.drop_desk import DropDesk
from controller.engine.talks import Talks
from controller.errors import LiveStateDown
from controller.live.memory import MemoryBoard
from controller.ports import RunningRun
from tests.engine.test_drop_desk import Counted
from tests.engine.test_formula_desk import Hands, at_once
from tests.stories.floor import NobodyWatches, plan

JUNE = RunningRun(7, 2, "active", plan(mode="predictive", pacing=Pacing(drop_guard=DropGuard(machine_error_percent=0))))


class Away(MemoryBoard):
    """A board whose Redis can go away."""

    away = False

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        if self.away:
            raise LiveStateDown("Redis is away")
        return super().read()


def row(talking: int, run: int = 2) -> dict[str, object]:
    return {"run": run, "talking": talking}


def test_two_nodes_of_one_campaign_see_the_same_rate():
    """Three were abandoned; 60 talk at one node and 60 at the other: 2.4 % at both, where either alone would see 4.8 %."""
    board, counted = MemoryBoard(), Counted()
    counted.tally = Tally(abandoned=3)
    board.publish("fs1", {"june": row(60)})
    board.publish("fs2", {"june": row(60)})
    for node in ("fs1", "fs2"):
        talks = Talks(node, board, lambda: {7: Tally(connected=60)})
        talks.look()
        desk = DropDesk(counted, at_once, Hands(), NobodyWatches(), talks.of, frozenset)
        desk.follow([JUNE])
        desk.look()
        standing = desk.standing(7)
        assert standing.windows[0].rate == pytest.approx(3 / 123)
        assert standing.level is Level.OPEN


def test_other_campaigns_and_earlier_runs_are_not_counted():
    """Only what is published of this very run; a controller of an older version that says nothing of talks counts as none."""
    board = MemoryBoard()
    board.publish("fs2", {"june": row(5, run=1), "july": row(9)})
    board.publish("fs3", {"june": {"run": 2}})
    board.publish("fs4", {"june": row(4) | {"apologising": 2}})
    talks = Talks("fs1", board, dict)
    talks.look()
    assert talks.of(JUNE) == Tally(connected=4, abandoned=2)


def test_without_redis_only_ones_own_are_counted():
    """What the others had is not believed for longer than it is told."""
    board = Away()
    board.publish("fs2", {"june": row(30)})
    talks = Talks("fs1", board, lambda: {7: Tally(connected=2)})
    talks.look()
    assert talks.of(JUNE) == Tally(connected=32)
    board.away = True
    talks.look()
    assert talks.of(JUNE) == Tally(connected=2)
