"""How leads come into being from contact lists, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import LeadState
from controller.storage.lead_preparation import LeadPreparation
from tests.contracts.worlds import DNC_LIST, PHONE, SqlWorld, draft, phones


@pytest.fixture
def preparation(sql_world: SqlWorld) -> LeadPreparation:
    """Portions of three, so that every list takes several."""
    return LeadPreparation(sql_world.database, portion=3)


def dialling_order(world: SqlWorld, run_id: int) -> list[int]:
    return [lead.phone - PHONE for lead in world.seen(run_id)]


def test_first_in_first_out_is_the_order_of_the_lists(sql_world: SqlWorld, preparation: LeadPreparation):
    """All of the first list before the second, each in the order of its file; a number in both is dialled once."""
    first = sql_world.new_list([PHONE + n for n in (5, 1, 9, 3, 7)])
    second = sql_world.new_list([PHONE + n for n in (8, 5, 2, 1)])
    run_id = sql_world.started_run()
    assert preparation.materialise(run_id, 0, first, "fifo", ()) == 5
    assert preparation.materialise(run_id, 1, second, "fifo", ()) == 2
    assert dialling_order(sql_world, run_id) == [5, 1, 9, 3, 7, 8, 2]


def test_last_in_first_out_turns_it_round(sql_world: SqlWorld, preparation: LeadPreparation):
    """The newest contacts of the last list come first."""
    first, second = sql_world.new_list([PHONE + 5, PHONE + 1]), sql_world.new_list([PHONE + 8, PHONE + 2])
    run_id = sql_world.started_run()
    preparation.materialise(run_id, 0, first, "lifo", ())
    preparation.materialise(run_id, 1, second, "lifo", ())
    assert dialling_order(sql_world, run_id) == [2, 8, 1, 5]


def test_numbers_on_a_do_not_call_list_are_final_from_the_start(sql_world: SqlWorld, preparation: LeadPreparation):
    """They are leads all the same, so that the run's sums say where they went."""
    sql_world.add_dnc(DNC_LIST, [PHONE + 1])
    sql_world.add_dnc(DNC_LIST + 1, [PHONE + 2])
    sql_world.add_dnc(DNC_LIST + 2, [PHONE + 3])
    run_id = sql_world.started_run()
    listed = sql_world.new_list(phones(5))
    assert preparation.materialise(run_id, 0, listed, "fifo", (DNC_LIST, DNC_LIST + 1)) == 5
    assert sql_world.totals(run_id)["lead"] == {"dnc": 2, "fresh": 3}
    assert {lead.reason for lead in sql_world.seen(run_id) if lead.state is LeadState.DNC} == {"dnc"}


def test_preparing_again_adds_nothing(sql_world: SqlWorld, preparation: LeadPreparation):
    """The job may run twice, and lists are taken in their order."""
    first, second = sql_world.new_list(phones(4)), sql_world.new_list(phones(4, PHONE + 10))
    run_id = sql_world.started_run()
    assert preparation.materialise(run_id, 1, second, "fifo", ()) == 0
    assert preparation.materialise(run_id, 0, first, "fifo", ()) == 4
    assert preparation.materialise(run_id, 0, first, "fifo", ()) == 0
    assert preparation.materialise(run_id, 1, second, "fifo", ()) == 4
    assert sql_world.runs.get(run_id).prepared_lists == 2


def test_a_worker_killed_half_way_is_simply_run_again(
    sql_world: SqlWorld, preparation: LeadPreparation, monkeypatch: pytest.MonkeyPatch
):
    """The second worker goes on behind the last portion that was committed; no contact is missed or doubled."""
    listed = sql_world.new_list(phones(10))
    run_id = sql_world.started_run()
    seen = 0
    write = sql_world.database.write

    def dies_in_its_third_portion():
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        return write()

    monkeypatch.setattr(sql_world.database, "write", dies_in_its_third_portion)
    with pytest.raises(KeyboardInterrupt):
        preparation.materialise(run_id, 0, listed, "fifo", ())
    monkeypatch.undo()
    assert len(sql_world.seen(run_id)) == 6
    assert preparation.materialise(run_id, 0, listed, "fifo", ()) == 4
    assert dialling_order(sql_world, run_id) == list(range(10))


def test_two_workers_prepare_one_run_once(sql_world: SqlWorld, preparation: LeadPreparation):
    """A job that was started twice shares the work; nobody is counted twice."""
    listed = sql_world.new_list(phones(60))
    run_id = sql_world.started_run()
    added: list[int] = []
    threads = [
        threading.Thread(target=lambda: added.append(preparation.materialise(run_id, 0, listed, "fifo", ()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(added) == 60
    assert dialling_order(sql_world, run_id) == list(range(60))


def test_a_run_stopped_while_preparing_gets_no_more_leads(sql_world: SqlWorld, preparation: LeadPreparation):
    """Leads that came after the stop would never be closed."""
    run_id = sql_world.started_run()
    listed = sql_world.new_list(phones(5))
    sql_world.set_run(run_id, RunState.CLOSING, "stopped")
    assert preparation.materialise(run_id, 0, listed, "fifo", ()) == 0
    assert sql_world.seen(run_id) == []


def test_scrubbing_again_takes_out_who_was_added_meanwhile(sql_world: SqlWorld, preparation: LeadPreparation):
    """Fresh and waiting leads become final; one that is being dialled is left, one in the hopper is refused when opened."""
    run_id = sql_world.new_run(phones(6))
    a, b, c = sql_world.leads.claim(run_id, 3, 100.0, 160.0)
    sql_world.attempts.open_attempts([draft(a, "call")])
    sql_world.leads.defer(b, 500.0, "retry")
    sql_world.add_dnc(DNC_LIST, [PHONE + n for n in (0, 1, 2, 4)])
    assert preparation.rescrub(run_id, ()) == 0
    assert preparation.rescrub(run_id, (DNC_LIST,)) == 2
    assert preparation.rescrub(run_id, (DNC_LIST,)) == 0
    states = [lead.state for lead in sql_world.seen(run_id)]
    fresh, hopper, dnc = LeadState.FRESH, LeadState.HOPPER, LeadState.DNC
    assert states == [LeadState.DIALING, dnc, hopper, fresh, dnc, fresh]
    assert sql_world.attempts.open_attempts([draft(c, "late")]) == ["dnc"]
