"""Seats, fleets, channels, rates and number locks: one suite over Redis and memory (invariant I5)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from redis import Redis

from controller.live.limits import FAULTS_BEFORE_REST, HORIZON_SECONDS, RedisLimits
from controller.live.memory import MemoryLimits
from controller.ports import CarrierChoice, Granted, Launch, Limits, NoSlot, SlotRequest, SlotUse
from tests.servers import RedisServer

LEASE_SECONDS = 1.0
FAST = CarrierChoice("fast", 1000.0, 100, ("+911", "+912", "+913"))
SLOW = CarrierChoice("slow", 5.0, 100, ("+921",))
FIVE = CarrierChoice("five", 5.0, 100, ("+941",))
TINY = CarrierChoice("tiny", 1000.0, 1, ("+931",))
_ids = itertools.count()


@pytest.fixture(params=["redis", "memory"])
def world(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """The limits, a way to let time pass, and monotonic seconds."""
    if request.param == "memory":
        clock = [1000.0]

        def pass_time(seconds: float) -> None:
            clock[0] += seconds

        yield SimpleNamespace(limits=MemoryLimits(lambda: clock[0], LEASE_SECONDS), wait=pass_time, now=lambda: clock[0])
        return
    client = Redis.from_url(request.getfixturevalue("redis_server").url)
    client.flushall()
    yield SimpleNamespace(limits=RedisLimits(client, LEASE_SECONDS, settle_seconds=0.0), wait=time.sleep, now=time.monotonic)
    client.close()


def wanted(phone: int | None = None, carriers: tuple[CarrierChoice, ...] = (FAST,), **change: object) -> SlotRequest:
    number = next(_ids)
    request = SlotRequest(f"attempt-{number}", "june", phone or 91_000_000 + number, 50, None, "bot", 50, carriers)
    return replace(request, **change)  # type: ignore[arg-type]


def use_of(request: SlotRequest, granted: Granted) -> SlotUse:
    return SlotUse(request.attempt_id, request.campaign_key, request.phone, request.bot, granted.carrier)


def take(limits: Limits, *requests: SlotRequest) -> list[str]:
    """Carrier of each granted request, or the limit that refused it."""
    return [a.carrier if isinstance(a, Granted) else f"no {a.limit}" for a in limits.reserve(requests)]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"seats": 2}, "no seats"),
        ({"bot_capacity": 2}, "no fleet"),
        ({"carriers": (replace(FAST, channels=2),)}, "no carrier_channels"),
    ],
)
def test_a_limit_of_two_lets_two_through(world: SimpleNamespace, change: dict[str, object], refusal: str):
    """The third call finds no seat, no bot or no channel; a call that ends makes room for it."""
    requests = [wanted(**change) for _ in range(3)]
    answers = world.limits.reserve(requests)
    assert [type(answer) for answer in answers] == [Granted, Granted, NoSlot]
    assert f"no {answers[2].limit}" == refusal
    world.limits.release([use_of(requests[0], answers[0])])
    assert take(world.limits, requests[2]) == ["fast"]


def test_a_number_is_locked_for_the_life_of_its_call(world: SimpleNamespace):
    """Another campaign cannot ring a number that is on a call; afterwards it can (invariant I1)."""
    first, second = wanted(phone=915_550_100), wanted(phone=915_550_100, campaign_key="july")
    (granted,) = world.limits.reserve([first])
    assert take(world.limits, second) == ["no number_busy"]
    world.limits.release([use_of(first, granted)])
    assert take(world.limits, second) == ["fast"]


def test_releasing_twice_frees_once(world: SimpleNamespace):
    """A repeated release gives nobody a second seat."""
    requests = [wanted(seats=2) for _ in range(4)]
    first, second = world.limits.reserve(requests[:2])
    world.limits.release([use_of(requests[0], first)])
    world.limits.release([use_of(requests[0], first)])
    assert take(world.limits, *requests[2:]) == ["fast", "no seats"]
    assert isinstance(second, Granted)


def test_a_crashed_holders_slots_come_back(world: SimpleNamespace):
    """Leases end by themselves; renewed ones do not."""
    requests = [wanted(seats=2) for _ in range(2)]
    kept, lost = world.limits.reserve(requests)
    world.wait(LEASE_SECONDS * 0.6)
    world.limits.renew([use_of(requests[0], kept)])
    world.wait(LEASE_SECONDS * 0.6)
    assert world.limits.usage(["june"], ["bot"], ["fast"]).seats == {"june": 1}
    assert isinstance(lost, Granted)
    assert take(world.limits, replace(requests[1], attempt_id="again"), replace(requests[0], attempt_id="twice")) == [
        "fast",
        "no number_busy",
    ]


def test_renewal_re_enters_what_was_lost(world: SimpleNamespace):
    """After Redis came back empty, the calls that live on take their seats again."""
    request = wanted()
    world.limits.renew([SlotUse(request.attempt_id, "june", request.phone, "bot", "fast")])
    usage = world.limits.usage(["june"], ["bot"], ["fast"])
    assert (usage.seats["june"], usage.fleets["bot"], usage.channels["fast"]) == (1, 1, 1)
    assert take(world.limits, wanted(phone=request.phone)) == ["no number_busy"]


def test_no_second_holds_more_than_the_carrier_allows(world: SimpleNamespace):
    """Five calls a second: launch times granted never put six into one second."""
    launches: list[float] = []
    begun = world.now()
    while world.now() < begun + 2.5:
        for answer in world.limits.reserve([wanted(carriers=(SLOW,)) for _ in range(4)]):
            if isinstance(answer, Granted):
                launches.append(answer.launch_at)
            else:
                assert answer.limit == "carrier_cps"
        world.wait(0.1)
    launches.sort()
    assert len(launches) >= 10
    assert all(later - earlier > 1.0 for earlier, later in zip(launches, launches[5:], strict=False))


def test_a_campaigns_own_rate_holds_too(world: SimpleNamespace):
    """Five calls a second for the campaign, whatever its carriers could do: the fourth is too far ahead for now."""
    answers = world.limits.reserve([wanted(rate=5.0) for _ in range(4)])
    assert [isinstance(answer, Granted) for answer in answers] == [True, True, True, False]
    assert answers[3].limit == "dialling_rate"
    assert 0.0 < answers[3].retry_in_seconds < HORIZON_SECONDS


def test_the_next_carrier_takes_what_the_first_cannot(world: SimpleNamespace):
    """One channel at the first carrier: the second call goes by the other one, with that one's numbers."""
    requests = [wanted(carriers=(TINY, FAST)) for _ in range(2)]
    first, second = world.limits.reserve(requests)
    assert (first.carrier, first.caller_id) == ("tiny", "+931")
    assert second.carrier == "fast"
    assert second.caller_id in FAST.numbers


def test_caller_ids_take_turns(world: SimpleNamespace):
    """The pool rotates evenly over the calls of a campaign."""
    answers = world.limits.reserve([wanted() for _ in range(6)])
    assert [answer.caller_id for answer in answers] == ["+911", "+912", "+913"] * 2


def test_a_faulty_carrier_slows_down_rests_and_recovers(world: SimpleNamespace):
    """Faults halve the rate; several in a row rest the carrier; calls it takes bring the rate back."""
    for _ in range(FAULTS_BEFORE_REST):
        world.limits.carrier_fault("fast")
    assert take(world.limits, wanted()) == ["no carrier_down"]
    assert take(world.limits, wanted(carriers=(FAST, SLOW))) == ["slow"]
    for _ in range(30):
        world.limits.carrier_ok("fast")
    assert take(world.limits, wanted()) == ["fast"]


def test_a_missed_launch_counts_no_longer(world: SimpleNamespace):
    """A call that is late again and again takes one place in the second, not ten."""
    (granted,) = world.limits.reserve([wanted(carriers=(FIVE,), rate=5.0)])
    launch, at = Launch(FIVE, "june", 5.0, granted.launch), granted.launch_at
    for _ in range(10):
        at, launch = world.limits.relaunch(launch)
    assert at < world.now() + 0.05
    (second,) = world.limits.reserve([wanted(carriers=(FIVE,), rate=5.0)])
    assert second.launch_at > at + 0.08


def test_nothing_is_held_by_a_refused_call(world: SimpleNamespace):
    """All or nothing: a call that found no channel keeps no seat, no bot and no lock."""
    full = replace(TINY, channels=1)
    world.limits.reserve([wanted(carriers=(full,), campaign_key="other", bot=None)])
    refused = wanted(carriers=(full,))
    assert take(world.limits, refused) == ["no carrier_channels"]
    usage = world.limits.usage(["june"], ["bot"], ["tiny"])
    assert (usage.seats["june"], usage.fleets["bot"], usage.channels["tiny"]) == (0, 0, 1)
    assert take(world.limits, replace(refused, carriers=(FAST,))) == ["fast"]


def test_the_carriers_second_is_kept_when_its_rate_falls_and_recovers(world: SimpleNamespace):
    """What left before a fault still counts when the rate has come back."""
    ten, launches = replace(FAST, name="ten", calls_per_second=10.0), []
    for turn in range(40):
        answers = world.limits.reserve([wanted(carriers=(ten,)) for _ in range(4)])
        launches += [one.launch_at for one in answers if isinstance(one, Granted)]
        if turn % 7 == 3:
            world.limits.carrier_fault("ten")
        for _ in range(5):
            world.limits.carrier_ok("ten")
        world.wait(0.1)
    launches.sort()
    assert len(launches) > 20
    assert min(after - before for before, after in zip(launches, launches[10:], strict=False)) >= 1.0


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    client = Redis.from_url(redis_server.url)
    client.flushall()
    yield client
    client.close()


def test_an_emptied_redis_grants_nothing_until_living_calls_are_back(client: Redis):
    """Its seats were lost with its data: until every controller has re-entered its own, nobody gets one (invariant I5)."""
    limits = RedisLimits(client, lease_seconds=30.0, settle_seconds=0.5)
    before = limits.epoch()
    time.sleep(0.6)
    request = wanted(seats=1)
    (granted,) = limits.reserve([request])
    assert isinstance(granted, Granted)
    client.flushall()
    assert take(limits, wanted(seats=1)) == ["no settling"]
    assert limits.epoch() != before
    limits.renew([use_of(request, granted)])
    time.sleep(0.6)
    assert take(limits, wanted(seats=1)) == ["no seats"]


def test_a_late_answer_does_not_move_the_launch(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    """The controller stood still while Redis answered: the call has missed its moment, and may not leave in that of others."""
    run = RedisLimits._run

    def late(script: object, *args: object) -> object:
        answer = run(script, *args)
        time.sleep(0.2)
        return answer

    monkeypatch.setattr(RedisLimits, "_run", staticmethod(late))
    with Redis.from_url(redis_url) as client:
        limits = RedisLimits(client, LEASE_SECONDS, settle_seconds=0.0)
        (granted,) = limits.reserve([wanted()])
        assert isinstance(granted, Granted)
        assert granted.launch_at < time.monotonic()
        at, _ = limits.relaunch(Launch(FAST, "june", None, granted.launch))
        assert at < time.monotonic()
