"""The drop guard at work: what was counted decides how a campaign may be paced."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from controller.domain.campaigns.pacing import DropGuard, Pacing
from controller.domain.pacing.drop_guard import NOBODY, Level, Reviewed, Tally, WindowName
from controller.engine.drop_desk import DropDesk
from controller.errors import StoreDown
from controller.ports import RunningRun
from tests.engine.test_formula_desk import Hands, at_once
from tests.stories.floor import NobodyWatches, plan


class Counted:
    """Storage that has counted what it is told to; ``None``: it is away."""

    def __init__(self) -> None:
        self.tally: Tally | None = Tally()
        self.words: Collection[str] = ()
        self.heard = Reviewed()

    def tallies(
        self, campaign_id: int, run_id: int, zone: str, now: float, machine_dispositions: Collection[str] = ()
    ) -> Mapping[WindowName, Tally]:
        self.words = machine_dispositions
        if self.tally is None:
            raise StoreDown("the database is away")
        return dict.fromkeys(WindowName, self.tally)

    def reviewed(self, campaign_id: int, now: float) -> Reviewed:
        return self.heard


def desk(counted: Counted, in_progress: Tally = NOBODY, watch: NobodyWatches | None = None, **guard: object) -> DropDesk:
    made = DropDesk(
        counted, at_once, Hands(), watch or NobodyWatches(), lambda run: in_progress, lambda: frozenset({"ANSWERING MACHINE"})
    )
    pacing = Pacing(drop_guard=DropGuard.model_validate({"machine_error_percent": 0} | guard))
    made.follow([RunningRun(1, 1, "active", plan(mode="predictive", pacing=pacing))])
    return made


def test_before_the_first_count_agents_get_one_call_each():
    """A controller that has just started knows nothing of the month: it dials as if the limit were reached."""
    made = desk(Counted())
    assert made.standing(1).level is Level.HARD
    made.look()
    assert made.standing(1).level is Level.OPEN
    assert made.standing(99).level is Level.HARD


def test_limit_of_the_campaign_file_holds():
    """Two abandoned of a hundred: fine at three per cent, too many at one and a half."""
    counted = Counted()
    counted.tally = Tally(connected=98, abandoned=2)
    for percent, level in ((3.0, Level.OPEN), (1.5, Level.HARD)):
        made = desk(counted, hard_percent=percent)
        made.look()
        assert made.standing(1).level is level
    assert counted.words == frozenset({"ANSWERING MACHINE"})


def test_only_windows_of_the_campaign_are_judged():
    """A campaign bound by the calendar month alone has one limit."""
    made = desk(Counted(), windows=("calendar_month",))
    made.look()
    assert [one.window for one in made.standing(1).windows] == [WindowName.MONTH]


def test_machines_that_were_people_count():
    """Of two hundred calls hung up on as machines one in a hundred was a person: two more were left alone."""
    counted = Counted()
    counted.tally = Tally(connected=198, abandoned=1, machines_hung_up=200)
    made = desk(counted, machine_error_percent=1.0)
    made.look()
    assert made.standing(1).windows[0].abandoned == 3.0
    assert made.standing(1).level is Level.OPEN
    made = desk(counted, machine_error_percent=3.0)
    made.look()
    assert made.standing(1).level is Level.HARD


def test_reviewed_recordings_count_by_themselves():
    """Nobody has to write the share found by a review into the campaign: 10 people of 98 reviewed are 11 of 100."""
    counted = Counted()
    counted.tally = Tally(connected=198, abandoned=1, machines_hung_up=100)
    counted.heard = Reviewed(machines=98, people=10)
    made = desk(counted, machine_error_percent=1.0)
    made.look()
    assert made.standing(1).windows[0].abandoned == 12.0
    assert made.standing(1).level is Level.HARD


def test_people_who_talk_at_this_moment_have_been_answered():
    """At the start of a shift everybody still talks: one abandoned of fifty is not one of one."""
    counted = Counted()
    counted.tally = Tally(abandoned=1)
    made = desk(counted, Tally(connected=49))
    made.look()
    assert made.standing(1).windows[0].rate == 0.02


def test_people_who_hear_the_message_at_this_moment_are_lost_already():
    """The message lasts for seconds, and its call is counted at its end: until then the limit would seem further off."""
    counted = Counted()
    counted.tally = Tally(connected=96, abandoned=1)
    made = desk(counted, Tally(connected=1, abandoned=2))
    made.look()
    (run, *_) = made.standing(1).windows
    assert (run.abandoned, run.answered) == (3.0, 100.0)
    assert made.standing(1).level is Level.HARD


def test_hard_limit_is_left_below_the_release_mark_only():
    """Just under the limit again is not enough; the guard does not chatter."""
    counted = Counted()
    made = desk(counted, hard_percent=3.0, release_percent=2.0)
    levels = []
    for connected in (97, 100, 146, 147):
        counted.tally = Tally(connected=connected, abandoned=3)
        made.look()
        levels.append(made.standing(1).level)
    assert levels == [Level.HARD, Level.HARD, Level.HARD, Level.OPEN]


def test_database_that_is_away_leaves_the_last_word():
    """While nobody can count, what was known holds; the figures are shown all the time."""
    counted, watch = Counted(), NobodyWatches()
    counted.tally = Tally(connected=50, abandoned=50)
    made = desk(counted, watch=watch)
    made.look()
    counted.tally = None
    made.look()
    assert made.standing(1).level is Level.HARD
    assert watch.counts["abandoned"] == len(WindowName)


def test_run_that_is_over_is_forgotten():
    """The next run of the campaign is counted before it is trusted."""
    made = desk(Counted())
    made.look()
    made.follow([])
    assert made.standing(1).level is Level.HARD
