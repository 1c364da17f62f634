"""What every ``LeadStore`` promises: memory, SQLite, PostgreSQL."""

from __future__ import annotations

import json
import threading

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import HopperLead, LeadState
from tests.contracts.worlds import World, draft, no_answer, phones


def claim(world: World, run_id: int, limit: int = 100, now: float = 100.0, leased_until: float = 160.0) -> list[HopperLead]:
    return world.leads.claim(run_id, limit, now, leased_until)


def states(world: World, run_id: int) -> list[LeadState]:
    return [lead.state for lead in world.seen(run_id)]


def test_fresh_leads_come_in_the_order_of_the_list(world: World):
    """The list's order is the dialling order, and each lead brings its contact's attributes."""
    numbers = [919800000005, 919800000001, 919800000009]
    run_id = world.new_run(numbers)
    claimed = claim(world, run_id, 2)
    assert [lead.phone for lead in claimed] == numbers[:2]
    assert [json.loads(lead.attributes) for lead in claimed] == [{"name": str(phone)} for phone in numbers[:2]]
    assert [(lead.run_id, lead.attempts, lead.uncharged, lead.leased_until) for lead in claimed] == [(run_id, 0, 0, 160.0)] * 2
    assert states(world, run_id) == [LeadState.HOPPER, LeadState.HOPPER, LeadState.FRESH]


def test_claimed_leads_are_not_handed_out_again(world: World):
    """A lead is in one pair of hands at a time."""
    run_id = world.new_run(phones(5))
    first, second, third = claim(world, run_id, 3), claim(world, run_id, 3), claim(world, run_id, 3)
    assert [len(first), len(second), len(third)] == [3, 2, 0]
    assert len({lead.lead_id for lead in first + second}) == 5


def test_retries_come_after_all_fresh_ones_and_by_due_time(world: World):
    """Fresh contacts first; then whoever has been due longest; nobody before the due time."""
    run_id = world.new_run(phones(5))
    a, b, c = claim(world, run_id, 3)
    assert world.leads.defer(a, 300.0, "retry")
    assert world.leads.defer(b, 200.0, "retry")
    assert world.leads.defer(c, 400.0, "retry")
    again = claim(world, run_id, 10, now=300.0)
    assert [lead.phone for lead in again] == [a.phone + 3, a.phone + 4, b.phone, a.phone]


def test_nothing_is_claimed_of_a_run_that_is_not_active(world: World):
    """Paused or closing runs keep their leads where they are."""
    run_id = world.new_run(phones(2))
    for state in (RunState.PAUSED, RunState.CLOSING):
        world.set_run(run_id, state)
        assert claim(world, run_id) == []
    assert states(world, run_id) == [LeadState.FRESH] * 2


def test_runs_do_not_see_one_another(world: World):
    """A claim for one run never takes another run's leads, though they share numbers."""
    first, second = world.new_run(phones(2)), world.new_run(phones(3))
    assert len(claim(world, first)) == 2
    assert states(world, second) == [LeadState.FRESH] * 3


def test_leads_given_back_stand_where_they_stood(world: World):
    """A fresh lead is fresh again and first in line; a waiting one keeps its due time and reason."""
    run_id = world.new_run(phones(2))
    a, b = claim(world, run_id)
    assert world.leads.defer(b, 90.0, "retry")
    (b_again,) = claim(world, run_id)
    assert world.leads.give_back([a, b_again]) == 2
    fresh, waiting = world.seen(run_id)
    assert (fresh.state, fresh.due_at) == (LeadState.FRESH, None)
    assert (waiting.state, waiting.due_at, waiting.reason) == (LeadState.WAITING, 90.0, "retry")
    assert [lead.phone for lead in claim(world, run_id)] == [a.phone, b.phone]


def test_an_old_claim_moves_nothing(world: World):
    """Whoever held a lead before it was handed out again can neither return nor defer it."""
    run_id = world.new_run(phones(1))
    (old,) = claim(world, run_id)
    assert world.leads.give_back([old, old]) == 1
    (new,) = claim(world, run_id)
    assert new.claim != old.claim
    assert world.leads.give_back([old]) == 0
    assert not world.leads.defer(old, 500.0, "retry")
    assert states(world, run_id) == [LeadState.HOPPER]
    assert world.leads.give_back([]) == 0


def test_lapsed_leases_bring_leads_back(world: World):
    """A hopper that was lost loses no lead: after the lease each is where it was, the first lapsed first."""
    run_id = world.new_run(phones(3))
    (a,) = claim(world, run_id, 1, leased_until=150.0)
    (b,) = claim(world, run_id, 1, leased_until=140.0)
    claim(world, run_id, 1, leased_until=999.0)
    assert world.leads.reap(140.0) == 0
    assert world.leads.reap(160.0, limit=1) == 1
    assert states(world, run_id) == [LeadState.HOPPER, LeadState.FRESH, LeadState.HOPPER]
    assert world.leads.reap(160.0) == 1
    assert world.leads.reap(160.0) == 0
    assert states(world, run_id) == [LeadState.FRESH, LeadState.FRESH, LeadState.HOPPER]
    assert not world.leads.defer(b, 500.0, "late")
    assert world.leads.give_back([a, b]) == 0


def test_closing_makes_everyone_final_who_is_not_on_a_call(world: World):
    """Fresh, waiting and claimed leads close, in portions; a call in progress is left to end by itself."""
    run_id = world.new_run(phones(6))
    a, b, _c = claim(world, run_id, 3)
    opened = draft(a, "call")
    world.attempts.open_attempts([opened])
    world.leads.defer(b, 500.0, "retry")
    world.set_run(run_id, RunState.CLOSING, "window_closed")
    assert [world.leads.close_waiting(run_id, LeadState.WINDOW_CLOSED, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert states(world, run_id) == [LeadState.DIALING] + [LeadState.WINDOW_CLOSED] * 5
    assert {lead.due_at for lead in world.seen(run_id)} == {None}
    assert world.leads.unfinished(run_id)
    assert world.attempts.close_attempts([no_answer(opened)]) == [True]
    assert not world.leads.unfinished(run_id)


def test_unfinished_until_the_last_lead_is_final(world: World):
    """Fresh, claimed and waiting leads each keep a run from ending."""
    run_id, empty = world.new_run(phones(1)), world.new_run([])
    assert not world.leads.unfinished(empty)
    assert world.leads.unfinished(run_id)
    (lead,) = claim(world, run_id)
    assert world.leads.unfinished(run_id)
    world.leads.defer(lead, 300.0, "retry")
    assert world.leads.unfinished(run_id)
    world.leads.close_waiting(run_id, LeadState.STOPPED)
    assert not world.leads.unfinished(run_id)


def test_next_due_says_when_to_look_again(world: World):
    """At once while fresh leads are left, then the earliest due time, then never."""
    run_id = world.new_run(phones(2))
    assert world.leads.next_due(run_id) == 0.0
    a, b = claim(world, run_id)
    assert world.leads.next_due(run_id) is None
    world.leads.defer(a, 700.0, "retry")
    world.leads.defer(b, 600.0, "retry")
    assert world.leads.next_due(run_id) == 600.0
    claim(world, run_id, now=650.0)
    assert world.leads.next_due(run_id) == 700.0


def test_many_refills_at_once_share_the_leads_out(world: World):
    """Workers that claim at the same moment get different leads, and all leads are got."""
    run_id = world.new_run(phones(200))
    got: list[list[HopperLead]] = []
    start = threading.Barrier(4)

    def refill() -> None:
        start.wait(30)
        while leads := claim(world, run_id, 7):
            got.append(leads)

    threads = [threading.Thread(target=refill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    claimed = [lead.lead_id for leads in got for lead in leads]
    assert len(claimed) == len(set(claimed))
    # On PostgreSQL a refill passes over rows another is taking and may see none: the rest is there for the next one.
    assert len(claimed) + len(claim(world, run_id, 200)) == 200


def test_lead_that_an_agent_looks_at_stays_in_hand(world: World):
    """Held longer than its first lease it is not taken back; who lost the claim holds nothing."""
    run_id = world.new_run(phones(2))
    shown, other = claim(world, run_id)
    assert world.leads.hold(shown, 1000.0)
    assert world.leads.reap(200.0) == 1
    assert states(world, run_id) == [LeadState.HOPPER, LeadState.FRESH]
    assert not world.leads.hold(other, 1000.0)
    assert world.leads.reap(1001.0) == 1
    (again,) = claim(world, run_id, 1, now=1001.0, leased_until=2000.0)
    assert again.lead_id == shown.lead_id
    assert not world.leads.hold(shown, 3000.0), "an earlier claim"
