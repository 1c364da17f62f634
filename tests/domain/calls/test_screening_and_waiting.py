"""Who picked up, and whom they are to talk to: calls with detection, with agents, with a message to leave."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.agents.agent import ReservationEnd, SeizureOutcome
from controller.domain.calls.actions import (
    Action,
    Connect,
    ConnectAgent,
    DialOrder,
    Finish,
    HangUp,
    LeaveMessage,
    Park,
    ReleaseAgent,
    ReserveAgent,
    StartDetection,
    StopDetection,
    StopMessage,
    Target,
    Treat,
)
from controller.domain.calls.answering import Answering, Attach, Detection, OnMachine, OnUnknown, Treatment
from controller.domain.calls.ending import request_hang_up
from controller.domain.calls.events import (
    AgentLost,
    AgentReserved,
    Answered,
    BeepHeard,
    CallEvent,
    Connected,
    ConnectFailed,
    DialFailed,
    FoundTalking,
    FoundWaiting,
    GreetingEnded,
    HandedOver,
    HungUp,
    KeyPressed,
    Left,
    MessagePlayed,
    NoAgent,
    Overdue,
    Ringing,
    TimeUp,
    Vanished,
    VerdictGiven,
    VerdictRevised,
)
from controller.domain.calls.machine import hear
from controller.domain.calls.outcome import Outcome
from controller.domain.calls.states import Call, CallState

BOT = Target("bot", "collections", "sip:collections@127.0.0.1:5070")
SALES = Target("queue", "sales", "sales")
LISTEN = Detection()
SORRY = Treatment("sorry.wav", opt_out_key="9")
SCREEN = Answering(detection=LISTEN, treatment=SORRY)
TO_AGENTS = Answering(treatment=SORRY)
VOICEMAIL = Answering(detection=LISTEN, on_machine=OnMachine.LEAVE_MESSAGE, message="vm.wav", treatment=SORRY)

PERSON = VerdictGiven(106.0, "person", 0.97, 950)
MACHINE = VerdictGiven(107.0, "machine", 0.99, 2000)
UNKNOWN = VerdictGiven(110.0, "unknown", 0.5, 5000)
NOT_A_PERSON_AFTER_ALL = VerdictRevised(109.0, "machine", 0.95, 4000)
END = HungUp(130.0, Outcome.ERROR, "NORMAL", 200, answered_at=105.0)
TALKED = Finish(Outcome.ANSWERED, "NORMAL", 200)


def call_to(target: Target, answering: Answering, agent: str | None = None) -> Call:
    joined = target is BOT and (answering.detection is None or answering.attach is Attach.AT_ONCE)
    order = DialOrder("a-1", "june", 1, "acme", "919999999999", "+911140001000", 30, 3600, target, connect_on_answer=joined)
    return Call(order, placed_at=100.0, answering=answering, agent=agent)


def answered(target: Target, answering: Answering, agent: str | None = None) -> Call:
    call = call_to(target, answering, agent)
    tell(call, Answered(105.0))
    return call


def tell(call: Call, *events: CallEvent) -> list[Action]:
    return [action for event in events for action in hear(call, event)]


def outcome(actions: list[Action]) -> Outcome:
    (finish,) = [action for action in actions if isinstance(action, Finish)]
    return finish.outcome


# ---------------------------------------------------------------------- detection


def test_detection_screens_before_connecting():
    """With detection the answered call is judged first; a person is then joined with the bot."""
    call = call_to(BOT, SCREEN)
    assert tell(call, Answered(105.0)) == [StartDetection(LISTEN)]
    assert call.state is CallState.SCREENING
    assert tell(call, PERSON) == [Connect(BOT)]
    assert tell(call, Connected(106.1, "collections"), END) == [StopDetection(), TALKED]
    assert (call.evidence.verdict, call.evidence.verdict_ms, call.evidence.confidence) == ("person", 950, 0.97)


def test_a_machine_is_hung_up_on():
    """A machine's verdict ends the call, and the attempt says machine."""
    call = answered(BOT, SCREEN)
    assert tell(call, MACHINE) == [HangUp("machine")]
    assert outcome(tell(call, END)) is Outcome.MACHINE


def test_a_machine_is_passed_on_where_the_campaign_says_so():
    """``continue``: the bot talks to the machine, and the record keeps the verdict."""
    call = answered(BOT, replace(SCREEN, on_machine=OnMachine.CONTINUE))
    assert tell(call, MACHINE) == [Connect(BOT)]
    assert outcome(tell(call, Connected(107.1, "collections"), END)) is Outcome.ANSWERED
    assert call.evidence.verdict == "machine"


@pytest.mark.parametrize(("kind", "named"), [("fax", Outcome.FAX), ("sit", Outcome.INVALID_NUMBER)])
def test_tones_that_are_nobody_end_the_call(kind: str, named: Outcome):
    """A fax and the network's three rising tones are hung up on, whatever the campaign does with machines."""
    call = answered(BOT, replace(SCREEN, on_machine=OnMachine.CONTINUE))
    assert tell(call, VerdictGiven(107.0, kind, 0.99, 2000)) == [HangUp(kind)]
    assert outcome(tell(call, END)) is named


def test_doubt_is_passed_on_unless_the_campaign_hangs_up():
    """``unknown`` goes to the target by default; with teardown it is an outcome of its own, not a machine."""
    assert tell(answered(BOT, SCREEN), UNKNOWN) == [Connect(BOT)]
    call = answered(BOT, replace(SCREEN, on_unknown=OnUnknown.TEARDOWN))
    assert tell(call, UNKNOWN) == [HangUp("unknown")]
    assert outcome(tell(call, END)) is Outcome.AMD_UNKNOWN


def test_a_verdict_that_never_comes_is_unknown():
    """Detection died: after its own limit the call is passed on like any doubt."""
    call = answered(BOT, SCREEN)
    assert call.limit_seconds == LISTEN.max_seconds + 1.0
    assert tell(call, TimeUp(111.0)) == [Connect(BOT)]
    assert call.evidence.verdict == "unknown"
    assert tell(call, MACHINE) == []


def test_a_provisional_person_who_turns_out_a_machine_frees_the_bot():
    """Joined with the bot at half a second, known to be a machine at four: hung up, and counted as a machine."""
    call = answered(BOT, SCREEN)
    tell(call, PERSON, Connected(106.1, "collections"))
    assert tell(call, NOT_A_PERSON_AFTER_ALL) == [HangUp("machine")]
    assert outcome(tell(call, END)) is Outcome.MACHINE
    assert (call.evidence.verdict, call.evidence.revised, call.evidence.revised_ms) == ("person", "machine", 4000)


def test_a_target_joined_at_once_is_taken_away_from_a_machine():
    """``attach = at_once``: the switch joins at the answer while detection runs; a machine's verdict ends the call."""
    call = call_to(BOT, replace(SCREEN, attach=Attach.AT_ONCE))
    assert tell(call, Answered(105.0)) == [StartDetection(LISTEN)]
    assert tell(call, Connected(105.02, "collections")) == []
    assert tell(call, MACHINE) == [HangUp("machine")]
    assert outcome(tell(call, END)) is Outcome.MACHINE


def test_a_person_joined_at_once_is_left_in_peace():
    """The verdict changes nothing for somebody who is already talking."""
    call = answered(BOT, replace(SCREEN, attach=Attach.AT_ONCE))
    tell(call, Connected(105.02, "collections"))
    assert tell(call, PERSON) == []
    assert outcome(tell(call, END)) is Outcome.ANSWERED


def test_a_verdict_heard_before_the_answer_implies_it():
    """Events came in another order: the call is judged all the same, and detection is not started a second time."""
    call = call_to(BOT, SCREEN)
    assert tell(call, PERSON) == [Connect(BOT)]
    assert call.answered_at == pytest.approx(105.05)
    assert tell(call, Answered(105.0)) == []


def test_a_person_who_hangs_up_while_we_still_listen_counts_against_us():
    """No verdict after more than two seconds: nobody can say that it was no person, so it is abandoned."""
    assert outcome(tell(answered(BOT, SCREEN), HungUp(108.0, Outcome.ERROR, "NORMAL"))) is Outcome.ABANDONED
    assert outcome(tell(answered(BOT, SCREEN), HungUp(106.0, Outcome.ERROR, "NORMAL"))) is Outcome.ANSWERED


# ---------------------------------------------------------------------- the message on the machine


def test_the_message_is_left_after_the_beep():
    """Machine, beep, message, hang-up: the outcome says that the message is on it."""
    call = answered(BOT, VOICEMAIL)
    (hold,) = tell(call, MACHINE)
    assert isinstance(hold, Park)
    assert call.state is CallState.AWAITING_BEEP
    assert tell(call, BeepHeard(112.0)) == [LeaveMessage("vm.wav")]
    assert tell(call, MessagePlayed(120.0)) == [HangUp("message_left")]
    assert outcome(tell(call, END)) is Outcome.MESSAGE_LEFT


@pytest.mark.parametrize("silence", [GreetingEnded(112.0), TimeUp(137.0)])
def test_without_a_beep_the_message_follows_the_greeting(silence: CallEvent):
    """Silence after the greeting, or a greeting without end: the message is left all the same; a beep starts it anew, once."""
    call = answered(BOT, VOICEMAIL)
    tell(call, MACHINE)
    assert tell(call, silence) == [LeaveMessage("vm.wav")]
    assert tell(call, BeepHeard(138.0)) == [LeaveMessage("vm.wav")]
    assert tell(call, BeepHeard(139.0)) == []


def test_a_beep_heard_before_the_verdict_is_not_lost():
    """Verdict and beep changed places on the way: the message begins with the verdict."""
    call = answered(BOT, VOICEMAIL)
    assert tell(call, BeepHeard(106.5)) == []
    assert tell(call, MACHINE)[1:] == [LeaveMessage("vm.wav")]


@pytest.mark.parametrize("sign", [VerdictRevised(115.0, "person", 0.9, 10000), KeyPressed(115.0, "5")])
def test_somebody_who_picks_up_in_the_middle_of_the_message_gets_the_bot(sign: CallEvent):
    """The message stops and the person is connected: a screening service is no machine after all."""
    call = answered(BOT, VOICEMAIL)
    tell(call, MACHINE, BeepHeard(112.0))
    assert tell(call, sign) == [StopMessage(), Connect(BOT)]
    assert outcome(tell(call, Connected(115.1, "collections"), END)) is Outcome.ANSWERED
    assert call.evidence.revised == "person"


def test_a_provisional_person_who_is_a_machine_gets_the_message():
    """The agent is freed without wrap-up, the call is held, and the message waits for the beep."""
    call = answered(SALES, VOICEMAIL)
    tell(call, PERSON, AgentReserved(106.1, "asha"), Connected(106.2, "asha"))
    hold, freed = tell(call, NOT_A_PERSON_AFTER_ALL)
    assert isinstance(hold, Park)
    assert freed == ReleaseAgent("asha", ReservationEnd.TALK, wrap_up=False)
    assert tell(call, BeepHeard(112.0), MessagePlayed(120.0)) == [LeaveMessage("vm.wav"), HangUp("message_left")]
    assert outcome(tell(call, END)) is Outcome.MESSAGE_LEFT


def test_a_machine_that_hangs_up_before_the_message_is_a_machine():
    """No message was left, and the record does not say so."""
    call = answered(BOT, VOICEMAIL)
    tell(call, MACHINE, BeepHeard(112.0))
    assert outcome(tell(call, END)) is Outcome.MACHINE


# ---------------------------------------------------------------------- agents


def test_a_person_gets_the_agent_who_is_free():
    """Answered, an agent sought for two seconds at most, joined, and free for wrap-up when the call ends."""
    call = call_to(SALES, TO_AGENTS)
    assert tell(call, Answered(105.0)) == [ReserveAgent("sales", 2.0)]
    assert tell(call, AgentReserved(105.1, "asha")) == [ConnectAgent("asha")]
    assert tell(call, Connected(105.15, "asha")) == []
    assert tell(call, END) == [ReleaseAgent("asha", ReservationEnd.TALK, wrap_up=True), TALKED]
    assert (call.connected_to, call.seizure) == ("asha", SeizureOutcome.RESERVED)


def test_the_two_seconds_count_from_the_end_of_the_greeting():
    """Detection took half a second after the last word: an agent has one and a half."""
    call = answered(SALES, SCREEN)
    (seek,) = tell(call, VerdictGiven(106.0, "person", 0.9, 1000, greeting_ms=500))
    assert isinstance(seek, ReserveAgent)
    assert seek.within_seconds == pytest.approx(1.5)


def test_an_agent_kept_since_before_the_launch_is_joined_at_once():
    """Progressive: nobody is sought at the answer."""
    call = call_to(SALES, TO_AGENTS, agent="asha")
    assert tell(call, Answered(105.0)) == [ConnectAgent("asha")]


@pytest.mark.parametrize("end", [HungUp(120.0, Outcome.NO_ANSWER, "NO_ANSWER"), HungUp(101.0, Outcome.BUSY, "USER_BUSY", 486)])
def test_an_agent_kept_for_a_call_that_nobody_answers_is_free_again(end: HungUp):
    """No wrap-up for a call without a word."""
    call = call_to(SALES, TO_AGENTS, agent="asha")
    assert tell(call, Ringing(101.0), end)[0] == ReleaseAgent("asha", ReservationEnd.RETURNED)


def test_a_call_refused_by_the_switch_frees_its_agent():
    """Nothing left the box, and nobody stays reserved."""
    call = call_to(SALES, TO_AGENTS, agent="asha")
    assert tell(call, DialFailed(100.1, Outcome.NOT_DIALLED, "down"))[0] == ReleaseAgent("asha", ReservationEnd.RETURNED)


@pytest.mark.parametrize("nobody", [NoAgent(107.0, "none ready"), TimeUp(107.5)])
def test_a_person_for_whom_nobody_is_free_is_told_who_called(nobody: CallEvent):
    """Two seconds, then the message; the attempt counts as abandoned."""
    call = answered(SALES, TO_AGENTS)
    assert tell(call, nobody) == [Treat(SORRY)]
    assert tell(call, MessagePlayed(112.0)) == [HangUp("abandoned")]
    assert outcome(tell(call, END)) is Outcome.ABANDONED
    assert call.seizure is SeizureOutcome.NONE


def test_the_opt_out_key_works_during_the_apology():
    """The key of the message, no other; pressing it twice changes nothing."""
    call = answered(SALES, TO_AGENTS)
    tell(call, NoAgent(107.0, "none ready"), KeyPressed(108.0, "1"))
    assert not call.opted_out
    tell(call, KeyPressed(109.0, "9"), KeyPressed(110.0, "9"))
    assert call.opted_out


def test_a_key_in_a_conversation_opts_nobody_out():
    """Keys pressed while talking are the bot's business."""
    call = answered(BOT, TO_AGENTS)
    tell(call, Connected(105.1, "collections"))
    assert tell(call, KeyPressed(110.0, "9")) == []
    assert not call.opted_out


def test_a_phone_that_nobody_takes_sends_the_call_to_another_agent():
    """RONA: within what is left of the two seconds somebody else is sought."""
    call = answered(SALES, TO_AGENTS)
    tell(call, AgentReserved(105.1, "asha"))
    released, seek = tell(call, AgentLost(106.0, "asha", "rona"))
    assert released == ReleaseAgent("asha", ReservationEnd.RONA)
    assert isinstance(seek, ReserveAgent)
    assert seek.within_seconds == pytest.approx(1.0)
    assert tell(call, AgentReserved(106.1, "ravi"), Connected(106.2, "ravi"), END)[-1] == TALKED


def test_an_agent_who_is_not_on_the_line_in_time_is_let_go():
    """Reserved, but never joined: the person hears the message instead of silence."""
    call = answered(SALES, TO_AGENTS)
    tell(call, AgentReserved(105.1, "asha"))
    assert call.limit_seconds is not None
    assert tell(call, TimeUp(107.5)) == [ReleaseAgent("asha", ReservationEnd.TIMEOUT), Treat(SORRY)]
    assert outcome(tell(call, END)) is Outcome.ABANDONED


def test_an_agent_whose_line_drops_in_the_middle_is_replaced_or_excused():
    """The person is not left in silence, and the call stays an answered one."""
    call = answered(SALES, TO_AGENTS)
    tell(call, AgentReserved(105.1, "asha"), Connected(105.2, "asha"))
    assert tell(call, AgentLost(120.0, "asha", "line dropped"))[-1] == ReserveAgent("sales", 2.0)
    assert tell(call, NoAgent(122.0, "none ready")) == [Treat(SORRY)]
    assert outcome(tell(call, END)) is Outcome.ANSWERED


def test_an_agent_lost_while_it_rings_is_sought_again_at_the_answer():
    """The reserved agent left before anybody picked up: the call is not cut off while it rings."""
    call = call_to(SALES, TO_AGENTS, agent="asha")
    tell(call, Ringing(101.0))
    assert tell(call, AgentLost(102.0, "asha", "logged out")) == [ReleaseAgent("asha", ReservationEnd.TIMEOUT)]
    assert tell(call, Answered(105.0)) == [ReserveAgent("sales", 2.0)]


def test_an_agent_who_comes_too_late_is_let_go():
    """The apology plays already: the reservation is given back, the agent has no call."""
    call = answered(SALES, TO_AGENTS)
    tell(call, NoAgent(107.0, "none ready"))
    assert tell(call, AgentReserved(107.1, "asha")) == [ReleaseAgent("asha", ReservationEnd.RETURNED)]


def test_a_transferred_person_is_no_longer_the_agents():
    """After the hand-over the agent is in wrap-up while the call goes on."""
    call = answered(SALES, TO_AGENTS)
    tell(call, AgentReserved(105.1, "asha"), Connected(105.2, "asha"))
    assert tell(call, HandedOver(115.0, "+911140009999")) == [ReleaseAgent("asha", ReservationEnd.TALK, wrap_up=True)]
    assert tell(call, END) == [TALKED]


def test_a_machine_passed_on_without_an_agent_is_not_abandoned():
    """Nobody is told sorry, nobody was left waiting: no agent was available, and that is what is recorded."""
    call = answered(SALES, replace(SCREEN, on_machine=OnMachine.CONTINUE))
    tell(call, MACHINE)
    assert tell(call, NoAgent(109.0, "none ready")) == [HangUp("agent_unavailable")]
    assert outcome(tell(call, END)) is Outcome.AGENT_UNAVAILABLE


def test_a_call_found_waiting_after_a_restart_goes_to_its_target_at_once():
    """An earlier life of the controller let somebody wait: no detection now, the bot; or the agent of a queue."""
    assert tell(call_to(BOT, SCREEN), FoundWaiting(120.0)) == [Connect(BOT)]
    assert tell(call_to(SALES, SCREEN), FoundWaiting(120.0)) == [ReserveAgent("sales", 2.0)]


def test_a_target_that_cannot_be_sent_for_is_excused_by_us():
    """The switch refused to move the call, so it says nothing to the person: we do."""
    call = answered(BOT, SCREEN)
    tell(call, PERSON)
    assert tell(call, ConnectFailed(106.1, "refused", told=False)) == [Treat(SORRY)]
    call = answered(BOT, SCREEN)
    tell(call, PERSON)
    assert tell(call, ConnectFailed(106.1, "USER_BUSY")) == []
    assert outcome(tell(call, HungUp(106.5, Outcome.ERROR, "NORMAL"))) is Outcome.ABANDONED


# ---------------------------------------------------------------------- late, twice, in another order, not at all

WAYS = st.builds(
    Answering,
    detection=st.sampled_from([None, LISTEN]),
    on_machine=st.sampled_from(OnMachine),
    on_unknown=st.sampled_from(OnUnknown),
    attach=st.sampled_from(Attach),
    message=st.just("vm.wav"),
    treatment=st.sampled_from([None, SORRY]),
)
HEARD: tuple[CallEvent, ...] = (
    Left(100.1),
    Ringing(101.0),
    Answered(105.0),
    PERSON,
    MACHINE,
    UNKNOWN,
    VerdictGiven(107.0, "fax", 0.9, 2000),
    NOT_A_PERSON_AFTER_ALL,
    VerdictRevised(115.0, "person", 0.9, 10000),
    BeepHeard(112.0),
    GreetingEnded(113.0),
    MessagePlayed(120.0),
    KeyPressed(109.0, "9"),
    AgentReserved(105.1, "asha"),
    AgentReserved(106.1, "ravi"),
    NoAgent(107.0, "none ready"),
    AgentLost(106.0, "asha", "rona"),
    AgentLost(116.0, "ravi", "line dropped"),
    Connected(106.2, "asha"),
    ConnectFailed(106.0, "BUSY"),
    ConnectFailed(106.0, "refused", told=False),
    HandedOver(115.0, "+911140009999"),
    FoundWaiting(120.0),
    FoundTalking(121.0, "asha", 118.0),
    TimeUp(125.0),
    DialFailed(100.2, Outcome.BUSY, "X"),
    Overdue(200.0),
    Vanished(201.0, "gone"),
    END,
)


def test_a_talk_that_an_earlier_life_began_has_its_agent_again():
    """The record names the agent, wrap-up follows, and an agent whose line drops is replaced."""
    call = call_to(SALES, SCREEN)
    assert tell(call, Left(119.0), FoundTalking(121.0, "asha", 118.0)) == []
    assert (call.state, call.agent, call.connected_to, call.connected_at) == (CallState.CONNECTED, "asha", "asha", 118.0)
    probe = replace(call, evidence=replace(call.evidence))
    assert tell(probe, AgentLost(130.0, "asha", "hung_up")) == [
        ReleaseAgent("asha", ReservationEnd.TALK, wrap_up=True),
        ReserveAgent("sales", 2.0),
    ]
    assert tell(call, END)[0] == ReleaseAgent("asha", ReservationEnd.TALK, wrap_up=True)


@given(st.lists(st.sampled_from(HEARD), max_size=14), st.sampled_from([BOT, SALES]), WAYS, st.sampled_from([None, "asha"]))
def test_no_story_finishes_twice_or_keeps_an_agent(
    events: list[CallEvent], target: Target, answering: Answering, agent: str | None
):
    """Whatever is told in whatever order: at most one Finish and nothing after it; every agent that was reserved is released
    by then, and only once."""
    call = call_to(target, answering, agent)
    actions = tell(call, *events, END)
    assert [index for index, action in enumerate(actions) if isinstance(action, Finish)] == [len(actions) - 1]
    held = [] if agent is None else [agent]
    call = call_to(target, answering, agent)
    for event in [*events, END]:
        if isinstance(event, AgentReserved) and call.state is not CallState.ENDED and event.agent not in held:
            held.append(event.agent)
        had, actions = call.agent, hear(call, event)
        if isinstance(event, FoundTalking) and had is None and call.agent == event.agent:
            held.append(event.agent)
        for action in actions:
            if isinstance(action, ReleaseAgent):
                held.remove(action.agent)
    assert call.agent is None
    assert held == []


@given(st.lists(st.sampled_from(HEARD), max_size=14), st.sampled_from([BOT, SALES]), WAYS)
def test_nobody_waits_without_a_limit(events: list[CallEvent], target: Target, answering: Answering):
    """Wherever our own word is waited for, time runs out and something is done about it (invariant I6)."""
    call = call_to(target, answering)
    for event in events:
        hear(call, event)
        before = call.state
        waits = before in (CallState.SCREENING, CallState.WAITING, CallState.APOLOGISING, CallState.AWAITING_BEEP)
        assert call.limit_seconds is not None or not waits
        if waits:
            probe = replace(call, evidence=replace(call.evidence))
            assert tell(probe, TimeUp(300.0)) != []


STORIES: dict[str, tuple[Target, Answering, tuple[CallEvent, ...], Outcome]] = {
    "person, bot": (BOT, SCREEN, (Left(100.1), Ringing(101.0), Answered(105.0), PERSON), Outcome.ANSWERED),
    "machine": (BOT, SCREEN, (Left(100.1), Ringing(101.0), Answered(105.0), MACHINE), Outcome.MACHINE),
    "fax": (BOT, SCREEN, (Ringing(101.0), Answered(105.0), VerdictGiven(107.0, "fax", 0.9, 2000)), Outcome.FAX),
}


@pytest.mark.parametrize("name", STORIES)
@given(chance=st.randoms(use_true_random=False), repeats=st.integers(0, 3))
def test_events_of_detection_in_any_order_end_the_same(name: str, chance: Random, repeats: int):
    """Answer and verdict repeated and shuffled before the end: the same outcome, the same evidence."""
    target, answering, events, wanted = STORIES[name]
    call = call_to(target, answering)
    heard = [*events, *chance.choices(events, k=repeats)]
    chance.shuffle(heard)
    tell(call, *heard)
    end = replace(END, connected_at=106.1 if wanted is Outcome.ANSWERED else None)
    assert outcome(tell(call, end)) is wanted
    assert call.evidence.verdict == next(event.kind for event in events if isinstance(event, VerdictGiven))


@pytest.mark.parametrize("lost", [combo for n in range(4) for combo in itertools.combinations(range(4), n)])
def test_a_conversation_whose_events_were_lost_is_one(lost: tuple[int, ...]):
    """Ringing, answer, verdict, connection: whichever went missing, the switch's memory at the end makes it answered."""
    heard = (Ringing(101.0), Answered(105.0), PERSON, Connected(106.1, "collections"))
    call = call_to(BOT, SCREEN)
    tell(call, *(event for index, event in enumerate(heard) if index not in lost))
    assert outcome(tell(call, replace(END, connected_at=106.1))) is Outcome.ANSWERED


def test_a_hang_up_that_we_asked_for_ends_whatever_it_meets():
    """An operator ends a call that waits for an agent: the agent who comes now is let go, the end is recorded once."""
    call = answered(SALES, TO_AGENTS)
    assert request_hang_up(call, "operator") == [HangUp("operator")]
    assert tell(call, AgentReserved(105.5, "asha")) == [ReleaseAgent("asha", ReservationEnd.RETURNED)]
    assert outcome(tell(call, HungUp(105.6, Outcome.CANCELLED, "X", answered_at=105.0))) is Outcome.ANSWERED


def test_a_message_that_cannot_be_played_ends_the_call():
    """No such sound file: the machine is hung up on and counts as one; a person is not kept in silence either."""
    call = answered(BOT, VOICEMAIL)
    tell(call, MACHINE, BeepHeard(112.0))
    assert tell(call, ConnectFailed(112.1, "message: FILE NOT FOUND", told=False)) == [HangUp("machine")]
    assert outcome(tell(call, END)) is Outcome.MACHINE
    call = answered(SALES, TO_AGENTS)
    tell(call, NoAgent(107.0, "none ready"))
    assert tell(call, ConnectFailed(107.1, "message: FILE NOT FOUND", told=False)) == [HangUp("abandoned")]
