"""What every ``DropCounts`` promises: memory, SQLite, PostgreSQL. And the quiet period after an abandoned call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, Opening
from controller.domain.hopper.lead import HopperLead, LeadMove, LeadState
from controller.domain.pacing.drop_guard import Reviewed, Tally, WindowName
from controller.ports import DropCounts
from controller.storage.attempts import SqlAttemptStore
from controller.storage.driver_sql import execute
from controller.storage.drop_counts import WHOLE_SECONDS, SqlDropCounts
from controller.storage.reviews import REVIEW_SECONDS, Reviews
from tests.contracts.worlds import PHONE, MemoryWorld, SqlWorld, World, draft, end, phones

DAY = 86_400.0
NOW = 1_795_000_000.0
"""In the middle of a month."""
DONE = LeadMove(LeadState.DONE, "over")
HOUR = 3600.0


def counts_of(world: World) -> DropCounts:
    if isinstance(world, MemoryWorld):
        return world.store
    assert isinstance(world, SqlWorld)
    return SqlDropCounts(world.database)


def answered(
    world: World, lead: HopperLead, outcome: Outcome, at: float, connected: bool = True, verdict: str | None = None
) -> AttemptDraft:
    """A call that somebody or something picked up, over at ``at``."""
    opened = draft(lead, f"{lead.lead_id}", created_at=at - 20.0)
    assert world.attempts.open_attempts([opened]) == [Opening.OPENED]
    talked = at - 10.0 if connected and outcome is Outcome.ANSWERED else None
    ended = end(opened, outcome, DONE, ended_at=at, answered_at=at - 12.0, connected_at=talked, amd_verdict=verdict)
    assert world.attempts.close_attempts([ended]) == [True]
    return opened


def claim(world: World, run_id: int) -> list[HopperLead]:
    return world.leads.claim(run_id, 100, 100.0, NOW + DAY)


def test_people_who_picked_up_are_counted_by_what_became_of_them(world: World):
    """Connected, abandoned, taken for a machine; who hung up at once and who never picked up count for nothing."""
    run_id = world.new_run(phones(7))
    leads = claim(world, run_id)
    answered(world, leads[0], Outcome.ANSWERED, NOW - 5)
    answered(world, leads[1], Outcome.ANSWERED, NOW - 400)
    answered(world, leads[2], Outcome.ABANDONED, NOW - 30)
    answered(world, leads[3], Outcome.MACHINE, NOW - 30)
    answered(world, leads[4], Outcome.ANSWERED, NOW - 30, connected=False)
    opened = draft(leads[5], "unanswered", created_at=NOW - 60)
    assert world.attempts.open_attempts([opened]) == [Opening.OPENED]
    world.attempts.close_attempts([end(opened, Outcome.NO_ANSWER, DONE, ended_at=NOW - 30)])
    assert world.attempts.open_attempts([draft(leads[6], "live", created_at=NOW - 10)]) == [Opening.OPENED]
    tally = Tally(connected=2, abandoned=1, machines_hung_up=1)
    assert dict(counts_of(world).tallies(run_id, run_id, "Asia/Kolkata", NOW)) == dict.fromkeys(WindowName, tally)


def test_windows_and_campaigns_are_apart(world: World):
    """Another campaign's calls never count; a call two days old is in the month, and in the run if it was the run's."""
    run_id, other = world.new_run(phones(2)), world.new_run(phones(2, PHONE + 10))
    mine, others = claim(world, run_id), claim(world, other)
    answered(world, mine[0], Outcome.ABANDONED, NOW - 2 * DAY)
    answered(world, mine[1], Outcome.ANSWERED, NOW - HOUR)
    answered(world, others[0], Outcome.ABANDONED, NOW - HOUR)
    counts = counts_of(world)
    found = counts.tallies(run_id, run_id, "UTC", NOW)
    assert found[WindowName.DAY] == Tally(connected=1)
    both = Tally(connected=1, abandoned=1)
    assert {found[window] for window in (WindowName.MONTH, WindowName.THIRTY_DAYS, WindowName.RUN)} == {both}
    assert counts.tallies(run_id, 999, "UTC", NOW)[WindowName.RUN] == Tally()
    assert counts.tallies(other, other, "UTC", NOW)[WindowName.DAY] == Tally(abandoned=1)


def test_calls_that_end_between_two_looks_are_seen_at_the_second(world: World):
    """Counting again costs only what is new, and misses nothing: not even an end that is written some minutes late."""
    run_id = world.new_run(phones(4))
    leads = claim(world, run_id)
    counts = counts_of(world)
    answered(world, leads[0], Outcome.ANSWERED, NOW)
    assert counts.tallies(run_id, run_id, "UTC", NOW)[WindowName.RUN] == Tally(connected=1)
    answered(world, leads[1], Outcome.ABANDONED, NOW + 1)
    assert counts.tallies(run_id, run_id, "UTC", NOW + 2)[WindowName.RUN] == Tally(connected=1, abandoned=1)
    answered(world, leads[2], Outcome.ANSWERED, NOW - 290)
    answered(world, leads[3], Outcome.ABANDONED, NOW + 2)
    assert counts.tallies(run_id, run_id, "UTC", NOW + 3)[WindowName.RUN] == Tally(connected=2, abandoned=2)


def test_what_slides_out_of_a_window_is_gone(world: World):
    """An abandoned call is forgiven a day later in the day's window, and still held in the month's."""
    run_id = world.new_run(phones(1))
    counts = counts_of(world)
    answered(world, claim(world, run_id)[0], Outcome.ABANDONED, NOW)
    for later, day in ((1.0, 1), (DAY - 1.0, 1), (DAY + 301.0, 0)):
        found = counts.tallies(run_id, run_id, "UTC", NOW + later)
        assert (found[WindowName.DAY].abandoned, found[WindowName.MONTH].abandoned) == (day, 1)


def test_machine_that_an_agent_had_on_the_line(sql_world: SqlWorld):
    """By the agent's disposition a connected call was a machine's: no answered person, but the UK formula's estimate."""
    run_id = sql_world.new_run(phones(2))
    leads = claim(sql_world, run_id)
    first, _ = (answered(sql_world, lead, Outcome.ANSWERED, NOW) for lead in leads)
    with sql_world.database.write() as connection:
        execute(connection, "UPDATE attempts SET disposition = 'ANSWERING MACHINE' WHERE id = ?", (first.attempt_id,))
    counts = SqlDropCounts(sql_world.database)
    words = ("ANSWERING MACHINE", "VOICEMAIL")
    found = counts.tallies(run_id, run_id, "UTC", NOW, words)
    assert found[WindowName.RUN] == Tally(connected=1, machines_to_agents=1)
    assert SqlDropCounts(sql_world.database).tallies(run_id, run_id, "UTC", NOW)[WindowName.RUN] == Tally(connected=2)


@pytest.mark.parametrize(("milliseconds", "tally"), [(2000, Tally(connected=1)), (2001, Tally(abandoned=1))])
def test_bot_that_speaks_late_has_left_a_person_alone(sql_world: SqlWorld, milliseconds: int, tally: Tally):
    """Two seconds of silence from a bot are two seconds of silence."""
    run_id = sql_world.new_run(phones(1))
    opened = answered(sql_world, claim(sql_world, run_id)[0], Outcome.ANSWERED, NOW)
    store = SqlAttemptStore(sql_world.database)
    assert store.set_first_word(opened.attempt_id, milliseconds)
    assert not store.set_first_word("nobody", milliseconds)
    assert SqlDropCounts(sql_world.database).tallies(run_id, run_id, "UTC", NOW)[WindowName.RUN] == tally


def test_correction_of_an_old_call_is_seen_after_ten_minutes(sql_world: SqlWorld):
    """Between whole counts the past is taken as it was; a whole count forgets nothing and invents nothing."""
    run_id = sql_world.new_run(phones(1))
    opened = answered(sql_world, claim(sql_world, run_id)[0], Outcome.ANSWERED, NOW - DAY)
    counts = SqlDropCounts(sql_world.database)
    assert counts.tallies(run_id, run_id, "UTC", NOW)[WindowName.RUN] == Tally(connected=1)
    SqlAttemptStore(sql_world.database).set_first_word(opened.attempt_id, 5000)
    assert counts.tallies(run_id, run_id, "UTC", NOW + WHOLE_SECONDS - 1)[WindowName.RUN] == Tally(connected=1)
    assert counts.tallies(run_id, run_id, "UTC", NOW + WHOLE_SECONDS)[WindowName.RUN] == Tally(abandoned=1)


def test_calls_that_somebody_listened_to(sql_world: SqlWorld):
    """Of the calls taken for machines, two were labelled and one of them was a person; other calls' labels tell nothing of
    that, nor do labels of long ago, and a second label stands for the first."""
    run_id = sql_world.new_run(phones(4))
    machine, person_lost, person, unlabelled = (
        answered(sql_world, lead, outcome, NOW)
        for lead, outcome in zip(
            claim(sql_world, run_id), (Outcome.MACHINE, Outcome.MACHINE, Outcome.ANSWERED, Outcome.MACHINE), strict=True
        )
    )
    reviews, counts = Reviews(sql_world.database), SqlDropCounts(sql_world.database)
    assert counts.reviewed(run_id, NOW) == Reviewed()
    assert reviews.keep({machine.attempt_id: "person", person.attempt_id: "person", "another site's": "machine"}) == 2
    assert reviews.keep({machine.attempt_id: "machine", person_lost.attempt_id: "person"}) == 2
    assert counts.reviewed(run_id, NOW) == Reviewed(machines=2, people=1)
    assert counts.reviewed(unlabelled.campaign_id + 1, NOW) == Reviewed()
    assert counts.reviewed(run_id, NOW + REVIEW_SECONDS + 1) == Reviewed()


def test_changes_of_mind_are_found_by_the_call(sql_world: SqlWorld):
    """Only of calls where detection took its first verdict back, however many are asked for."""
    run_id = sql_world.new_run(phones(3))
    leads = claim(sql_world, run_id)
    opened = [draft(lead, f"{lead.lead_id}", created_at=NOW) for lead in leads]
    sql_world.attempts.open_attempts(opened)
    ends = [end(one, Outcome.ANSWERED, DONE, ended_at=NOW + 9.0, amd_verdict="person") for one in opened]
    sql_world.attempts.close_attempts([replace(ends[0], amd_revised="machine"), *ends[1:]])
    asked = ["nobody's"] * 600 + [one.attempt_id for one in opened]
    assert Reviews(sql_world.database).revisions(asked) == {opened[0].attempt_id: "machine"}


class TestQuietPeriod:
    def test_number_with_an_abandoned_call_is_left_alone(self, world: World):
        """72 hours long no campaign without a reserved agent rings the number; then it may."""
        first, second = world.new_run([PHONE]), world.new_run([PHONE])
        answered(world, claim(world, first)[0], Outcome.ABANDONED, NOW)
        (lead,) = claim(world, second)
        early = draft(lead, "early", created_at=NOW + 71 * HOUR, quiet_seconds=72 * HOUR)
        assert world.attempts.open_attempts([early]) == [Opening.QUIET]
        (seen,) = world.seen(second)
        assert (seen.state, seen.due_at, seen.reason) == (LeadState.WAITING, NOW + 72 * HOUR, "quiet")
        (lead,) = world.leads.claim(second, 1, NOW + 72 * HOUR, NOW + 80 * HOUR)
        late = draft(lead, "late", created_at=NOW + 72 * HOUR, quiet_seconds=72 * HOUR)
        assert world.attempts.open_attempts([late]) == [Opening.OPENED]

    def test_reserved_agent_may_call_at_once(self, world: World):
        """Who calls with an agent in hand leaves nobody alone: no quiet period is asked for."""
        first, second = world.new_run([PHONE]), world.new_run([PHONE])
        answered(world, claim(world, first)[0], Outcome.ABANDONED, NOW)
        (lead,) = claim(world, second)
        assert world.attempts.open_attempts([draft(lead, "soon", created_at=NOW + 60.0)]) == [Opening.OPENED]

    def test_other_ends_and_other_numbers_are_free(self, world: World):
        """Only an abandoned call makes its own number quiet."""
        first, second = world.new_run(phones(2)), world.new_run(phones(3))
        leads = claim(world, first)
        answered(world, leads[0], Outcome.ANSWERED, NOW)
        answered(world, leads[1], Outcome.ABANDONED, NOW)
        drafts = [
            draft(lead, f"again {lead.phone}", created_at=NOW + 60.0, quiet_seconds=72 * HOUR) for lead in claim(world, second)
        ]
        assert world.attempts.open_attempts(drafts) == [Opening.OPENED, Opening.QUIET, Opening.OPENED]
