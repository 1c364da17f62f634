"""The table ``[pacing]``: what an owner may write for each dialling mode."""

from __future__ import annotations

from typing import Any

import pytest

from controller.domain.campaigns.campaign import Campaign, read_campaign
from controller.domain.campaigns.pacing import DropGuard, FormulaPacing, Pacing
from controller.domain.pacing.drop_guard import Formula, WindowName


def written(mode: str = "predictive", **pacing: Any) -> Campaign | list[str]:
    window = {"timezone": "Asia/Kolkata", "open": [{"hours": ["09:00-18:00"]}]}
    return read_campaign({"name": "june", "mode": mode, "window": window, "pacing": pacing})


@pytest.mark.parametrize("mode", ["agentless", "progressive", "power", "predictive", "preview"])
def test_every_mode_needs_no_key_of_its_own(mode: str):
    """Power dials two calls an agent and the drop guard holds at three in a hundred unless the owner says otherwise."""
    campaign = written(mode)
    assert isinstance(campaign, Campaign)
    assert (campaign.pacing.ratio, campaign.pacing.min_agents) == (2.0, 10)
    limits = campaign.pacing.drop_guard.limits()
    assert {limit.window for limit in limits} == set(WindowName)
    assert {(limit.hard, limit.formula) for limit in limits} == {(0.03, Formula.US)}


def test_campaigns_of_messages_are_refused_by_name():
    """A campaign of messages is refused in words, not as a misspelt mode."""
    assert written("message") == ["mode: campaigns of messages (SMS, WhatsApp) are not there yet"]


@pytest.mark.parametrize("ratio", [0.5, 10.5])
def test_power_ratio_lies_between_one_and_ten(ratio: float):
    """A ratio outside 1 to 10 is a mistake of the file."""
    found = written("power", ratio=ratio)
    assert isinstance(found, list)
    assert found[0].startswith("pacing.ratio: ")


@pytest.mark.parametrize(("rule", "percent", "allowed"), [("us", 3, True), ("uk", 3.1, False), ("canada", 5, True)])
def test_hard_limit_cannot_pass_the_rule_that_is_named(rule: str, percent: float, allowed: bool):
    """Nobody can allow more abandoned calls than the regulator does."""
    assert isinstance(written(drop_guard={"rule": rule, "hard_percent": percent}), Campaign) is allowed


def test_limits_of_the_drop_guard_are_in_order():
    """A guard that would be released above the limit that set it off is a mistake."""
    found = written(drop_guard={"hard_percent": 2.0, "release_percent": 2.1})
    assert found == ["pacing.drop_guard: soft_percent and release_percent must not be above hard_percent"]


def test_limits_that_are_left_out_follow_the_hard_one():
    """Lowering the hard limit alone lowers where pacing holds back and where it is released; each window has its limit."""
    limits = DropGuard(hard_percent=1.5, windows=(WindowName.MONTH, WindowName.RUN), rule=Formula.CANADA).limits()
    assert [limit.window for limit in limits] == [WindowName.MONTH, WindowName.RUN]
    for limit in limits:
        assert (limit.hard, limit.soft, limit.release) == pytest.approx((0.015, 0.01425, 0.01475))
        assert limit.formula is Formula.CANADA


def test_number_in_quotes_needs_no_prometheus():
    """A formula may be a plain number, quoted or not; what is neither number nor query is refused."""
    formula = FormulaPacing(calls_to_start="3", agents_to_seize=10)
    assert (formula.calls_to_start, formula.agents_to_seize, formula.queries) == (3.0, 10.0, ())
    assert FormulaPacing(calls_to_start="sum(up) / 2").queries == ("sum(up) / 2",)
    for absurd in ("nan", "inf", "-1", ""):
        found = written(formula={"calls_to_start": absurd})
        assert isinstance(found, list), absurd


def test_formula_counts_for_an_agent_where_agents_are_seized():
    """One seized agent is worth so many calls; without seizing, the formula is for the whole campaign and pulse."""
    assert FormulaPacing(calls_to_start=1, agents_to_seize=5).per_agent
    assert not FormulaPacing(calls_to_start=1).per_agent
    assert not FormulaPacing(calls_to_start=1, agents_to_seize=5, calls_for="pulse").per_agent
    assert isinstance(written(formula={"calls_to_start": 1, "calls_for": "agent"}), list)


def test_no_formula_dials_more_than_ten_calls_an_agent():
    """A formula is bound like a power ratio; for a pulse, by the campaign's seats."""
    assert isinstance(written(formula={"calls_to_start": "x", "agents_to_seize": 5, "most_calls": 11}), list)
    assert isinstance(written(seats=20, formula={"calls_to_start": "x", "most_calls": 21}), list)
    for_a_pulse = Pacing(seats=20, formula=FormulaPacing(calls_to_start="x"))
    for_an_agent = Pacing(seats=20, formula=FormulaPacing(calls_to_start="x", agents_to_seize=1))
    assert [one.formula_bounds()["calls_to_start"].most for one in (for_a_pulse, for_an_agent)] == [20, 10]


@pytest.mark.parametrize("mode", ["progressive", "power", "preview"])
def test_modes_with_a_pace_of_their_own_take_no_formula(mode: str):
    """One call an agent, a ratio and an agent's own hand cannot be overruled by a formula."""
    found = written(mode, formula={"calls_to_start": 1})
    assert isinstance(found, list)
    assert f"mode {mode} has a pace of its own" in found[0]


def test_agentless_campaign_seizes_nobody():
    """An agentless campaign may dial by a formula, but has no agents to seize."""
    assert isinstance(written("agentless", formula={"calls_to_start": "x"}), Campaign)
    found = written("agentless", formula={"calls_to_start": "x", "agents_to_seize": 3})
    assert found == ["file: pacing.formula.agents_to_seize: mode agentless has no agents"]


@pytest.mark.parametrize(
    ("mode", "formula", "reserves"),
    [
        ("progressive", None, True),
        ("power", None, True),
        ("preview", None, True),
        ("predictive", None, False),
        ("predictive", {"calls_to_start": 2, "agents_to_seize": 5}, True),
        ("predictive", {"calls_to_start": 2}, False),
        ("agentless", None, False),
    ],
)
def test_who_is_reserved_before_the_call(mode: str, formula: dict[str, Any] | None, reserves: bool):
    """All agent modes but predictive hold an agent before dialling; predictive does where a formula seizes agents."""
    campaign = written(mode, **({"formula": formula} if formula else {}))
    assert isinstance(campaign, Campaign)
    assert campaign.pacing.reserves_first(campaign.mode) is reserves


def test_plan_of_a_run_that_began_before_the_other_modes_is_read():
    """A run stored by an earlier version is dialled on: its plan knows seats and rate only."""
    before = {"seats": 20, "calls_per_second": 5.0}
    assert Pacing.model_validate(before) == Pacing(seats=20, calls_per_second=5.0)
