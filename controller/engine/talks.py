"""How many people talk at this moment, at this controller and at the others that dial the same run.

Nobody has written down yet how these calls end, so the drop guard takes them from here. What the others have comes from the
live board, where each controller publishes its own every second: a talk that has just ended there may count twice so long. One
that is silent for ten seconds is in no count; the guard then sees fewer people connected than there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from controller.errors import LiveStateDown
from controller.ports import LiveBoard, RunningRun

log = structlog.get_logger("drop_guard")


class Talks:
    """One for a controller. here: its own calls in which a person talks, by run id."""

    def __init__(self, node: str, board: LiveBoard, here: Callable[[], Mapping[int, int]]) -> None:
        self._node = node
        self._board = board
        self._here = here
        self._elsewhere: Counter[tuple[str, object]] = Counter()

    def look(self) -> None:
        """What the other controllers say now; nothing while Redis is away."""
        found: Counter[tuple[str, object]] = Counter()
        try:
            for campaign, rows in self._board.read().items():
                for node, row in rows.items():
                    talking = row.get("talking")
                    if node != self._node and isinstance(talking, int):
                        found[campaign, row.get("run")] += talking
        except LiveStateDown as error:
            log.debug("talks elsewhere not counted", reason=str(error))
        self._elsewhere = found

    def of(self, run: RunningRun) -> int:
        """People who talk in this run's calls, wherever they are."""
        return self._here().get(run.run_id, 0) + self._elsewhere[run.plan.campaign, run.number]
