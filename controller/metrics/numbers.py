"""The numbers behind the series: counters, gauges, histograms and the peak rate of launches, without a lock.

The client library's own locks are greenlet locks in the patched controller, and a scrape from another thread would then
make a call's greenlet wait. The rule instead: **one thread writes a series**, the scrape only reads (copies of dicts and
lists, which the interpreter takes in one step).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator

from controller.metrics.series import Labels

PEAK_SECONDS = 15
"""How far back :data:`CARRIER_PEAK` looks: the usual scrape interval, so that no second goes unseen."""


class Numbers(dict[Labels, float]):
    """Label values → number, of a counter or a gauge."""

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        self[labels] = self.get(labels, 0.0) + amount


class Histogram:
    """Label values → observations by bucket, the last bucket being +Inf, and their sum after it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._rows: dict[Labels, list[float]] = {}

    def observe(self, labels: Labels, value: float) -> None:
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = [0.0] * (len(self._bounds) + 2)
        row[bisect_left(self._bounds, value)] += 1.0
        row[-1] += value

    def rows(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        """Labels, cumulated buckets as (upper bound, count), sum."""
        for labels, live in self._rows.copy().items():
            row = live.copy()
            total, buckets = 0.0, []
            for bound, count in zip((*map(str, self._bounds), "+Inf"), row[:-1], strict=True):
                total += count
                buckets.append((bound, total))
            yield labels, buckets, row[-1]


class Launches:
    """The most launches in any one-second window, by the second in which the window ended."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._peaks: deque[tuple[int, int]] = deque(maxlen=PEAK_SECONDS + 1)

    def add(self, at: float) -> None:
        times, peaks = self._times, self._peaks
        times.append(at)
        while times[0] <= at - 1.0:
            times.popleft()
        if peaks and peaks[-1][0] == int(at):
            peaks[-1] = (int(at), max(peaks[-1][1], len(times)))
        else:
            peaks.append((int(at), len(times)))

    def peak(self, now: float) -> int:
        return max((count for second, count in self._peaks.copy() if second >= now - PEAK_SECONDS), default=0)
