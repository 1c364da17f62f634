"""How far the journal is settled: where the next life of this controller must begin to read it.

Every line behind that place may be the only word of how a call ended; every line before it has been written to the database. A
call's line is younger than the call, so a place is settled when it was the journal's end before the oldest call began that is
still open in the ledger. Calls of an earlier life hold the place where that life left it.
"""

from __future__ import annotations

from collections import deque

from esl_handlers.journal import Place

MOST_PLACES = 1000
"""Kept while a call stays open for long; then every other one is forgotten."""


class Settled:
    """former: the place that an earlier life of this node left; None = there was none."""

    def __init__(self, former: Place | None) -> None:
        self._former = former
        self._places: deque[tuple[float, Place]] = deque()

    def note(self, now: float, place: Place) -> None:
        """The journal has been read up to ``place``. now: monotonic seconds, taken after the reading."""
        self._places.append((now, place))
        if len(self._places) > MOST_PLACES:
            self._places = deque([*self._places][::2])

    def place(self, open_since: float) -> Place | None:
        """open_since: when the oldest call began that is still open in the ledger, monotonic seconds; infinite when none is,
        minus infinity when one is from an earlier life."""
        while self._places and self._places[0][0] <= open_since:
            self._former = self._places.popleft()[1]
        return self._former
