"""A campaign's life from the shell: started, paused, resumed, stopped, run again, copied, deleted; and what is refused."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Limits
from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.hopper.lead import LeadState
from controller.errors import WrongState
from controller.storage.audit import Audit
from controller.storage.campaigns import CampaignStore
from controller.storage.contacts import ContactStore
from controller.storage.database import Database
from controller.storage.leads import SqlLeadStore
from controller.storage.runs import SqlRunStore
from tests.cli.conftest import JUNE, SITE, Shell


def end_run(shell: Shell, run_id: int) -> None:
    """What the sweep does with a closing run."""
    SqlLeadStore(shell.database).close_waiting(run_id, LeadState.STOPPED)
    assert SqlRunStore(shell.database).set_state(run_id, (RunState.CLOSING,), RunState.STOPPED, 2.0)


def test_start_makes_a_run_and_locks_the_campaign(shell: Shell):
    """Start compiles the plan into run 1, which waits for its contacts; the campaign is active and has been started once."""
    shell.ready()
    begun = shell.ask("campaign", "start", "june")
    assert (begun["state"], begun["run"], begun["run_state"]) == ("active", 1, "preparing")
    stored = CampaignStore(shell.database).get("june")
    assert stored.started_once
    assert stored.last_run_at is not None
    run = SqlRunStore(shell.database).by_number(stored.id)
    assert run is not None
    assert [carrier.name for carrier in run.plan.carriers] == ["north"]
    assert len(run.plan.dnc_list_ids) == 1


def test_a_refused_start_names_every_reason_and_changes_nothing(shell: Shell):
    """No contacts, no bot, no numbers: three lines on stderr, exit code 1, no run."""
    bare = 'name = "bare"\n[window]\ntimezone = "UTC"\n[[window.open]]\nhours = ["00:00-24:00"]\n'
    assert shell.ask("apply", shell.file("bare.toml", bare))["campaigns"][0]["state"] == "draft"
    answer = shell.give("campaign", "start", "bare")
    assert answer.code == 1
    assert len(answer.err.splitlines()) == 3
    assert all(line.startswith("trunkline: campaign bare cannot start: ") for line in answer.err.splitlines())
    assert shell.ask("campaign", "show", "bare")["runs"] == []
    preflight = shell.give("campaign", "preflight", "bare", "--json")
    assert preflight.code == 1
    assert {one["problem"] for one in preflight.value["refusals"]} == {"no_connection", "no_number", "no_list"}


def test_pause_and_resume_keep_the_run(shell: Shell):
    """Pause and resume move campaign and run together and go on with the same run."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    shell.prepare()
    assert shell.ask("campaign", "pause", "june")["run_state"] == "paused"
    assert shell.give("campaign", "pause", "june").code == 1
    resumed = shell.ask("campaign", "resume", "june")
    assert (resumed["state"], resumed["run"], resumed["run_state"]) == ("active", 1, "active")


def test_a_run_in_preparation_is_not_paused(shell: Shell):
    """While contacts are being made ready there is nothing to pause; the refusal says what to do."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    answer = shell.give("campaign", "pause", "june")
    assert answer.code == 1
    assert "being prepared" in answer.err
    assert CampaignStore(shell.database).get("june").state is CampaignState.ACTIVE


def test_stop_closes_the_run_and_the_next_start_is_a_new_one(shell: Shell):
    """Stop lets the run close; only when it has ended is the campaign started again, as run 2, while run 1 stays readable."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    run_id = shell.prepare()
    assert shell.ask("campaign", "stop", "june", "--reason", "too many complaints")["run_state"] == "closing"
    busy = shell.give("campaign", "start", "june")
    assert busy.code == 1
    assert "has not ended" in busy.err
    end_run(shell, run_id)
    assert shell.ask("campaign", "start", "june")["run"] == 2
    runs = shell.ask("campaign", "show", "june")["runs"]
    assert [(run["number"], run["state"], run["closing_reason"]) for run in runs] == [
        (1, "stopped", "stopped"),
        (2, "preparing", None),
    ]
    assert runs[0]["totals"]["lead"]["stopped"] == 3
    stopped = next(entry for entry in Audit(shell.database).latest() if entry.verb == "campaign.stop")
    assert stopped.args["reason"] == "too many complaints"


def test_rerun_is_for_what_has_ended(shell: Shell):
    """A completed campaign is run again by rerun, not by start, and start says so."""
    shell.ready()
    store = CampaignStore(shell.database)
    assert store.set_state(store.get("june").id, set(CampaignState), CampaignState.COMPLETED, 1.0)
    refused = shell.give("campaign", "start", "june")
    assert refused.code == 1
    assert "campaign rerun june" in refused.err
    assert shell.ask("campaign", "rerun", "june")["run"] == 1


def test_two_campaigns_do_not_run_on_one_list(shell: Shell):
    """A list is shared, but not dialled by two campaigns at the same time."""
    shell.ready()
    shell.ask("campaign", "clone", "june", "july")
    shell.ask("campaign", "start", "june")
    answer = shell.give("campaign", "start", "july")
    assert answer.code == 1
    assert "list june is being dialled by campaign june" in answer.err


def test_clone_takes_everything_but_the_runs(shell: Shell):
    """A copy of a campaign that has run is a draft that never has."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    assert shell.ask("campaign", "clone", "june", "july")["state"] == "draft"
    july = shell.ask("campaign", "show", "july")
    june = shell.ask("campaign", "show", "june")
    assert july["spec"] == june["spec"] | {"name": "july"}
    assert july["runs"] == []
    assert not july["started_once"]
    assert shell.give("campaign", "clone", "june", "july").code == 1


def test_delete_waits_for_the_end(shell: Shell):
    """Active, and while its run closes, a campaign stays; afterwards it goes with all its runs."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    run_id = shell.prepare()
    assert shell.give("campaign", "delete", "june").code == 1
    shell.ask("campaign", "stop", "june")
    assert shell.give("campaign", "delete", "june").code == 1
    end_run(shell, run_id)
    shell.ask("campaign", "delete", "june")
    assert shell.ask("campaign", "ls") == []
    assert SqlLeadStore(shell.database).next_due(run_id) is None


def test_the_limit_of_running_campaigns_holds(shell: Shell, monkeypatch):
    """The campaign above limits.running_campaigns is refused."""
    shell.ready()
    shell.ask("list", "import", "other", shell.file("other.csv", "phone_number\n+919812345699\n"), "--region", "IN")
    other = JUNE.replace('name = "june"', 'name = "other"').replace('lists = ["june"]', 'lists = ["other"]')
    shell.ask("apply", shell.file("other.toml", other))
    shell.ask("campaign", "start", "june")
    monkeypatch.setenv("TRUNKLINE_LIMITS__RUNNING_CAMPAIGNS", "1")
    answer = shell.give("campaign", "start", "other")
    assert answer.code == 1
    assert "the limit is 1" in answer.err


def test_campaigns_are_searched_and_sorted(shell: Shell):
    """By part of the name, state and priority; by name, latest run or highest priority."""
    shell.ready()
    urgent = JUNE.replace('name = "june"', 'name = "urgent-june"\npriority = 9')
    shell.ask("apply", shell.file("urgent.toml", urgent))
    shell.ask("campaign", "start", "june")

    def names(*words: str) -> list[str]:
        return [row["name"] for row in shell.ask("campaign", "ls", *words)]

    assert names() == ["june", "urgent-june"]
    assert names("--sort", "priority") == ["urgent-june", "june"]
    assert names("--state", "active") == ["june"]
    assert names("--title", "URGENT") == ["urgent-june"]
    assert names("--priority", "5") == ["june"]
    assert shell.give("campaign", "ls", "--state", "asleep").code == 1


def test_every_change_is_on_record_and_no_look_is(shell: Shell):
    """The audit holds who changed what, done or refused; looking leaves no line."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    shell.give("campaign", "resume", "june")
    shell.ask("campaign", "show", "june")
    lines = [(entry.verb, entry.ok) for entry in Audit(shell.database).latest() if entry.verb.startswith("campaign.")]
    assert lines == [("campaign.resume", False), ("campaign.start", True)]


def test_the_life_is_the_same_on_postgresql(shell: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    """Start, pause, edit, resume, stop, clone and delete, with the audit in the same transactions, on the other engine."""
    monkeypatch.setenv("TRUNKLINE_DATABASE__URL", postgres_url)
    elsewhere = replace(shell, database=Database(postgres_url))
    elsewhere.give("campaign", "ls")
    elsewhere.ready()
    elsewhere.ask("campaign", "start", "june")
    run_id = elsewhere.prepare()
    assert elsewhere.ask("campaign", "why", "june", "+919812345601")["lead"]["state"] == "fresh"
    elsewhere.ask("campaign", "pause", "june")
    elsewhere.ask("apply", elsewhere.file("edited.toml", JUNE.replace("seats = 40", "seats = 20")))
    assert elsewhere.ask("campaign", "resume", "june")["run_state"] == "active"
    assert elsewhere.ask("campaign", "status", "june")["seats"]["limit"] == 20
    elsewhere.ask("campaign", "stop", "june")
    end_run(elsewhere, run_id)
    assert elsewhere.ask("campaign", "clone", "june", "july")["state"] == "draft"
    assert elsewhere.give("campaign", "clone", "june", "july").code == 1
    elsewhere.ask("campaign", "delete", "june")
    changed = [entry.verb for entry in Audit(elsewhere.database).latest() if entry.ok]
    assert changed[:3] == ["campaign.delete", "campaign.clone", "campaign.stop"]
    elsewhere.database.dispose()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_of_two_starts_at_once_one_wins(shell: Shell, engine: str, request: pytest.FixtureRequest):
    """Two hands on one campaign make one run; the other hand is told why not."""
    database = shell.database if engine == "sqlite" else Database(request.getfixturevalue("postgres_url"))
    database.upgrade()
    shell.ready()
    if engine == "postgresql":
        commands = Commands(Desk(database, Limits()), VERBS)
        ContactStore(database).create("june", "IN", 10)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE contact_lists SET size = 3")
        commands.execute(commands.read("apply", {"files": {"site": SITE, "june": JUNE}}), "test")
    told: list[str] = []

    def start() -> None:
        commands = Commands(Desk(database, Limits()), VERBS)
        try:
            told.append(commands.execute(commands.read("campaign.start", {"name": "june"}), "test")["run_state"])
        except WrongState as refused:
            told.append(str(refused))

    hands = [threading.Thread(target=start) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert len(told) == 4
    assert told.count("preparing") == 1
    assert len(SqlRunStore(database).of(CampaignStore(database).get("june").id)) == 1
    database.dispose()
