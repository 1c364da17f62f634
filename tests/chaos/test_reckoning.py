"""The reckoning must find what is wrong: each kind of wrong, in records made by hand."""

from __future__ import annotations

from controller.demo.audit import FarCall, Findings, Row, audit
from controller.domain.agents.agent import AgentState, Seizure
from controller.ports import AgentView
from controller.storage.exports import AttemptRow
from tests.chaos.agents import idle, stuck, two_at_once
from tests.chaos.files import Limits
from tests.chaos.reckoning import most_at_once, most_within, over_limit, over_rate


def row(name: str, outcome: str, contact: int = 1, ended_at: float | None = 10.0) -> Row:
    return Row(name, contact, f"1617555{contact:04d}", ended_at, outcome, 3)


def far(name: str, at: float, end: str, contact: int = 1, ended: float | None = None, connected: bool = False) -> FarCall:
    return FarCall(at, name, f"1617555{contact:04d}", end, "east", ended, connected)


def held(rows: list[Row], calls: list[FarCall]) -> Findings:
    return audit(rows, calls, crashes=True)


def test_calls_to_one_number_that_follow_one_another_are_no_double():
    """A retry after the end of the call before it is what a campaign is for."""
    rows = [row("a", "busy", ended_at=1.5), row("b", "answered", ended_at=9.0)]
    assert held(rows, [far("a", 1.0, "busy", ended=1.4), far("b", 2.0, "answered", ended=8.9)]).clean


def test_a_call_that_the_far_end_still_has_makes_the_next_one_a_double():
    """What counts is how long the far end had the call, not when we believed that it was over."""
    rows = [row("a", "unknown", ended_at=1.5), row("b", "busy", ended_at=2.5)]
    assert held(rows, [far("a", 1.0, "busy", ended=3.0), far("b", 2.0, "busy", ended=2.4)]).doubles == ["calls a and b overlap"]


def test_whoever_was_connected_is_not_called_again():
    """Though we had noted the call as unknown: the far end knows that the person talked to the bot."""
    rows = [row("a", "unknown", ended_at=1.5), row("b", "busy", ended_at=9.0)]
    calls = [far("a", 1.0, "answered", ended=1.4, connected=True), far("b", 5.0, "busy", ended=5.2)]
    assert held(rows, calls).doubles == ["contact 1 was connected by a, then b"]


def test_a_call_that_left_and_was_not_charged_is_a_mismatch():
    """The phone rang: it may not be noted as if no call had left."""
    assert len(held([row("a", "not_dialled")], [far("a", 1.0, "no_answer")]).mismatches) == 1


def test_after_crashes_an_unknown_attempt_may_never_have_left():
    """Better one call too few than one too many; without a crash there is no excuse."""
    assert held([row("a", "unknown")], []).clean
    assert len(audit([row("a", "unknown")], []).mismatches) == 1


def attempt(name: str, campaign: str) -> AttemptRow:
    return AttemptRow(name, 1, campaign, 1, 1, "", "east", "n", 0.0, *([None] * (len(AttemptRow._fields) - 9)))


def talk(name: str, agent: str, begin: float, end: float) -> AttemptRow:
    return attempt(name, "july")._replace(connected_to=agent, connected_at=begin, ended_at=end)


def test_an_agent_with_two_calls_is_found_by_the_far_ends_own_times():
    """What counts is when the far end had the call, not when its end was written."""
    talks = [talk("a", "ann", 1.0, 9.0), talk("b", "ann", 5.0, 8.0), talk("c", "bob", 5.0, 8.0)]
    assert two_at_once(talks, [far("a", 0.0, "answered", ended=4.9)], {"ann", "bob"}) == []
    assert len(two_at_once(talks, [far("a", 0.0, "answered", ended=5.9)], {"ann", "bob"})) == 1
    assert idle(talks, ["ann"]) == []
    assert idle(talks, ["cem"]) == ["nobody talked to an agent"]


def test_an_agent_who_is_not_ready_when_all_is_over_is_stuck():
    """Held for a call that has long ended, or not let in again."""
    held = Seizure("ann", "c1", "sales", "july")
    views = [
        AgentView("ann", "n", ("sales",), frozenset(), AgentState.RESERVED, "", 9.0, 0.0, 0.0, "", held),
        AgentView("bob", "n", ("sales",), frozenset(), AgentState.READY, "", 9.0, 0.0, 0.0, "", None),
    ]
    assert stuck(views, ["ann", "bob", "cem"]) == ["ann is reserved for c1", "cem cannot log in"]


def test_the_most_calls_at_once_are_counted_at_the_far_end():
    """One call ends in the moment the next begins: never two. Three over one moment: three."""
    assert most_at_once([(1.0, 2.0), (2.0, 3.0)])[0] == 1
    assert most_at_once([(1.0, 4.0), (2.0, 4.0), (3.0, 4.0)]) == (3, 3.0)


def test_any_one_second_window_counts():
    """Ten calls around the turn of a second are ten in one second."""
    assert most_within([0.9, 0.95, 1.0, 1.05, 1.91], 1.0) == (4, 0.9)


def test_calls_that_were_held_up_on_their_way_are_told_apart_from_calls_too_many():
    """Two that came 950 ms apart: the first had left long before; or neither was late; or they left as near each other."""
    limits = Limits(calls_per_second={"east": 1}, channels={"east": 9}, seats={"june": 9}, fleet=9)
    calls = [far("a", 1.0, "busy", ended=1.2), far("b", 1.95, "busy", ended=2.1)]
    found = [over_rate(calls, left, limits) for left in ({"a": 0.9, "b": 1.94}, {"a": 0.98, "b": 1.99}, {"a": 0.5, "b": 0.6})]
    assert [(len(wrong), len(bunched)) for wrong, bunched in found] == [(0, 1), (1, 0), (1, 0)]
    wrong, bunched = over_rate(calls, {"b": 1.94}, limits)
    assert (wrong, len(bunched)) == ([], 1), "nobody knows when the first one left"


def test_each_limit_is_held_against_its_own_calls():
    """Two calls at once, where each of seats, fleet and channels allows one."""
    limits = Limits(calls_per_second={"east": 1}, channels={"east": 1}, seats={"june": 1}, fleet=1)
    calls = [far("a", 1.0, "answered", 1, ended=3.0), far("b", 1.5, "answered", 2, ended=3.0)]
    kinds = [sentence.split(" of ")[0] for sentence in over_limit([attempt("a", "june"), attempt("b", "june")], calls, limits)]
    assert sorted(kinds) == ["channels", "fleet", "seats"]
