"""Formulas at work: evaluated every pulse, beside the dial loop, and told when they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from controller.domain.campaigns.pacing import FormulaPacing, Pacing
from controller.domain.pacing.board import Team
from controller.domain.pacing.formula_value import Fault, Reading
from controller.engine.formula_desk import FormulaDesk
from controller.ports import RunningRun
from tests.stories.floor import NobodyWatches, plan

T = TypeVar("T")


class Hands:
    """A clock that is moved by hand, and a source that says what it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.answer: float | Fault = 4.0
        self.asked: list[float | str] = []

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def evaluate(self, expression: float | str) -> Reading:
        self.asked.append(expression)
        if isinstance(expression, float):
            return Reading(self.at, expression)
        if isinstance(self.answer, Fault):
            return Reading(self.at, fault=self.answer, detail="told to")
        return Reading(self.at, self.answer)


def at_once(work: Callable[[], T]) -> T:
    return work()


def run(formula: FormulaPacing | None, run_id: int = 1) -> RunningRun:
    mode = "predictive" if formula is not None and formula.agents_to_seize is not None else "agentless"
    return RunningRun(run_id, 1, "active", plan(mode=mode, pacing=Pacing(seats=100, formula=formula)))


def desk(hands: Hands, watch: NobodyWatches | None = None, **keys: object) -> FormulaDesk:
    made = FormulaDesk(hands, at_once, hands, watch or NobodyWatches())
    made.follow([run(FormulaPacing.model_validate({"calls_to_start": "x", "pulse_seconds": 10} | keys))])
    return made


def test_campaign_without_a_formula_has_no_order():
    """Nothing is evaluated for campaigns that are paced otherwise."""
    hands = Hands()
    made = FormulaDesk(hands, at_once, hands, NobodyWatches())
    made.follow([run(None)])
    made.look()
    assert made.order(1) is None
    assert hands.asked == []


def test_formula_is_evaluated_once_a_pulse():
    """Ten seconds between two questions, and calls of a pulse are counted until the next begins."""
    hands = Hands()
    made = desk(hands)
    for _ in range(5):
        made.look()
        hands.sleep(1.0)
    made.started(1, 3)
    order = made.order(1)
    assert order is not None
    assert (order.calls, order.started, order.agents, order.per_agent, order.note) == (4.0, 3, None, False, "")
    hands.sleep(5.0)
    made.look()
    order = made.order(1)
    assert order is not None
    assert order.started == 0
    assert hands.asked == ["x", "x"]


def test_before_the_first_answer_the_safe_value_is_dialled_by():
    """A campaign may be looked at before its formula was asked for the first time."""
    order = desk(Hands(), safe_calls=2).order(1)
    assert order is not None
    assert order.calls == 2.0
    assert "not yet" in order.note


def test_outage_is_bridged_then_safe_then_over():
    """Prometheus goes away: the last value holds for a minute, then the safe one; with the next answer all is well."""
    hands, watch = Hands(), NobodyWatches()
    made = desk(hands, watch)
    made.look()
    hands.answer = Fault.UNREACHABLE
    values = []
    for _ in range(8):
        hands.sleep(10.0)
        made.look()
        order = made.order(1)
        assert order is not None
        values.append(order.calls)
    assert values == [4.0] * 6 + [1.0] * 2
    assert watch.counts["formula_fault"] == 8
    hands.answer = 6.0
    hands.sleep(10.0)
    made.look()
    order = made.order(1)
    assert order is not None
    assert (order.calls, order.note) == (6.0, "")


def test_evaluation_that_hangs_makes_the_value_stale():
    """No look comes back for a minute: what the dial loop reads gives way to the safe value by itself."""
    hands = Hands()
    made = desk(hands)
    made.look()
    hands.sleep(61.0)
    order = made.order(1)
    assert order is not None
    assert (order.calls, "stale" in order.note) == (1.0, True)


def test_agents_to_seize_are_whole():
    """A query says 4.0 lines, a number says seven and a half agents: seven are seized."""
    hands = Hands()
    made = desk(hands, agents_to_seize=7.5)
    made.look()
    order = made.order(1)
    assert order is not None
    assert (order.agents, order.per_agent, order.calls) == (7, True, 4.0)


def test_edited_formula_begins_anew_and_one_of_a_run_that_ended_is_forgotten():
    """A paused campaign's formula may be edited; its old value must not pace the new one."""
    hands = Hands()
    made = desk(hands)
    made.look()
    made.follow([run(FormulaPacing(calls_to_start="y", pulse_seconds=10))])
    order = made.order(1)
    assert order is not None
    assert order.calls == 1.0
    made.look()
    assert hands.asked == ["x", "y"]
    made.follow([])
    assert made.order(1) is None


def test_agents_that_cannot_be_seized_are_counted():
    """Three agents are wanted, one is free: two requests wait, and time out after the campaign's seconds."""
    hands, watch = Hands(), NobodyWatches()
    made = desk(hands, watch, agents_to_seize=3, seize_seconds=20)
    made.look()
    team = Team("sales", ready=1, talking=(5.0,))
    for _ in range(20):
        made.order(1, team)
        hands.sleep(1.0)
    assert watch.counts["agent_seizure"] == 0
    made.order(1, team)
    assert watch.counts["agent_seizure"] == 2
