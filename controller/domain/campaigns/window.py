"""Calling hours: on which days and at which hours a campaign may ring people, in the zone's own wall clock.

A window is a set of weekly spans in one time zone. Daylight saving is the zone's affair: the rule is "the clock on the
wall", so a span that begins at 02:30 on a night when 02:30 does not exist begins at the first moment after it. A span may
pass midnight (22:00–02:00); it belongs to the day on which it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

DAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Span:
    """One stretch of hours on some days. days: 0 = Monday; start included, end excluded; end ≤ start passes midnight."""

    days: frozenset[int]
    start: time
    end: time

    @property
    def whole_day(self) -> bool:
        return self.start == self.end == time(0)


@dataclass(frozen=True)
class Window:
    """Weekly calling hours in one zone."""

    zone_name: str
    spans: tuple[Span, ...]

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)

    def is_open(self, now: datetime) -> bool:
        """Whether people may be rung at ``now`` (aware)."""
        return self.closes_at(now) is not None

    def closes_at(self, now: datetime) -> datetime | None:
        """End of the stretch that contains ``now`` (UTC); None when the window is shut.

        Stretches that touch or overlap count as one. With hours right round the week: a week from now.
        """
        end = self._end_of_span_at(now)
        if end is None:
            return None
        horizon = now + timedelta(days=7)
        while end < horizon:
            further = self._end_of_span_at(end)
            if further is None or further <= end:
                return end
            end = further
        return end

    def opens_at(self, now: datetime) -> datetime | None:
        """Next moment at which the window is open (UTC; ``now`` itself if open); None for a window without hours."""
        if self.is_open(now):
            return now.astimezone(UTC)
        starts = [start for start, _ in self._instances(now, before=1, after=8) if start > now]
        return min(starts, default=None)

    def _end_of_span_at(self, now: datetime) -> datetime | None:
        ends = [end for start, end in self._instances(now, before=2, after=1) if start <= now < end]
        return max(ends, default=None)

    def _instances(self, now: datetime, before: int, after: int) -> list[tuple[datetime, datetime]]:
        """Every span's concrete start and end (UTC) on the days around ``now``."""
        today = now.astimezone(self.zone).date()
        found = []
        for offset in range(-before, after + 1):
            day = today + timedelta(days=offset)
            for span in self.spans:
                if day.weekday() in span.days:
                    last_day = day if span.end > span.start else day + timedelta(days=1)
                    start, end = self._moment(day, span.start), self._moment(last_day, span.end)
                    if start < end:
                        found.append((start, end))
        return found

    def _moment(self, day: date, wall: time) -> datetime:
        """Wall clock to UTC. A time that is skipped in spring becomes the first moment after the gap; one that comes twice
        in autumn is the first of the two.

        datetime's own reading of a skipped time (PEP 495, fold=0) uses the offset from before the gap and so lands
        beyond it by the gap's length: going through UTC and back gives the wall time that the zone really shows.
        """
        local = datetime.combine(day, wall, tzinfo=self.zone)
        utc = local.astimezone(UTC)
        shown = utc.astimezone(self.zone)
        if shown.replace(tzinfo=None) == local.replace(tzinfo=None):
            return utc
        before_gap = (local - timedelta(days=1)).utcoffset()
        after_gap = shown.utcoffset()
        if before_gap is None or after_gap is None:
            return utc
        gap = after_gap - before_gap
        return self._first_instant_after_gap(utc, gap)

    def _first_instant_after_gap(self, inside: datetime, gap: timedelta) -> datetime:
        """The moment the clock jumps: searched to the second within one gap's length before ``inside``."""
        low, high = inside - gap, inside
        target = high.astimezone(self.zone).utcoffset()
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) / 2
            if middle.astimezone(self.zone).utcoffset() == target:
                high = middle
            else:
                low = middle
        return high.replace(microsecond=0)
