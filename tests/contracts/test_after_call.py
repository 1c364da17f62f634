"""What a conversation came to: dispositions counted, contacts called again, promises kept. On SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from controller.domain.agents.agent import AgentState, ReservationEnd
from controller.domain.agents.line import LineKind
from controller.domain.calls.outcome import Outcome
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import HopperLead, LeadMove, LeadState
from controller.domain.site import Carrier, Queue, Site, SiteAgent
from controller.ports import AgentChange, AgentProfile, QueueRules
from controller.storage.after_call import AfterCall, TalkedCall
from controller.storage.agents import SqlAgentRecords
from controller.storage.database import Database
from controller.storage.driver_sql import execute
from controller.storage.site import SiteStore
from tests.contracts.worlds import SqlWorld, draft, end, phones

ANSWERED = LeadMove(LeadState.DONE, "answered")
TEN_MINUTES = 600.0


def talked(world: SqlWorld, ended: bool = True, contacts: int = 1) -> tuple[int, AfterCall, TalkedCall]:
    """A run whose first contact has talked, or talks still."""
    run_id = world.new_run(phones(contacts))
    lead = world.leads.claim(run_id, 1, 0.0, 60.0)[0]
    attempt = draft(lead, "a1")
    world.attempts.open_attempts([attempt])
    if ended:
        world.attempts.close_attempts([end(attempt, Outcome.ANSWERED, ANSWERED, answered_at=105.0)])
    after = AfterCall(world.database)
    call = after.find("a1")
    assert call is not None
    return run_id, after, call


def claimed(world: SqlWorld, run_id: int, now: float, limit: int = 10) -> list[HopperLead]:
    return world.leads.claim(run_id, limit, now, now + 60.0)


def test_a_disposition_is_counted_and_can_be_mended(sql_world: SqlWorld):
    """The run's counts follow when the agent chooses another; notes stay unless new ones are given."""
    run_id, after, call = talked(sql_world)
    after.dispose(call, "BUSY", "was driving", "ann", 130.0)
    after.dispose(call, "SALE MADE", None, "ann", 140.0)
    assert sql_world.totals(run_id)["disposition"] == {"BUSY": 0, "SALE MADE": 1}
    with sql_world.database.read() as connection:
        row = execute(connection, "SELECT disposition, disposed_at, disposed_by, notes FROM attempts").one()
    assert tuple(row) == ("SALE MADE", 140.0, "ann", "was driving")


def test_a_contact_that_is_done_is_called_again_on_the_agents_word(sql_world: SqlWorld):
    """Connected, so never again by itself; a disposition with retry brings it back with a due time and a reason."""
    run_id, after, call = talked(sql_world)
    assert after.call_again(call, 500.0, "disposition BUSY", 3) is None
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.due_at, lead.reason) == (LeadState.WAITING, 500.0, "disposition BUSY")
    assert [one.phone for one in claimed(sql_world, run_id, 500.0)] == [call.phone]


def test_said_during_the_call_it_holds_at_its_end(sql_world: SqlWorld):
    """The lead is being dialled until then; at the hang-up it waits instead of being done."""
    run_id, after, call = talked(sql_world, ended=False)
    assert after.call_again(call, 500.0, "disposition BUSY", 3) is None
    assert sql_world.seen(run_id)[0].state is LeadState.DIALING
    ending = end(draft(HopperLead(call.lead_id, run_id, 1, call.phone, 0, 0, "", 0.0, ""), "a1"), Outcome.ANSWERED, ANSWERED)
    assert sql_world.attempts.close_attempts([ending]) == [True]
    (lead,) = sql_world.seen(run_id)
    assert (lead.state, lead.due_at, lead.attempts) == (LeadState.WAITING, 500.0, 1)


@pytest.mark.parametrize("ended", [True, False])
def test_nobody_is_called_more_often_than_the_limit(sql_world: SqlWorld, ended: bool):
    """Invariant I1 stands above every wish: with its one attempt used the contact is not called again."""
    run_id, after, call = talked(sql_world, ended)
    assert after.call_again(call, 500.0, "disposition BUSY", 1) == "the contact has used its 1 attempts"
    assert after.promise(call, 500.0, "ann", "", "ann", 130.0, 1) == "the contact has used its 1 attempts"
    assert claimed(sql_world, run_id, 600.0) == []


def test_nobody_is_called_in_a_run_that_is_over(sql_world: SqlWorld):
    """The run was stopped: the wish comes too late, and says so."""
    run_id, after, call = talked(sql_world)
    sql_world.set_run(run_id, RunState.STOPPED, "stopped")
    assert after.call_again(call, 500.0, "disposition BUSY", 3) == "its run is over"


def test_a_promised_call_goes_before_everything_else(sql_world: SqlWorld):
    """Due at its time: not long before while others wait, then first; early only when nobody else is to be called."""
    run_id, after, call = talked(sql_world, contacts=4)
    assert after.promise(call, 2000.0, "ann", "after lunch", "ann", 130.0, 3) is None
    first = claimed(sql_world, run_id, 2000.0 - TEN_MINUTES, limit=1)
    assert [one.phone == call.phone for one in first] == [False]
    order = claimed(sql_world, run_id, 2000.0, limit=2)
    assert [one.phone == call.phone for one in order] == [True, False]
    assert [one.only_agent for one in order] == ["ann", None]


def test_a_promised_call_may_come_ten_minutes_early(sql_world: SqlWorld):
    """When there is nothing else to do, and no earlier (features 5.5)."""
    run_id, after, call = talked(sql_world)
    after.promise(call, 2000.0, None, "", "bot", 130.0, 3)
    assert claimed(sql_world, run_id, 2000.0 - TEN_MINUTES - 1.0) == []
    assert [one.phone for one in claimed(sql_world, run_id, 2000.0 - TEN_MINUTES)] == [call.phone]


def test_after_ten_minutes_anybody_calls(sql_world: SqlWorld):
    """The agent who promised was not there: better by a colleague than not at all."""
    run_id, after, call = talked(sql_world)
    after.promise(call, 2000.0, "ann", "", "ann", 130.0, 3)
    (lead,) = claimed(sql_world, run_id, 2000.0 + TEN_MINUTES)
    assert lead.only_agent == "ann"
    sql_world.leads.give_back([lead])
    assert [one.only_agent for one in claimed(sql_world, run_id, 2001.0 + TEN_MINUTES)] == [None]


def test_a_new_promise_replaces_the_old_and_a_call_keeps_it(sql_world: SqlWorld):
    """One promise a contact; the call that is made for it settles it, whoever answers."""
    run_id, after, call = talked(sql_world)
    after.promise(call, 2000.0, "ann", "", "ann", 130.0, 3)
    after.promise(call, 3000.0, "bob", "", "bob", 140.0, 3)
    (lead,) = claimed(sql_world, run_id, 3000.0)
    assert lead.only_agent == "bob"
    sql_world.attempts.open_attempts([draft(lead, "a2", created_at=3001.0)])
    with sql_world.database.read() as connection:
        rows = execute(connection, "SELECT agent, state, settled_at FROM callbacks ORDER BY id").all()
    assert [tuple(row) for row in rows] == [("ann", "replaced", 140.0), ("bob", "called", 3001.0)]


def test_the_floor_is_read_from_the_site(database: Database):
    """Agents with the address of their phones, queues with their rules."""
    north = Carrier(name="north", gateway="gw", calls_per_second=1, channels=1)
    sales = Queue(name="sales", wrap_up_seconds=20, skills=("hindi",))
    bob = SiteAgent(name="bob", phone="+919812300001", carrier="north", method="on_hook", queues=("sales",), skills=("hindi",))
    SiteStore(database).put(Site(carrier=(north,), queue=(sales,), agent=(bob,)), 1.0)
    records = SqlAgentRecords(database)
    assert records.agents() == {
        "bob": AgentProfile("bob", "gateway/gw/919812300001", LineKind.ON_HOOK, ("sales",), frozenset({"hindi"}))
    }
    assert records.queues() == {"sales": QueueRules("sales", 20, 15, frozenset({"hindi"}), "", sales.cue)}


def test_sessions_begin_and_end_once(database: Database):
    """A second login ends a session that was never ended; a second logout changes nothing."""
    records = SqlAgentRecords(database)
    records.logged_in("ann", "fs1", "user/1001", LineKind.NAILED_UP, 10.0)
    records.logged_in("ann", "fs1", "user/1001", LineKind.NAILED_UP, 20.0)
    records.logged_in("bob", "fs2", "user/1002", LineKind.ON_HOOK, 20.0)
    assert records.sessions("fs1") == ["ann"]
    records.logged_out("ann", 30.0, "logout")
    records.logged_out("ann", 40.0, "again")
    with database.read() as connection:
        rows = execute(connection, "SELECT agent, logged_out_at, reason FROM agent_sessions ORDER BY id").all()
    assert [tuple(row) for row in rows] == [("ann", 20.0, "not logged out"), ("ann", 30.0, "logout"), ("bob", None, None)]
    assert records.left_because(["ann", "bob", "eve"]) == {"ann": "logout"}
    assert records.left_because([]) == {}


def test_a_stretch_told_twice_is_written_once(database: Database):
    """The pool tells what happened until it hears that it is noted."""
    records = SqlAgentRecords(database)
    told = AgentChange(
        1,
        "ann",
        "fs1",
        AgentState.RESERVED,
        "",
        10.0,
        12.5,
        AgentState.TALKING,
        "",
        "sales",
        "june",
        "a1",
        ReservationEnd.TALK,
    )
    records.note([told])
    records.note([told])
    with database.read() as connection:
        rows = execute(
            connection, "SELECT agent, since, until, state, queue, holder, reservation_end FROM agent_stretches"
        ).all()
    assert [tuple(row) for row in rows] == [("ann", 10.0, 12.5, "reserved", "sales", "a1", "talk")]
