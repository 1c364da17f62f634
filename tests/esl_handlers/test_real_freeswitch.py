"""The Switch port on a real FreeSWITCH with our configuration, between SIPp as carrier and as bots.

Numbers do at the carrier what their last two digits say (tests/freeswitch/scenarios/carrier.xml).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from controller.domain.calls.actions import DialOrder, Target
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
from esl_handlers.switch import FreeSwitch
from tests.esl_handlers.peer import eventually
from tests.esl_handlers.test_switch import Desk, RealClock
from tests.freeswitch.conftest import Site, site
from tests.freeswitch.ports import HOST

__all__ = ["site"]  # the fixture

pytestmark = pytest.mark.freeswitch

HOSTILE = (
    ("name", "Ö'\"{}${x},; \r\n|[^^]\\"),
    ("Due date", "12/3 %0D%0AVia: forged"),
    ("origination_uuid", "forged"),
    ("नाम", "राम 😀"),
    ("long", "y" * 5000),
    ("sip_h_X-Evil", "${system(touch /tmp/evil)}"),
)


class Floor:
    """Dials and waits for ends."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.desk = Desk()
        self.switch = FreeSwitch(HOST, site.switch.esl_port, site.switch.password, RealClock())
        self.switch.start(self.desk)
        assert self.switch.wait_ready(30.0)

    def bot(self, user: str) -> Target:
        return Target("bot", "collections", f"sip:{user}@{HOST}:{self.site.bots.port}", (("X-Token", "Bearer a=b; c"),))

    def order(self, number: str, target: Target | None = None) -> DialOrder:
        return DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="dues-1",
            run_id=7,
            gateway="north",
            dial_string_number=number,
            caller_id="+911140001000",
            ring_seconds=2,
            max_seconds=60,
            target=target or self.bot("bot"),
        )

    def dial(self, order: DialOrder) -> str:
        assert self.switch.dial(order) is None
        return order.attempt_id

    def heard(self, attempt_id: str) -> list[CallEvent]:
        return [event for attempt, event in self.desk.heard if attempt == attempt_id]

    def heard_of(self, attempt_id: str, kind: type[CallEvent]) -> bool:
        return eventually(lambda: any(isinstance(event, kind) for event in self.heard(attempt_id)))

    def story(self, order: DialOrder) -> tuple[list[type[CallEvent]], HungUp]:
        """Dial and listen to the end."""
        attempt = self.dial(order)
        assert self.heard_of(attempt, HungUp)
        events = [event for event in self.heard(attempt) if not isinstance(event, DialFailed)]
        end = events[-1]
        assert isinstance(end, HungUp)
        return [type(event) for event in events], end


@pytest.fixture
def floor(site: Site) -> Iterator[Floor]:
    floor = Floor(site)
    yield floor
    floor.switch.stop()


REFUSALS = [
    ("919876500050", Outcome.BUSY, 486),
    ("919876500070", Outcome.REJECTED, 603),
    ("919876500075", Outcome.INVALID_NUMBER, 404),
    ("919876500080", Outcome.RNR, 480),
    ("919876500085", Outcome.CONGESTION, 503),
]


@pytest.mark.parametrize(("number", "outcome", "status"), REFUSALS)
def test_a_refusal(floor: Floor, number: str, outcome: Outcome, status: int) -> None:
    """The carrier's status becomes the outcome."""
    kinds, end = floor.story(floor.order(number))
    assert kinds == [Left, HungUp]
    assert (end.outcome, end.sip_status) == (outcome, status)


def test_nobody_answers(floor: Floor) -> None:
    """Our ring limit."""
    kinds, end = floor.story(floor.order("919876500060"))
    assert kinds == [Left, Ringing, HungUp]
    assert end.outcome is Outcome.NO_ANSWER


def test_a_carrier_that_cannot_be_reached(floor: Floor) -> None:
    """A gateway without anybody behind it, one that is known to be down, one that does not exist: the carrier's fault, and
    only where an INVITE was tried does it count as left."""
    kinds, end = floor.story(replace(floor.order("919876500000"), gateway="closed"))
    assert kinds == [Left, HungUp]
    assert end.outcome is Outcome.GATEWAY_ERROR
    attempt = floor.dial(replace(floor.order("919876500000"), gateway="nowhere"))
    assert floor.heard_of(attempt, DialFailed)
    failed = floor.heard(attempt)[0]
    assert isinstance(failed, DialFailed)
    assert (failed.outcome, failed.cause, failed.left) == (Outcome.GATEWAY_ERROR, "INVALID_GATEWAY", False)


def test_person_and_bot_with_a_hostile_contact(floor: Floor, site: Site) -> None:
    """The bot gets the contact's values as text, the carrier gets none of them, and nothing else changes."""
    order = replace(floor.order("919876500000"), attributes=HOSTILE)
    kinds, end = floor.story(order)
    assert kinds == [Left, Ringing, Answered, Connected, HungUp]
    assert end.outcome is Outcome.ANSWERED
    assert end.connected_at is not None
    bot_invite = next(
        message
        for message in site.bots.messages().split("\n-----------------------------------------------")
        if "INVITE sip:bot@" in message and f"X-Trunkline-Attempt: {order.attempt_id}" in message
    )
    for line in (
        "X-Trunkline-Campaign: dues-1",
        "X-Trunkline-Run: 7",
        "X-Token: Bearer a=b; c",
        "X-Trunkline-name: %C3%96%27%22%7B%7D%24%7Bx%7D%2C%3B%20%0D%0A%7C%5B%5E%5E%5D%5C",
        "X-Trunkline-Due-date: 12%2F3%20%250D%250AVia%3A%20forged",
        "X-Trunkline-origination-uuid: forged",
        "X-Trunkline-Field-4: %E0%A4%B0%E0%A4%BE%E0%A4%AE%20%F0%9F%98%80",
        "X-Trunkline-sip-h-X-Evil: %24%7Bsystem%28touch%20%2Ftmp%2Fevil%29%7D",
    ):
        assert line in bot_invite.replace("\r", "").splitlines()
    assert "X-Trunkline" not in site.carrier.messages()
    assert "forged" not in site.carrier.messages()
    invites = [invite for invite in site.carrier.invites() if invite.note]
    assert invites == []


def test_a_bot_that_is_busy(floor: Floor) -> None:
    """The person hears the dialplan's apology; the attempt knows why."""
    kinds, end = floor.story(floor.order("919876500095", floor.bot("busy")))
    assert kinds == [Left, Ringing, Answered, ConnectFailed, HungUp]
    assert end.connect_failed == "USER_BUSY"
    assert end.connected_at is None


@pytest.mark.parametrize(
    "target",
    [Target("playback", "message", "silence_stream://300"), Target("ivr", "ivr-1000", "1000")],
)
def test_a_sound_or_an_ivr(floor: Floor, target: Target) -> None:
    """Connected as soon as the dialplan begins it."""
    kinds, end = floor.story(floor.order("919876500095", target))
    assert kinds == [Left, Ringing, Answered, Connected, HungUp]
    assert end.connected_at is not None


def test_the_longest_call_is_ended(floor: Floor) -> None:
    """FreeSWITCH itself ends it, whatever becomes of us."""
    _, end = floor.story(replace(floor.order("919876500095"), max_seconds=2))
    assert end.cause == "ALLOTTED_TIMEOUT"
    assert end.outcome is Outcome.ANSWERED


def test_hang_up_while_it_rings(floor: Floor) -> None:
    """Cancelled by us; asked for in the same moment as the call, it is done too."""
    attempt = floor.dial(floor.order("919876500060"))
    assert floor.heard_of(attempt, Ringing)
    assert floor.switch.alive(attempt)
    early = floor.dial(floor.order("919876500060"))
    for one in (attempt, early):
        floor.switch.hang_up(one, "stop")
        assert floor.heard_of(one, HungUp)
        end = floor.heard(one)[-1]
        assert isinstance(end, HungUp)
        assert end.outcome is Outcome.CANCELLED
        assert not floor.switch.alive(one)


def test_a_call_that_waits_is_joined(floor: Floor, site: Site) -> None:
    """Verdict first, then the bot, with the contact's values as at once."""
    order = replace(floor.order("919876500095"), connect_on_answer=False, attributes=(("name", "Zoë"),), max_seconds=4)
    attempt = floor.dial(order)
    assert floor.heard_of(attempt, Answered)
    assert not any(isinstance(event, Connected) for event in floor.heard(attempt))
    floor.switch.connect(attempt, order.target, order.attributes)
    assert floor.heard_of(attempt, Connected)
    assert floor.heard_of(attempt, HungUp)
    assert attempt in [invite.note for invite in site.bots.invites()]
    assert "X-Trunkline-name: Zo%C3%AB" in site.bots.messages()


def test_a_call_whose_verdict_never_comes(floor: Floor) -> None:
    """The dead-man's switch speaks to the person and hangs up."""
    order = replace(floor.order("919876500095"), connect_on_answer=False, verdict_seconds=1)
    kinds, end = floor.story(order)
    assert kinds == [Left, Ringing, Answered, ConnectFailed, HungUp]
    assert end.connect_failed == "overdue"


def test_a_full_switch(floor: Floor, site: Site) -> None:
    """FreeSWITCH's own limit refuses without a trace but the job: not dialled, at nobody's cost."""
    link = site.switch.link()
    link.api("fsctl pause outbound")
    try:
        attempt = floor.dial(floor.order("919876500000"))
        assert floor.heard_of(attempt, DialFailed)
    finally:
        link.api("fsctl resume outbound")
        link.close()
    failed = floor.heard(attempt)[0]
    assert isinstance(failed, DialFailed)
    assert (failed.outcome, failed.left) == (Outcome.NOT_DIALLED, False)


def test_a_call_goes_on_without_its_link_and_is_adopted(floor: Floor, site: Site) -> None:
    """A controller that went away finds its call again by asking for it."""
    attempt = floor.dial(replace(floor.order("919876500095"), max_seconds=20))
    assert floor.heard_of(attempt, Connected)
    floor.switch.stop()
    successor = Floor(site)
    assert successor.switch.alive(attempt)
    successor.switch.hang_up(attempt, "stop")
    assert successor.heard_of(attempt, HungUp)
    end = successor.heard(attempt)[-1]
    assert isinstance(end, HungUp)
    assert end.connected_at is not None
    successor.switch.stop()
