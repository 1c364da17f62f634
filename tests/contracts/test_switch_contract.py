"""What the engine may rely on from any switch: the same stories told on a real FreeSWITCH and on the virtual one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.domain.calls.actions import Target
from controller.domain.calls.answering import Detection
from controller.domain.calls.events import (
    Answered,
    BeepHeard,
    Connected,
    ConnectFailed,
    DialFailed,
    Left,
    Ringing,
    VerdictGiven,
)
from controller.domain.calls.outcome import Outcome
from tests.contracts.switches import World, real_world, virtual_world, wait
from tests.freeswitch.site import NotHere


@pytest.fixture(scope="module", params=["virtual", pytest.param("real", marks=pytest.mark.freeswitch)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(request.param)
    try:
        with (virtual_world if request.param == "virtual" else real_world)(folder) as world:
            yield world
    except NotHere as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(
    ("number", "outcome", "status"),
    [
        ("919876500050", Outcome.BUSY, 486),
        ("919876500070", Outcome.REJECTED, 603),
        ("919876500075", Outcome.INVALID_NUMBER, 404),
        ("919876500080", Outcome.RNR, 480),
        ("919876500085", Outcome.CONGESTION, 503),
    ],
)
def test_the_far_end_refuses(world: World, number: str, outcome: Outcome, status: int) -> None:
    """The invitation left, nobody rang, and the refusal is known by its own status."""
    order = world.order(number)
    assert world.switch.dial(order) is None
    end = world.end(order)
    assert (end.outcome, end.sip_status) == (outcome, status)
    assert end.answered_at is None
    assert world.kinds(order) == ["Left", "HungUp"]


def test_nobody_answers_within_the_ring_limit(world: World) -> None:
    """Ringing ends at the order's limit."""
    order = world.order("919876500060", ring_seconds=2)
    world.switch.dial(order)
    end = world.end(order)
    assert end.outcome is Outcome.NO_ANSWER
    assert world.kinds(order) == ["Left", "Ringing", "HungUp"]
    assert end.ringing_at is not None


def test_person_and_bot_talk(world: World) -> None:
    """Each step is told once, in order, and the end remembers when they were."""
    order = world.order("919876500001")
    world.switch.dial(order)
    end = world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "Connected", "HungUp"]
    left, ringing, answered, connected, _ = world.events(order)
    assert isinstance(left, Left)
    assert isinstance(ringing, Ringing)
    assert isinstance(answered, Answered)
    assert isinstance(connected, Connected)
    assert connected.to == "the-bot"
    assert left.at <= ringing.at <= answered.at <= connected.at <= end.at
    assert end.answered_at is not None
    assert end.connected_at is not None
    assert end.answered_at <= end.connected_at
    assert end.connect_failed is None


def test_the_bot_hangs_up_first(world: World) -> None:
    """The person's call ends with the bot's."""
    order = world.order("919876500095", bot="brief")
    world.switch.dial(order)
    world.end(order)
    assert world.kinds(order)[-2:] == ["Connected", "HungUp"]


def test_early_media_is_ringing_not_answer(world: World) -> None:
    """An announcement counts as ringing; the bot is called at the answer."""
    order = world.order("919876500090")
    world.switch.dial(order)
    world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "Connected", "HungUp"]


@pytest.mark.parametrize("bot", ["busy", "deaf"])
def test_the_bot_does_not_take_the_call(world: World, bot: str) -> None:
    """The failure is known while the person still hears the apology, and again at the end."""
    order = world.order("919876500095", bot=bot)
    world.switch.dial(order)
    end = world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "ConnectFailed", "HungUp"]
    failed = world.hears(order, ConnectFailed)
    assert isinstance(failed, ConnectFailed)
    assert failed.reason == end.connect_failed
    assert end.connected_at is None
    if bot == "busy":
        assert failed.reason == "USER_BUSY"


def test_a_sound_is_played(world: World) -> None:
    """Playback counts as connected when the sound begins; the call ends with it."""
    order = world.order("919876500095", target=Target("playback", "hello", "silence_stream://300"))
    world.switch.dial(order)
    end = world.end(order)
    assert world.kinds(order)[-2:] == ["Connected", "HungUp"]
    connected = world.hears(order, Connected)
    assert isinstance(connected, Connected)
    assert connected.to == "hello"
    assert end.connected_at is not None


def test_an_ivr_takes_the_call(world: World) -> None:
    """A campaign's IVR is an extension of the dialplan."""
    order = world.order("919876500002", target=Target("ivr", "ivr-1000", "1000"))
    world.switch.dial(order)
    world.end(order)
    assert world.kinds(order)[-2:] == ["Connected", "HungUp"]


def test_a_waiting_person_is_connected(world: World) -> None:
    """After a verdict the call goes from the wait to the bot."""
    order = world.order("919876500003", connect_on_answer=False, verdict_seconds=20)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.connect(order.attempt_id, order.target, order.attributes)
    world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "Connected", "HungUp"]


def test_who_waits_is_known_to_the_switch(world: World) -> None:
    """A restarted controller may ask whether an answered call is held for it; one that was fetched is not any more."""
    order = world.order("919876500003", connect_on_answer=False, verdict_seconds=20)
    world.switch.dial(order)
    world.hears(order, Answered)
    wait(lambda: world.switch.waits(order.attempt_id))
    world.switch.connect(order.attempt_id, order.target, order.attributes)
    world.hears(order, Connected)
    assert not world.switch.waits(order.attempt_id)
    world.end(order)


def test_a_person_is_recognised(world: World) -> None:
    """By a word and a wait; then the call goes to the bot."""
    order = world.order("919876500001", gateway="voices", connect_on_answer=False, verdict_seconds=30)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.screen(order.attempt_id, Detection(max_seconds=20.0))
    verdict = world.hears(order, VerdictGiven)
    assert isinstance(verdict, VerdictGiven)
    assert verdict.kind == "person"
    assert 0 < (verdict.greeting_ms or 0) < verdict.detect_ms
    world.switch.connect(order.attempt_id, order.target, order.attributes)
    world.hears(order, Connected)
    world.switch.hang_up(order.attempt_id, "over")
    world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "VerdictGiven", "Connected", "HungUp"]


def test_a_call_is_listened_to_while_it_is_joined(world: World) -> None:
    """The bot is there from the answer on; the verdict comes all the same."""
    order = world.order("919876500002", gateway="voices")
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.screen(order.attempt_id, Detection(max_seconds=20.0))
    world.hears(order, Connected)
    verdict = world.hears(order, VerdictGiven)
    assert isinstance(verdict, VerdictGiven)
    assert verdict.kind == "machine"
    world.switch.hang_up(order.attempt_id, "over")
    world.end(order)


def test_a_mailbox_gets_a_message_after_its_beep(world: World) -> None:
    """It is recognised while it talks, beeps, and is left a message; who hangs up is the switch."""
    order = world.order("919876500002", gateway="voices", connect_on_answer=False, verdict_seconds=30)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.screen(order.attempt_id, Detection(max_seconds=20.0, beep=True))
    verdict = world.hears(order, VerdictGiven)
    assert isinstance(verdict, VerdictGiven)
    assert verdict.kind == "machine"
    world.switch.park(order.attempt_id, 60)
    world.hears(order, BeepHeard)
    world.switch.leave_message(order.attempt_id, "silence_stream://300")
    world.end(order)
    assert world.kinds(order)[2:] == ["Answered", "VerdictGiven", "BeepHeard", "MessagePlayed", "HungUp"]


def test_nothing_is_said_after_listening_was_stopped(world: World) -> None:
    """Whoever does not want to hear it does not."""
    order = world.order("919876500001", gateway="voices", connect_on_answer=False, verdict_seconds=3)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.screen(order.attempt_id, Detection())
    world.switch.stop_screening(order.attempt_id)
    world.end(order)
    assert "VerdictGiven" not in world.kinds(order)


def test_a_call_that_is_not_there_is_unknown(world: World) -> None:
    """Listening to what has hung up meanwhile is no error."""
    order = world.order("919876500050")
    world.switch.dial(order)
    world.end(order)
    world.switch.screen(order.attempt_id, Detection())
    verdict = world.hears(order, VerdictGiven)
    assert isinstance(verdict, VerdictGiven)
    assert verdict.kind == "unknown"


def test_a_message_is_left(world: World) -> None:
    """It is played to its end, which is told, and the call ends with it."""
    order = world.order("919876500095", connect_on_answer=False, verdict_seconds=20)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.park(order.attempt_id, 20)
    world.switch.leave_message(order.attempt_id, "silence_stream://300")
    end = world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "MessagePlayed", "HungUp"]
    assert end.connected_at is None


def test_a_message_that_is_cut_short(world: World) -> None:
    """It is never told as played, and the person who picked up is connected."""
    order = world.order("919876500003", connect_on_answer=False, verdict_seconds=20)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.leave_message(order.attempt_id, "silence_stream://9000")
    world.switch.stop_message(order.attempt_id)
    world.switch.connect(order.attempt_id, order.target, order.attributes)
    world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "Connected", "HungUp"]


def test_a_parked_call_is_not_held_for_ever(world: World) -> None:
    """Whoever parked it and died leaves no line open."""
    order = world.order("919876500095", connect_on_answer=False, verdict_seconds=20)
    world.switch.dial(order)
    world.hears(order, Answered)
    world.switch.park(order.attempt_id, 1)
    assert world.end(order).cause == "NORMAL_CLEARING"


def test_a_person_nobody_fetches_is_told(world: World) -> None:
    """Without a verdict the switch itself ends the wait and says so."""
    order = world.order("919876500095", connect_on_answer=False, verdict_seconds=1)
    world.switch.dial(order)
    end = world.end(order)
    assert world.kinds(order) == ["Left", "Ringing", "Answered", "ConnectFailed", "HungUp"]
    assert end.connect_failed == "overdue"


def test_we_hang_up_while_it_rings(world: World) -> None:
    """A call that is taken back before the answer is cancelled."""
    order = world.order("919876500061")
    world.switch.dial(order)
    world.hears(order, Ringing)
    world.switch.hang_up(order.attempt_id, "stop")
    end = world.end(order)
    assert end.outcome is Outcome.CANCELLED
    assert world.kinds(order) == ["Left", "Ringing", "HungUp"]


def test_we_hang_up_a_conversation(world: World) -> None:
    """Both sides are let go, and the call lives until then."""
    order = world.order("919876500096")
    world.switch.dial(order)
    world.hears(order, Connected)
    assert world.switch.alive(order.attempt_id)
    world.switch.hang_up(order.attempt_id, "stop")
    world.end(order)
    wait(lambda: not world.switch.alive(order.attempt_id))


def test_hanging_up_what_is_gone_is_no_error(world: World) -> None:
    """Whoever is late has nothing to do."""
    order = world.order("919876500051")
    world.switch.dial(order)
    world.end(order)
    world.switch.hang_up(order.attempt_id, "stop")


def test_the_longest_call_ends(world: World) -> None:
    """No conversation outlives the order's limit, whoever forgets it."""
    order = world.order("919876500097", max_seconds=2)
    world.switch.dial(order)
    end = world.end(order)
    assert world.kinds(order)[-2:] == ["Connected", "HungUp"]
    assert end.cause == "ALLOTTED_TIMEOUT"


def test_a_carrier_out_of_reach(world: World) -> None:
    """The 503 that the switch makes up is the gateway's fault, not congestion."""
    order = world.order("919876500004", gateway="closed")
    world.switch.dial(order)
    assert world.end(order).outcome is Outcome.GATEWAY_ERROR


def test_a_gateway_known_to_be_down(world: World) -> None:
    """Nothing left the box, and that is certain."""
    wait(world.gateway_down)
    order = world.order("919876500005", gateway="down")
    failed = world.switch.dial(order) or world.hears(order, DialFailed)
    assert isinstance(failed, DialFailed)
    assert failed.outcome is Outcome.GATEWAY_ERROR
    assert not failed.left
    assert world.kinds(order) in ([], ["DialFailed"])


def test_one_identity_is_one_call(world: World) -> None:
    """The same order sent twice invites once, and the living call is unharmed."""
    order = world.order("919876500098")
    world.switch.dial(order)
    world.hears(order, Connected)
    world.switch.dial(order)
    wait(lambda: any(isinstance(event, DialFailed) for event in world.heard.events[order.attempt_id]))
    assert world.switch.alive(order.attempt_id)
    world.switch.hang_up(order.attempt_id, "stop")
    world.end(order)
    assert world.invitations().count("919876500098") == 1


def test_calls_at_the_same_time_keep_apart(world: World) -> None:
    """Thirty calls at once: each hears its own story, and each number was invited once."""
    orders = [world.order(f"9198765{place:03d}{ending:02d}") for place, ending in enumerate([6, 52, 71] * 10, 100)]
    for order in orders:
        assert world.switch.dial(order) is None
    ends = [world.end(order) for order in orders]
    assert [end.sip_status for end in ends if end.answered_at is None] == [486, 603] * 10
    assert all("Connected" in world.kinds(order) for order in orders[::3])
    invited = world.invitations()
    assert [invited.count(order.dial_string_number) for order in orders] == [1] * len(orders)
