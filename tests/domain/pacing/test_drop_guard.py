"""The drop guard: each country's arithmetic by hand, several windows at once, hysteresis."""

from __future__ import annotations

import pytest

from controller.domain.pacing.drop_guard import (
    ENOUGH_REVIEWED,
    NO_LIMIT,
    DropLimit,
    Formula,
    Level,
    Reviewed,
    Tally,
    WindowName,
    machine_error,
    people,
    stand,
)

RUN = DropLimit(WindowName.RUN, Formula.US, hard=0.03, soft=0.025, release=0.02)
MONTH = DropLimit(WindowName.THIRTY_DAYS, Formula.US)
RUN_WORDS = WindowName.RUN


def test_us_counts_the_abandoned_over_those_who_picked_up():
    """3 abandoned, 97 connected: 3 of 100; machines are not people."""
    assert people(Formula.US, Tally(connected=97, abandoned=3, machines_hung_up=500), 0.0) == (3.0, 100.0)


def test_people_taken_for_machines_were_abandoned():
    """One in a hundred of 500 calls hung up as machines was a person: five more abandoned, five more answered."""
    assert people(Formula.US, Tally(connected=97, abandoned=3, machines_hung_up=500), 0.01) == (8.0, 105.0)


def test_the_owners_estimate_holds_until_enough_was_reviewed():
    """Forty-nine recordings change nothing; with the fiftieth the campaign's own share counts, and none found is not none."""
    assert machine_error(Reviewed(ENOUGH_REVIEWED - 1, 20), 0.01) == 0.01
    assert machine_error(Reviewed(ENOUGH_REVIEWED, 0), 0.01) == pytest.approx(1 / 52)
    assert machine_error(Reviewed(998, 4), 0.01) == pytest.approx(0.005)


def test_more_people_than_calls_is_no_review():
    """A count that cannot be is refused."""
    with pytest.raises(ValueError, match="3 people among 2"):
        Reviewed(2, 3)


def test_uk_takes_out_the_machines_among_the_abandoned():
    """29 dropped; agents took 9 people and 7 machines, so 29 x 9/16 were people: 16.3125 of 25.3125 is 64.44 %."""
    abandoned, answered = people(Formula.UK, Tally(connected=9, abandoned=29, machines_to_agents=7), 0.0)
    assert (abandoned, answered) == (16.3125, 25.3125)
    assert f"{abandoned / answered:.2%}" == "64.44%"


def test_uk_adds_the_estimated_false_positives():
    """Without machines at the agents nothing is taken out; 200 hung up at 2 % add four to both."""
    assert people(Formula.UK, Tally(connected=90, abandoned=6, machines_hung_up=200), 0.02) == (10.0, 100.0)


def test_uk_with_no_call_taken_by_an_agent_estimates_nothing():
    """Every drop counts as a person."""
    assert people(Formula.UK, Tally(abandoned=2), 0.0) == (2.0, 2.0)


def test_canada_allows_five_percent_a_month():
    """4 of 100 are within 5 %, 5 are at the mark."""
    limit = DropLimit(WindowName.MONTH, Formula.CANADA, hard=0.05, soft=0.045, release=0.045)
    assert stand([limit], {WindowName.MONTH: Tally(96, 4)}).level is Level.OPEN
    assert stand([limit], {WindowName.MONTH: Tally(95, 5)}).level is Level.HARD


def test_the_marks():
    """Under soft: open; from soft: soft; from hard: hard."""
    levels = [stand([RUN], {RUN_WORDS: Tally(1000 - drops, drops)}).level for drops in (0, 24, 25, 29, 30, 60)]
    assert levels == [Level.OPEN, Level.OPEN, Level.SOFT, Level.SOFT, Level.HARD, Level.HARD]


def test_hard_holds_until_the_release_mark():
    """Once over 3 %, 2.1 % is still hard; 2.0 % is free again; 2.1 % from below was never hard."""
    over = stand([RUN], {RUN_WORDS: Tally(970, 30)})
    held = stand([RUN], {RUN_WORDS: Tally(979, 21)}, before=over)
    assert held.level is Level.HARD
    assert stand([RUN], {RUN_WORDS: Tally(980, 20)}, before=held).level is Level.OPEN
    assert stand([RUN], {RUN_WORDS: Tally(979, 21)}).level is Level.OPEN


def test_the_worst_window_counts_and_is_named():
    """Thirty clean days do not excuse a bad run, nor a clean run thirty bad days."""
    clean, bad = Tally(9900, 100), Tally(960, 40)
    for tallies, named in (
        ({WindowName.RUN: bad, WindowName.THIRTY_DAYS: clean}, "run"),
        ({WindowName.RUN: clean, WindowName.THIRTY_DAYS: bad}, "30 days"),
    ):
        standing = stand([RUN, MONTH], tallies)
        assert standing.level is Level.HARD
        assert named in standing.reason
        assert "4.00%" in standing.reason


def test_hysteresis_is_each_windows_own():
    """A window that was hard holds; another at the same rate, never hard, does not."""
    before = stand([RUN, MONTH], {WindowName.RUN: Tally(960, 40), WindowName.THIRTY_DAYS: Tally(9900, 100)})
    after = stand([RUN, MONTH], {WindowName.RUN: Tally(979, 21), WindowName.THIRTY_DAYS: Tally(9790, 210)}, before=before)
    assert [window.level for window in after.windows] == [Level.HARD, Level.OPEN]


def test_nothing_counted_is_no_rate():
    """A fresh window is open and has nothing to spare; no rule at all is no limit."""
    standing = stand([RUN], {})
    assert (standing.level, standing.windows[0].rate, standing.windows[0].spare) == (Level.OPEN, 0.0, 0.0)
    assert stand([], {}) is NO_LIMIT


def test_spare_is_what_the_limit_still_allows():
    """1 000 answers at 3 % allow 30; 20 were abandoned."""
    assert stand([RUN], {RUN_WORDS: Tally(980, 20)}).windows[0].spare == pytest.approx(10.0)


def test_nonsense_is_refused():
    """Negative counts, shares over one, a soft mark over the hard one."""
    with pytest.raises(ValueError, match="negative"):
        Tally(connected=-1)
    with pytest.raises(ValueError, match="share"):
        people(Formula.US, Tally(), 1.5)
    with pytest.raises(ValueError, match="between"):
        DropLimit(WindowName.RUN, Formula.US, hard=0.03, soft=0.04)
