"""An agent's day: which event leads where, and which do not apply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.agents import agent as rules
from controller.domain.agents.agent import Agent, AgentState, Refusal, ReservationEnd, Seizure
from controller.domain.agents.assignment import fits, longest_idle

ANN = Agent("ann", "fs1", ("sales",), frozenset({"tamil"}), since=1.0)
HELD = Seizure("ann", "c1", "sales", "june")
TALK = replace(HELD, talking=True)


def ready() -> Agent:
    after = rules.ready(ANN, 10.0)
    assert isinstance(after, Agent)
    return after


def reserved() -> Agent:
    after = rules.reserve(ready(), HELD, 50.0, 20.0)
    assert after is not None
    return after


def talking() -> Agent:
    after = rules.connect(reserved(), HELD, "c1", 60.0, 30.0)
    assert after is not None
    return after


def wrapping() -> Agent:
    after = rules.finish(talking(), TALK, 15.0, 40.0)
    assert after is not None
    return after


def test_a_call_leads_from_ready_to_wrap_up():
    """Each state begins where the last one ended; the hold is the call's from the moment they talk."""
    assert (ready().state, ready().idle_since) == (AgentState.READY, 10.0)
    assert (reserved().state, reserved().lapses_at) == (AgentState.RESERVED, 50.0)
    assert (talking().seizure, talking().last_call) == (TALK, "c1")
    assert (wrapping().state, wrapping().lapses_at, wrapping().seizure) == (AgentState.WRAP_UP, 55.0, None)


@pytest.mark.parametrize("agent", [ANN, talking(), wrapping(), reserved()])
def test_only_a_ready_agent_is_reserved(agent: Agent):
    """Nobody has two calls (invariant I9)."""
    assert rules.reserve(agent, replace(HELD, holder="c2"), 99.0, 50.0) is None


def test_reserved_grants_no_wish():
    """System Busy (features 3.7)."""
    assert rules.ready(reserved(), 25.0) is Refusal.SYSTEM_BUSY
    assert rules.pause(reserved(), "lunch", 25.0) is Refusal.SYSTEM_BUSY
    assert rules.may_leave(reserved()) is Refusal.SYSTEM_BUSY


def test_a_talk_is_not_left_but_a_pause_may_follow_it():
    """Asked for during the call, it comes after the wrap-up; ready takes it back."""
    assert rules.may_leave(talking()) is Refusal.ON_CALL
    asked = rules.pause(talking(), "lunch", 35.0)
    assert isinstance(asked, Agent)
    assert (asked.state, asked.then_pause) == (AgentState.TALKING, "lunch")
    wrapped = rules.finish(asked, TALK, 15.0, 40.0)
    assert wrapped is not None
    after = rules.lapse(wrapped, 60.0)
    assert after is not None
    assert (after.state, after.reason, after.since) == (AgentState.AWAY, "lunch", 55.0)
    taken_back = rules.ready(asked, 36.0)
    assert isinstance(taken_back, Agent)
    assert taken_back.then_pause == ""


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (ReservationEnd.RETURNED, AgentState.READY, ""),
        (ReservationEnd.TIMEOUT, AgentState.READY, ""),
        (ReservationEnd.RONA, AgentState.AWAY, "rona"),
    ],
)
def test_a_reservation_without_talk_ends(end: ReservationEnd, state: AgentState, reason: str):
    """Ready again with the old place among the idle, or away when the phone was not picked up."""
    after = rules.release(reserved(), HELD, end, 30.0)
    assert after is not None
    assert (after.state, after.reason, after.seizure) == (state, reason, None)
    assert after.idle_since == 10.0


@pytest.mark.parametrize(
    ("agent", "state", "since"),
    [
        (reserved(), AgentState.READY, 50.0),
        (talking(), AgentState.AWAY, 60.0),
        (wrapping(), AgentState.READY, 55.0),
    ],
)
def test_what_nobody_renews_ends_by_itself(agent: Agent, state: AgentState, since: float):
    """At its due moment, whenever somebody looks; not a moment earlier. A forgotten talk makes nobody ready."""
    assert agent.lapses_at == since
    assert rules.lapse(agent, since - 0.001) is None
    after = rules.lapse(agent, since + 100.0)
    assert after is not None
    assert (after.state, after.since) == (state, since)


def test_a_hold_of_somebody_else_does_nothing():
    """Late words of a call whose reservation is over, or was never its own."""
    other = replace(HELD, holder="c2")
    assert rules.connect(reserved(), other, "c2", 60.0, 30.0) is None
    assert rules.release(reserved(), other, ReservationEnd.RONA, 30.0) is None
    assert rules.renew(reserved(), other, 99.0, 30.0) is None
    assert rules.finish(talking(), replace(TALK, holder="c2"), 15.0, 40.0) is None
    assert rules.finish(reserved(), HELD, 15.0, 40.0) is None


@pytest.mark.parametrize(
    ("state", "entered", "reason"),
    [
        (AgentState.READY, AgentState.READY, ""),
        (AgentState.WRAP_UP, AgentState.READY, ""),
        (AgentState.AWAY, AgentState.AWAY, "lunch"),
        (AgentState.TALKING, AgentState.AWAY, "call_lost"),
        (AgentState.RESERVED, AgentState.AWAY, "call_lost"),
    ],
)
def test_who_is_entered_anew_gets_no_call_that_may_be_a_second(state: AgentState, entered: AgentState, reason: str):
    """After the live state was lost; who held the agent takes it up again, and nobody after a plain login."""
    after = rules.entered("ann", "fs1", ("sales",), frozenset(), state, "lunch", True, 5.0)
    assert (after.state, after.reason) == (entered, reason)
    held = rules.renew(after, TALK, 35.0, 6.0)
    assert held is not None
    assert (held.state, held.seizure) == (AgentState.TALKING, TALK)
    anew = rules.entered("ann", "fs1", ("sales",), frozenset(), AgentState.AWAY, "login", False, 5.0)
    assert rules.renew(anew, TALK, 35.0, 6.0) is None


def test_wrap_up_grows_by_what_was_asked_for():
    """And only wrap-up."""
    longer = rules.extend_wrap_up(wrapping(), 30.0)
    assert longer is not None
    assert longer.lapses_at == 85.0
    assert rules.extend_wrap_up(ready(), 30.0) is None


def test_the_longest_idle_of_those_who_fit():
    """Node, queue, every skill, and nobody but the one who was promised."""
    bob = replace(ready(), name="bob", idle_since=5.0, skills=frozenset())
    cem = replace(ready(), name="cem", idle_since=2.0, node="fs2")
    floor = [ready(), bob, cem]
    assert longest_idle(floor, "fs1", "sales") == bob
    assert longest_idle(floor, "fs1", "sales", frozenset({"tamil"})) == ready()
    assert longest_idle(floor, "fs1", "sales", only="ann") == ready()
    assert longest_idle(floor, "fs1", "service") is None
    assert longest_idle([reserved(), talking()], "fs1", "sales") is None
    assert fits(talking(), "fs1", "sales", frozenset(), None)


def test_equals_are_told_apart_by_name():
    """So that every pool decides alike."""
    assert longest_idle([replace(ready(), name="bob"), ready()], "fs1", "sales") == ready()
