"""Controller and FreeSWITCH killed in the middle of calls, on a real FreeSWITCH: what the people at the far end notice.

The far end's own record (SIPp's log, the phone's RTP) is the witness. ``tests/load/crash.py`` is the long version.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.freeswitch.ear import Ear
from tests.freeswitch.harness import REPOSITORY, Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.freeswitch.process import Child
from tests.freeswitch.sipp import FarCall, FarEnd, sipp_binary
from tests.load import crash, site
from tests.load.campaign import Row, Trunkline
from tests.load.crash_report import MUST_BE_NONE, faultless
from tests.servers import running_redis

pytestmark = pytest.mark.timeout(240)

RING_MS, TALK_MS = 1500, 4000
PATIENCE_SECONDS = 60.0
SILENCE_SECONDS = 2.0 + 2.0
"""The switch's limit, and as much again for a busy machine. Without the dead-man's switch it would be minutes."""


@dataclass
class Scene:
    """FreeSWITCH between people with ears and bots. One call at a time."""

    switch: RealFreeSwitch
    carrier: FarEnd
    bots: FarEnd
    ear: Ear

    def calls_to(self, number: str) -> list[FarCall]:
        return [call for call in self.carrier.calls() if call.invite.user == number]

    def joined_at(self, rows: list[Row]) -> list[float]:
        """When bots took calls of these attempts."""
        attempts = {row.attempt_id for row in rows}
        taken = [bot.answered_at for bot in self.bots.calls() if bot.invite.note in attempts]
        return [at for at in taken if at is not None]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if freeswitch_binary() is None or sipp_binary() is None:
        pytest.skip("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    folder = tmp_path_factory.mktemp("crash-safety")
    with ExitStack() as stack:
        ear = Ear()
        stack.callback(ear.close)
        carrier = FarEnd("carrier", folder, ring_ms=RING_MS, talk_ms=TALK_MS, media_port=ear.port)
        bots = FarEnd("bot", folder)
        switch = RealFreeSwitch([Gateway("north", carrier.port)])
        for server in (carrier, bots, switch):
            stack.callback(server.stop)
            server.start()
        yield Scene(switch, carrier, bots, ear)


@pytest.fixture
def trunkline(scene: Scene, tmp_path: Path) -> Iterator[Trunkline]:
    """Controller and worker beside the scene's FreeSWITCH, with a database and a Redis of the test's own."""
    with running_redis() as redis:
        trunkline = Trunkline(tmp_path, scene.switch, redis)
        with trunkline.running():
            yield trunkline


def campaign(scene: Scene, folder: Path, phones: list[str], calls_per_second: float = 25.0, bot: str = "bot") -> None:
    """Files of a campaign that calls each of ``phones`` once."""
    site.write(folder, phones, calls_per_second, 30, f"sip:{bot}@{HOST}:{scene.bots.port}", 1)


def until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS:g} s"
        time.sleep(0.02)


STEPS = {"ringing": ("bot", "answered"), "answered, its bot ringing": ("deaf", "abandoned"), "talking": ("bot", "answered")}


@pytest.mark.parametrize("step", STEPS)
def test_a_controller_that_dies_leaves_nobody_in_silence(scene: Scene, trunkline: Trunkline, tmp_path: Path, step: str) -> None:
    """Killed at that step of a call and not started again until the call is over: the person gets the bot or the message in
    time, a talk lasts as long as the person wants, and the next life writes down how it ended."""
    number = site.numbers(1, 600_000 + list(STEPS).index(step), site.ANSWERING)[0]
    bot, outcome = STEPS[step]
    campaign(scene, tmp_path, [number], bot=bot)
    trunkline.begin()
    reached: dict[str, Callable[[], object]] = {
        "ringing": lambda: scene.calls_to(number),
        "answered, its bot ringing": lambda: any(call.answered_at for call in scene.calls_to(number)),
        "talking": lambda: scene.joined_at(trunkline.rows()),
    }
    until(reached[step], step)
    trunkline.kill_controller()
    assert not any(call.ended_at for call in scene.calls_to(number))
    until(lambda: scene.calls_to(number)[0].ended_at, "the end of the call")
    (call,) = scene.calls_to(number)
    assert call.answered_at is not None
    joined = scene.joined_at(trunkline.rows())
    heard = scene.ear.first_after(call.answered_at)
    first = min([*joined, *([heard] if heard is not None else [])])
    assert first - call.answered_at <= SILENCE_SECONDS
    assert call.ended_by == ("switch" if bot == "deaf" else "far end")
    if bot != "deaf":
        assert call.talk_seconds is not None
        assert call.talk_seconds >= TALK_MS / 1000 - 0.1
    trunkline.start("controller")
    trunkline.wait_ended(PATIENCE_SECONDS)
    assert [row.outcome for row in trunkline.rows()] == [outcome]
    assert len(scene.calls_to(number)) == 1


def test_a_person_held_for_a_verdict_is_not_forgotten(scene: Scene, tmp_path: Path) -> None:
    """The controller dies while it should judge who answered: the person hears the message when its time is up."""
    number = site.numbers(1, 600_010, site.ANSWERING)[0]
    arguments = [str(scene.switch.esl_port), scene.switch.password, number, "2"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    dialler = Child("one-call", [sys.executable, "-m", "tests.freeswitch.one_call", *arguments], tmp_path, environment)
    try:
        until(lambda: "Answered" in dialler.output.read_text(encoding="utf-8"), "the answer")
    finally:
        dialler.stop(signal.SIGKILL)
    (call,) = scene.calls_to(number)
    assert call.answered_at is not None
    until(lambda: scene.ear.first_after(call.answered_at or 0.0), "sound")
    heard = scene.ear.first_after(call.answered_at)
    assert heard is not None
    assert heard - call.answered_at <= SILENCE_SECONDS
    until(lambda: scene.calls_to(number)[0].ended_at, "the end of the call")


def test_commands_on_their_way_when_the_controller_dies(scene: Scene, trunkline: Trunkline, tmp_path: Path) -> None:
    """FreeSWITCH stands still, the controller commands a call on each link, keeps the others back, and is killed; what was
    commanded leaves later, without it. Its next life finds it in its books, calls the others, and nobody a second time."""
    phones = site.numbers(5, 600_020, site.ANSWERING)
    campaign(scene, tmp_path, phones)
    trunkline.load()
    with scene.switch.standing_still():
        trunkline.command("campaign", "start", "load")
        until(lambda: len(trunkline.rows()) == len(phones), "the write-ahead")
        time.sleep(1.0)  # the longest wait for a launch time is over: what was commanded lies in FreeSWITCH's sockets
        trunkline.kill_controller()
    trunkline.start("controller")
    trunkline.wait_ended(PATIENCE_SECONDS)
    called = Counter(call.invite.user for call in scene.carrier.calls() if call.invite.user in phones)
    assert called == dict.fromkeys(phones, 1)
    outcomes = Counter(row.outcome for row in trunkline.rows())
    assert outcomes["answered"] == len(phones)
    assert set(outcomes) <= {"answered", "not_dialled"}
    assert outcomes["not_dialled"] < len(phones), "nothing was on its way when the controller died"


def test_stopping_waits_for_talks_and_stopping_twice_does_not(scene: Scene, trunkline: Trunkline, tmp_path: Path) -> None:
    """SIGTERM: nobody is called any more, the talks end, the process ends. Twice: it ends at once, and its next life takes the
    talks over. Nobody is cut off, nobody is called twice."""
    phones = site.numbers(24, 600_030, site.ANSWERING)
    campaign(scene, tmp_path, phones, calls_per_second=4.0)
    trunkline.begin()

    def ours() -> list[FarCall]:
        return [call for call in scene.carrier.calls() if call.invite.user in phones]

    def talking() -> list[FarCall]:
        return [call for call in ours() if call.answered_at is not None and call.ended_at is None]

    until(talking, "a talk")
    trunkline.controller.process.terminate()
    assert trunkline.controller.process.wait(PATIENCE_SECONDS) == 0
    assert all(call.ended_at is not None for call in ours())
    assert all(row.outcome for row in trunkline.rows())
    assert trunkline.unfinished_leads() > 0
    spoken = len(ours())

    trunkline.start("controller")
    until(lambda: len(ours()) > spoken and talking(), "a talk in the second life")
    trunkline.controller.process.terminate()
    time.sleep(0.2)
    trunkline.controller.process.terminate()
    assert trunkline.controller.process.wait(PATIENCE_SECONDS) == 0
    assert talking(), "it did not wait for them"

    trunkline.start("controller")
    trunkline.wait_ended(PATIENCE_SECONDS)
    assert Counter(call.invite.user for call in ours()) == dict.fromkeys(phones, 1)
    assert {call.ended_by for call in ours()} == {"far end"}
    assert min(call.talk_seconds or 0.0 for call in ours()) >= TALK_MS / 1000 - 0.1
    assert Counter(row.outcome for row in trunkline.rows() if row.outcome != "not_dialled") == {"answered": len(phones)}


def test_killed_again_and_again_nobody_is_called_twice() -> None:
    """Controller killed, drained, FreeSWITCH killed, in the middle of a campaign: books and far end agree call for call, no
    talk is cut but by FreeSWITCH's own death, no limit is passed, nothing is left over."""
    if freeswitch_binary() is None or sipp_binary() is None:
        pytest.skip("needs a FreeSWITCH and SIPp")
    leases = {"TRUNKLINE_DIALLING__LEAD_LEASE_SECONDS": "8", "TRUNKLINE_DIALLING__SLOT_LEASE_SECONDS": "8"}
    result = crash.run(200, 20.0, kills=2, drains=1, freeswitch_kills=1, talk_seconds=3.0, seed=3, settings=leases)
    assert {key: result[key] for key in (*MUST_BE_NONE, "unfinished_leads", "leaked_slots")} == dict.fromkeys(
        (*MUST_BE_NONE, "unfinished_leads", "leaked_slots"), 0
    )
    assert (result["kills"], result["drains"], result["freeswitch_kills"]) == (2, 1, 1)
    assert faultless(result)
