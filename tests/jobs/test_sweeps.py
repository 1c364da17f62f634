"""What the sweeps do to runs: prepared, fed, closed, finished; twice is as good as once, half-way is as good as not begun."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from controller.domain.campaigns.campaign import Contactable, Hours, Pacing
from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.hopper.lead import HopperLead, LeadState
from controller.domain.site import Carrier
from controller.errors import StoreDown
from controller.jobs import close_runs as closing
from controller.jobs.close_runs import close_runs
from controller.jobs.close_windows import close_windows, day_ends_at
from controller.jobs.finish_runs import finish_runs
from controller.jobs.prepare_runs import prepare_runs
from controller.jobs.purge_lists import purge_lists
from controller.jobs.reap_leases import reap_leases
from controller.jobs.refill_hopper import hopper_size, refill_hopper
from controller.jobs.rescrub import rescrub
from controller.jobs.world import World
from controller.storage.contacts import ContactStore
from controller.storage.driver_sql import execute
from tests.contracts.worlds import DNC_LIST, SqlWorld, draft, no_answer, phones, plan

OPEN_AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC).timestamp()  # Monday, 11:30 in India
SHUT_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC).timestamp()  # Monday, 19:30 in India
ACME = Carrier(name="acme", gateway="acme", calls_per_second=10, channels=100)


def office_hours(*hours: str) -> Contactable:
    return Contactable(timezone="Asia/Kolkata", open=(Hours(days=("mon", "tue"), hours=hours or ("09:00-18:00",)),))


def started(floor: SqlWorld, numbers: list[int], **changes: Any) -> int:
    """A run in ``preparing`` on a list with those numbers."""
    values: dict[str, Any] = {"contactable": office_hours(), "carriers": (ACME,), **changes}
    return floor.started_run(**{"list_ids": (floor.new_list(numbers),), **values})


def active(world: World, floor: SqlWorld, numbers: list[int], **changes: Any) -> int:
    run_id = started(floor, numbers, **changes)
    prepare_runs(world, OPEN_AT)
    return run_id


def states(floor: SqlWorld, run_id: int) -> dict[str, int]:
    return dict(Counter(lead.state.word for lead in floor.seen(run_id)))


def state(floor: SqlWorld, run_id: int) -> tuple[RunState, CampaignState]:
    run = floor.runs.get(run_id)
    return run.state, next(campaign.state for campaign in floor.campaigns.all() if campaign.id == run.campaign_id)


def together(*works: Callable[[], object]) -> None:
    """Run them at the same moment, each in a thread; an error in one is an error here."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(run, work) for work in works]:
            done.result()


# ---------------------------------------------------------------------------------------- preparing


def test_a_started_run_gets_its_leads_and_is_dialled(world: World, floor: SqlWorld):
    """Both lists' contacts become leads once each; numbers on a do-not-call list are final from the start."""
    first, second = floor.new_list(phones(30)), floor.new_list(phones(30, phones(30)[20]))
    floor.add_dnc(DNC_LIST, phones(5))
    run_id = floor.started_run(list_ids=(first, second), dnc_list_ids=(DNC_LIST,))
    assert prepare_runs(world, OPEN_AT) == 1
    assert states(floor, run_id) == {"fresh": 45, "dnc": 5}
    assert state(floor, run_id) == (RunState.ACTIVE, CampaignState.ACTIVE)
    assert floor.runs.get(run_id).activated_at == OPEN_AT
    assert prepare_runs(world, OPEN_AT) == 0


def test_a_run_nobody_can_be_dialled_in_ends_at_once(world: World, floor: SqlWorld):
    """All contacts on a do-not-call list: the run completes, it does not wait for ever."""
    floor.add_dnc(DNC_LIST, phones(3))
    run_id = started(floor, phones(3), dnc_list_ids=(DNC_LIST,))
    prepare_runs(world, OPEN_AT)
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)


def test_two_workers_prepare_one_run_once(world: World, floor: SqlWorld):
    """Each contact is one lead, whoever made it."""
    run_id = started(floor, phones(500))
    together(lambda: prepare_runs(world, OPEN_AT), lambda: prepare_runs(world, OPEN_AT))
    assert states(floor, run_id) == {"fresh": 500}
    assert state(floor, run_id)[0] is RunState.ACTIVE


def test_a_run_stopped_while_it_was_prepared_does_not_begin(world: World, floor: SqlWorld):
    """Stop wins over the preparation that was under way."""
    run_id = started(floor, phones(10))
    prepared = world.preparation.materialise

    def stopped_meanwhile(*args: Any) -> int:
        count = prepared(*args)
        floor.set_run(run_id, RunState.CLOSING, "stopped")
        return count

    world.preparation.materialise = stopped_meanwhile
    assert prepare_runs(world, OPEN_AT) == 0
    close_runs(world, OPEN_AT)
    assert state(floor, run_id) == (RunState.STOPPED, CampaignState.STOPPED)
    assert states(floor, run_id) == {"stopped": 10}


# ---------------------------------------------------------------------------------------- the hopper


@pytest.mark.parametrize(
    ("rate", "carriers", "seats", "leads"),
    [
        (None, (200,), 1000, 1000),  # the carrier's 200 calls a second, five seconds' worth
        (20, (200,), 1000, 100),  # the campaign's own rate
        (None, (200, 100), 1000, 1500),  # two carriers
        (None, (200,), 50, 250),  # fifty seats
        (0.1, (200,), 50, 20),  # never fewer than twenty
        (None, (1000, 1000), 100_000, 5000),  # never more than five thousand
    ],
)
def test_the_hopper_holds_what_can_be_dialled_in_its_seconds(rate, carriers, seats, leads):
    """The tightest of rate, carriers and seats decides."""
    run_plan = plan(
        pacing=Pacing(seats=seats, calls_per_second=rate),
        carriers=tuple(
            Carrier(name=f"c{place}", gateway="g", calls_per_second=one, channels=1) for place, one in enumerate(carriers)
        ),
    )
    assert hopper_size(run_plan, 5.0) == leads


def test_an_open_run_is_fed_up_to_the_size_and_no_further(world: World, floor: SqlWorld):
    """Ten calls a second for five seconds: fifty leads, topped up when half are gone."""
    run_id = active(world, floor, phones(200))
    assert refill_hopper(world, OPEN_AT) == 50
    assert refill_hopper(world, OPEN_AT) == 0
    world.hopper.take(run_id, 24)
    assert refill_hopper(world, OPEN_AT) == 0
    taken = world.hopper.take(run_id, 6)
    assert refill_hopper(world, OPEN_AT) == 30
    assert world.hopper.depth(run_id) == 50
    lease = world.settings.dialling.lead_lease_seconds
    assert {lead.leased_until for lead in taken} == {OPEN_AT + lease}


def test_outside_the_window_nothing_is_claimed_and_the_hopper_is_given_back(world: World, floor: SqlWorld):
    """At 18:00 what was about to be dialled waits for the next window."""
    run_id = active(world, floor, phones(100))
    refill_hopper(world, OPEN_AT)
    assert refill_hopper(world, SHUT_AT) == 0
    assert world.hopper.depth(run_id) == 0
    assert states(floor, run_id) == {"fresh": 100}


def test_a_paused_run_has_an_empty_hopper(world: World, floor: SqlWorld):
    """Pause gives the leads back at once; resume goes on from there."""
    run_id = active(world, floor, phones(100))
    refill_hopper(world, OPEN_AT)
    floor.set_run(run_id, RunState.PAUSED)
    refill_hopper(world, OPEN_AT)
    assert (world.hopper.depth(run_id), states(floor, run_id)) == (0, {"fresh": 100})
    floor.set_run(run_id, RunState.ACTIVE)
    assert refill_hopper(world, OPEN_AT) == 50


def test_two_refills_at_once_hand_no_lead_out_twice(world: World, floor: SqlWorld):
    """Two workers may both fill the hopper; every lead in it is there once."""
    run_id = active(world, floor, phones(400))
    together(*[lambda: refill_hopper(world, OPEN_AT)] * 3)
    leads = world.hopper.take(run_id, 1000)
    assert len({lead.lead_id for lead in leads}) == len(leads)
    assert 50 <= len(leads) <= 150


def test_leads_that_were_not_dialled_in_time_come_back(world: World, floor: SqlWorld):
    """Redis lost the hopper, or its controller died: when the lease lapses the leads can be claimed again."""
    run_id = active(world, floor, phones(60))
    refill_hopper(world, OPEN_AT)
    world.redis.flushall()
    lease = world.settings.dialling.lead_lease_seconds
    assert reap_leases(world, OPEN_AT + lease) == 0
    assert reap_leases(world, OPEN_AT + lease + 1) == 50
    assert states(floor, run_id) == {"fresh": 60}


# ---------------------------------------------------------------------------------------- closing


def dial(world: World, floor: SqlWorld, run_id: int) -> HopperLead:
    """One lead of the run is on a call."""
    (lead,) = world.leads.claim(run_id, 1, OPEN_AT, OPEN_AT + 60)
    floor.attempts.open_attempts([draft(lead, f"a{lead.lead_id}", campaign_id=1)])
    return lead


def test_a_single_day_run_closes_when_its_window_ends(world: World, floor: SqlWorld):
    """At 18:00 waiting contacts become ``window_closed``; the run ends with the last call, and the campaign is completed."""
    run_id = active(world, floor, phones(40), single_day=True)
    on_call = dial(world, floor, run_id)
    refill_hopper(world, OPEN_AT)
    assert close_windows(world, OPEN_AT) == 0
    assert close_windows(world, SHUT_AT) == 1
    assert close_windows(world, SHUT_AT) == 0
    assert close_runs(world, SHUT_AT) == 39
    assert state(floor, run_id) == (RunState.CLOSING, CampaignState.ACTIVE)
    assert world.hopper.depth(run_id) == 0
    floor.attempts.close_attempts([no_answer(draft(on_call, f"a{on_call.lead_id}"))])
    close_runs(world, SHUT_AT + 30)
    assert states(floor, run_id) == {"window_closed": 40}
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)
    assert floor.runs.get(run_id).closing_reason == "window_closed"


def test_a_closing_broken_off_half_way_is_finished_by_the_next_sweep(
    world: World, floor: SqlWorld, monkeypatch: pytest.MonkeyPatch
):
    """The worker died after two portions: the rest closes later, nothing closes twice, the window is noted once."""
    run_id = active(world, floor, phones(50), single_day=True)
    monkeypatch.setattr(closing, "PORTION", 10)
    close_waiting = world.leads.close_waiting
    portions = iter([True, True])

    def dies_after_two(*args: Any) -> int:
        if next(portions, None) is None:
            raise StoreDown("killed")
        return close_waiting(*args)

    close_windows(world, SHUT_AT)
    world.leads.close_waiting = dies_after_two
    with pytest.raises(StoreDown):
        close_runs(world, SHUT_AT)
    assert states(floor, run_id) == {"window_closed": 20, "fresh": 30}
    assert state(floor, run_id)[0] is RunState.CLOSING
    world.leads.close_waiting = close_waiting
    assert close_runs(world, SHUT_AT + 5) == 30
    assert close_runs(world, SHUT_AT + 6) == 0
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)
    with world.database.read() as connection:
        noted = execute(connection, "SELECT run_id, window_ended_at FROM closed_windows").all()
    ended_at = datetime(2026, 3, 2, 12, 30, tzinfo=UTC).timestamp()
    assert [tuple(row) for row in noted] == [(run_id, ended_at)]


def test_two_workers_close_one_run_once(world: World, floor: SqlWorld):
    """Whoever closes a lead, it is closed once and the sums agree."""
    run_id = active(world, floor, phones(300), single_day=True)
    together(*[lambda: (close_windows(world, SHUT_AT), close_runs(world, SHUT_AT))] * 3)
    close_runs(world, SHUT_AT)
    assert states(floor, run_id) == {"window_closed": 300}
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)


def test_a_paused_single_day_run_closes_too(world: World, floor: SqlWorld):
    """Its day is over whether or not it was dialled to the end."""
    run_id = active(world, floor, phones(5), single_day=True)
    floor.set_run(run_id, RunState.PAUSED)
    close_windows(world, SHUT_AT)
    close_runs(world, SHUT_AT)
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)


def test_a_continuous_run_waits_for_the_next_window(world: World, floor: SqlWorld):
    """Its contacts stay as they are over night."""
    run_id = active(world, floor, phones(5))
    assert (close_windows(world, SHUT_AT), close_runs(world, SHUT_AT)) == (0, 0)
    assert states(floor, run_id) == {"fresh": 5}


@pytest.mark.parametrize(
    ("hours", "activated", "ends"),
    [
        (("09:00-18:00",), "2026-03-02 11:30", "2026-03-02 18:00"),
        (("09:00-13:00", "14:00-18:00"), "2026-03-02 11:30", "2026-03-02 18:00"),  # lunch does not close it
        (("09:00-13:00", "14:00-18:00"), "2026-03-02 13:30", "2026-03-02 18:00"),
        (("09:00-18:00",), "2026-03-02 19:30", "2026-03-03 18:00"),  # too late today: tomorrow is its day
        (("09:00-18:00",), "2026-03-03 19:30", "2026-03-09 18:00"),  # Tuesday evening: Monday is the next day with hours
        (("22:00-02:00",), "2026-03-02 23:00", "2026-03-03 02:00"),  # past midnight it is still Monday's window
    ],
)
def test_the_day_of_a_single_day_run(hours, activated, ends):
    """The end of the last stretch of hours that begins on its day."""
    window = office_hours(*hours).window()
    moment = datetime.fromisoformat(activated).replace(tzinfo=window.zone)
    end = day_ends_at(window, moment)
    assert end is not None
    assert end.astimezone(window.zone).strftime("%Y-%m-%d %H:%M") == ends


def test_stop_ends_the_run_with_its_last_call(world: World, floor: SqlWorld):
    """Contacts that wait become ``stopped``; the call in progress ends by itself, then run and campaign are stopped."""
    run_id = active(world, floor, phones(10))
    on_call = dial(world, floor, run_id)
    floor.set_run(run_id, RunState.CLOSING, "stopped")
    close_runs(world, OPEN_AT)
    assert states(floor, run_id) == {"stopped": 9, "dialing": 1}
    assert state(floor, run_id)[0] is RunState.CLOSING
    floor.attempts.close_attempts([no_answer(draft(on_call, f"a{on_call.lead_id}"))])
    close_runs(world, OPEN_AT + 30)
    assert state(floor, run_id) == (RunState.STOPPED, CampaignState.STOPPED)


# ---------------------------------------------------------------------------------------- finishing


def test_a_run_is_completed_when_its_last_contact_is_final(world: World, floor: SqlWorld):
    """Not while one waits for its retry; then run and campaign are completed together."""
    run_id = active(world, floor, phones(1))
    lead = dial(world, floor, run_id)
    assert finish_runs(world, OPEN_AT) == 0
    floor.attempts.close_attempts([no_answer(draft(lead, f"a{lead.lead_id}"))])
    assert finish_runs(world, OPEN_AT) == 0
    world.leads.close_waiting(run_id, LeadState.EXHAUSTED)
    assert finish_runs(world, OPEN_AT) == 1
    assert finish_runs(world, OPEN_AT) == 0
    assert state(floor, run_id) == (RunState.COMPLETED, CampaignState.COMPLETED)


def test_contacts_put_on_a_dnc_list_meanwhile_leave_the_run(world: World, floor: SqlWorld):
    """The sums say so within minutes; nobody is rung meanwhile, the ledger looks before every call."""
    run_id = active(world, floor, phones(10), dnc_list_ids=(DNC_LIST,))
    floor.add_dnc(DNC_LIST, phones(4))
    assert rescrub(world, OPEN_AT) == 4
    assert states(floor, run_id) == {"fresh": 6, "dnc": 4}
    assert rescrub(world, OPEN_AT) == 0


def test_what_is_left_of_a_deleted_list_is_removed(world: World, floor: SqlWorld, monkeypatch: pytest.MonkeyPatch):
    """Whoever deleted it died before the contacts were gone."""
    floor.new_list(phones(20))
    contacts = ContactStore(world.database)
    monkeypatch.setattr(ContactStore, "purge", lambda _self: None)
    contacts.delete(contacts.lists()[0].name)
    monkeypatch.undo()
    purge_lists(world, OPEN_AT)
    with world.database.read() as connection:
        assert execute(connection, "SELECT count(*) FROM contacts").scalar_one() == 0
