"""How many people talk at this moment, and how many hear that nobody was there for them, at this controller and at the others
that dial the same run.

Nobody has written down yet how these calls end, so the drop guard takes them from here: an apology lasts for many seconds, in
which pacing would go on losing people. What the others have comes from the live board, where each controller publishes its own
every second: a call that has just ended there may count twice so long. One that is silent for ten seconds is in no count; the
guard then sees fewer people than there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from controller.domain.pacing.drop_guard import NOBODY, Tally
from controller.errors import LiveStateDown
from controller.ports import LiveBoard, RunningRun

log = structlog.get_logger("drop_guard")


class Talks:
    """One for a controller. here: the people in its own calls, by run id."""

    def __init__(self, node: str, board: LiveBoard, here: Callable[[], Mapping[int, Tally]]) -> None:
        self._node = node
        self._board = board
        self._here = here
        self._elsewhere: dict[tuple[str, object], Tally] = {}

    def look(self) -> None:
        """What the other controllers say now; nothing while Redis is away."""
        found: dict[tuple[str, object], Tally] = {}
        try:
            for campaign, rows in self._board.read().items():
                for node, row in rows.items():
                    if node != self._node:
                        key = campaign, row.get("run")
                        found[key] = found.get(key, NOBODY) + Tally(_count(row, "talking"), _count(row, "apologising"))
        except LiveStateDown as error:
            log.debug("talks elsewhere not counted", reason=str(error))
        self._elsewhere = found

    def of(self, run: RunningRun) -> Tally:
        """The people in this run's calls, wherever they are."""
        return self._here().get(run.run_id, NOBODY) + self._elsewhere.get((run.plan.campaign, run.number), NOBODY)


def _count(row: Mapping[str, object], key: str) -> int:
    """A controller of an older version does not tell."""
    count = row.get(key)
    return count if isinstance(count, int) else 0
