"""Agents' calls: who is sought, joined and let go, and what becomes of everybody when a phone or a process fails."""

from __future__ import annotations

import pytest

from controller.domain.agents.agent import ReservationEnd, Seizure, SeizureOutcome
from controller.domain.agents.line import (
    JoinFailed,
    LineDown,
    LineEvent,
    LineKind,
    LineUp,
    LiveLine,
    RingNoAnswer,
    TalkEnded,
    Transferred,
)
from controller.domain.calls.events import AgentLost, AgentReserved, FoundTalking, HandedOver, NoAgent
from controller.errors import LiveStateDown, NotFound, Refused, SwitchDown, WrongState
from controller.live.agent_memory import MemoryAgents
from controller.ports import AgentRequest, Presence
from controller.ports import NoAgent as Nobody
from tests.stories.agents import Floor, nailed, on_hook


def at_work(*names: str, wrap_up: float = 10.0) -> Floor:
    """Nailed-up agents, logged in and ready one after the other."""
    floor = Floor(*(nailed(name) for name in names), wrap_up=wrap_up)
    for name in names:
        floor.clock.seconds += 1.0
        floor.desk.login(name, ready=True)
        floor.desk.take(name, LineUp(floor.clock.now()))
    floor.desk.look()
    floor.desk.write_down()
    return floor


def joined(floor: Floor, call: str = "c1", agent: str = "ann") -> None:
    """The call has found the agent and talks."""
    floor.desk.calls.seek(call, "sales", "june", 2.0)
    floor.desk.calls.join(call, agent, "Asha", "+919812345601")


def test_a_nailed_up_agent_is_in_when_the_phone_is_picked_up():
    """Ringing first; away until ready; the session begins with the line."""
    floor = Floor(nailed("ann"))
    assert floor.desk.login("ann", ready=False) == "ringing"
    assert floor.state("ann") == "out"
    floor.desk.take("ann", LineUp(1.0))
    floor.desk.write_down()
    assert (floor.state("ann"), floor.records.open_sessions) == ("away", {"ann": "a"})
    with pytest.raises(WrongState, match="logged in already"):
        floor.desk.login("ann", ready=False)


def test_a_phone_that_refuses_is_told_by_its_cause():
    """The agent is not in, and the record of the login says what the switch said."""
    floor = Floor(nailed("ann"))
    floor.desk.login("ann", ready=True)
    floor.desk.take("ann", LineDown(1.0, "refused", "SUBSCRIBER_ABSENT"))
    floor.desk.write_down()
    assert floor.state("ann") == "out"
    assert floor.records.ended == [("ann", "line_down: refused (SUBSCRIBER_ABSENT)")]


def test_an_on_hook_agent_is_in_at_once():
    """Nothing rings before there is a call."""
    floor = Floor(on_hook("bob"))
    assert floor.desk.login("bob", ready=True) == "ready"
    assert floor.lines.asked == []


def test_a_login_that_fails_leaves_nothing_behind():
    """Unknown agent, or the switch is away: the next try begins anew."""
    floor = Floor(nailed("ann"))
    with pytest.raises(NotFound):
        floor.desk.login("nobody", ready=False)
    floor.lines.refuse = SwitchDown("no link")
    with pytest.raises(SwitchDown):
        floor.desk.login("ann", ready=False)
    floor.lines.refuse = None
    assert floor.desk.login("ann", ready=False) == "ringing"


def test_a_phone_that_nobody_picks_up_logs_nobody_in():
    """The agent may try again; what is noted is a session of no length, with the reason."""
    floor = Floor(nailed("ann"))
    floor.desk.login("ann", ready=False)
    floor.desk.take("ann", RingNoAnswer(1.0))
    floor.desk.write_down()
    assert (floor.desk.holds("ann"), floor.records.open_sessions) == (False, {})
    assert floor.records.ended == [("ann", "line_down: no_answer")]


def test_a_person_gets_the_agent_who_is_idle_longest():
    """Reserved at once, joined on the call's word, with what the phone shows; the pool knows before the legs are joined."""
    floor = at_work("ann", "bob")
    joined(floor)
    assert floor.told("c1") == [AgentReserved(floor.clock.now(), "ann")]
    assert floor.lines.asked[-1] == ("join", "ann", "c1", "Asha", "+919812345601")
    assert floor.state("ann") == "talking"
    floor.desk.calls.release("c1", "ann", ReservationEnd.TALK, wrap_up=True)
    assert floor.state("ann") == "wrap_up"


def test_a_person_waits_for_the_first_agent_who_becomes_free():
    """The one who waits longest is served first, as soon as somebody says ready."""
    floor = at_work("ann")
    joined(floor)
    for call in ("c2", "c3"):
        floor.desk.calls.seek(call, "sales", "june", 2.0)
        floor.clock.seconds += 0.1
    assert floor.told("c2") == floor.told("c3") == []
    floor.desk.calls.release("c1", "ann", ReservationEnd.TALK, wrap_up=False)
    floor.desk.look()
    assert [type(event) for event in floor.told("c2")] == [AgentReserved]
    assert floor.told("c3") == []
    assert floor.freed >= 1


def test_nobody_waits_longer_than_allowed():
    """Two seconds, then the call hears that nobody came: somebody was logged in, so it is a timeout."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.calls.seek("c2", "sales", "june", 2.0)
    floor.clock.seconds += 2.0
    floor.desk.look()
    assert floor.told("c2") == [NoAgent(floor.clock.now(), "timeout")]
    assert floor.desk.calls.waiting == 0


def test_a_call_that_ends_while_waiting_takes_nobody():
    """It is forgotten; the agent goes to the next."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.calls.seek("c2", "sales", "june", 2.0)
    floor.desk.calls.forget("c2")
    floor.desk.calls.release("c1", "ann", ReservationEnd.TALK, wrap_up=False)
    floor.desk.look()
    assert (floor.told("c2"), floor.state("ann")) == ([], "ready")


def test_power_gives_the_agent_to_the_first_who_answers():
    """Two calls dialled for one agent: the second hears that the agent is taken, and the agent is kept until both are over."""
    floor = at_work("ann")
    (held,) = floor.desk.calls.reserve([floor.desk.calls.request("group", "sales", "june")])
    assert isinstance(held, Seizure)
    for call in ("c1", "c2", "c3"):
        floor.desk.calls.count_on("ann", call)
    floor.desk.calls.release("c3", "ann", ReservationEnd.RETURNED, wrap_up=False)
    assert floor.state("ann") == "reserved"
    floor.desk.calls.join("c2", "ann")
    floor.desk.calls.join("c1", "ann")
    assert floor.told("c1") == [AgentLost(floor.clock.now(), "ann", "taken")]
    floor.desk.calls.release("c1", "ann", ReservationEnd.RETURNED, wrap_up=False)
    assert floor.state("ann") == "talking"


def test_when_none_of_the_calls_comes_through_the_agent_is_ready_again():
    """With the last of them, and not before."""
    floor = at_work("ann")
    (held,) = floor.desk.calls.reserve([floor.desk.calls.request("group", "sales", "june")])
    for call in ("c1", "c2"):
        floor.desk.calls.count_on("ann", call)
    floor.desk.calls.forget("c1")
    assert floor.state("ann") == "reserved"
    floor.desk.calls.forget("c2")
    assert floor.state("ann") == "ready"
    floor.desk.calls.reserve([floor.desk.calls.request("other", "sales", "june")])
    assert isinstance(held, Seizure)
    floor.desk.calls.give_back(Seizure("ann", "other", "sales", "june"))
    assert floor.state("ann") == "ready"


def test_the_agent_of_a_promised_call_is_kept_for_it_alone():
    """No other call counts on that agent; busy, nobody is kept."""
    floor = at_work("ann", "bob")
    assert floor.desk.calls.keep_promised("c1", "sales", "june", "bob")
    assert not floor.desk.calls.keep_promised("c2", "sales", "june", "bob")
    assert floor.desk.calls.kept_for("june") == {}
    floor.desk.calls.join("c1", "bob")
    assert floor.state("bob") == "talking"


def test_an_on_hook_phone_rings_for_the_call():
    """As long as the queue says; the person is joined when it is picked up."""
    floor = Floor(on_hook("bob"))
    floor.desk.login("bob", ready=True)
    joined(floor, agent="bob")
    assert floor.lines.asked == [("open", "bob", "user/bob", LineKind.ON_HOOK, 12)]
    assert floor.state("bob") == "reserved"
    floor.desk.take("bob", LineUp(2.0))
    assert floor.lines.asked[-1][:3] == ("join", "bob", "c1")
    assert floor.state("bob") == "talking"


@pytest.mark.parametrize("event", [RingNoAnswer(3.0), LineDown(3.0, "refused", "USER_BUSY")])
def test_a_phone_not_picked_up_is_rona(event: LineEvent):
    """The agent is away, the person gets somebody else (features 4.7)."""
    floor = Floor(on_hook("bob"))
    floor.desk.login("bob", ready=True)
    joined(floor, agent="bob")
    floor.desk.take("bob", event)
    assert floor.told("c1")[-1] == AgentLost(floor.clock.now(), "bob", "rona")
    assert floor.state("bob") == "away"
    assert floor.desk.holds("bob")


def test_a_call_that_ends_stops_the_ringing():
    """The person hung up before the agent's phone was picked up; picked up all the same, it is hung up."""
    floor = Floor(on_hook("bob"))
    floor.desk.login("bob", ready=True)
    joined(floor, agent="bob")
    floor.desk.calls.release("c1", "bob", ReservationEnd.RETURNED, wrap_up=False)
    assert floor.lines.asked[-1] == ("close", "bob")
    assert floor.state("bob") == "ready"
    floor.desk.take("bob", LineUp(2.0))
    assert floor.lines.asked[-1] == ("close", "bob")


def test_a_line_that_drops_in_a_talk_logs_the_agent_out_and_tells_the_call():
    """The person is still there and needs somebody else."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.take("ann", LineDown(5.0, "hung_up"))
    floor.desk.write_down()
    assert floor.told("c1")[-1] == AgentLost(floor.clock.now(), "ann", "hung_up")
    assert floor.state("ann") == "out"
    assert floor.records.ended == [("ann", "line_down: hung_up")]


def test_legs_that_cannot_be_joined_free_the_agent():
    """The call looks for another; the agent has no wrap-up for a talk that never was."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.take("ann", JoinFailed(2.0, "c1", "gone"))
    assert floor.told("c1")[-1] == AgentLost(floor.clock.now(), "ann", "gone")
    assert floor.state("ann") == "ready"


def test_a_switch_that_is_away_frees_the_agent():
    """Asked to join while the link is down: nothing was sent."""
    floor = at_work("ann")
    floor.lines.refuse = SwitchDown("no link")
    joined(floor)
    assert floor.told("c1")[-1] == AgentLost(floor.clock.now(), "ann", "join_failed")
    assert floor.state("ann") == "ready"


def test_a_talk_whose_call_says_nothing_ends_with_the_line():
    """The line knows that the person is gone; a second later the wrap-up begins without the call's word."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.take("ann", TalkEnded(5.0, "c1"))
    floor.desk.look()
    assert floor.state("ann") == "talking"
    floor.clock.seconds += 1.0
    floor.desk.look()
    assert floor.state("ann") == "wrap_up"


def test_a_transfer_tells_the_call_who_has_it_now():
    """And needs the campaign's leave; to a phone that is none it is refused."""
    floor = at_work("ann")
    joined(floor)
    assert floor.desk.transfer("ann", "1009", None, attended=False) == "c1"
    assert floor.lines.asked[-1] == ("transfer", "ann", "user/1009")
    with pytest.raises(Refused, match="no attended transfer"):
        floor.desk.transfer("ann", "1009", None, attended=True)
    with pytest.raises(Refused, match="is none"):
        floor.desk.transfer("ann", "", None, attended=False)
    floor.desk.take("ann", Transferred(6.0, "c1", "user/1009"))
    assert floor.told("c1")[-1] == HandedOver(6.0, "user/1009")


def test_a_recording_is_on_record():
    """Its file is the call's, in the folder of recordings; without a talk there is nothing to record."""
    floor = at_work("ann")
    with pytest.raises(WrongState, match="not on a call"):
        floor.desk.record("ann")
    joined(floor)
    assert floor.desk.record("ann") == "/rec/c1.wav"
    assert floor.records.recordings == {"c1": "/rec/c1.wav"}


def test_hanging_up_ends_the_call_and_not_the_line():
    """A call that is just over is said to be."""
    floor = at_work("ann")
    joined(floor)
    assert floor.desk.hang_up("ann") == "c1"
    assert floor.hung_up == [("c1", "agent")]
    joined_over = at_work("bob")
    joined(joined_over, call="over", agent="bob")
    with pytest.raises(WrongState, match="just ended"):
        joined_over.desk.hang_up("bob")


def test_nobody_logs_out_while_reserved():
    """System Busy; afterwards the phone is hung up and the session ends as a logout."""
    floor = at_work("ann")
    floor.desk.calls.seek("c1", "sales", "june", 2.0)
    with pytest.raises(WrongState, match="System Busy"):
        floor.desk.logout("ann")
    floor.desk.calls.forget("c1")
    floor.desk.logout("ann")
    floor.desk.take("ann", LineDown(9.0, "closed"))
    floor.desk.write_down()
    assert (floor.state("ann"), floor.records.ended) == ("out", [("ann", "logout")])


def test_a_logout_holds_though_the_phone_cannot_be_hung_up():
    """The link is down: the agent hears so, and is not brought back by the next proof of presence."""
    floor = at_work("ann")
    floor.lines.refuse = SwitchDown("no link")
    with pytest.raises(SwitchDown):
        floor.desk.logout("ann")
    floor.desk.renew()
    assert (floor.state("ann"), floor.desk.holds("ann")) == ("out", False)


def test_the_day_is_written_down():
    """Every stretch that is over, once; reservations are counted by how they ended."""
    floor = at_work("ann")
    joined(floor)
    floor.desk.calls.release("c1", "ann", ReservationEnd.TALK, wrap_up=True)
    floor.clock.seconds += 11.0
    floor.desk.renew()
    floor.desk.write_down()
    floor.desk.write_down()
    assert [change.state.value for change in floor.records.stretches] == ["away", "ready", "reserved", "talking", "wrap_up"]
    assert floor.watch.counts["reservation_ended"] == 1


def test_while_redis_is_away_talks_go_on(monkeypatch: pytest.MonkeyPatch):
    """Who is held already is joined all the same; who seeks finds nobody; afterwards the talk is the pool's again."""
    floor = at_work("ann")
    floor.desk.calls.seek("c1", "sales", "june", 2.0)

    def away(*_: object) -> None:
        raise LiveStateDown("Redis is away")

    with monkeypatch.context() as broken:
        for name in ("connect", "reserve", "renew", "enter", "finish"):
            broken.setattr(floor.pool, name, away)
        floor.desk.calls.join("c1", "ann")
        floor.desk.calls.seek("c2", "sales", "june", 0.0)
    assert floor.lines.asked[-1][:3] == ("join", "ann", "c1")
    assert floor.told("c2") == [NoAgent(floor.clock.now(), "none")]
    floor.desk.renew()
    assert floor.state("ann") == "talking"


def test_after_redis_lost_everything_the_floor_is_as_it_was():
    """One renewal brings back who talks, who is reserved and who is ready."""
    floor = at_work("ann", "bob", "cem")
    joined(floor)
    floor.desk.calls.seek("c2", "sales", "june", 2.0)
    floor.desk.look()
    empty = MemoryAgents(floor.clock.now, 30.0)
    floor.pool.__dict__.update(empty.__dict__)
    floor.desk.renew()
    assert [floor.state(name) for name in ("ann", "bob", "cem")] == ["talking", "reserved", "ready"]


def test_a_restarted_controller_takes_over_its_agents():
    """The switch tells which lines stand and who talks; the talk ends as usual; who is gone has no session any more."""
    floor = at_work("ann", "bob", "cem")
    joined(floor)
    floor.lines.standing = [
        LiveLine("ann", LineKind.NAILED_UP, up=True, attempt_id="c1"),
        LiveLine("bob", LineKind.NAILED_UP, up=True),
    ]
    floor.pool.leave("cem", "a", forced=True)
    floor.new_life()
    floor.desk.adopt()
    assert [floor.desk.holds(name) for name in ("ann", "bob", "cem")] == [True, True, False]
    assert floor.records.ended == [("cem", "controller_restarted")]
    assert floor.desk.talk("ann") == "c1"
    found = FoundTalking(floor.clock.now(), "ann", floor.clock.now())
    assert floor.told("c1")[-1] == found
    floor.desk.tell_talks()
    assert floor.told("c1")[-2:] == [found, found], "the call may be taken over after its agent"
    floor.desk.calls.forget("c1")
    assert (floor.state("ann"), floor.state("bob")) == ("wrap_up", "ready")


def test_a_controller_that_was_away_for_long_takes_over_talks_too():
    """The pool has forgotten everybody: whoever talks is talking again, and nobody gets a second call."""
    floor = at_work("ann")
    joined(floor)
    floor.lines.standing = [LiveLine("ann", LineKind.NAILED_UP, up=True, attempt_id="c1")]
    floor.clock.seconds += 100.0
    floor.new_life()
    floor.desk.adopt()
    assert floor.state("ann") == "talking"
    assert floor.pool.reserve([AgentRequest("c2", "sales", "june", "a")]) == [Nobody(SeizureOutcome.TIMEOUT)]
    floor.desk.calls.release("c1", "ann", ReservationEnd.TALK, wrap_up=False)
    assert floor.state("ann") == "ready"


def test_an_agent_who_turned_up_elsewhere_is_let_go():
    """Another node has this agent by now: the line here is hung up."""
    floor = at_work("ann")
    floor.clock.seconds += 100.0
    floor.pool.enter([Presence("ann", "b", ("sales",))])
    floor.desk.renew()
    assert not floor.desk.holds("ann")
    assert floor.lines.asked[-1] == ("close", "ann")
