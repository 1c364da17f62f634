"""What the agents' comings and goings teach, and whom a board counts on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.agents.agent import AgentState
from controller.domain.campaigns.plan import PlannedTarget
from controller.engine.crews import team_of
from controller.engine.lessons import Lessons
from controller.engine.wrap_ups import WrapUpEnded, WrapUps
from controller.ports import AgentView, RunningRun
from tests.engine.test_formula_desk import Hands
from tests.stories.floor import plan

SALES = PlannedTarget(kind="queue", name="sales", address="sales", capacity=None)


def agent(state: AgentState, age: float, name: str = "asha", queue: str = "sales", then_pause: str = "") -> AgentView:
    return AgentView(name, "node1", (queue,), frozenset(), state, "", age, 0.0, 0.0, then_pause, None)


@pytest.mark.parametrize(
    ("looks", "ended"),
    [
        ([(AgentState.WRAP_UP, 3.0), (AgentState.READY, 0.4)], WrapUpEnded(("sales",), 12.6, True)),
        ([(AgentState.WRAP_UP, 3.0), (AgentState.RESERVED, 0.0)], WrapUpEnded(("sales",), 13.0, True)),
        ([(AgentState.WRAP_UP, 3.0), (AgentState.AWAY, 1.0)], WrapUpEnded(("sales",), 12.0, False)),
        ([(AgentState.WRAP_UP, 3.0), None], WrapUpEnded(("sales",), 13.0, False)),
        ([(AgentState.TALKING, 40.0), (AgentState.READY, 2.0)], WrapUpEnded(("sales",), 0.0, True)),
        ([(AgentState.TALKING, 40.0), (AgentState.TALKING, 5.0)], WrapUpEnded(("sales",), 0.0, True)),
        ([(AgentState.TALKING, 40.0), (AgentState.AWAY, 0.0)], WrapUpEnded(("sales",), 0.0, False)),
        ([(AgentState.TALKING, 40.0), (AgentState.TALKING, 50.3)], None),
        ([(AgentState.TALKING, 40.0), (AgentState.WRAP_UP, 4.0)], None),
        ([(AgentState.WRAP_UP, 3.0), (AgentState.WRAP_UP, 13.2)], None),
        ([(AgentState.READY, 3.0), (AgentState.AWAY, 1.0)], None),
    ],
)
def test_a_wrap_up_ends_when_the_agent_does_something_else(
    looks: list[tuple[AgentState, float] | None], ended: WrapUpEnded | None
):
    """Two looks ten seconds apart: how long it lasted, and whether the agent is back for calls."""
    wrap_ups, found = WrapUps(), []
    for now, look in zip((100.0, 110.0), looks, strict=True):
        found += wrap_ups.look([] if look is None else [agent(*look)], now)
    assert [replace(one, seconds=round(one.seconds, 3)) for one in found] == ([] if ended is None else [ended])


def test_wrap_ups_are_learned_by_the_runs_of_the_agents_queue():
    """Fifty wrap-ups of a minute: the sales run expects a minute, another queue's keeps its guess of fifteen seconds."""
    clock = Hands()
    lessons = Lessons(clock)
    service = SALES.model_copy(update={"name": "service", "address": "service"})
    lessons.follow(
        [
            RunningRun(1, 1, "active", plan(mode="predictive", target=SALES)),
            RunningRun(2, 2, "active", plan("july", mode="predictive", target=service)),
            RunningRun(3, 3, "active", plan("august")),
        ]
    )
    for _ in range(50):
        lessons.look([agent(AgentState.WRAP_UP, 0.0)])
        clock.at += 60.0
        lessons.look([agent(AgentState.READY, 0.0)])
    sales, other = (lessons.estimates(run_id, (), ()) for run_id in (1, 2))
    assert sales is not None
    assert other is not None
    assert sales.wrap_up_seconds == pytest.approx(60.0, rel=0.2)
    assert other.wrap_up_seconds == pytest.approx(15.0, rel=0.1)
    assert lessons.estimates(3, (), ()) is None


def test_who_asked_for_a_pause_is_not_waited_for():
    """Of two who talk one goes to lunch afterwards: the board counts one."""
    views = [agent(AgentState.TALKING, 20.0), agent(AgentState.TALKING, 30.0, "vikram", then_pause="lunch")]
    team = team_of(plan(mode="predictive", target=SALES), views)
    assert (team.talking, team.staffed) == ((20.0,), 1)
