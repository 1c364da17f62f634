"""Calling hours follow the wall clock of their zone, through daylight saving and past midnight."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.campaigns.window import Span, Window

ALL = frozenset(range(7))
WEEKDAYS = frozenset(range(5))


def at(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def utc(moment: datetime | None) -> str:
    assert moment is not None
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def test_open_from_start_to_just_before_the_end():
    """09:00 is inside, 18:00 is not."""
    window = Window("Asia/Kolkata", (Span(WEEKDAYS, time(9), time(18)),))
    assert not window.is_open(at("Asia/Kolkata", "2026-11-20 08:59:59"))
    assert window.is_open(at("Asia/Kolkata", "2026-11-20 09:00"))
    assert window.is_open(at("Asia/Kolkata", "2026-11-20 17:59:59"))
    assert not window.is_open(at("Asia/Kolkata", "2026-11-20 18:00"))


def test_after_friday_comes_monday():
    """2026-11-20 is a Friday."""
    window = Window("Asia/Kolkata", (Span(WEEKDAYS, time(9), time(18)),))
    assert utc(window.opens_at(at("Asia/Kolkata", "2026-11-20 18:00"))) == "2026-11-23 03:30"


def test_a_span_past_midnight_belongs_to_the_day_it_begins():
    """Friday 22:00–02:00 is open on Saturday at one, and not on Friday at one."""
    window = Window("Europe/London", (Span(frozenset({4}), time(22), time(2)),))
    assert window.is_open(at("Europe/London", "2026-11-21 01:00"))
    assert not window.is_open(at("Europe/London", "2026-11-20 01:00"))
    assert utc(window.closes_at(at("Europe/London", "2026-11-20 23:00"))) == "2026-11-21 02:00"


def test_touching_spans_close_once():
    """09:00–13:00 and 13:00–18:00 are one stretch; a lunch break makes two."""
    joined = Window("UTC", (Span(ALL, time(9), time(13)), Span(ALL, time(13), time(18))))
    broken = Window("UTC", (Span(ALL, time(9), time(13)), Span(ALL, time(14), time(18))))
    assert utc(joined.closes_at(at("UTC", "2026-11-20 10:00"))) == "2026-11-20 18:00"
    assert utc(broken.closes_at(at("UTC", "2026-11-20 10:00"))) == "2026-11-20 13:00"


def test_spring_forward_begins_after_the_gap():
    """In New York 02:30 does not exist on 8 March 2026: hours from 02:30 begin at 03:00 EDT."""
    window = Window("America/New_York", (Span(ALL, time(2, 30), time(5)),))
    assert utc(window.opens_at(datetime(2026, 3, 8, 5, tzinfo=UTC))) == "2026-03-08 07:00"
    assert not window.is_open(datetime(2026, 3, 8, 6, 59, tzinfo=UTC))
    assert window.is_open(datetime(2026, 3, 8, 7, 0, tzinfo=UTC))


def test_autumn_hour_comes_twice():
    """In London 01:30 comes twice on 25 October 2026: hours until 01:30 end at the first of the two, BST."""
    window = Window("Europe/London", (Span(ALL, time(0), time(1, 30)),))
    assert utc(window.closes_at(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))) == "2026-10-25 00:30"
    assert not window.is_open(datetime(2026, 10, 25, 1, 15, tzinfo=UTC))


def test_round_the_clock():
    """00:00–24:00 on all days never shuts."""
    window = Window("UTC", (Span(ALL, time(0), time(0)),))
    now = at("UTC", "2026-11-20 10:00")
    closes = window.closes_at(now)
    assert closes is not None
    assert closes - now >= timedelta(days=7)


def test_no_days_no_hours():
    """A window without days never opens, and says so."""
    window = Window("UTC", (Span(frozenset(), time(9), time(18)),))
    assert window.opens_at(at("UTC", "2026-11-20 10:00")) is None


@given(
    st.sampled_from(["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]),
    st.lists(
        st.tuples(st.frozensets(st.integers(0, 6), min_size=1), st.times(), st.times()).filter(lambda s: s[1] != s[2]),
        min_size=1,
        max_size=3,
    ),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
)
def test_opening_and_closing_agree(zone: str, spans: list[tuple[frozenset[int], time, time]], moment: datetime):
    """The window is open exactly from ``opens_at`` until ``closes_at``, in every zone and season."""
    spans = [(days, start.replace(microsecond=0), end.replace(microsecond=0)) for days, start, end in spans]
    window = Window(zone, tuple(Span(*span) for span in spans if span[1] != span[2]))
    now = moment.replace(tzinfo=UTC)
    opens = window.opens_at(now)
    if opens is None:
        assert not window.is_open(now)
        return
    assert window.is_open(opens)
    assert opens == now or not window.is_open(opens - timedelta(seconds=1))
    closes = window.closes_at(opens)
    assert closes is not None
    assert closes > opens
    assert window.is_open(closes - timedelta(milliseconds=1))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
def test_the_zone_is_the_windows_own(zone: str):
    """The same wall time in another zone is another moment."""
    window = Window(zone, (Span(ALL, time(9), time(10)),))
    assert window.is_open(at(zone, "2026-06-01 09:30"))
    assert not window.is_open(at("UTC", "2026-06-01 23:45"))
