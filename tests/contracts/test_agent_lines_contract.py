"""What may be relied on from agents' lines at any switch: the same stories told on a real FreeSWITCH and on the virtual one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from controller.domain.agents.line import (
    ConsultEnded,
    ConsultUp,
    JoinFailed,
    JoinOrder,
    LineDown,
    LineKind,
    LineOrder,
    LineRinging,
    LineUp,
    PersonHeld,
    RingNoAnswer,
    SuperviseMode,
    SupervisorOff,
    SupervisorOn,
    TalkBegan,
    TalkEnded,
    TransferOrder,
    Transferred,
)
from controller.domain.calls.events import Connected, ConnectFailed, HungUp, KeyPressed, MessagePlayed
from controller.errors import Refused, WrongState
from tests.contracts.line_worlds import MESSAGE, HeardLines, LineWorld, real_lines, virtual_lines
from tests.contracts.switches import wait
from tests.freeswitch.site import NotHere


@pytest.fixture(scope="module", params=["virtual", pytest.param("real", marks=pytest.mark.freeswitch)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineWorld]:
    folder = tmp_path_factory.mktemp(request.param)
    try:
        with (virtual_lines if request.param == "virtual" else real_lines)(folder) as world:
            yield world
    except NotHere as missing:
        pytest.skip(str(missing))


def test_a_line_is_held_open_until_it_is_closed(world: LineWorld) -> None:
    """An agent's phone rings, is picked up and stays; closed by us, it says so."""
    world.switch.lines.open(LineOrder("agent-open", world.phone("agent-open")))
    world.hears("agent-open", LineRinging)
    world.hears("agent-open", LineUp)
    with pytest.raises(WrongState):
        world.switch.lines.open(LineOrder("agent-open", world.phone("agent-open")))
    world.switch.lines.close("agent-open")
    assert world.hears("agent-open", LineDown).reason == "closed"


@pytest.mark.parametrize("user", ["busy-1", "deaf-1"])
def test_a_phone_that_is_not_picked_up_is_no_line(world: LineWorld, user: str) -> None:
    """Busy is refused, ringing in vain is its own event; another line can be opened at once."""
    world.switch.lines.open(LineOrder(user, world.phone(user), LineKind.ON_HOOK, ring_seconds=1))
    if user == "busy-1":
        assert world.hears(user, LineDown).reason == "refused"
    else:
        world.hears(user, RingNoAnswer)
    assert user not in [line.agent_id for line in world.switch.lines.lines()]
    world.switch.lines.open(LineOrder(user, world.phone(user), LineKind.ON_HOOK, ring_seconds=1))


def test_an_address_that_is_none_is_refused(world: LineWorld) -> None:
    """Nothing of an agent's, a supervisor's or a target's address can become a command."""
    for phone in ("sip:a@b c", "user/1001,user/1002", "gateway/north/1 &park", "sofia/internal/x", "user/${x}", "sip:x\n@y"):
        with pytest.raises(Refused):
            world.switch.lines.open(LineOrder("agent-nowhere", phone))
    with pytest.raises(Refused):
        world.switch.lines.open(LineOrder("agent nowhere", world.phone("agent-1")))
    assert "agent-nowhere" not in [line.agent_id for line in world.switch.lines.lines()]


def test_one_line_takes_call_after_call(world: LineWorld) -> None:
    """Twenty persons in a row: each is joined with the same line, and when they leave it is free for the next."""
    agent = world.agent()
    for _ in range(20):
        person = world.talk(agent)
        world.hears_call(person, Connected)
        world.switch.hang_up(person, "stop")
        ended = world.hears(agent, TalkEnded, person)
        assert not ended.person_waits
    assert [type(event) for event in world.heard.events[agent]] == [LineRinging]
    world.switch.lines.close(agent)
    world.hears(agent, LineDown)


def test_a_call_is_joined_as_soon_as_it_waits(world: LineWorld) -> None:
    """The join may be asked for while the call still rings."""
    agent = world.agent()
    order = world.dials()
    world.switch.lines.join(JoinOrder(order.attempt_id, agent))
    world.hears(agent, TalkBegan, order.attempt_id)
    world.hears_call(order.attempt_id, Connected)
    assert [event.to for event in world.call_events(order.attempt_id) if isinstance(event, Connected)] == [agent]
    world.switch.hang_up(order.attempt_id, "stop")
    world.hears(agent, TalkEnded)


def test_who_does_not_answer_is_not_joined(world: LineWorld) -> None:
    """A call that fails leaves the line as it was."""
    agent = world.agent()
    order = world.dials(ending="51")
    world.switch.lines.join(JoinOrder(order.attempt_id, agent))
    assert world.hears(agent, JoinFailed, order.attempt_id).reason == "person_gone"
    world.switch.hang_up(world.talk(agent), "stop")
    world.hears(agent, TalkEnded)


def test_an_agent_has_one_person_at_a_time(world: LineWorld) -> None:
    """Who talks cannot be joined with somebody else, nor a person with a second agent."""
    one, other = world.agent(), world.agent()
    person, second = world.talk(one), world.person()
    with pytest.raises(WrongState):
        world.switch.lines.join(JoinOrder(second, one))
    with pytest.raises(WrongState):
        world.switch.lines.join(JoinOrder(person, other))
    for attempt in (person, second):
        world.switch.hang_up(attempt, "stop")
    world.hears(one, TalkEnded, person)


def test_hold_and_resume(world: LineWorld) -> None:
    """The held person is kept, and the same two talk again."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.hold(agent)
    world.hears(agent, PersonHeld, person)
    with pytest.raises(WrongState):
        world.switch.lines.hold(agent)
    world.switch.lines.resume(agent)
    world.hears(agent, TalkBegan, person)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded, person)
    assert sum(isinstance(event, Connected) for event in world.call_events(person)) == 1


def test_who_hangs_up_while_held_is_told(world: LineWorld) -> None:
    """The talk is over though nobody talked."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.hold(agent)
    world.hears(agent, PersonHeld)
    world.switch.hang_up(person, "stop")
    assert not world.hears(agent, TalkEnded, person).person_waits


def test_a_person_is_passed_from_agent_to_agent(world: LineWorld) -> None:
    """Parted, the person waits, and another agent takes them."""
    one, other = world.agent(), world.agent()
    person = world.talk(one)
    world.switch.lines.part(one)
    assert world.hears(one, TalkEnded, person).person_waits
    world.switch.lines.join(JoinOrder(person, other))
    world.hears(other, TalkBegan, person)
    world.hears_call(person, Connected, count=2)
    world.switch.hang_up(person, "stop")
    world.hears(other, TalkEnded, person)


@pytest.mark.parametrize("held", [False, True])
def test_a_person_whose_agents_line_drops_waits(world: LineWorld, held: bool) -> None:
    """The line goes, the person stays, in talk as in hold, and can be joined with somebody else."""
    one, other = world.agent(), world.agent()
    person = world.talk(one)
    if held:
        world.switch.lines.hold(one)
        world.hears(one, PersonHeld)
    world.switch.lines.close(one)
    world.hears(one, LineDown)
    assert world.hears(one, TalkEnded, person).person_waits, "told before the line's end: now they can be joined again"
    world.switch.lines.join(JoinOrder(person, other))
    world.hears(other, TalkBegan, person)
    world.switch.hang_up(person, "stop")
    world.hears(other, TalkEnded, person)


def test_an_on_hook_line_ends_with_its_talk(world: LineWorld) -> None:
    """The phone rings for one call; when the person leaves, the switch hangs it up; a hold in between does not."""
    agent = world.agent(LineKind.ON_HOOK)
    person = world.talk(agent)
    world.switch.lines.hold(agent)
    world.hears(agent, PersonHeld)
    world.switch.lines.resume(agent)
    world.hears(agent, TalkBegan)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded, person)
    assert world.hears(agent, LineDown).reason == "talk_over"


def test_blind_transfer(world: LineWorld) -> None:
    """The person goes to the other phone, the agent's line is free at once, and the call ends with the third party."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.transfer(agent, TransferOrder(world.phone("brief-third"), ring_seconds=5))
    assert world.hears(agent, Transferred, person).to == world.phone("brief-third")
    world.hears_call(person, HungUp)
    world.switch.hang_up(world.talk(agent), "stop")
    world.hears(agent, TalkEnded)


def test_blind_transfer_to_nobody(world: LineWorld) -> None:
    """Who does not get through hears so."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.transfer(agent, TransferOrder(world.phone("busy-third"), ring_seconds=5))
    world.hears(agent, Transferred, person)
    world.hears_call(person, ConnectFailed)
    world.hears_call(person, HungUp)


def test_attended_transfer(world: LineWorld) -> None:
    """The agent speaks with a third party while the person is held, then leaves the two alone."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.consult(agent, TransferOrder(world.phone("third-1")))
    world.hears(agent, PersonHeld, person)
    with pytest.raises(WrongState):
        world.switch.lines.consult(agent, TransferOrder(world.phone("third-2")))
    world.hears(agent, ConsultUp)
    world.switch.lines.complete(agent)
    world.hears(agent, Transferred, person)
    next_person = world.talk(agent)
    assert world.switch.alive(person), "the two talk on"
    for attempt in (person, next_person):
        world.switch.hang_up(attempt, "stop")
    world.hears(agent, TalkEnded, next_person)


def test_attended_transfer_is_taken_back(world: LineWorld) -> None:
    """Instead of completing it the agent returns to the person; the third party is let go."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.consult(agent, TransferOrder(world.phone("third-3")))
    world.hears(agent, ConsultUp)
    world.switch.lines.resume(agent)
    assert world.hears(agent, ConsultEnded).reason == "let_go"
    world.hears(agent, TalkBegan, person)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded, person)


@pytest.mark.parametrize(("user", "reason"), [("busy-4", "refused"), ("deaf-4", "no_answer"), ("brief-4", "hung_up")])
def test_the_third_party_does_not_stay(world: LineWorld, user: str, reason: str) -> None:
    """The person is still held, and the agent returns to them."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.consult(agent, TransferOrder(world.phone(user), ring_seconds=1))
    assert world.hears(agent, ConsultEnded).reason == reason
    with pytest.raises(WrongState):
        world.switch.lines.complete(agent)
    world.switch.lines.resume(agent)
    world.hears(agent, TalkBegan, person)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded, person)


def test_a_supervisor_comes_and_goes(world: LineWorld) -> None:
    """Listening goes on over talks; the mode changes on demand."""
    agent = world.agent()
    world.switch.lines.supervise(agent, "boss", world.phone("boss-1"), SuperviseMode.LISTEN)
    assert world.hears(agent, SupervisorOn).mode is SuperviseMode.LISTEN
    person = world.talk(agent)
    for mode in (SuperviseMode.WHISPER, SuperviseMode.BARGE, SuperviseMode.LISTEN):
        world.switch.lines.supervise(agent, "boss", world.phone("boss-1"), mode)
        assert world.hears(agent, SupervisorOn).mode is mode
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded)
    world.switch.lines.stop_supervising(agent, "boss")
    assert world.hears(agent, SupervisorOff).reason == "hung_up"


def test_a_talk_is_recorded(world: LineWorld, tmp_path: Path) -> None:
    """Paused, resumed and stopped by its call; what is not recorded cannot be, nor a file of a name that is none."""
    agent = world.agent()
    person = world.talk(agent)
    with pytest.raises(WrongState):
        world.switch.lines.pause_recording(person, True)
    with pytest.raises(Refused):
        world.switch.lines.start_recording(person, "/tmp/a b.wav")
    world.switch.lines.start_recording(person, str(tmp_path / "talk.wav"))
    for paused in (True, False):
        world.switch.lines.pause_recording(person, paused)
    world.switch.lines.stop_recording(person)
    with pytest.raises(WrongState):
        world.switch.lines.stop_recording(person)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded)


def test_another_controller_finds_the_lines_again(world: LineWorld) -> None:
    """After a restart of the controller a talk, a held person and a free line are what they were, and can be acted on."""
    talking, holding, free = world.agent(), world.agent(), world.agent()
    person, held = world.talk(talking), world.talk(holding)
    world.switch.lines.hold(holding)
    world.hears(holding, PersonHeld)
    after, _ = world.connect()
    heard = HeardLines()
    after.lines.attend(heard)
    for attempt in (person, held):
        assert after.alive(attempt)
    there = {line.agent_id: line for line in after.lines.lines()}
    assert (there[talking].attempt_id, there[talking].held) == (person, False)
    assert (there[holding].attempt_id, there[holding].held) == (held, True)
    assert (there[free].attempt_id, there[free].up) == (None, True)
    after.lines.resume(holding)
    wait(lambda: any(isinstance(event, TalkBegan) for event in heard.events.get(holding, [])))
    after.hang_up(person, "stop")
    wait(lambda: any(isinstance(event, TalkEnded) for event in heard.events.get(talking, [])))
    after.hang_up(held, "stop")
    for agent in (talking, holding, free):
        world.switch.lines.close(agent)


def test_another_controller_finds_third_parties_and_supervisors_again(world: LineWorld) -> None:
    """It can hand the person over as the one before could have; a supervisor goes on hearing the line, and can be sent away."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.supervise(agent, "boss", world.phone("boss-2"), SuperviseMode.WHISPER)
    world.hears(agent, SupervisorOn)
    world.switch.lines.consult(agent, TransferOrder(world.phone("third-4")))
    world.hears(agent, ConsultUp)
    after, _ = world.connect()
    heard = HeardLines()
    after.lines.attend(heard)
    assert after.alive(person)
    (line,) = [line for line in after.lines.lines() if line.agent_id == agent]
    assert (line.attempt_id, line.held) == (person, True)
    told = heard.events[agent]
    assert any(isinstance(event, ConsultUp) for event in told)
    assert [event.mode for event in told if isinstance(event, SupervisorOn)] == [SuperviseMode.WHISPER]
    after.lines.stop_supervising(agent, "boss")
    wait(lambda: any(isinstance(event, SupervisorOff) for event in told))
    after.lines.complete(agent)
    wait(lambda: any(isinstance(event, Transferred) for event in told))
    assert [event.to for event in told if isinstance(event, Transferred)] == [world.phone("third-4")]
    after.hang_up(person, "stop")
    world.switch.lines.close(agent)


def test_a_waiting_person_whom_nobody_fetches_hears_who_called(world: LineWorld) -> None:
    """The switch itself plays the abandoned-call message when the wait is over."""
    order = world.dials(wait_seconds=1, message=MESSAGE)
    world.hears_call(order.attempt_id, HungUp)
    kinds = [type(event) for event in world.call_events(order.attempt_id)]
    assert kinds[-3:] == [ConnectFailed, MessagePlayed, HungUp]
    end = world.call_events(order.attempt_id)[-1]
    assert isinstance(end, HungUp)
    assert (end.connect_failed, end.opted_out) == ("overdue", False)


def test_the_abandoned_call_message_is_played_on_our_word(world: LineWorld) -> None:
    """Whoever cannot be helped in time hears it, and the call ends with it."""
    order = world.dials(message=MESSAGE)
    assert order.treatment is not None
    wait(lambda: len(world.call_events(order.attempt_id)) >= 3)
    gevent.sleep(0.1)
    world.switch.treat(order.attempt_id, order.treatment)
    world.hears_call(order.attempt_id, MessagePlayed)
    world.hears_call(order.attempt_id, HungUp)
    end = world.call_events(order.attempt_id)[-1]
    assert isinstance(end, HungUp)
    assert end.connect_failed == "abandoned"
    assert not any(isinstance(event, KeyPressed) for event in world.call_events(order.attempt_id))
