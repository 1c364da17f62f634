"""Detection on a real FreeSWITCH: people, machines and silences over G.711, judged by both taps, and messages left.

All calls of a world are on the line together; each test looks at one of them.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest

from controller.clock import RealClock
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection
from controller.domain.calls.events import (
    Answered,
    BeepHeard,
    CallEvent,
    ConnectFailed,
    GreetingEnded,
    HungUp,
    VerdictGiven,
    VerdictRevised,
)
from esl_handlers.listening.ear import EarSettings
from esl_handlers.switch import FreeSwitch
from tests.esl_handlers.amd.sounds import noise, pcm, silence, talk, tone
from tests.freeswitch.far_audio import FarAudio
from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST, free_port, udp_taken

PATIENCE_SECONDS = 60.0
SOUNDS = {
    "01": {"audio": pcm(silence(0.5), talk(0.5))},
    "02": {"audio": pcm(silence(0.3), talk(4.0), silence(0.4), tone(0.4, 1000))},
    "03": {"audio": pcm(silence(0.3), talk(6.0, syllable_seconds=0.15, pitch=200))},
    "04": {"rtp": False},
    "05": {"audio": pcm(silence(0.5), talk(0.5)), "then": "nothing"},
    "06": {"audio": pcm(silence(9.0))},
    "07": {"keys": "51", "audio": pcm(silence(9.0))},
    "08": {"noise": "comfort", "audio": pcm(silence(0.06))},
    "09": {"audio": pcm(noise(9.0, 0.02))},
    "10": {"deaf": True, "audio": pcm(silence(0.5), talk(0.5))},
    "11": {"audio": pcm(silence(0.3), talk(4.0), silence(0.4), tone(0.4, 1000), silence(2.5), talk(0.5, seed=2), silence(9.0))},
    "12": {"audio": pcm(silence(0.5), talk(0.4)), "then": "hang_up"},
}
"""By the last two digits of the number."""


@dataclass
class World:
    """A FreeSWITCH, its far end with a voice, and our switch. events: by attempt, each with what was heard, in order."""

    switch: FreeSwitch
    far: FarAudio
    audio_dir: Path
    detection: Detection = field(default_factory=lambda: Detection(max_seconds=10.0, beep=True))
    events: dict[str, list[CallEvent]] = field(default_factory=dict)
    react: dict[str, Callable[[CallEvent], None]] = field(default_factory=dict)

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.events.setdefault(attempt_id, []).append(event)
        if isinstance(event, Answered):
            gevent.spawn(self.switch.screen, attempt_id, self.detection)
        if attempt_id in self.react:
            gevent.spawn(self.react[attempt_id], event)

    def link_lost(self) -> None: ...

    def link_restored(self, same_core: bool) -> None: ...

    def dial(self, number: str, **changes: Any) -> str:
        attempt = str(uuid.uuid4())
        given: dict[str, Any] = {"connect_on_answer": False, "verdict_seconds": 20, **changes}
        target = Target("bot", "bot", f"sip:bot@{HOST}")
        self.switch.dial(DialOrder(attempt, "c", 1, "north", number, "+911140001000", 10, 60, target, **given))
        return attempt

    def hears(self, attempt: str, kind: type[CallEvent]) -> CallEvent:
        """Wait for the first event of that kind."""
        wait(lambda: any(isinstance(event, kind) for event in self.events.get(attempt, [])))
        return next(event for event in self.events[attempt] if isinstance(event, kind))

    def kinds(self, attempt: str) -> list[str]:
        return [type(event).__name__ for event in self.events.get(attempt, [])]


def wait(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came"
        gevent.sleep(0.02)


@contextmanager
def running_world(folder: Path, tap: str) -> Iterator[World]:
    if freeswitch_binary() is None:
        pytest.skip("no FreeSWITCH on this machine; set TRUNKLINE_FREESWITCH to its binary")
    far = FarAudio(folder, [{"number": f"{ending}$", **script} for ending, script in SOUNDS.items()])
    real = RealFreeSwitch([Gateway("north", far.port)])
    ear = EarSettings(real.folder / "audio", folder / "evidence", tap=tap, calls=60, unicast_port=free_ports(60))
    switch = FreeSwitch(HOST, real.esl_port, real.password, RealClock(), ear=ear)
    world = World(switch, far, real.folder / "audio")
    try:
        real.start()
        switch.start(world)
        assert switch.wait_ready(PATIENCE_SECONDS), switch.health()
        wait(lambda: switch.ear is not None and switch.ear.ready)
        yield world
        assert real.complaints() == []
    finally:
        switch.stop()
        real.stop()
        far.stop()


def free_ports(count: int) -> int:
    """The first of so many UDP ports in a row that nobody uses."""
    while True:
        first = min(free_port(), 60_000 - count)
        if not any(udp_taken(port) for port in range(first, first + count)):
            return first


@pytest.fixture(scope="module", params=["recording", pytest.param("unicast", marks=pytest.mark.soak)])
def calls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, str]]]:
    """One call to each sound, all at once; the world and the attempts by ending."""
    with running_world(tmp_path_factory.mktemp(request.param), request.param) as world:
        attempts = {ending: world.dial(f"9198765000{ending}") for ending in SOUNDS if ending < "11"}
        for attempt in attempts.values():
            world.hears(attempt, VerdictGiven)
        yield world, attempts
        for attempt in attempts.values():
            world.switch.hang_up(attempt, "over")
            world.hears(attempt, HungUp)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        pytest.param("01", "person", id="one word and waits"),
        pytest.param("02", "machine", id="talks on, beeps"),
        pytest.param("03", "machine", id="talks on"),
        pytest.param("04", "unknown", id="no audio"),
        pytest.param("05", "person", id="one word, then no packets"),
        pytest.param("06", "unknown", id="silence"),
        pytest.param("07", "unknown", id="keys at once"),
        pytest.param("08", "unknown", id="comfort noise"),
        pytest.param("09", "unknown", id="constant noise"),
        pytest.param("10", "person", id="does not hear us"),
    ],
)
def test_who_answered(calls: tuple[World, dict[str, str]], ending: str, kind: str) -> None:
    """One verdict each, with what it went by; silence, noise and doubt are never a machine."""
    world, attempts = calls
    verdicts = [event for event in world.events[attempts[ending]] if isinstance(event, VerdictGiven)]
    assert len(verdicts) == 1
    assert verdicts[0].kind == kind, verdicts[0]
    assert dict(verdicts[0].detail)["reason"]


def test_what_a_machine_does_after_its_greeting(calls: tuple[World, dict[str, str]]) -> None:
    """The one beeps; the other falls silent, which is told in its place."""
    world, attempts = calls
    world.hears(attempts["02"], BeepHeard)
    world.hears(attempts["03"], GreetingEnded)
    assert "GreetingEnded" not in world.kinds(attempts["02"])
    assert "BeepHeard" not in world.kinds(attempts["03"])


def test_nothing_of_a_call_lies_about(calls: tuple[World, dict[str, str]]) -> None:
    """Its audio has no name any more as soon as it is read."""
    world, _ = calls
    assert list(world.audio_dir.iterdir()) == []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("messages"), "recording") as world:
        yield world


def test_somebody_picks_up_during_the_message(world: World) -> None:
    """It is told while the message plays; the person is taken from it, and the message does not count as played."""

    def react(attempt: str, event: CallEvent) -> None:
        if isinstance(event, BeepHeard):
            world.switch.leave_message(attempt, "silence_stream://20000")
        if isinstance(event, VerdictRevised):
            world.switch.stop_message(attempt)
            world.switch.park(attempt, 1)

    attempt = world.dial("919876510011")
    world.react[attempt] = lambda event: react(attempt, event)
    world.hears(attempt, HungUp)
    revised = world.hears(attempt, VerdictRevised)
    assert isinstance(revised, VerdictRevised)
    assert revised.kind == "person"
    assert "MessagePlayed" not in world.kinds(attempt)


def test_fifty_calls_leave_nothing(world: World) -> None:
    """People who hang up on us, in the middle of being listened to: no call, file or descriptor is left."""
    ear = world.switch.ear
    assert ear is not None
    wait(lambda: not len(ear))
    before = len(os.listdir(f"/proc/{ear.pid}/fd"))
    attempts = [world.dial(f"91987652{n:02d}12") for n in range(50)]
    for attempt in attempts:
        world.hears(attempt, HungUp)
    wait(lambda: not len(ear) and len(os.listdir(f"/proc/{ear.pid}/fd")) <= before)
    assert list(world.audio_dir.iterdir()) == []


@pytest.mark.soak
def test_nobody_comes_back_to_a_call_that_datagrams_are_taken_from(tmp_path: Path) -> None:
    """The park that they need has a dead-man's switch of its own: the person is told that nobody is there."""
    with running_world(tmp_path, "unicast") as world:
        world.detection = Detection(max_seconds=1.0)
        attempt = world.dial("919876530001", verdict_seconds=60)
        failed = world.hears(attempt, ConnectFailed)
        assert isinstance(failed, ConnectFailed)
        assert failed.reason == "overdue"
        world.hears(attempt, HungUp)
