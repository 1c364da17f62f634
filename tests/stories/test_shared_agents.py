"""Campaigns that share agents (features 1.11): whose calls leave when all of them want the same people."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.pacing.board import Board, CallsInHand, Manner, Team
from controller.domain.pacing.drop_guard import DropLimit, Formula, WindowName
from controller.domain.pacing.priority import Turns
from controller.engine.tick import Tick, Wish, tick
from controller.simulator.course import Course
from controller.simulator.floors import Plan
from controller.simulator.people import Habits, People, Spread
from controller.simulator.world import World

LIMITS = (DropLimit(WindowName.RUN, Formula.US),)


def wish(priority: int, ready: int, mode: str = "progressive", leads: int = 1000, pool: str = "sales") -> Wish:
    board = Board(
        seats=1000,
        in_progress=0,
        fleet_free=None,
        channels_free=1000,
        calls_per_second=1000.0,
        rate_limited_by="carrier_cps",
        leads=leads,
        horizon_seconds=10.0,
        team=Team(pool, ready),
    )
    return Wish(mode, priority, board)


def rounds(wishes: dict[str, Wish], turns: Turns, count: int) -> Counter[str]:
    """Every round the same agents are free again; who got how many calls."""
    got: Counter[str] = Counter()
    for _ in range(count):
        for key in tick(wishes, turns).order:
            turns.granted(key)
            got[key] += 1
    return got


def test_a_free_agent_is_counted_once():
    """Two campaigns see the same four agents: four calls in all, not eight, and each decision says how many are its own."""
    decided = tick({"june": wish(5, 4), "july": wish(5, 4)}, Turns("weighted", Random(1)))
    assert len(decided.order) == 4
    assert sum(decision.calls for decision in decided.decisions.values()) == 4
    assert sum(decision.agents for decision in decided.decisions.values()) == 4
    assert {decision.binding for decision in decided.decisions.values()} == {"priority"}


def test_strict_gives_every_agent_to_the_higher_priority():
    """And the lower one gets what the higher cannot use."""
    turns = Turns("strict", Random(1))
    assert tick({"june": wish(9, 4), "july": wish(5, 4)}, turns).order == ["june"] * 4
    assert tick({"june": wish(9, 4, leads=1), "july": wish(5, 4)}, turns).order == ["june", "july", "july", "july"]


@pytest.mark.parametrize(("priorities", "shares"), [((5, 3), (0.625, 0.375)), ((10, 1), (10 / 11, 1 / 11))])
def test_weighted_gives_agents_in_proportion(priorities: tuple[int, int], shares: tuple[float, float]):
    """Five and three get 62.5 % and 37.5 % of the calls, even when a single agent is free at a time."""
    for ready in (1, 7):
        wishes = {"june": wish(priorities[0], ready), "july": wish(priorities[1], ready)}
        got = rounds(wishes, Turns("weighted", Random(3)), 400)
        assert got["june"] / got.total() == pytest.approx(shares[0], abs=0.02)


@pytest.mark.parametrize("policy", ["strict", "weighted"])
def test_equals_do_not_starve(policy: str):
    """Three campaigns of one priority and one agent: each gets its third within a few hundred rounds."""
    got = rounds({name: wish(5, 1) for name in ("may", "june", "july")}, Turns(policy, Random(5)), 600)
    assert all(150 <= got[name] <= 250 for name in ("may", "june", "july"))


def test_power_shares_its_agents_not_its_lines():
    """Ratio 3 takes three calls an agent: of two agents one goes to each campaign."""
    june, july = wish(5, 2, "power"), wish(5, 2, "power")
    wishes = {
        key: replace(one, board=replace(one.board, manner=Manner(ratio=3.0))) for key, one in (("june", june), ("july", july))
    }
    decided = tick(wishes, Turns("weighted", Random(1)))
    assert Counter(decided.order) == {"june": 3, "july": 3}
    assert {key: decision.agents for key, decision in decided.decisions.items()} == {"june": 1, "july": 1}


def test_teams_of_their_own_do_not_compete():
    """Another pool, other agents: nothing is divided."""
    decided = tick({"june": wish(9, 4), "july": wish(1, 4, pool="service")}, Turns("strict", Random(1)))
    assert Counter(decided.order) == {"june": 4, "july": 4}


def test_replacing_a_failed_line_takes_no_agent_of_others():
    """An agent already reserved gets a new call although another campaign took the last free one."""
    held = wish(1, 1)
    team = Team("sales", 1, reserved=2)
    held = replace(held, board=replace(held.board, team=team, hand=CallsInHand(ringing=(4.0,))))
    decided = tick({"june": held, "july": wish(9, 1)}, Turns("strict", Random(1)))
    assert decided.order.count("july") == 1


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(1, 10), st.integers(0, 30)), min_size=1),
    st.integers(0, 20),
    st.sampled_from(["strict", "weighted"]),
    st.integers(0, 9),
)
def test_a_pool_is_never_oversold_nor_left_idle(campaigns: dict[str, tuple[int, int]], ready: int, policy: str, seed: int):
    """As many calls leave as there are free agents, or leads if these are fewer."""
    wishes = {name: wish(priority, ready, leads=leads) for name, (priority, leads) in campaigns.items()}
    decided: Tick = tick(wishes, Turns(policy, Random(seed)))
    wanted = sum(min(leads, ready) for _, leads in campaigns.values())
    assert len(decided.order) == min(ready, wanted)


def shift(limits: tuple[DropLimit, ...]) -> dict[str, Course]:
    """Forty minutes of two predictive campaigns, priorities 5 and 3, with twenty agents between them."""
    chance = Random(11)
    people = People(Habits(answer_rate=0.3, wait_seconds=1.2), 25.0, chance)
    plans = [
        Plan(name, "predictive", people, 100_000, priority=priority, drop_limits=limits)
        for name, priority in (("june", 5), ("july", 3))
    ]
    return World(plans, 20, chance).live(2400.0)


def test_two_predictive_campaigns_share_their_calls_by_priority():
    """62.5 % of the calls are of the campaign with priority 5."""
    courses = shift(())
    assert courses["june"].calls / sum(course.calls for course in courses.values()) == pytest.approx(0.625, abs=0.03)


def test_two_predictive_campaigns_keep_their_limits_on_one_team():
    """The agents are busier than by progressive dialling, and neither campaign abandons more than its limit allows and one."""
    courses = shift(LIMITS)
    assert sum(course.occupancy for course in courses.values()) > 0.7
    for course in courses.values():
        assert course.abandoned <= 0.03 * course.answered + 1


@pytest.mark.parametrize("policy", ["strict", "weighted"])
@pytest.mark.parametrize(
    "modes", [("progressive", "predictive"), ("power", "predictive"), ("progressive", "power"), ("predictive", "predictive")]
)
@pytest.mark.parametrize("agents", [2, 12])
def test_no_mode_starves_another_of_the_same_priority(policy: str, modes: tuple[str, str], agents: int):
    """Who reserves agents before dialling leaves their part to who asks for them at the answer; both keep their limit. Not just
    half each: one whose first people were abandoned is held back by its own drop guard for a while."""
    chance = Random(11)
    people = People(Habits(answer_rate=0.5, talk=Spread(40.0), wait_seconds=1.2), 25.0, chance)
    plans = [Plan(f"{place} {mode}", mode, people, 100_000, drop_limits=LIMITS) for place, mode in enumerate(modes)]
    courses = World(plans, agents, chance, policy).live(5400.0 if agents < 10 else 1800.0)
    together = sum(course.connected for course in courses.values())
    for course in courses.values():
        assert course.connected > 0.2 * together
        assert course.abandoned <= 0.03 * course.answered + 1


def test_predictive_reserves_beside_a_campaign_that_reserves():
    """And says so; alone on its team it looks ahead again."""
    mixed = tick({"june": wish(5, 4), "july": wish(5, 4, "predictive")}, Turns("weighted", Random(1)))
    assert mixed.decisions["july"].agents >= 1
    both = {"june": wish(5, 4), "july": wish(5, 4, "predictive", leads=0)}
    assert (
        "power, because campaigns that reserve agents first" in tick(both, Turns("strict", Random(1))).decisions["july"].reason
    )
    assert tick({"july": wish(5, 4, "predictive")}, Turns("strict", Random(1))).decisions["july"].agents == 0
