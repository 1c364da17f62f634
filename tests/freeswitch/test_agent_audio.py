"""Who hears whom on a real FreeSWITCH: each party speaks a tone of its own, and each telephone's ear says what arrived.

"Hears" means a tone within 6 dB of how loud it was spoken, "does not hear" at least 30 dB below.
"""

from __future__ import annotations

import time
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from controller.domain.agents.line import (
    ConsultUp,
    JoinFailed,
    JoinOrder,
    LineDown,
    LineKind,
    LineOrder,
    LineUp,
    PersonHeld,
    SuperviseMode,
    SupervisorOn,
    TalkBegan,
    TalkEnded,
    TransferOrder,
    Transferred,
)
from controller.domain.calls.events import HungUp, KeyPressed
from tests.contracts.line_worlds import (
    AGENT_HERTZ,
    MESSAGE,
    PERSON_HERTZ,
    SUPERVISOR_HERTZ,
    THIRD_HERTZ,
    LineWorld,
    real_lines,
)
from tests.contracts.switches import wait
from tests.freeswitch.site import NotHere
from tests.phones.phone import PhoneCall
from tests.phones.sound import RATE, decibels, goertzel

SETTLE_SECONDS = 0.25
LISTEN_SECONDS = 0.45
CUE_HERTZ = 1900
HEARD, NOT_HEARD = -6.0, -30.0
TONES = {PERSON_HERTZ: "person", AGENT_HERTZ: "agent", THIRD_HERTZ: "third", SUPERVISOR_HERTZ: "supervisor"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineWorld]:
    try:
        with real_lines(tmp_path_factory.mktemp("audio")) as world:
            yield world
    except NotHere as missing:
        pytest.skip(str(missing))


def ears(**phones: PhoneCall) -> dict[str, set[str]]:
    """Whom each of the telephones hears just now. A tone that is neither clearly heard nor clearly not fails the test."""
    gevent.sleep(SETTLE_SECONDS)
    since = time.time()
    gevent.sleep(LISTEN_SECONDS)
    heard: dict[str, set[str]] = {}
    for name, phone in phones.items():
        levels = {who: decibels(phone.loudness(hertz, since)) for hertz, who in TONES.items()}
        print(f"{name:>10} hears", "  ".join(f"{who} {level:+.0f} dB" for who, level in levels.items()))
        assert all(level >= HEARD or level <= NOT_HEARD for level in levels.values()), levels
        heard[name] = {who for who, level in levels.items() if level >= HEARD}
    return heard


def test_mute_and_hold(world: LineWorld) -> None:
    """Muted, the agent is not heard and hears; on hold neither hears the other, and the person hears music, not silence."""
    agent = world.agent()
    person = world.talk(agent)
    one, other = world.phone_of_person(person), world.phone_of(agent)
    assert ears(person=one, agent=other) == {"person": {"agent"}, "agent": {"person"}}
    world.switch.lines.mute(agent, True)
    assert ears(person=one, agent=other) == {"person": set(), "agent": {"person"}}
    world.switch.lines.mute(agent, False)
    assert ears(person=one, agent=other) == {"person": {"agent"}, "agent": {"person"}}
    world.switch.lines.hold(agent)
    world.hears(agent, PersonHeld)
    held_at = time.time()
    assert ears(person=one, agent=other) == {"person": set(), "agent": set()}
    assert any(decibels(one.loudest(hertz, held_at)) > -30 for hertz in (523, 659, 784)), "music"
    world.switch.lines.resume(agent)
    world.hears(agent, TalkBegan)
    assert ears(person=one, agent=other) == {"person": {"agent"}, "agent": {"person"}}
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded)


def test_a_mute_ends_with_its_talk(world: LineWorld) -> None:
    """The next person hears the agent."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.mute(agent, True)
    world.switch.hang_up(person, "stop")
    world.hears(agent, TalkEnded)
    person = world.talk(agent)
    assert ears(person=world.phone_of_person(person)) == {"person": {"agent"}}
    world.switch.hang_up(person, "stop")


def test_listen_whisper_barge(world: LineWorld) -> None:
    """A supervisor hears both; heard by nobody, by the agent alone, by both; the person never hears a whisper."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.supervise(agent, "boss", world.phone("boss-audio"), SuperviseMode.LISTEN)
    world.hears(agent, SupervisorOn)
    phones = {
        "person": world.phone_of_person(person),
        "agent": world.phone_of(agent),
        "supervisor": world.phone_of("boss-audio"),
    }
    both = {"person", "agent"}
    assert ears(**phones) == {"person": {"agent"}, "agent": {"person"}, "supervisor": both}
    world.switch.lines.supervise(agent, "boss", "", SuperviseMode.WHISPER)
    assert world.hears(agent, SupervisorOn).mode is SuperviseMode.WHISPER
    assert ears(**phones) == {"person": {"agent"}, "agent": {"person", "supervisor"}, "supervisor": both}
    phones["supervisor"].press("3")
    assert world.hears(agent, SupervisorOn).mode is SuperviseMode.BARGE
    assert ears(**phones) == {"person": {"agent", "supervisor"}, "agent": {"person", "supervisor"}, "supervisor": both}
    world.switch.lines.stop_supervising(agent, "boss")
    assert ears(person=phones["person"], agent=phones["agent"]) == {"person": {"agent"}, "agent": {"person"}}
    world.switch.hang_up(person, "stop")


@pytest.mark.parametrize("mode", [SuperviseMode.WHISPER, SuperviseMode.BARGE])
def test_a_supervisor_begins_in_the_mode_asked_for(world: LineWorld, mode: SuperviseMode) -> None:
    """Whispering from the first moment, the person hears nothing of it."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.supervise(agent, "boss", world.phone("boss-at-once"), mode)
    world.hears(agent, SupervisorOn)
    heard = ears(person=world.phone_of_person(person), agent=world.phone_of(agent))
    assert heard["agent"] == {"person", "supervisor"}
    assert heard["person"] == ({"agent", "supervisor"} if mode is SuperviseMode.BARGE else {"agent"})
    world.switch.hang_up(person, "stop")


def test_attended_transfer(world: LineWorld) -> None:
    """While the agent consults, the person hears neither; afterwards the two talk without the agent, to the end."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.consult(agent, TransferOrder(world.phone("third-audio")))
    world.hears(agent, ConsultUp)
    phones = {
        "person": world.phone_of_person(person),
        "agent": world.phone_of(agent),
        "third": world.phone_of("third-audio"),
    }
    assert ears(**phones) == {"person": set(), "agent": {"third"}, "third": {"agent"}}
    world.switch.lines.complete(agent)
    world.hears(agent, Transferred)
    assert ears(**phones) == {"person": {"third"}, "agent": set(), "third": {"person"}}
    phones["third"].hang_up()
    world.hears_call(person, HungUp)


def test_the_cue_is_heard_by_the_agent_alone(world: LineWorld) -> None:
    """A tone tells the agent that somebody is there, over the person's first word."""
    agent = world.agent()
    person = world.person()
    asked_at = time.time()
    world.switch.lines.join(JoinOrder(person, agent, cue=f"tone_stream://%(400,0,{CUE_HERTZ})"))
    world.hears(agent, TalkBegan)
    gevent.sleep(LISTEN_SECONDS)
    assert decibels(world.phone_of(agent).loudest(CUE_HERTZ, asked_at)) > HEARD
    assert decibels(world.phone_of_person(person).loudest(CUE_HERTZ, asked_at)) < NOT_HEARD
    world.switch.hang_up(person, "stop")


def test_keys_reach_the_other_side(world: LineWorld) -> None:
    """An agent types digits to a machine on the line."""
    agent = world.agent()
    person = world.talk(agent)
    world.switch.lines.send_keys(agent, "12#")
    phone = world.phone_of_person(person)
    wait(lambda: phone.keys == "12#")
    world.switch.hang_up(person, "stop")


def test_an_agent_who_hangs_up_leaves_nobody_in_silence(world: LineWorld) -> None:
    """The agent puts the phone down in mid-talk: the person hears music, and can still be given to somebody else."""
    agent = world.agent()
    person = world.talk(agent)
    phone = world.phone_of_person(person)
    world.phone_of(agent).hang_up()
    assert world.hears(agent, TalkEnded).person_waits
    assert world.hears(agent, LineDown).reason == "hung_up"
    lost_at = time.time()
    gevent.sleep(1.2)
    assert any(decibels(phone.loudest(hertz, lost_at)) > -30 for hertz in (523, 659, 784)), "music"
    world.switch.hang_up(person, "stop")


def test_an_on_hook_agent_who_hangs_up_ends_the_call(world: LineWorld) -> None:
    """Picked up for one call, the phone ends it."""
    agent = world.agent(LineKind.ON_HOOK)
    person = world.talk(agent)
    world.phone_of(agent).hang_up()
    assert not world.hears(agent, TalkEnded).person_waits
    assert world.hears(agent, LineDown).reason == "talk_over"
    world.hears_call(person, HungUp)


@pytest.mark.soak
def test_who_hangs_up_in_the_moment_of_being_joined_costs_nobody_a_line(world: LineWorld) -> None:
    """Forty persons hang up within 80 ms of the join: the line is free again each time, for whoever comes next."""
    agent = world.agent()
    for place in range(40):
        person = world.person()
        phone = world.phone_of_person(person)
        world.switch.lines.join(JoinOrder(person, agent, cue=""))
        gevent.sleep(place * 0.002)
        phone.hang_up()
        wait(lambda: any(isinstance(event, TalkEnded | JoinFailed) for event in world.heard.events[agent]))
        world.heard.events[agent] = [
            event for event in world.heard.events[agent] if not isinstance(event, TalkBegan | TalkEnded | JoinFailed)
        ]
    assert [type(event).__name__ for event in world.heard.events[agent]] == ["LineRinging"]
    person = world.talk(agent)
    assert ears(person=world.phone_of_person(person), agent=world.phone_of(agent)) == {"person": {"agent"}, "agent": {"person"}}
    world.switch.hang_up(person, "stop")


def test_the_opt_out_key(world: LineWorld) -> None:
    """The key that the abandoned-call message names is heard, at once and at the end; any other does nothing, and none cuts the
    message short."""
    order = world.dials(message=MESSAGE, wait_seconds=1)
    wait(lambda: len(world.call_events(order.attempt_id)) >= 4)
    phone = world.phone_of_person(order.attempt_id)
    begun_at = time.time()
    phone.press("59")
    world.hears_call(order.attempt_id, KeyPressed)
    world.hears_call(order.attempt_id, HungUp)
    assert [event.key for event in world.call_events(order.attempt_id) if isinstance(event, KeyPressed)] == ["9"]
    end = world.call_events(order.attempt_id)[-1]
    assert isinstance(end, HungUp)
    assert end.opted_out
    assert time.time() - begun_at >= 1.4, "the message was played to its end"
    assert world.real is not None
    lines = [line for line in world.real.journal_lines() if line[1] == order.attempt_id]
    assert [line[14] for line in lines] == ["opted_out"]


def test_both_sides_are_recorded_and_a_pause_is_silence(world: LineWorld, tmp_path: Path) -> None:
    """Left the person, right the agent; while paused neither, and the file goes on."""
    agent = world.agent()
    person = world.talk(agent)
    file = tmp_path / "talk.wav"
    gevent.sleep(0.2)
    world.switch.lines.start_recording(person, str(file))
    gevent.sleep(1.0)
    world.switch.lines.pause_recording(person, True)
    gevent.sleep(1.0)
    world.switch.lines.pause_recording(person, False)
    gevent.sleep(1.0)
    world.switch.lines.stop_recording(person)
    world.switch.hang_up(person, "stop")
    world.hears_call(person, HungUp)
    with wave.open(str(file), "rb") as recorded:
        assert (recorded.getnchannels(), recorded.getframerate()) == (2, RATE)
        samples = memoryview(recorded.readframes(recorded.getnframes())).cast("h")
    left, right = samples[0::2].tolist(), samples[1::2].tolist()
    tenth = RATE // 10
    levels = [
        tuple(
            decibels(goertzel(side[at : at + tenth], hertz)) for side in (left, right) for hertz in (PERSON_HERTZ, AGENT_HERTZ)
        )
        for at in range(0, len(left) - tenth, tenth)
    ]
    clear = [level for level in levels if level[0] > HEARD and level[3] > HEARD]
    silent = [level for level in levels if max(level) < NOT_HEARD]
    assert all(level[1] < NOT_HEARD and level[2] < NOT_HEARD for level in clear), "each side is on its own channel"
    assert len(clear) >= 10
    assert len(silent) >= 5


def test_a_registered_users_phone(world: LineWorld) -> None:
    """A user of the switch's own directory is an agent like any other, and one who is not there is refused."""
    world.switch.lines.open(LineOrder("ann", "user/1001@floor.test"))
    world.hears("ann", LineUp)
    person = world.talk("ann")
    heard = ears(person=world.phone_of_person(person), agent=world.phone_of("agent-1001"))
    assert heard == {"person": {"agent"}, "agent": {"person"}}
    world.switch.hang_up(person, "stop")
    world.hears("ann", TalkEnded)
    assert [line.up for line in world.switch.lines.lines() if line.agent_id == "ann"] == [True]
    world.switch.lines.open(LineOrder("bob", "user/1002@floor.test"))
    assert world.hears("bob", LineDown).reason == "refused"


def test_who_calls_is_shown(world: LineWorld) -> None:
    """An on-hook phone gets the contact's attributes as headers of its INVITE, percent-encoded, and nothing else of them."""
    agent = f"agent-{uuid.uuid4().hex[:8]}"
    hostile = "Anna\r\nX-Injected: yes ${hostname} {a=b},[c] 'd'"
    world.switch.lines.open(
        LineOrder(agent, world.phone(agent), LineKind.ON_HOOK, shows=(("name", hostile), ("Due date", "1/2")))
    )
    world.hears(agent, LineUp)
    headers = dict(world.phone_of(agent).invite.headers)
    assert headers["x-trunkline-due-date"] == "1%2F2"
    assert "%0D%0A" in headers["x-trunkline-name"]
    assert "x-injected" not in headers
    world.switch.lines.close(agent)
    world.hears(agent, LineDown)
