"""Runs of campaigns, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from controller.domain.campaigns.campaign import Pacing
from controller.domain.campaigns.lifecycle import VERBS, CampaignState, RunState
from controller.domain.hopper.lead import LeadState
from controller.errors import NotFound
from tests.contracts.worlds import SqlWorld, campaign, draft, no_answer, phones, plan


def test_each_start_is_a_new_run_with_the_next_number(sql_world: SqlWorld):
    """Numbers count within the campaign; earlier runs stay readable (features 1.4)."""
    stored = sql_world.campaigns.create(campaign("a"), CampaignState.READY, 0.0)
    for at in (10.0, 20.0):
        run = sql_world.runs.start(stored.id, {CampaignState.READY, CampaignState.STOPPED}, plan("a", stored.id), at)
        assert run is not None
        assert run.state is RunState.PREPARING
        sql_world.runs.set_state(run.id, [RunState.PREPARING], RunState.CLOSING, at, closing_reason="stopped")
        assert sql_world.runs.set_state(run.id, [RunState.CLOSING], RunState.STOPPED, at, campaign=CampaignState.STOPPED)
    assert [run.number for run in sql_world.runs.of(stored.id)] == [1, 2]
    first, last = sql_world.runs.by_number(stored.id, 1), sql_world.runs.by_number(stored.id)
    assert first is not None
    assert last is not None
    assert (first.started_at, last.started_at, last.ended_at) == (10.0, 20.0, 20.0)
    assert sql_world.runs.by_number(stored.id, 3) is None
    found = sql_world.campaigns.get("a")
    assert (found.state, found.started_once, found.last_run_at) == (CampaignState.STOPPED, True, 20.0)


def test_a_start_in_the_wrong_state_makes_no_run(sql_world: SqlWorld):
    """The campaign's state decides in the same transaction that makes the run."""
    stored = sql_world.campaigns.create(campaign("a"), CampaignState.COMPLETED, 0.0)
    assert sql_world.runs.start(stored.id, VERBS["start"], plan("a", stored.id), 1.0) is None
    assert sql_world.runs.of(stored.id) == []
    assert not sql_world.campaigns.get("a").started_once


def test_a_campaign_has_one_running_run(sql_world: SqlWorld):
    """Pressed by many at once, Start makes one run."""
    stored = sql_world.campaigns.create(campaign("a"), CampaignState.READY, 0.0)
    started: list[object] = []
    ready = threading.Barrier(5)

    def press() -> None:
        ready.wait(30)
        started.append(sql_world.runs.start(stored.id, list(CampaignState), plan("a", stored.id), 1.0))

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(started) == 5
    assert sum(run is not None for run in started) == 1
    assert len(sql_world.runs.of(stored.id)) == 1


def test_run_and_campaign_change_together(sql_world: SqlWorld):
    """A pause that finds the run elsewhere leaves the campaign alone too."""
    run_id = sql_world.new_run([])
    paused = (RunState.PAUSED, 5.0)
    assert sql_world.runs.set_state(run_id, [RunState.ACTIVE], *paused, campaign=CampaignState.PAUSED)
    assert sql_world.campaigns.get("c1").state is CampaignState.PAUSED
    assert not sql_world.runs.set_state(run_id, [RunState.ACTIVE], *paused, campaign=CampaignState.STOPPED)
    assert sql_world.campaigns.get("c1").state is CampaignState.PAUSED
    assert sql_world.runs.set_state(run_id, [RunState.PAUSED], RunState.ACTIVE, 9.0, campaign=CampaignState.ACTIVE)
    assert sql_world.runs.get(run_id).activated_at == 1.0


def test_a_run_ends_only_when_every_lead_is_final(sql_world: SqlWorld):
    """Neither a waiting lead nor a call in progress can be left behind by a run that ended (invariant I2)."""
    run_id = sql_world.new_run(phones(2))
    call = draft(sql_world.leads.claim(run_id, 1, 0.0, 60.0)[0], "call")
    sql_world.attempts.open_attempts([call])
    sql_world.set_run(run_id, RunState.CLOSING, "window_closed")

    def end() -> bool:
        return sql_world.runs.set_state(run_id, [RunState.CLOSING], RunState.COMPLETED, 7.0, campaign=CampaignState.COMPLETED)

    assert not end()
    assert sql_world.leads.close_waiting(run_id, LeadState.WINDOW_CLOSED) == 1
    assert not end()
    assert sql_world.runs.get(run_id).state is RunState.CLOSING
    assert sql_world.campaigns.get("c1").state is CampaignState.ACTIVE
    sql_world.attempts.close_attempts([no_answer(call)])
    assert end()
    run = sql_world.runs.get(run_id)
    assert (run.state, run.ended_at, run.closing_reason) == (RunState.COMPLETED, 7.0, "window_closed")
    assert sql_world.campaigns.get("c1").state is CampaignState.COMPLETED


def test_the_first_reason_to_close_stands(sql_world: SqlWorld):
    """A stop pressed while the window is closing does not rewrite why the run closed."""
    run_id = sql_world.new_run([])
    sql_world.set_run(run_id, RunState.CLOSING, "window_closed")
    sql_world.set_run(run_id, RunState.CLOSING, "stopped")
    assert sql_world.runs.get(run_id).closing_reason == "window_closed"


def test_the_controller_sees_what_is_to_dial(sql_world: SqlWorld):
    """Active, paused and closing runs with their plans; not those being prepared or over."""
    states = [RunState.ACTIVE, RunState.PAUSED, RunState.CLOSING, RunState.COMPLETED]
    run_ids = [sql_world.new_run([]) for _ in states]
    sql_world.started_run()
    for run_id, state in zip(run_ids, states, strict=True):
        sql_world.set_run(run_id, state)
    running = sql_world.runs.running()
    assert [(run.run_id, run.number, run.state) for run in running] == [
        (run_ids[0], 1, "active"),
        (run_ids[1], 1, "paused"),
        (run_ids[2], 1, "closing"),
    ]
    assert running[0].plan == plan("c1", running[0].plan.campaign_id)
    assert [run.id for run in sql_world.runs.in_states([RunState.PREPARING])] == [max(sql_world.run_ids())]


def test_an_edited_plan_is_read_at_the_next_look(sql_world: SqlWorld):
    """Editing a paused campaign changes the plan of its run; an ended run's plan is history."""
    run_id = sql_world.new_run([])
    before = sql_world.runs.running()[0].plan
    edited = before.model_copy(update={"pacing": Pacing(seats=7)})
    assert sql_world.runs.set_plan(run_id, edited)
    assert sql_world.runs.running()[0].plan == edited
    sql_world.set_run(run_id, RunState.COMPLETED)
    assert not sql_world.runs.set_plan(run_id, before)
    with pytest.raises(NotFound):
        sql_world.runs.get(999)


def test_lists_of_running_campaigns_are_in_use(sql_world: SqlWorld):
    """Until the run ends, and from the moment it is prepared (features 1.12)."""
    sql_world.started_run(list_ids=(4, 9))
    ended = sql_world.started_run(list_ids=(9, 11))
    assert sql_world.runs.lists_in_use() == {4: "c1", 9: "c2", 11: "c2"}
    sql_world.set_run(ended, RunState.STOPPED)
    assert sql_world.runs.lists_in_use() == {4: "c1", 9: "c1"}


def test_a_window_closes_once(sql_world: SqlWorld):
    """However often the sweep comes by."""
    run_id = sql_world.new_run([])
    assert [sql_world.runs.close_window(run_id, at, 5.0) for at in (100.0, 100.0, 200.0)] == [True, False, True]
