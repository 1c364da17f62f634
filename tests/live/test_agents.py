"""Agents on duty: one suite over Redis and memory. Nobody is given away twice, nobody is lost (invariant I9)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest
from redis import Redis

from controller.domain.agents.agent import AgentState, Refusal, ReservationEnd, Seizure, SeizureOutcome
from controller.live.agent_memory import MemoryAgents
from controller.live.agents import RedisAgents
from controller.ports import AgentPool, AgentRequest, NoAgent, Presence

LEASE_SECONDS = 1.0


@pytest.fixture(params=["redis", "memory"])
def world(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """The pool, and a way to let time pass."""
    if request.param == "memory":
        clock = [1000.0]

        def pass_time(seconds: float) -> None:
            clock[0] += seconds

        yield SimpleNamespace(pool=MemoryAgents(lambda: clock[0], LEASE_SECONDS), wait=pass_time, lose=None)
        return
    client = Redis.from_url(request.getfixturevalue("redis_server").url)
    client.flushall()
    pool = RedisAgents(client, LEASE_SECONDS, settle_seconds=0.0)
    yield SimpleNamespace(pool=pool, wait=time.sleep, lose=client.flushall)
    client.close()


def on_duty(pool: AgentPool, *names: str, queues: tuple[str, ...] = ("sales",), skills: frozenset[str] = frozenset()) -> None:
    """Logged in at node a, and ready one after the other."""
    for name in names:
        assert pool.enter([Presence(name, "a", queues, skills)]) == [True]
        assert pool.ready(name) is None


def wanted(holder: str, queue: str = "sales", **change: object) -> AgentRequest:
    return AgentRequest(holder, queue, "june", "a", **change)  # type: ignore[arg-type]


def seize(pool: AgentPool, holder: str, **change: object) -> Seizure:
    (answer,) = pool.reserve([wanted(holder, **change)])
    assert isinstance(answer, Seizure), answer
    return answer


def state(pool: AgentPool, name: str) -> tuple[AgentState, str]:
    view = next(view for view in pool.snapshot() if view.name == name)
    return view.state, view.reason


def test_an_agent_logs_in_away(world: SimpleNamespace):
    """Whoever logs in takes no calls before saying ready."""
    world.pool.enter([Presence("ann", "a", ("sales",))])
    assert state(world.pool, "ann") == (AgentState.AWAY, "login")
    assert world.pool.reserve([wanted("c1")]) == [NoAgent(SeizureOutcome.TIMEOUT)]
    assert world.pool.ready("ann") is None
    assert seize(world.pool, "c1").agent == "ann"


def test_the_longest_idle_goes_first(world: SimpleNamespace):
    """Three agents became ready one after the other and are given calls in that order."""
    for name in ("cem", "ann", "bob"):
        on_duty(world.pool, name)
        world.wait(0.01)
    assert [seize(world.pool, f"c{place}").agent for place in range(3)] == ["cem", "ann", "bob"]


def test_nobody_gets_two_calls(world: SimpleNamespace):
    """One agent in two queues is given to the first who asks; the second hears that somebody is logged in but busy."""
    on_duty(world.pool, "ann", queues=("sales", "service"))
    first, second = world.pool.reserve([wanted("c1"), wanted("c2", queue="service")])
    assert first == Seizure("ann", "c1", "sales", "june")
    assert second == NoAgent(SeizureOutcome.TIMEOUT)


def test_nobody_logged_in_is_told_apart(world: SimpleNamespace):
    """Without anybody of the queue, or with the skill, or at this node, waiting is no use."""
    on_duty(world.pool, "ann")
    asked = [
        wanted("c1", queue="service"),
        wanted("c2", skills=frozenset({"tamil"})),
        wanted("c3", only="bob"),
        AgentRequest("c4", "sales", "june", "b"),
    ]
    assert world.pool.reserve(asked) == [NoAgent(SeizureOutcome.NONE)] * 4


def test_skills_narrow_the_choice(world: SimpleNamespace):
    """All skills asked for are needed; the longest-idle of those who have them is taken."""
    on_duty(world.pool, "ann")
    on_duty(world.pool, "bob", skills=frozenset({"tamil", "loans"}))
    assert seize(world.pool, "c1", skills=frozenset({"tamil", "loans"})).agent == "bob"


def test_a_callback_by_name_waits_for_its_agent(world: SimpleNamespace):
    """A call promised by one agent goes to nobody else."""
    on_duty(world.pool, "ann", "bob")
    assert seize(world.pool, "c1", only="bob").agent == "bob"
    assert world.pool.reserve([wanted("c2", only="bob")]) == [NoAgent(SeizureOutcome.TIMEOUT)]


def test_asking_again_gives_the_same_agent(world: SimpleNamespace):
    """An answer that got lost on its way costs no second agent."""
    on_duty(world.pool, "ann", "bob")
    assert seize(world.pool, "c1") == seize(world.pool, "c1")
    assert [view.state for view in world.pool.snapshot()].count(AgentState.READY) == 1


def test_reserved_is_system_busy(world: SimpleNamespace):
    """While calls are dialled for an agent there is no pause, no logout, no ready (features 3.7)."""
    on_duty(world.pool, "ann")
    seize(world.pool, "c1")
    assert world.pool.ready("ann") is Refusal.SYSTEM_BUSY
    assert world.pool.pause("ann", "lunch") is Refusal.SYSTEM_BUSY
    assert world.pool.leave("ann", "a", forced=False) is Refusal.SYSTEM_BUSY
    assert state(world.pool, "ann") == (AgentState.RESERVED, "")


def test_a_call_from_reservation_to_ready(world: SimpleNamespace):
    """Reserved, talking, wrap-up for its time, ready again: at the end of the idle."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    assert talk == Seizure("ann", "c1", "sales", "june", talking=True)
    on_duty(world.pool, "bob")
    assert world.pool.finish(talk, 0.3)
    assert state(world.pool, "ann") == (AgentState.WRAP_UP, "")
    world.wait(0.4)
    assert state(world.pool, "ann") == (AgentState.READY, "")
    assert {view.name: view.last_call for view in world.pool.snapshot()} == {"ann": "c1", "bob": ""}
    assert seize(world.pool, "c2").agent == "bob"


def test_no_wrap_up_is_ready_at_once(world: SimpleNamespace):
    """A queue without wrap-up time gives the agent back with the hang-up."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    assert world.pool.finish(talk, 0.0)
    assert state(world.pool, "ann") == (AgentState.READY, "")


def test_wrap_up_is_extended_and_ended(world: SimpleNamespace):
    """More time when it is asked for; ready ends it early. Outside of wrap-up there is nothing to extend."""
    on_duty(world.pool, "ann")
    assert not world.pool.extend_wrap_up("ann", 5.0)
    world.pool.finish(world.pool.connect(seize(world.pool, "c1"), "c1"), 0.2)
    assert world.pool.extend_wrap_up("ann", 0.4)
    world.wait(0.3)
    (view,) = world.pool.snapshot("a")
    assert view.state is AgentState.WRAP_UP
    assert 0.0 < view.left_seconds < 0.4
    assert world.pool.ready("ann") is None
    assert state(world.pool, "ann") == (AgentState.READY, "")


def test_a_pause_during_the_call_follows_the_wrap_up(world: SimpleNamespace):
    """The agent asks for lunch while talking: the call goes on, wrap-up too, then the agent is away."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    assert world.pool.pause("ann", "lunch") is None
    assert world.pool.snapshot()[0].then_pause == "lunch"
    world.pool.finish(talk, 0.1)
    assert state(world.pool, "ann")[0] is AgentState.WRAP_UP
    world.wait(0.2)
    assert state(world.pool, "ann") == (AgentState.AWAY, "lunch")


def test_a_pause_is_taken_back_during_the_call(world: SimpleNamespace):
    """Ready said while talking takes the coming pause back."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    world.pool.pause("ann", "lunch")
    assert world.pool.ready("ann") is None
    world.pool.finish(talk, 0.0)
    assert state(world.pool, "ann") == (AgentState.READY, "")


def test_nobody_logs_out_of_a_call(world: SimpleNamespace):
    """Talking: hang up first. In wrap-up logging out is fine."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    assert world.pool.leave("ann", "a", forced=False) is Refusal.ON_CALL
    world.pool.finish(talk, 5.0)
    assert world.pool.leave("ann", "a", forced=False) is None
    assert world.pool.snapshot() == []
    assert world.pool.leave("ann", "a", forced=False) is Refusal.NOT_LOGGED_IN


def test_a_lost_line_takes_the_agent_away_from_whoever_holds_it(world: SimpleNamespace):
    """The phone hung up while the agent was reserved: the call must not be joined with it."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "c1")
    assert world.pool.leave("ann", "a", forced=True) is None
    assert world.pool.connect(held, "c1") is None
    assert world.pool.renew([held]) == [False]


def test_a_returned_agent_keeps_the_place(world: SimpleNamespace):
    """Calls that came to nothing do not send the agent to the end of the idle."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "c1")
    on_duty(world.pool, "bob")
    assert world.pool.release(held, ReservationEnd.RETURNED)
    assert not world.pool.release(held, ReservationEnd.RETURNED)
    assert seize(world.pool, "c2").agent == "ann"


def test_who_does_not_pick_up_is_paused(world: SimpleNamespace):
    """RONA: the agent is away until saying ready again (features 4.7)."""
    on_duty(world.pool, "ann")
    assert world.pool.release(seize(world.pool, "c1"), ReservationEnd.RONA)
    assert state(world.pool, "ann") == (AgentState.AWAY, "rona")


def test_a_reservation_nobody_renews_is_a_timeout(world: SimpleNamespace):
    """The holder died: its lease ends and the agent is ready again, with the reservation on record as a timeout."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "c1")
    world.wait(LEASE_SECONDS * 0.7)
    world.pool.enter([Presence("ann", "a", ("sales",), again=True)])
    world.wait(LEASE_SECONDS * 0.7)
    assert state(world.pool, "ann") == (AgentState.READY, "")
    assert world.pool.connect(held, "c1") is None
    assert [change.end for change in world.pool.changes("a")][-1] is ReservationEnd.TIMEOUT


def test_a_timeout_keeps_the_place(world: SimpleNamespace):
    """An agent whose holder died goes on being the longest idle."""
    on_duty(world.pool, "ann")
    seize(world.pool, "c1")
    world.wait(LEASE_SECONDS * 0.7)
    on_duty(world.pool, "bob")
    world.pool.enter([Presence("ann", "a", ("sales",), again=True)])
    world.wait(LEASE_SECONDS * 0.7)
    assert seize(world.pool, "c2").agent == "ann"


def test_a_holder_asks_again_after_its_reservation_ended(world: SimpleNamespace):
    """It is a new reservation, of whoever is ready then."""
    on_duty(world.pool, "ann")
    world.pool.release(seize(world.pool, "c1"), ReservationEnd.RONA)
    on_duty(world.pool, "bob")
    assert seize(world.pool, "c1").agent == "bob"


def test_who_died_reserved_was_never_ready_again(world: SimpleNamespace):
    """Node and holder fell silent together: the record goes from reserved to gone."""
    on_duty(world.pool, "ann")
    world.wait(0.1)
    seize(world.pool, "c1")
    world.wait(LEASE_SECONDS * 1.5)
    assert [(c.state, c.to, c.end) for c in world.pool.changes("a")][-1] == (
        AgentState.RESERVED,
        None,
        ReservationEnd.TIMEOUT,
    )


def test_a_renewed_hold_lasts(world: SimpleNamespace):
    """Reserved and talking last as long as their holder renews them."""
    on_duty(world.pool, "ann", "bob")
    held, talk = seize(world.pool, "c1"), world.pool.connect(seize(world.pool, "c2"), "c2")
    for _ in range(3):
        world.wait(LEASE_SECONDS * 0.5)
        assert world.pool.enter([Presence(name, "a", ("sales",), again=True) for name in ("ann", "bob")]) == [True, True]
        assert world.pool.renew([held, talk]) == [True, True]
    assert [view.state for view in world.pool.snapshot()] == [AgentState.RESERVED, AgentState.TALKING]


def test_a_forgotten_talk_makes_the_agent_away(world: SimpleNamespace):
    """Nobody knows whether the two still hear each other, so the agent gets no other call before saying ready."""
    on_duty(world.pool, "ann")
    world.pool.connect(seize(world.pool, "c1"), "c1")
    world.wait(LEASE_SECONDS * 0.7)
    world.pool.enter([Presence("ann", "a", ("sales",), again=True)])
    world.wait(LEASE_SECONDS * 0.7)
    assert state(world.pool, "ann") == (AgentState.AWAY, "call_lost")


def test_agents_of_a_dead_node_leave(world: SimpleNamespace):
    """Nobody proves that the line is up: the agent is gone, and may log in elsewhere."""
    on_duty(world.pool, "ann")
    assert world.pool.enter([Presence("ann", "b", ("sales",))]) == [False]
    world.wait(LEASE_SECONDS * 1.2)
    assert world.pool.snapshot() == []
    assert world.pool.enter([Presence("ann", "b", ("sales",))]) == [True]
    assert [change.to for change in world.pool.changes("a")][-1] is None


def test_power_holds_one_agent_for_several_calls(world: SimpleNamespace):
    """The first call that is answered gets the agent; the others find that it is no longer theirs."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "group 7")
    talk = world.pool.connect(held, "c2")
    assert talk is not None
    assert talk.holder == "c2"
    assert world.pool.connect(held, "c3") is None
    assert not world.pool.release(held, ReservationEnd.RETURNED)
    assert world.pool.finish(talk, 0.0)
    assert not world.pool.finish(talk, 0.0)


def test_a_talk_begun_while_nobody_could_be_told_is_made_up_for(world: SimpleNamespace):
    """The holder renews what it holds as a talk; the reservation ended in it."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "c1")
    talk = Seizure(held.agent, held.holder, held.queue, held.campaign, talking=True)
    assert world.pool.renew([talk]) == [True]
    assert state(world.pool, "ann") == (AgentState.TALKING, "")
    assert world.pool.changes("a")[-1].end is ReservationEnd.TALK
    assert world.pool.finish(talk, 0.0)


def test_queues_and_skills_follow_the_latest_word(world: SimpleNamespace):
    """An agent moved to another queue by a new site file is found there, and no longer in the old one."""
    on_duty(world.pool, "ann")
    world.pool.enter([Presence("ann", "a", ("service",), frozenset({"tamil"}), again=True)])
    assert world.pool.reserve([wanted("c1")]) == [NoAgent(SeizureOutcome.NONE)]
    assert seize(world.pool, "c2", queue="service", skills=frozenset({"tamil"})).agent == "ann"


def test_every_stretch_of_the_day_is_told_once_it_is_over(world: SimpleNamespace):
    """From login to logout without a gap; told again until it is noted."""
    on_duty(world.pool, "ann")
    talk = world.pool.connect(seize(world.pool, "c1"), "c1")
    world.pool.finish(talk, 5.0)
    world.pool.pause("ann", "lunch")
    world.pool.leave("ann", "a", forced=False)
    told = world.pool.changes("a")
    assert [(c.state.value, c.reason, c.holder, c.end) for c in told] == [
        ("away", "login", "", None),
        ("ready", "", "", None),
        ("reserved", "", "c1", ReservationEnd.TALK),
        ("talking", "", "c1", None),
        ("wrap_up", "", "", None),
        ("away", "lunch", "", None),
    ]
    assert all(earlier.until == later.since for earlier, later in pairwise(told))
    assert [c.to for c in told[1:]] == [c.state for c in told[2:]] + [None]
    assert world.pool.changes("a") == told
    world.pool.noted("a", told[3].number)
    assert world.pool.changes("a") == told[4:]


@pytest.mark.parametrize("world", ["redis"], indirect=True)
def test_agents_are_held_again_after_redis_lost_everything(world: SimpleNamespace):
    """Nodes enter their agents, holders renew: who talked talks, who was reserved is reserved, who was ready is ready."""
    names = ("ann", "bob", "cem")
    on_duty(world.pool, *names)
    held = [seize(world.pool, "c1"), world.pool.connect(seize(world.pool, "c2"), "c2")]
    known = [
        Presence(view.name, "a", view.queues, view.skills, view.state, view.reason, again=True)
        for view in world.pool.snapshot()
    ]
    world.lose()
    world.pool.enter(known)
    assert seize(world.pool, "c9").agent == "cem"
    assert world.pool.renew(held) == [True, True]
    assert {view.name: view.seizure for view in world.pool.snapshot()} == {
        "ann": held[0],
        "bob": held[1],
        "cem": Seizure("cem", "c9", "sales", "june"),
    }
    assert world.pool.finish(held[1], 0.0)


def test_a_hold_from_before_a_login_is_void(world: SimpleNamespace):
    """The agent's line was lost and the agent logged in anew: the old call has no claim on it."""
    on_duty(world.pool, "ann")
    held = seize(world.pool, "c1")
    world.pool.leave("ann", "a", forced=True)
    on_duty(world.pool, "ann")
    assert world.pool.renew([held]) == [False]
    assert state(world.pool, "ann") == (AgentState.READY, "")


def test_nobody_is_reserved_while_redis_settles(redis_server: object):
    """After Redis came back empty, agents may be talking whose controllers have not said so yet."""
    client = Redis.from_url(redis_server.url)  # type: ignore[attr-defined]
    client.flushall()
    pool = RedisAgents(client, LEASE_SECONDS, settle_seconds=30.0)
    on_duty(pool, "ann")
    (answer,) = pool.reserve([wanted("c1")])
    assert isinstance(answer, NoAgent)
    assert answer.outcome is SeizureOutcome.NONE
    assert 0.0 < answer.retry_in_seconds <= 30.0
    client.close()


def test_ages_are_told_in_seconds(world: SimpleNamespace):
    """Boards read how long an agent has been idle, and talking."""
    on_duty(world.pool, "ann", "bob")
    world.pool.connect(seize(world.pool, "c1"), "c1")
    world.wait(0.2)
    ann, bob = world.pool.snapshot()
    assert 0.2 <= ann.age_seconds < 60.0
    assert ann.idle_seconds == 0.0
    assert 0.2 <= bob.idle_seconds < 60.0
