"""The pre-flight check: what keeps a campaign from starting, told all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from controller.domain.calls.answering import OnMachine
from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.campaigns.campaign import Campaign
from controller.domain.campaigns.preflight import Preflight, Problem, Surroundings, preflight
from controller.domain.site import Bot, Carrier, Number

MONDAY_NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""12:00 in Kolkata."""
MONDAY_EVENING = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
"""19:30 in Kolkata, after the hours below."""
SUNDAY_NOON = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)

SITE = Surroundings(
    carriers=(
        Carrier(name="north", gateway="north", calls_per_second=10, channels=60),
        Carrier(name="south", gateway="south", calls_per_second=10, channels=30),
    ),
    numbers=(
        Number(number="+911140001000", carrier="north"),
        Number(number="+911140001001", carrier="south", direction="both"),
        Number(number="+911140001002", carrier="north", direction="inbound"),
        Number(number="+911140001003", carrier="gone"),
    ),
    bots=(
        Bot(name="collections", uri="sip:c@10.0.0.5", capacity=40, tested=True),
        Bot(name="raw", uri="sip:r@10.0.0.5", capacity=10),
    ),
    dispositions=frozenset({"SALE MADE"}),
    list_sizes={"june": 100, "nobody": 0},
    dnc_lists=frozenset({"global", "own"}),
    busy_lists={},
    running=0,
    running_limit=50,
    staff={"sales": 4, "deserted": 0},
)


def campaign(**changes: Any) -> Campaign:
    """A campaign that may start, with some fields changed."""
    fields: dict[str, Any] = {
        "name": "june",
        "lists": ("june",),
        "connect": {"bot": "collections"},
        "numbers": {"pool": ("+911140001000", "+911140001001")},
        "pacing": {"seats": 40},
        "window": {"timezone": "Asia/Kolkata", "open": ({"hours": ("09:00-18:00",)},)},
    }
    return Campaign.model_validate(fields | changes)


def refused(result: Preflight) -> set[Problem]:
    return {finding.problem for finding in result.refusals}


def warned(result: Preflight) -> set[Problem]:
    return {finding.problem for finding in result.warnings}


def test_a_complete_campaign_may_start():
    """Numbers, a tested bot, contacts and open hours: nothing is refused and nothing warned of."""
    result = preflight(campaign(), SITE, MONDAY_NOON)
    assert result.passed
    assert result.complete
    assert result.warnings == ()


def test_every_reason_comes_at_once():
    """A campaign that lacks everything hears of everything, not of the first thing."""
    bare = campaign(connect=None, numbers=None, lists=(), dnc="none", dispositions=("ODD",), run="single_day")
    around = replace(SITE, running=50)
    assert refused(preflight(bare, around, MONDAY_EVENING)) == {
        Problem.NO_CONNECTION,
        Problem.NO_NUMBER,
        Problem.NO_LIST,
        Problem.DNC_LIST_UNKNOWN,
        Problem.DISPOSITION_UNKNOWN,
        Problem.WINDOW_OVER,
        Problem.TOO_MANY_RUNNING,
    }


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"connect": {"bot": "nobody"}}, {Problem.BOT_UNKNOWN}),
        ({"connect": {"bot": "raw"}, "pacing": {"seats": 10}}, {Problem.BOT_UNTESTED}),
        ({"pacing": {"seats": 41}}, {Problem.SEATS_ABOVE_FLEET}),
        ({"connect": {"ivr": "9000"}, "pacing": {"seats": 91}}, {Problem.SEATS_ABOVE_CHANNELS}),
        ({"numbers": {"pool": ("+911140001002",)}}, {Problem.NUMBER_INBOUND_ONLY, Problem.NO_NUMBER}),
        ({"numbers": {"pool": ("+911140009999",)}}, {Problem.NUMBER_UNKNOWN, Problem.NO_NUMBER}),
        ({"numbers": {"pool": ("+911140001003",)}}, {Problem.NUMBER_WITHOUT_CARRIER, Problem.NO_NUMBER}),
        ({"lists": ("june", "nobody")}, {Problem.LIST_EMPTY}),
        ({"lists": ("june", "july")}, {Problem.LIST_UNKNOWN}),
        ({"dnc": "absent"}, {Problem.DNC_LIST_UNKNOWN}),
        ({"retry": {"dispositions": ("LATER",)}}, {Problem.DISPOSITION_UNKNOWN}),
    ],
)
def test_each_lack_is_refused(changes: dict[str, Any], problems: set[Problem]):
    """One thing wrong gives the reasons that follow from it and no others."""
    assert refused(preflight(campaign(**changes), SITE, MONDAY_NOON)) == problems


def test_only_the_carriers_of_the_pool_count_for_seats():
    """Channels of a carrier whose numbers the campaign does not show are of no use to it."""
    one_carrier = campaign(connect={"ivr": "9000"}, numbers={"pool": ("+911140001001",)})
    assert Problem.SEATS_ABOVE_CHANNELS in refused(preflight(one_carrier, SITE, MONDAY_NOON))


def test_a_list_is_dialled_by_one_campaign_at_a_time():
    """Two campaigns may share a list, but while one runs on it the other may not start; it lacks nothing, though."""
    result = preflight(campaign(), replace(SITE, busy_lists={"june": "may"}), MONDAY_NOON)
    assert refused(result) == {Problem.LIST_BUSY}
    assert "may" in result.refusals[0].text
    assert result.complete


@pytest.mark.parametrize(
    ("run", "now", "problems", "warnings"),
    [
        ("single_day", MONDAY_EVENING, {Problem.WINDOW_OVER}, {Problem.WINDOW_SHUT}),
        ("continuous", MONDAY_EVENING, set(), {Problem.WINDOW_SHUT}),
        ("single_day", SUNDAY_NOON, set(), {Problem.WINDOW_SHUT}),
        ("single_day", MONDAY_NOON, set(), set()),
    ],
)
def test_a_single_day_run_needs_hours_ahead_on_its_day(run: str, now: datetime, problems: set[Problem], warnings: set[Problem]):
    """Once the day's hours have passed a single_day run has none; on a day without hours it waits for the next."""
    result = preflight(campaign(run=run), SITE, now)
    assert refused(result) == problems
    assert warned(result) == warnings


def test_one_number_for_many_seats_is_a_warning():
    """Few numbers for the concurrency do not stop a campaign; its owner is told."""
    thin = preflight(campaign(numbers={"pool": ("+911140001000",)}), SITE, MONDAY_NOON)
    assert thin.passed
    assert warned(thin) == {Problem.FEW_NUMBERS}


def test_callbacks_need_both_halves():
    """Callback detection without a bot that offers callbacks is told before the start."""
    assert warned(preflight(campaign(callback_detection=True), SITE, MONDAY_NOON)) == {Problem.CALLBACKS_HALF_ON}


def test_mode_and_connection_must_fit():
    """Agents cannot take calls that go to a bot."""
    assert refused(preflight(campaign(mode="power"), SITE, MONDAY_NOON)) == {Problem.NO_QUEUE}


def test_promql_needs_a_prometheus():
    """A query that nobody can evaluate keeps the campaign from starting; a number needs nobody."""
    query = campaign(pacing={"seats": 40, "formula": {"calls_to_start": "sum(up)"}})
    assert refused(preflight(query, SITE, MONDAY_NOON)) == {Problem.NO_PROMETHEUS}
    assert preflight(query, replace(SITE, prometheus=True), MONDAY_NOON).passed
    assert preflight(campaign(pacing={"seats": 40, "formula": {"calls_to_start": 3}}), SITE, MONDAY_NOON).passed


def test_detection_must_be_able_to_do_what_it_is_told():
    """No message to leave, a bot that would be cut off, detection in power mode: each is refused, by name."""
    leave = {"enabled": True, "action_on_machine": "leave_message"}
    assert refused(preflight(campaign(amd=leave), SITE, MONDAY_NOON)) == {Problem.NO_MACHINE_MESSAGE}
    assert preflight(campaign(amd=leave | {"message": "/srv/vm.wav"}), SITE, MONDAY_NOON).passed
    both = leave | {"message": "/srv/vm.wav", "attach": "at_once"}
    assert refused(preflight(campaign(amd=both), SITE, MONDAY_NOON)) == {Problem.MACHINE_ATTACHED}
    to_agents = {"mode": "power", "connect": {"queue": "sales"}, "abandoned": {"message": "/srv/sorry.wav"}}
    assert preflight(campaign(**to_agents), SITE, MONDAY_NOON).passed
    assert refused(preflight(campaign(amd={"enabled": True}, **to_agents), SITE, MONDAY_NOON)) == {Problem.AMD_IN_POWER}


def test_system_defaults_of_detection_are_checked_too():
    """What a campaign leaves out is as in trunkline.toml: a message there is enough."""
    around = replace(SITE, amd=AmdDefaults(enabled=True, action_on_machine=OnMachine.LEAVE_MESSAGE))
    assert refused(preflight(campaign(), around, MONDAY_NOON)) == {Problem.NO_MACHINE_MESSAGE}
    assert preflight(campaign(amd={"enabled": False}), around, MONDAY_NOON).passed
    assert preflight(campaign(amd={"message": "/srv/vm.wav"}), around, MONDAY_NOON).passed


def test_people_without_an_agent_must_hear_who_called():
    """A queue without a message for abandoned calls may not start; a longer patience than the law's is worth a warning."""
    to_agents = campaign(mode="predictive", connect={"queue": "sales"})
    assert refused(preflight(to_agents, SITE, MONDAY_NOON)) == {Problem.NO_ABANDONED_MESSAGE}
    patient = campaign(
        mode="predictive", connect={"queue": "sales"}, abandoned={"message": "/srv/sorry.wav", "patience_seconds": 5}
    )
    found = preflight(patient, SITE, MONDAY_NOON)
    assert found.passed
    assert Problem.PATIENCE_LONG in {finding.problem for finding in found.warnings}


@pytest.mark.parametrize(
    ("queue", "problems"),
    [("sales", set()), ("deserted", {Problem.QUEUE_UNSTAFFED}), ("nowhere", {Problem.QUEUE_UNKNOWN})],
)
def test_a_queue_must_be_there_and_have_agents(queue: str, problems: set[Problem]):
    """Of the site, not of the moment: who is logged in may change any time."""
    to_agents = campaign(mode="progressive", connect={"queue": queue}, abandoned={"message": "/srv/sorry.wav"})
    assert refused(preflight(to_agents, SITE, MONDAY_NOON)) == problems
