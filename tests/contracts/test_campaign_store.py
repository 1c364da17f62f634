"""Campaigns and the site as stored, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from controller.domain.campaigns.lifecycle import VERBS, CampaignState, RunState
from controller.domain.site import Bot, Carrier, Disposition, Number, Site
from controller.errors import NotFound, Refused, WrongState
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.driver_sql import execute
from controller.storage.site import SiteStore
from tests.contracts.worlds import SqlWorld, campaign, draft, no_answer, phones, plan

DELETABLE = VERBS["delete"]


@pytest.fixture
def campaigns(database: Database) -> CampaignStore:
    return CampaignStore(database)


def test_a_campaign_comes_back_as_written(campaigns: CampaignStore):
    """Every word of the owner's file survives, with its state and dates."""
    spec = campaign("diwali", notes="₹ – “quotes”", priority=9, lists=["a", "b"], retry={"max_attempts": 7})
    stored = campaigns.create(spec, CampaignState.DRAFT, 50.0)
    assert campaigns.get("diwali") == stored
    assert (stored.spec, stored.state, stored.revision, stored.started_once) == (spec, CampaignState.DRAFT, 1, False)
    assert (stored.created_at, stored.updated_at, stored.last_run_at) == (50.0, 50.0, None)


def test_names_are_unique_and_unknown_ones_are_said(campaigns: CampaignStore):
    """Two campaigns cannot share a name; asking for one that is not there says how to mend it."""
    stored = campaigns.create(campaign("a"), CampaignState.READY, 0.0)
    campaigns.create(campaign("b"), CampaignState.READY, 0.0)
    with pytest.raises(Refused, match="a exists already"):
        campaigns.create(campaign("a"), CampaignState.READY, 0.0)
    with pytest.raises(Refused, match="b exists already"):
        campaigns.update(stored.id, 1, campaign("b"), 1.0)
    with pytest.raises(NotFound, match="campaign ls"):
        campaigns.get("c")
    assert campaigns.find("c") is None


def test_two_editors_do_not_overwrite_each_other(campaigns: CampaignStore):
    """A change is accepted only over the revision that its author saw."""
    stored = campaigns.create(campaign("a"), CampaignState.READY, 0.0)
    assert campaigns.update(stored.id, stored.revision, campaign("a", priority=7), 5.0)
    assert not campaigns.update(stored.id, stored.revision, campaign("a", priority=8), 6.0)
    changed = campaigns.get("a")
    assert (changed.spec.priority, changed.revision, changed.updated_at) == (7, 2, 5.0)


def test_a_state_is_left_only_as_expected(campaigns: CampaignStore):
    """Of two hands that press different buttons, one finds the campaign no longer where it was."""
    stored = campaigns.create(campaign("a"), CampaignState.ACTIVE, 0.0)
    assert campaigns.set_state(stored.id, VERBS["pause"], CampaignState.PAUSED, 1.0)
    assert not campaigns.set_state(stored.id, VERBS["pause"], CampaignState.PAUSED, 2.0)
    assert campaigns.get("a").state is CampaignState.PAUSED


def test_lists_of_campaigns_are_searched_and_sorted(campaigns: CampaignStore):
    """By part of the title in any case, by state, by priority; percent signs are only letters."""
    for name, state, priority in [
        ("Diwali-1", CampaignState.ACTIVE, 3),
        ("diwali-2", CampaignState.DRAFT, 9),
        ("holi", CampaignState.ACTIVE, 5),
    ]:
        campaigns.create(campaign(name, priority=priority), state, 0.0)
    assert [found.name for found in campaigns.all(title="DIWALI")] == ["Diwali-1", "diwali-2"]
    assert [found.name for found in campaigns.all(states=[CampaignState.ACTIVE])] == ["Diwali-1", "holi"]
    assert [found.name for found in campaigns.all(sort="priority")] == ["diwali-2", "holi", "Diwali-1"]
    assert campaigns.all(title="%") == []
    assert campaigns.all(states=[]) == []


def test_the_latest_run_is_listed_first(sql_world: SqlWorld):
    """Campaigns that never ran come last."""
    for name in ("never", "early", "late"):
        sql_world.campaigns.create(campaign(name), CampaignState.READY, 0.0)
    for name, at in (("late", 200.0), ("early", 100.0)):
        stored = sql_world.campaigns.get(name)
        assert sql_world.runs.start(stored.id, [CampaignState.READY], plan(name, stored.id), at)
    assert [found.name for found in sql_world.campaigns.all(sort="last_run")] == ["late", "early", "never"]


def test_a_clone_is_a_draft_without_runs(sql_world: SqlWorld):
    """It has the other's settings, its own name, and no history (features 1.7)."""
    sql_world.new_run(phones(1))
    original = sql_world.campaigns.get("c1")
    clone = sql_world.campaigns.clone("c1", "copy", 9.0)
    assert clone.spec == original.spec.model_copy(update={"name": "copy"})
    assert (clone.state, clone.revision, clone.started_once, clone.created_at) == (CampaignState.DRAFT, 1, False, 9.0)
    assert sql_world.runs.of(clone.id) == []
    with pytest.raises(Refused):
        sql_world.campaigns.clone("c1", "copy", 9.0)


def test_a_campaign_is_deleted_with_everything_it_did(sql_world: SqlWorld):
    """Runs, leads, attempts and counters go, in portions; other campaigns' stay."""
    run_id, other = sql_world.new_run(phones(8)), sql_world.new_run(phones(3))
    calls = [draft(lead, f"a{lead.phone}", campaign_id=run_id) for lead in sql_world.leads.claim(run_id, 5, 0.0, 60.0)]
    sql_world.attempts.open_attempts(calls)
    sql_world.attempts.close_attempts([no_answer(call) for call in calls])
    campaign_id = sql_world.campaigns.get("c1").id
    with pytest.raises(WrongState, match="stop it first"):
        sql_world.campaigns.delete(campaign_id, DELETABLE)
    sql_world.set_run(run_id, RunState.CLOSING, "stopped")
    while sql_world.leads.close_waiting(run_id, sql_world.seen(run_id)[0].state.STOPPED):
        pass
    ended = sql_world.runs.set_state(run_id, [RunState.CLOSING], RunState.STOPPED, 9.0, campaign=CampaignState.STOPPED)
    assert ended
    sql_world.campaigns.delete(campaign_id, DELETABLE, portion=2)
    assert sql_world.campaigns.find("c1") is None
    with sql_world.database.read() as connection:
        left = {
            table: execute(connection, f"SELECT count(*) FROM {table} WHERE run_id = ?", (run_id,)).scalar()
            for table in ("leads", "attempts", "run_totals")
        }
    assert left == {"leads": 0, "attempts": 0, "run_totals": 0}
    assert len(sql_world.seen(other)) == 3


CARRIER = Carrier(name="airtel", gateway="gw1", calls_per_second=10, channels=30)
NUMBER = Number(number="+911140001000", carrier="airtel")
BOT = Bot(name="collections", uri="sip:bot@10.0.0.5:5070", capacity=20, headers={"X-Team": "red"})


def test_a_site_file_is_laid_over_what_is_stored(database: Database):
    """Items of the file are written, items that it does not name stay, and all come back as they were."""
    store = SiteStore(database)
    assert store.site() == Site()
    store.put(Site(carrier=(CARRIER,), number=(NUMBER,), bot=(BOT,)), 1.0)
    faster = CARRIER.model_copy(update={"calls_per_second": 20.0})
    store.put(Site(carrier=(faster,), disposition=(Disposition(name="SALE MADE", positive=True),)), 2.0)
    expected = Site(
        carrier=(faster,), number=(NUMBER,), bot=(BOT,), disposition=(Disposition(name="SALE MADE", positive=True),)
    )
    assert store.site() == expected
    store.put(Site(), 3.0)
    assert store.site() == expected
    assert store.remove("bot", "collections")
    assert not store.remove("bot", "collections")
    assert store.site().bot == ()
