"""What every ``AttemptStore`` promises, invariants I1 and I2 first: memory, SQLite, PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, Opening
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import HopperLead, LeadMove, LeadState
from tests.contracts.worlds import DNC_LIST, PHONE, SeenLead, World, draft, end, no_answer, phones

DONE = LeadMove(LeadState.DONE, "answered")


def claim(world: World, run_id: int, limit: int = 100, now: float = 100.0) -> list[HopperLead]:
    return world.leads.claim(run_id, limit, now, 160.0)


def opened(world: World, lead: HopperLead, attempt_id: str = "a") -> AttemptDraft:
    """An attempt that has been opened."""
    written = draft(lead, attempt_id)
    assert world.attempts.open_attempts([written]) == [Opening.OPENED]
    return written


def only_lead(world: World, run_id: int) -> SeenLead:
    (lead,) = world.seen(run_id)
    return lead


def at_once(actions: list[Callable[[], object]]) -> list[object]:
    """Results of all actions, started together in threads of their own."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        start.wait(30)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


class TestOpening:
    def test_a_call_is_written_before_it_leaves(self, world: World):
        """An opened attempt is live in the ledger and its lead is dialling."""
        run_id = world.new_run(phones(2))
        drafts = [draft(lead, f"a{place}") for place, lead in enumerate(claim(world, run_id))]
        assert world.attempts.open_attempts(drafts) == [Opening.OPENED] * 2
        assert [lead.state for lead in world.seen(run_id)] == [LeadState.DIALING] * 2
        assert [attempt.attempt_id for attempt in world.attempts.open_attempts_of("fs1")] == ["a0", "a1"]
        assert world.totals(run_id)["attempt"] == {"made": 2}
        assert world.attempts.open_attempts([]) == []

    def test_each_draft_gets_its_own_answer_in_order(self, world: World):
        """One batch may hold every answer; those that are refused do not hold up the others."""
        other, run_id = world.new_run([PHONE + 1]), world.new_run(phones(5))
        opened(world, claim(world, other)[0], "other")
        world.add_dnc(DNC_LIST, [PHONE + 2])
        a, b, c, d, e = claim(world, run_id)
        drafts = [draft(c, "c"), draft(b, "b"), draft(a, "a"), draft(d, "d", claim="stolen"), draft(e, "e")]
        answers = world.attempts.open_attempts(drafts)
        assert answers == [Opening.DNC, Opening.NUMBER_LIVE, Opening.OPENED, Opening.CLAIM_LOST, Opening.OPENED]
        states = [lead.state for lead in world.seen(run_id)]
        assert states == [LeadState.DIALING, LeadState.WAITING, LeadState.DNC, LeadState.HOPPER, LeadState.DIALING]

    def test_a_lead_opens_once_for_each_claim(self, world: World):
        """The same lead twice in one batch, or again later with the same claim, is dialled once."""
        run_id = world.new_run(phones(1))
        (lead,) = claim(world, run_id)
        answers = world.attempts.open_attempts([draft(lead, "a"), draft(lead, "b")])
        assert answers == [Opening.OPENED, Opening.CLAIM_LOST]
        assert world.attempts.open_attempts([draft(lead, "c")]) == [Opening.CLAIM_LOST]
        assert len(world.live()) == 1

    def test_a_lapsed_claim_opens_nothing(self, world: World):
        """A controller that slept past its lease finds the lead gone, even when nobody else has it yet."""
        run_id = world.new_run(phones(1))
        (lead,) = claim(world, run_id)
        assert world.leads.reap(170.0) == 1
        assert world.attempts.open_attempts([draft(lead, "a")]) == [Opening.CLAIM_LOST]
        (again,) = claim(world, run_id)
        assert world.attempts.open_attempts([draft(lead, "b"), draft(again, "c")]) == [Opening.CLAIM_LOST, Opening.OPENED]

    @pytest.mark.parametrize("state", [RunState.PAUSED, RunState.CLOSING])
    def test_no_call_starts_in_a_run_that_was_paused_or_stopped_meanwhile(self, world: World, state: RunState):
        """Leads on their way to be dialled are refused at the last moment and come back by their lease."""
        run_id = world.new_run(phones(1))
        (lead,) = claim(world, run_id)
        world.set_run(run_id, state)
        assert world.attempts.open_attempts([draft(lead, "a")]) == [Opening.CLAIM_LOST]
        assert world.leads.reap(170.0) == 1
        assert only_lead(world, run_id).state is LeadState.FRESH

    def test_another_runs_lead_is_not_taken_for_ours(self, world: World):
        """A draft that names the wrong run opens nothing."""
        run_id, other = world.new_run(phones(1)), world.new_run(phones(1, PHONE + 50))
        (lead,) = claim(world, run_id)
        assert world.attempts.open_attempts([draft(lead, "a", run_id=other)]) == [Opening.CLAIM_LOST]

    def test_a_number_on_a_call_is_looked_at_again_in_a_minute(self, world: World):
        """One live attempt per number in the whole system; the other campaign's lead waits and may dial afterwards."""
        first, second = world.new_run(phones(1)), world.new_run(phones(1))
        on_call = opened(world, claim(world, first)[0], "first")
        (lead,) = claim(world, second)
        assert world.attempts.open_attempts([draft(lead, "second")]) == [Opening.NUMBER_LIVE]
        waiting = only_lead(world, second)
        assert (waiting.state, waiting.due_at, waiting.reason) == (LeadState.WAITING, 160.0, "number_live")
        assert (waiting.attempts, waiting.uncharged) == (0, 0)
        world.attempts.close_attempts([no_answer(on_call)])
        (again,) = claim(world, second, now=160.0)
        opened(world, again, "second")

    def test_two_drafts_for_one_number_in_one_batch(self, world: World):
        """The first is dialled, the second waits."""
        first, second = world.new_run(phones(1)), world.new_run(phones(1))
        drafts = [draft(claim(world, second)[0], "x"), draft(claim(world, first)[0], "y")]
        assert world.attempts.open_attempts(drafts) == [Opening.OPENED, Opening.NUMBER_LIVE]

    def test_a_number_that_must_not_be_called_is_final(self, world: World):
        """Looked up at the moment of dialling, on the lists of the draft and no others."""
        run_id = world.new_run(phones(2))
        world.add_dnc(DNC_LIST, [PHONE])
        world.add_dnc(DNC_LIST + 1, [PHONE + 1])
        drafts = [draft(lead, f"a{lead.phone}") for lead in claim(world, run_id)]
        assert world.attempts.open_attempts(drafts) == [Opening.DNC, Opening.OPENED]
        barred = world.seen(run_id)[0]
        assert (barred.state, barred.reason, barred.attempts) == (LeadState.DNC, "dnc", 0)

    def test_no_lead_gets_more_attempts_than_its_limit(self, world: World):
        """Whatever the caller believes; and as it can never be dialled again, the lead is final and the run can end."""
        run_id = world.new_run(phones(1))
        for attempt in range(2):
            call = opened(world, claim(world, run_id, now=500.0)[0], f"a{attempt}")
            world.attempts.close_attempts([no_answer(call)])
        (lead,) = claim(world, run_id, now=500.0)
        assert lead.attempts == 2
        assert world.attempts.open_attempts([draft(lead, "third", max_attempts=2)]) == [Opening.CLAIM_LOST]
        assert only_lead(world, run_id).state is LeadState.EXHAUSTED
        assert not world.leads.unfinished(run_id)

    def test_a_large_batch_is_one_transaction(self, world: World):
        """More drafts than fit one statement are opened and closed all the same."""
        run_id = world.new_run(phones(1200))
        drafts = [draft(lead, f"a{lead.lead_id}") for lead in claim(world, run_id, 1200)]
        assert world.attempts.open_attempts(drafts) == [Opening.OPENED] * 1200
        assert world.attempts.close_attempts([no_answer(call) for call in drafts]) == [True] * 1200


class TestOptingOut:
    def test_who_opts_out_is_on_the_list_when_the_call_ends(self, world: World):
        """The number goes on the campaign's list with the end itself: the next campaign that reads that list refuses it."""
        world.add_dnc(DNC_LIST, [])
        run_id = world.new_run([PHONE])
        (lead,) = claim(world, run_id)
        first = opened(world, lead)
        waiting = LeadMove(LeadState.WAITING, "abandoned", due_at=100.0)
        gone = end(
            first, Outcome.ABANDONED, waiting, opted_out=True, opt_out_list=DNC_LIST, agent="asha", amd_detail=(("words", 3),)
        )
        assert world.attempts.close_attempts([gone]) == [True]
        assert world.attempts.close_attempts([gone]) == [False]
        (again,) = claim(world, run_id, now=200.0)
        assert world.attempts.open_attempts([draft(again, "b")]) == [Opening.DNC]


class TestClosing:
    def test_what_happened_is_written(self, world: World):
        """A person was reached: the lead is done and the counters say so."""
        run_id = world.new_run(phones(1))
        call = opened(world, claim(world, run_id)[0])
        answered = end(call, Outcome.ANSWERED, DONE, ringing_at=103.0, answered_at=110.0, connected_to="bot x", sip_status=200)
        assert world.attempts.close_attempts([answered]) == [True]
        lead = only_lead(world, run_id)
        assert (lead.state, lead.reason, lead.last_outcome, lead.attempts) == (LeadState.DONE, "answered", "answered", 1)
        assert world.live() == []
        totals = world.totals(run_id)
        assert (totals["outcome"], totals["attempt"]) == ({"answered": 1}, {"made": 1, "charged": 1})
        assert world.attempts.close_attempts([]) == []

    def test_a_repeated_end_changes_nothing(self, world: World):
        """Hang-ups come twice, from the event and from the journal; in one batch or later, only the first counts."""
        run_id = world.new_run(phones(1))
        call = opened(world, claim(world, run_id)[0])
        again = end(call, Outcome.ANSWERED, DONE)
        assert world.attempts.close_attempts([no_answer(call), again]) == [True, False]
        assert world.attempts.close_attempts([again]) == [False]
        lead = only_lead(world, run_id)
        assert (lead.state, lead.attempts, lead.last_outcome) == (LeadState.WAITING, 1, "no_answer")
        assert world.totals(run_id)["outcome"] == {"no_answer": 1}

    def test_a_late_repeat_does_not_touch_the_next_attempt(self, world: World):
        """The first call's end, told again while the second one rings, leaves the second one alone."""
        run_id = world.new_run(phones(1))
        first = opened(world, claim(world, run_id)[0], "first")
        world.attempts.close_attempts([no_answer(first)])
        opened(world, claim(world, run_id, now=500.0)[0], "second")
        assert world.attempts.close_attempts([no_answer(first)]) == [False]
        assert only_lead(world, run_id).state is LeadState.DIALING

    def test_an_attempt_that_was_never_opened_cannot_end(self, world: World):
        """Ends of unknown attempts are ignored, and the others of the batch are written."""
        run_id = world.new_run(phones(2))
        first, second = claim(world, run_id)
        call = opened(world, first)
        assert world.attempts.close_attempts([no_answer(draft(second, "ghost")), no_answer(call)]) == [False, True]
        assert [lead.state for lead in world.seen(run_id)] == [LeadState.WAITING, LeadState.HOPPER]

    def test_faults_of_ours_or_the_carriers_cost_no_attempt(self, world: World):
        """Uncharged ends are counted in a row, and forgotten at the first charged one."""
        run_id = world.new_run(phones(1))
        fault = LeadMove(LeadState.WAITING, "congestion", due_at=130.0, charged=False)
        told = []
        for place, (outcome, move) in enumerate(
            [
                (Outcome.CONGESTION, fault),
                (Outcome.CONGESTION, fault),
                (Outcome.BUSY, LeadMove(LeadState.WAITING, "busy", 200.0)),
            ]
        ):
            call = opened(world, claim(world, run_id, now=130.0)[0], f"a{place}")
            world.attempts.close_attempts([end(call, outcome, move)])
            lead = only_lead(world, run_id)
            told.append((lead.attempts, lead.uncharged, lead.due_at, lead.last_outcome))
        assert told == [(0, 1, 130.0, "congestion"), (0, 2, 130.0, "congestion"), (1, 0, 200.0, "busy")]
        assert world.totals(run_id)["attempt"] == {"made": 3, "charged": 1}

    def test_the_next_claim_knows_what_was_tried(self, world: World):
        """Attempts and faults so far come with the lead."""
        run_id = world.new_run(phones(1))
        call = opened(world, claim(world, run_id)[0])
        world.attempts.close_attempts([no_answer(call)])
        (lead,) = claim(world, run_id, now=500.0)
        assert (lead.attempts, lead.uncharged) == (1, 0)

    @pytest.mark.parametrize(
        ("reason", "final"),
        [("stopped", LeadState.STOPPED), ("window_closed", LeadState.WINDOW_CLOSED), ("end date", LeadState.WINDOW_CLOSED)],
    )
    def test_nobody_waits_in_a_run_that_is_closing(self, world: World, reason: str, final: LeadState):
        """A call that outlived its run would retry into nothing; its lead closes with the run."""
        run_id = world.new_run(phones(2))
        first, second = (opened(world, lead, f"a{lead.phone}") for lead in claim(world, run_id))
        world.set_run(run_id, RunState.CLOSING, reason)
        world.attempts.close_attempts([no_answer(first), end(second, Outcome.ANSWERED, DONE)])
        retried, reached = world.seen(run_id)
        assert (retried.state, retried.reason, retried.due_at) == (final, reason, None)
        assert (retried.last_outcome, retried.attempts) == ("no_answer", 1)
        assert reached.state is LeadState.DONE
        assert not world.leads.unfinished(run_id)

    def test_a_paused_runs_leads_go_on_waiting(self, world: World):
        """Pause does not end anything: a call that ends during it is retried after the resumption."""
        run_id = world.new_run(phones(1))
        call = opened(world, claim(world, run_id)[0])
        world.set_run(run_id, RunState.PAUSED)
        world.attempts.close_attempts([no_answer(call)])
        assert only_lead(world, run_id).state is LeadState.WAITING


def test_a_restarted_controller_reads_its_own_live_calls_back(world: World):
    """Only those of its node, only live ones, with what is known of the lead and the campaign."""
    run_id = world.new_run(phones(3))
    mine, ended, foreign = claim(world, run_id)
    world.attempts.open_attempts([draft(mine, "mine"), draft(ended, "ended"), draft(foreign, "foreign", node="fs2")])
    world.attempts.close_attempts([no_answer(draft(ended, "ended"))])
    (found,) = world.attempts.open_attempts_of("fs1")
    assert (found.attempt_id, found.lead_id, found.run_id, found.campaign) == ("mine", mine.lead_id, run_id, "c1")
    assert (found.phone, found.node, found.attempts, found.uncharged) == (mine.phone, "fs1", 0, 0)
    assert world.attempts.open_attempts_of("fs3") == []


class TestManyHands:
    """Threads that try to break invariant I1 and the promise that ends count once."""

    def test_one_claim_in_many_hands_is_dialled_once(self, world: World):
        """The same leads opened by eight controllers at the same moment: one attempt each."""
        run_id = world.new_run(phones(10))
        leads = claim(world, run_id)
        actions = [
            lambda hand=hand: world.attempts.open_attempts([draft(lead, f"{hand}-{lead.lead_id}") for lead in leads])
            for hand in range(8)
        ]
        answers = at_once(actions)
        for place in range(10):
            assert [batch[place] for batch in answers].count(Opening.OPENED) == 1
        assert len(world.live()) == 10

    def test_one_number_in_many_campaigns_is_dialled_once(self, world: World):
        """Six campaigns want the same ten people, each in another order: nobody's phone rings twice."""
        batches = []
        for hand in range(6):
            leads = claim(world, world.new_run(phones(10)))
            ordered = leads if hand % 2 else leads[::-1]
            batches.append([draft(lead, f"{hand}-{lead.phone}") for lead in ordered])
        answers = at_once([lambda batch=batch: world.attempts.open_attempts(batch) for batch in batches])
        openings = [answer for batch in answers for answer in batch]
        assert (openings.count(Opening.OPENED), openings.count(Opening.NUMBER_LIVE)) == (10, 50)

    def test_an_end_told_by_many_counts_once(self, world: World):
        """Event, journal and resynchronisation report the same hang-ups together."""
        run_id = world.new_run(phones(10))
        calls = [opened(world, lead, f"a{lead.phone}") for lead in claim(world, run_id)]
        batches = [calls, calls[::-1], calls[5:], calls]
        actions = [lambda batch=batch: world.attempts.close_attempts([no_answer(call) for call in batch]) for batch in batches]
        assert sum(answer for batch in at_once(actions) for answer in batch) == 10
        assert {lead.attempts for lead in world.seen(run_id)} == {1}

    def test_stop_and_open_at_the_same_moment(self, world: World):
        """Whoever wins, after closing nobody is left waiting and every opened call still ends."""
        run_id = world.new_run(phones(20))
        leads = claim(world, run_id)
        calls = [draft(lead, f"a{lead.phone}") for lead in leads]

        def stop() -> None:
            world.set_run(run_id, RunState.CLOSING, "stopped")
            while world.leads.close_waiting(run_id, LeadState.STOPPED):
                pass

        at_once([lambda: [world.attempts.open_attempts([call]) for call in calls], stop, lambda: world.leads.reap(999.0)])
        world.attempts.close_attempts([no_answer(call) for call in calls])
        while world.leads.close_waiting(run_id, LeadState.STOPPED):
            pass
        assert {lead.state for lead in world.seen(run_id)} == {LeadState.STOPPED}
        assert not world.leads.unfinished(run_id)
