"""Site and campaign files: what apply changes, what it refuses, and that export writes what apply reads."""

from __future__ import annotations

import pytest

from controller.storage.campaigns import CampaignStore
from controller.storage.runs import SqlRunStore, StoredRun
from tests.cli.conftest import JUNE, SITE, Answer, Shell


def running_plan(shell: Shell) -> StoredRun:
    run = SqlRunStore(shell.database).by_number(CampaignStore(shell.database).get("june").id)
    assert run is not None
    return run


def apply(shell: Shell, text: str) -> Answer:
    return shell.give("apply", shell.file("changed.toml", text), "--json")


def started(shell: Shell) -> None:
    shell.ready()
    shell.ask("campaign", "start", "june")
    shell.prepare()


def test_a_site_file_is_the_whole_site(shell: Shell):
    """What the file no longer has is removed, what it changes is changed, and applying it again changes nothing."""
    shell.ready()
    smaller = SITE.replace('[[carrier]]\nname = "spare"\ngateway = "spare"\ncalls_per_second = 1\nchannels = 5\n', "")
    smaller = smaller.replace("calls_per_second = 10", "calls_per_second = 12.5")
    changed = apply(shell, smaller).value["changes"]
    assert [(one["change"], one["name"], one["fields"]) for one in changed] == [
        ("update", "north", {"calls_per_second": [10.0, 12.5]}),
        ("remove", "spare", {}),
    ]
    assert apply(shell, smaller).value["changes"] == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('[[number]]\nnumber = "+911140001000"\ncarrier = "north"\n', "", "number +911140001000 is used by campaign june"),
        ('direction = "both"', 'direction = "inbound"', "direction cannot be changed"),
        ('gateway = "north"', 'gateway = "elsewhere"', "gateway cannot be changed"),
        ("tested = true", "tested = false", "tested cannot be changed"),
        ('[[disposition]]\nname = "PROMISED"\npositive = true\n', "", "disposition PROMISED is used by campaign june"),
    ],
)
def test_what_a_running_campaign_uses_stays(shell: Shell, before: str, after: str, told: str):
    """Numbers, carriers, bots and dispositions of a campaign that runs are neither taken away nor turned into others."""
    started(shell)
    exported = shell.ask("export", "site")
    answer = apply(shell, SITE.replace(before, after))
    assert answer.code == 1
    assert told in answer.err
    assert shell.ask("export", "site") == exported


FLOOR = (
    SITE
    + """
[[queue]]
name = "sales"
wrap_up_seconds = 20
skills = ["hindi"]

[[agent]]
name = "ann"
phone = "1001"
queues = ["sales"]
skills = ["hindi", "tamil"]

[[agent]]
name = "bob"
phone = "+919812300001"
carrier = "north"
method = "on_hook"
queues = ["sales"]
"""
)


def test_queues_and_agents_are_part_of_the_site(shell: Shell):
    """They are created, changed and removed like carriers, and the export is the same site again."""
    assert {"sales", "ann", "bob"} <= {one["name"] for one in apply(shell, FLOOR).value["changes"]}
    exported = shell.ask("export", "site")["toml"]
    assert apply(shell, exported).value["changes"] == []
    changed = apply(shell, FLOOR.replace("wrap_up_seconds = 20", "wrap_up_seconds = 5")).value["changes"]
    assert [(one["kind"], one["fields"]) for one in changed] == [("queue", {"wrap_up_seconds": [20.0, 5.0]})]
    assert [one["change"] for one in apply(shell, SITE).value["changes"]] == ["remove"] * 3


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('on_hook"\nqueues = ["sales"]', 'on_hook"\nqueues = ["service"]', "agent bob names queue 'service'"),
        ('carrier = "north"\nmethod', "method", "name the carrier that rings it"),
        ('carrier = "north"\nmethod', 'carrier = "west"\nmethod', "agent bob names carrier 'west'"),
        ('phone = "1001"', 'phone = "1001}{x=1"', "is no user"),
        ('phone = "1001"', 'phone = "1001"\ncarrier = "north"', "carrier is for phones that are numbers"),
        ('cue = ""', 'cue = "a b"', "a sound as FreeSWITCH names it"),
        ('name = "bob"', 'name = "ann"', "agent 'ann' is there twice"),
    ],
)
def test_a_floor_that_cannot_work_is_refused(shell: Shell, before: str, after: str, told: str):
    """Agents of no queue, numbers nobody can ring, phones that are none."""
    text = FLOOR.replace('skills = ["hindi"]\n', 'skills = ["hindi"]\ncue = ""\n')
    changed = text.replace(before, after)
    answer = apply(shell, changed)
    assert answer.code == 2
    assert told in answer.err


def test_a_queue_of_a_running_campaign_stays(shell: Shell):
    """It is not removed; how long its wrap-up is may change, and who works in it."""
    shell.ready()
    to_agents = JUNE.replace('bot = "collections"', 'queue = "sales"').replace('name = "june"', 'name = "june"\nmode = "power"')
    to_agents = to_agents.replace("[numbers]", '[abandoned]\nmessage = "/srv/sorry.wav"\n[numbers]')
    shell.ask("apply", shell.file("site.toml", FLOOR), shell.file("june.toml", to_agents))
    shell.ask("campaign", "start", "june")
    shell.prepare()
    answer = apply(shell, SITE)
    assert answer.code == 1
    assert "queue sales is used by campaign june and cannot be removed" in answer.err
    assert apply(shell, FLOOR.replace("wrap_up_seconds = 20", "wrap_up_seconds = 5")).code == 0


def test_what_no_running_campaign_uses_goes(shell: Shell):
    """The same removals are allowed while the campaign is only ready."""
    shell.ready()
    assert apply(shell, SITE.replace('[[disposition]]\nname = "PROMISED"\npositive = true\n', "")).code == 0


def test_a_carriers_new_rate_reaches_the_run_at_once(shell: Shell):
    """CPS, channels and fleet capacity of a running campaign may be turned; its plan follows, its leads stay."""
    started(shell)
    slower = SITE.replace("calls_per_second = 10", "calls_per_second = 3").replace("channels = 100", "channels = 50")
    assert apply(shell, slower.replace("capacity = 60", "capacity = 45")).code == 0
    plan = running_plan(shell).plan
    assert (plan.carriers[0].calls_per_second, plan.carriers[0].channels, plan.target.capacity) == (3.0, 50, 45)


def test_an_active_campaign_is_not_edited(shell: Shell):
    """An active campaign refuses every change, and takes the file it already equals."""
    started(shell)
    answer = apply(shell, JUNE.replace("seats = 40", "seats = 20"))
    assert answer.code == 1
    assert "campaign june is active" in answer.err
    assert "campaign pause june" in answer.err
    assert apply(shell, JUNE).value["changes"] == []


def test_a_paused_campaign_goes_on_with_a_new_plan(shell: Shell):
    """Pacing, hours and retry of a paused campaign may change; the same run is dialled by them."""
    started(shell)
    shell.ask("campaign", "pause", "june")
    assert apply(shell, JUNE.replace("seats = 40", "seats = 20")).code == 0
    run = running_plan(shell)
    assert (run.number, run.state.value, run.plan.pacing.seats) == (1, "paused", 20)
    shell.ask("campaign", "resume", "june")


def test_a_paused_campaign_may_not_lose_what_it_needs(shell: Shell):
    """A change that the pre-flight check would refuse is refused, and the old plan stays."""
    started(shell)
    shell.ask("campaign", "pause", "june")
    answer = apply(shell, JUNE.replace("seats = 40", "seats = 61"))
    assert answer.code == 1
    assert "bot collections takes 60 calls" in answer.err
    assert running_plan(shell).plan.pacing.seats == 40


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [('lists = ["june"]', "lists = []", "lists"), ('bot = "collections"', 'ivr = "9000"', "connect")],
)
def test_contacts_and_connection_are_locked_after_the_first_start(shell: Shell, before: str, after: str, key: str):
    """Who was called and by what stays as it was, for the audit; a clone may differ."""
    started(shell)
    shell.ask("campaign", "pause", "june")
    answer = apply(shell, JUNE.replace(before, after))
    assert answer.code == 1
    assert f"{key} cannot be changed" in answer.err
    assert "campaign clone june" in answer.err


def test_several_files_are_applied_all_or_none(shell: Shell):
    """One mistake in one of two files leaves both unapplied; every mistake of both is told, each with its file."""
    site = shell.file("site.toml", SITE.replace("channels = 100", "channels = 0"))
    june = shell.file("june.toml", JUNE.replace("seats = 40", 'seats = "many"'))
    answer = shell.give("apply", site, june)
    assert answer.code == 2
    lines = answer.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"trunkline: {site}: carrier.0.channels: ")
    assert lines[1].startswith(f"trunkline: {june}: pacing.seats: ")
    assert shell.ask("campaign", "ls") == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a = ", b"[[[[", b"x = " + b"[" * 3000, b"n = " + b"9" * 5000])
def test_a_file_that_is_no_campaign_and_no_site_is_refused_whole(shell: Shell, content: bytes):
    """Empty, binary, broken or absurd files are one line on stderr and exit code 2; an empty one does not empty the site."""
    shell.ready()
    (shell.folder / "odd.toml").write_bytes(content)
    answer = shell.give("apply", str(shell.folder / "odd.toml"))
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert "north" in shell.ask("export", "site")["toml"]


def test_a_missing_file_is_told(shell: Shell):
    """A file that is not there is a mistake with its place."""
    answer = shell.give("diff", str(shell.folder / "none.toml"))
    assert answer.code == 2
    assert "none.toml: cannot be read" in answer.err


def test_diff_shows_and_changes_nothing(shell: Shell):
    """Diff prints the lines that would change, and leaves the store as it was; without a change it says so."""
    shell.ready()
    changed = shell.file("changed.toml", JUNE.replace("seats = 40", "seats = 20"))
    shown = shell.give("diff", changed)
    assert shown.code == 0
    assert "-seats = 40" in shown.out
    assert "+seats = 20" in shown.out
    value = shell.ask("diff", changed)["changes"]
    assert value[0]["fields"]["pacing"][0]["seats"] == 40
    assert shell.give("diff", shell.file("same.toml", JUNE)).out.strip() == "nothing to change"
    assert CampaignStore(shell.database).get("june").spec.pacing.seats == 40


def test_export_writes_what_apply_reads(shell: Shell):
    """Exported site and campaign, applied to the store they came from, change nothing."""
    shell.ready()
    shell.ask("export", "site", "--output", "site-out.toml")
    printed = shell.give("export", "campaign", "june").out
    assert shell.ask("apply", "site-out.toml", shell.file("june-out.toml", printed))["changes"] == []


def test_apply_through_the_stream_tells_the_two_kinds_of_file_apart(shell: Shell):
    """`campaign.apply` takes no site file, so that nobody replaces the site by a slip."""
    from controller.admin.commands import Commands, Desk
    from controller.admin.verbs import VERBS
    from controller.config import Limits
    from controller.errors import BadFile

    commands = Commands(Desk(shell.database, Limits()), VERBS)
    with pytest.raises(BadFile, match=r"site\.apply"):
        commands.execute(commands.read("campaign.apply", {"toml": SITE}), "ops")
    with pytest.raises(BadFile, match=r"campaign\.apply"):
        commands.execute(commands.read("site.apply", {"toml": JUNE}), "ops")
    assert commands.execute(commands.read("site.apply", {"toml": SITE}), "ops")["changes"]
