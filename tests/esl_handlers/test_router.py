"""Captured calls, told as a campaign hears them; and the same calls with events lost, repeated or out of order."""

from __future__ import annotations

import itertools
import random

import pytest

from controller.clock import RealClock
from controller.domain.calls.events import (
    Answered,
    CallEvent,
    Connected,
    ConnectFailed,
    DialFailed,
    HungUp,
    Left,
    Ringing,
)
from controller.domain.calls.outcome import Outcome
from esl_handlers import router as router_module
from esl_handlers.links import Hurry
from esl_handlers.observer import NoObserver
from esl_handlers.router import SUBSCRIPTION, Router
from esl_handlers.switch import FreeSwitch
from esl_handlers.wire import Event, FrameReader
from tests.esl_handlers.peer import event_frame, sample_bodies

RECEIVED = 1_800_000_000.0


class Floor:
    """``SwitchListener`` that writes down what it hears, and the kills that are asked for."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, CallEvent]] = []
        self.killed: list[str] = []
        self.hurry = Hurry()
        self.router = Router(self, NoObserver(), self.killed.append, hurry=self.hurry)
        self._handlers = self.router.handlers()

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.heard.append((attempt_id, event))

    def link_lost(self) -> None:
        raise AssertionError("the router does not speak of links")

    def link_restored(self, same_core: bool) -> None:
        raise AssertionError("the router does not speak of links")

    def tell(self, *events: Event) -> list[CallEvent]:
        """Hand events to the router; what was heard of them."""
        before = len(self.heard)
        for event in events:
            name = event.get("Event-Subclass") if event.name == "CUSTOM" else event.name
            handler = self._handlers.get(name)
            if handler is not None:
                handler(event)
        return [event for _, event in self.heard[before:]]

    def kinds(self) -> list[type[CallEvent]]:
        return [type(event) for _, event in self.heard]


def captured(name: str) -> list[Event]:
    return [Event(body, RECEIVED) for body in sample_bodies(name)]


def attempt_of(events: list[Event]) -> str:
    return next(identity for event in events if (identity := event.get("Unique-ID")))


def made_up(name: str, *headers: tuple[str, str], body: bytes = b"", uuid: str = "a1") -> Event:
    frame = event_frame(("Event-Name", name), ("Unique-ID", uuid), ("Job-UUID", uuid), *headers, body=body)
    return Event(FrameReader().feed(frame)[0].body, RECEIVED)


def custom(word: str, disposition: str = "") -> Event:
    frame = event_frame(
        ("Event-Name", "CUSTOM"),
        ("Event-Subclass", "trunkline%3A%3Aconnect"),
        ("Unique-ID", "a1"),
        ("variable_trunkline_to", "ivr-1000"),
        ("variable_trunkline_connect", word),
        ("variable_originate_disposition", disposition),
    )
    return Event(FrameReader().feed(frame)[0].body, RECEIVED)


HURRIES = {
    "answered, then joined": (["CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE"], [True, True, False]),
    "answered at once, then gone": (["CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"], [True, False]),
    "rung in vain": (["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_HANGUP_COMPLETE"], [False, True, False]),
}


@pytest.mark.parametrize("story", HURRIES)
def test_a_call_that_is_to_wait_makes_haste_from_its_ringing_until_it_is_joined(story: str) -> None:
    """Whoever picks up hears nobody until then. A call that the switch joins by itself needs no haste."""
    names, hurried = HURRIES[story]
    waiting, joined = Floor(), Floor()
    waiting.router.track("a1", "sales", is_to_wait=True)
    joined.router.track("a1", "collections")
    for name, expected in zip(names, hurried, strict=True):
        for floor, hurry in ((waiting, expected), (joined, False)):
            floor.tell(made_up(name))
            assert floor.hurry.wait(0.0) is hurry, name


STORIES = {
    "answered_hangup": ([Left, Ringing, Answered, HungUp], Outcome.ANSWERED, "NORMAL_CLEARING", 200),
    "early_media_then_answer": ([Left, Ringing, Answered, HungUp], Outcome.ANSWERED, "NORMAL_CLEARING", 200),
    "busy": ([Left, Ringing, HungUp], Outcome.BUSY, "USER_BUSY", 486),
    "no_answer": ([Left, Ringing, HungUp], Outcome.NO_ANSWER, "NO_ANSWER", 487),
    "unallocated_404": ([Left, HungUp], Outcome.INVALID_NUMBER, "UNALLOCATED_NUMBER", 404),
    "gateway_unreachable": ([Left, HungUp], Outcome.GATEWAY_ERROR, "NORMAL_TEMPORARY_FAILURE", 503),
    "killed_while_ringing": ([Left, Ringing, HungUp], Outcome.CANCELLED, "ORIGINATOR_CANCEL", 487),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_captured_call(name: str) -> None:
    """What a real FreeSWITCH told of a call, in our words."""
    kinds, outcome, cause, status = STORIES[name]
    floor, events = Floor(), captured(name)
    floor.router.track(attempt_of(events), "collections")
    end = floor.tell(*events)[-1]
    assert floor.kinds() == kinds
    assert {attempt for attempt, _ in floor.heard} == {attempt_of(events)}
    assert isinstance(end, HungUp)
    assert (end.outcome, end.cause, end.sip_status) == (outcome, cause, status)
    assert (end.answered_at is not None) == (Answered in kinds)
    assert (end.ringing_at is not None) == (Ringing in kinds)
    assert all(event.at == RECEIVED for _, event in floor.heard)
    assert len(floor.router) == 0


@pytest.mark.parametrize("name", STORIES)
def test_a_captured_call_twice_over(name: str) -> None:
    """Every event comes twice: each thing happens once."""
    floor, events = Floor(), captured(name)
    floor.router.track(attempt_of(events), "collections")
    floor.tell(*itertools.chain.from_iterable((event, event) for event in events))
    assert floor.kinds() == STORIES[name][0]


@pytest.mark.parametrize("name", STORIES)
def test_a_captured_call_of_which_only_the_end_was_heard(name: str) -> None:
    """The hang-up event alone tells how it ended, whether it rang and whether somebody answered."""
    whole, alone = Floor(), Floor()
    events = captured(name)
    for floor in (whole, alone):
        floor.router.track(attempt_of(events), "collections")
    end = whole.tell(*events)[-1]
    assert alone.tell(*(event for event in events if event.name == "CHANNEL_HANGUP_COMPLETE")) == [end]


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("seed", range(5))
def test_a_captured_call_out_of_order(name: str, seed: int) -> None:
    """Whatever comes before the end, the end is the same and comes once."""
    floor, events = Floor(), captured(name)
    floor.router.track(attempt_of(events), "collections")
    random.Random(seed).shuffle(events)
    ends = [event for event in floor.tell(*events) if isinstance(event, HungUp)]
    assert [(end.outcome, end.cause, end.sip_status) for end in ends] == [STORIES[name][1:]]


def test_calls_that_are_not_ours_are_not_reported() -> None:
    """A bot's leg and somebody else's calls share the event stream."""
    floor = Floor()
    for name in STORIES:
        assert floor.tell(*captured(name)) == []


def test_person_and_agent_of_a_captured_bridge() -> None:
    """The bridge is told of either leg; both are found."""
    events = captured("bridged_to_agent")
    legs = {event.get("Unique-ID") for event in events} - {""}
    assert len(legs) == 2
    for leg in legs:
        floor = Floor()
        floor.router.track(leg, "collections")
        assert floor.tell(*events)[-1].__class__ is HungUp
        assert [event.to for _, event in floor.heard if isinstance(event, Connected)] == ["collections"]


def test_a_gateway_that_is_down() -> None:
    """No channel, no hang-up, no record: the job's result is all there is, and nothing left the box."""
    floor, events = Floor(), captured("gateway_down")
    job = next(event for event in events if event.name == "BACKGROUND_JOB")
    floor.router.track(job.get("Job-UUID"), "collections")
    assert floor.tell(*events) == [DialFailed(RECEIVED, Outcome.GATEWAY_ERROR, "GATEWAY_DOWN", left=False)]
    assert len(floor.router) == 0


def test_a_refusal_by_our_own_switch() -> None:
    """Rate limit, session limit, duplicate: not dialled, at nobody's cost."""
    floor = Floor()
    floor.router.track("a1", "collections")
    told = floor.tell(made_up("BACKGROUND_JOB", body=b"-ERR DESTINATION_OUT_OF_ORDER\n"))
    assert told == [DialFailed(RECEIVED, Outcome.NOT_DIALLED, "DESTINATION_OUT_OF_ORDER", left=False)]


@pytest.mark.parametrize("cause", ["DESTINATION_OUT_OF_ORDER", "SYSTEM_SHUTDOWN"])
def test_a_refusal_proves_nothing_after_the_invite_or_a_gap(cause: str) -> None:
    """Once the channel was seen, or events may have been missed since the command, the call may have rung."""
    seen, gap = Floor(), Floor()
    for floor in (seen, gap):
        floor.router.track("a1", "collections")
    seen.tell(made_up("CHANNEL_CREATE"))
    gap.router.link_broke()
    for floor in (seen, gap):
        told = floor.tell(made_up("BACKGROUND_JOB", body=f"-ERR {cause}\n".encode()))
        assert [event.left for event in told if isinstance(event, DialFailed)] == [True]
        assert len(floor.router) == 1


def test_a_failure_of_the_far_end_counts_as_left() -> None:
    """USER_BUSY can only come from outside: the event that told of the channel was lost."""
    floor = Floor()
    floor.router.track("a1", "collections")
    told = floor.tell(made_up("BACKGROUND_JOB", body=b"-ERR USER_BUSY\n"))
    assert told == [DialFailed(RECEIVED, Outcome.ERROR, "USER_BUSY", left=True)]


def test_a_job_that_worked_tells_nothing_new() -> None:
    """The events have told it already."""
    floor = Floor()
    floor.router.track("a1", "collections")
    assert floor.tell(made_up("BACKGROUND_JOB", body=b"+OK a1\n")) == []
    assert len(floor.router) == 1


def test_sound_and_ivr_connect_when_the_dialplan_says_so() -> None:
    """There is no second leg: the dialplan's own event tells."""
    for word in ("playing", "ivr"):
        floor = Floor()
        floor.router.track("a1", "message")
        assert floor.tell(custom("waiting"), custom(word), custom(word)) == [Connected(RECEIVED, "message")]


def test_an_adopted_call_knows_its_target_from_its_channel() -> None:
    """After a restart nobody here remembers the order."""
    floor = Floor()
    floor.router.track("a1")
    assert floor.tell(custom("ivr")) == [Connected(RECEIVED, "ivr-1000")]
    floor.router.track("a2")
    bridge = made_up("CHANNEL_BRIDGE", ("variable_trunkline_to", "collections"), uuid="a2")
    assert floor.tell(bridge) == [Connected(RECEIVED, "collections")]


def test_a_target_that_cannot_be_had() -> None:
    """The bot's own refusal is the reason; a verdict that never came is one too."""
    floor = Floor()
    floor.router.track("a1", "collections")
    assert floor.tell(custom("failed", "USER_BUSY"), custom("failed", "USER_BUSY")) == [ConnectFailed(RECEIVED, "USER_BUSY")]
    floor.router.track("a2", "collections")
    end = floor.tell(
        made_up(
            "CHANNEL_HANGUP_COMPLETE",
            ("Hangup-Cause", "SERVICE_UNAVAILABLE"),
            ("Caller-Channel-Answered-Time", "1795254995508228"),
            ("variable_trunkline_connect", "overdue"),
            ("variable_originate_disposition", "failure"),
            uuid="a2",
        )
    )[0]
    assert isinstance(end, HungUp)
    assert end.connect_failed == "overdue"
    assert end.answered_at == 1795254995.508228


def test_the_end_remembers_the_connection() -> None:
    """If the events between were lost, the hang-up still tells when person and bot, or sound, were joined."""
    answered = ("Caller-Channel-Answered-Time", "1795254995000000")
    joined = ("Caller-Channel-Bridged-Time", "1795254996500000")
    floor = Floor()
    for attempt, headers, expected in (
        ("a1", (answered, joined, ("variable_trunkline_connect", "connecting")), 1795254996.5),
        ("a2", (answered, ("Caller-Channel-Bridged-Time", "0"), ("variable_trunkline_connect", "playing")), 1795254995.0),
        ("a3", (answered, ("variable_trunkline_connect", "connecting")), None),
    ):
        floor.router.track(attempt)
        end = floor.tell(made_up("CHANNEL_HANGUP_COMPLETE", *headers, uuid=attempt))[0]
        assert isinstance(end, HungUp)
        assert end.connected_at == expected


def test_hostile_header_values_are_read_as_nothing() -> None:
    """A far end that writes nonsense into what it can choose spoils no call."""
    floor = Floor()
    floor.router.track("a1", "collections")
    end = floor.tell(
        made_up(
            "CHANNEL_HANGUP_COMPLETE",
            ("Hangup-Cause", ""),
            ("Caller-Channel-Answered-Time", "-1"),
            ("Caller-Channel-Progress-Time", "soon"),
            ("variable_sip_term_status", "99999999999999999999"),
            ("Event-Date-Timestamp", "x"),
        )
    )[0]
    assert end == HungUp(RECEIVED, Outcome.ERROR, "NO_CAUSE")


def test_a_kill_that_came_too_early_is_done_when_the_call_appears() -> None:
    """Asked for before the switch knew the call; done once."""
    floor = Floor()
    floor.router.track("a1", "collections")
    call = floor.router.call("a1")
    assert call is not None
    call.kill_wanted = True
    floor.tell(made_up("CHANNEL_CREATE"), made_up("CHANNEL_CREATE"))
    assert floor.killed == ["a1"]


def test_a_call_the_switch_does_not_know_is_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once: its end may be on its way. Not at all, if something is heard of it."""
    monkeypatch.setattr(router_module, "GRACE_SECONDS", 0.0)
    floor = Floor()
    for attempt in ("a1", "a2"):
        floor.router.track(attempt)
        floor.router.forget_later(attempt)
    floor.tell(made_up("CHANNEL_PROGRESS", uuid="a2"))
    assert len(floor.router) == 2
    floor.tell(made_up("HEARTBEAT"))
    assert floor.router.call("a1") is None
    assert floor.router.call("a2") is not None


def test_the_subscription_is_narrow() -> None:
    """All CHANNEL_* events would cost FreeSWITCH a fifth of its capacity, ALL more."""
    names = SUBSCRIPTION.split()[2:]
    assert "ALL" not in names
    lines = FreeSwitch("127.0.0.1", 1, "", RealClock()).lines
    assert set(names) == set(Floor().router.handlers()) | set(lines.handlers()) | {"CUSTOM"}


def test_an_adopted_call_is_not_called_undialled() -> None:
    """Its CHANNEL_CREATE may have come before anybody listened, so a refusal of the switch's own proves nothing."""
    floor = Floor()
    floor.router.adopt("a1")
    assert floor.tell(made_up("BACKGROUND_JOB", body=b"-ERR GATEWAY_DOWN\n")) == [
        DialFailed(RECEIVED, Outcome.GATEWAY_ERROR, "GATEWAY_DOWN", left=True)
    ]
