"""Detection's promise: one verdict a call, in time, whatever fails. The listener process is real, the switch is not."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

from controller.domain.calls.answering import Detection
from controller.domain.calls.events import BeepHeard, CallEvent, VerdictGiven, VerdictRevised
from esl_handlers.connection import Reply
from esl_handlers.errors import LinkLost, Stage
from esl_handlers.listening.ear import Ear, EarSettings
from esl_handlers.observer import NoObserver
from tests.esl_handlers.amd.sounds import pcm, silence, talk, tone

PATIENCE_SECONDS = 60.0
PERSON = pcm(silence(0.4), talk(0.5), silence(30.0))
MACHINE = pcm(silence(0.3), talk(5.0), silence(0.4), tone(0.4, 1000), silence(30.0))


class Commands:
    """A switch that records: a call's audio is written every 20 ms, or not at all. refuse: its answer to every command.
    where: what it says, one after the other, when asked what a call does."""

    def __init__(self) -> None:
        self.audio: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.refuse = ""
        self.lost = False
        self.where: list[str] = []

    def send(self, *lines: str) -> Reply:
        self.sent.append(lines[0])
        if self.lost:
            raise LinkLost("down", Stage.NOT_SENT)
        if self.refuse:
            return Reply(self.refuse)
        if self.where and lines[0].startswith("api uuid_getvar"):
            return Reply(self.where.pop(0))
        words = lines[0].split()
        if words[:2] == ["api", "uuid_record"] and words[3] == "start" and words[2] in self.audio:
            Path(words[4]).touch()
            gevent.spawn(self._record, os.open(words[4], os.O_WRONLY), self.audio[words[2]])
        return Reply("+OK")

    @staticmethod
    def _record(descriptor: int, audio: bytes) -> None:
        with open(descriptor, "wb", buffering=0) as file:
            for place in range(0, len(audio), 320):
                file.write(audio[place : place + 320])
                gevent.sleep(0.001)


class Floor(NoObserver):
    """An ear in place, and what it tells."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.commands = Commands()
        self.events: dict[str, list[CallEvent]] = {}
        self.failed: list[str] = []
        self.folder = folder
        given = {"audio_dir": folder / "audio", "evidence_dir": folder / "evidence", **settings}
        self.ear = Ear(self.commands, EarSettings(**given), self.hear, self)

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.events.setdefault(attempt_id, []).append(event)

    def tap_failed(self, tap: str) -> None:
        self.failed.append(tap)

    def verdict_of(self, attempt_id: str) -> VerdictGiven:
        wait(lambda: attempt_id in self.events)
        verdict = self.events[attempt_id][0]
        assert isinstance(verdict, VerdictGiven)
        return verdict


def wait(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came"
        gevent.sleep(0.01)


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Floor]:
    floor = Floor(folder, **settings)
    floor.ear.start()
    try:
        wait(lambda: floor.ear.ready)
        yield floor
    finally:
        floor.ear.stop()


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with running(tmp_path_factory.mktemp("ear")) as floor:
        yield floor


def why(verdict: VerdictGiven) -> str:
    return str(dict(verdict.detail)["reason"])


def test_a_person(floor: Floor) -> None:
    """Who says one word and waits is a person; what it was known by goes into the record."""
    floor.commands.audio["person"] = PERSON
    floor.ear.screen("person", "c", Detection())
    verdict = floor.verdict_of("person")
    assert verdict.kind == "person"
    assert verdict.greeting_ms is not None
    assert verdict.greeting_ms < verdict.detect_ms < 3000


def test_a_machine_and_its_beep(floor: Floor) -> None:
    """First the verdict, then the beep; hanging up ends it and takes no command."""
    floor.commands.audio["machine"] = MACHINE
    floor.ear.screen("machine", "c", Detection(beep=True))
    wait(lambda: len(floor.events.get("machine", [])) == 2)
    assert floor.verdict_of("machine").kind == "machine"
    assert isinstance(floor.events["machine"][1], BeepHeard)
    floor.ear.ended("machine")
    gevent.sleep(0.1)
    assert [line for line in floor.commands.sent if "machine stop" in line] == []


def test_somebody_picks_up_while_the_message_plays(floor: Floor) -> None:
    """The mailbox's verdict is revised."""
    floor.commands.audio["picked-up"] = pcm(silence(0.3), talk(4.0), silence(0.4), tone(0.4, 1000), silence(4.0)) + PERSON
    floor.ear.screen("picked-up", "c", Detection(beep=True))
    wait(lambda: any(isinstance(event, BeepHeard) for event in floor.events.get("picked-up", [])))
    floor.ear.expect_person("picked-up")
    wait(lambda: isinstance(floor.events["picked-up"][-1], VerdictRevised))
    revised = floor.events["picked-up"][-1]
    assert isinstance(revised, VerdictRevised)
    assert revised.kind == "person"


def test_a_call_that_is_listened_to_no_more(floor: Floor) -> None:
    """Nothing more is said of it, and the recording is stopped."""
    floor.commands.audio["stopped"] = PERSON
    floor.ear.screen("stopped", "c", Detection())
    floor.ear.stop_screening("stopped")
    floor.ear.stop_screening("stopped")
    wait(lambda: any("uuid_record stopped stop" in line for line in floor.commands.sent))
    assert "stopped" not in floor.events


def test_audio_for_review(floor: Floor) -> None:
    """The first seconds of a call are there once listening is over, under the attempt's id."""
    floor.commands.audio["kept"] = PERSON
    floor.ear.screen("kept", "c", Detection(keep_audio=True))
    floor.verdict_of("kept")
    floor.ear.ended("kept")
    wait(lambda: (floor.folder / "evidence" / "kept.wav").exists())


def test_the_switch_wrote_no_file(floor: Floor) -> None:
    """It said it would: the call is unknown at once."""
    floor.ear.screen("no-file", "c", Detection())
    verdict = floor.verdict_of("no-file")
    assert verdict.kind == "unknown"
    assert why(verdict).startswith("no file")


def test_both_taps_fail(floor: Floor) -> None:
    """The reasons of both are on record, and nobody waits for a verdict."""
    floor.commands.refuse = "-ERR Cannot locate session!"
    floor.ear.screen("refused", "c", Detection())
    floor.commands.refuse = ""
    assert why(floor.verdict_of("refused")) == ("recording: -ERR Cannot locate session!; unicast: -ERR Cannot locate session!")
    assert floor.failed[-2:] == ["recording", "unicast"]


def test_the_link_is_down(floor: Floor) -> None:
    """No exception reaches the call."""
    floor.commands.lost = True
    floor.ear.screen("lost", "c", Detection())
    floor.commands.lost = False
    assert floor.verdict_of("lost").kind == "unknown"


def test_a_joined_call_is_not_parked_for_its_audio(floor: Floor) -> None:
    """Datagrams flow in a park only, and a conversation must not be taken there."""
    floor.commands.sent.clear()
    with gone(floor.folder / "audio"):
        floor.ear.screen("joined", "c", Detection())
    assert "unicast: the call does not wait" in why(floor.verdict_of("joined"))
    assert not any(line.startswith("sendmsg") for line in floor.commands.sent)


def test_a_call_on_its_way_into_the_wait(tmp_path: Path) -> None:
    """The answer is told before the dialplan has begun; datagrams are asked for once the call waits, under a guard."""
    with running(tmp_path, tap="unicast") as floor:
        floor.commands.where = ["_undef_", "_undef_", "waiting"]
        floor.ear.screen("a", "c", Detection(max_seconds=0.5))
        sent = [" ".join(line.split()[:2]) for line in floor.commands.sent]
        assert sent == ["api uuid_getvar"] * 3 + ["api sched_api", "sendmsg a", "sendmsg a"]
        assert why(floor.verdict_of("a")) == "no audio"


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    aside = folder.with_suffix(".aside")
    folder.rename(aside)
    yield
    aside.rename(folder)


def test_fifty_calls_leave_nothing(floor: Floor) -> None:
    """No file, no descriptor, no greenlet, no call."""
    wait(lambda: not len(floor.ear))
    floor.commands.audio |= {f"many-{n}": PERSON[: 16_000 * 3] for n in range(50)}
    for _ in range(2):
        before = (greenlets(), descriptors(os.getpid()), descriptors(floor.ear.pid))
        for n in range(50):
            floor.ear.screen(f"many-{n}", "c", Detection())
        for n in range(50):
            assert floor.verdict_of(f"many-{n}").kind == "person"
            floor.ear.ended(f"many-{n}")
        wait(lambda: not len(floor.ear))
        wait(lambda: list((floor.folder / "audio").iterdir()) == [])
    wait(lambda: (greenlets(), descriptors(os.getpid()), descriptors(floor.ear.pid)) <= before)


def greenlets() -> int:
    gc.collect()
    return sum(isinstance(thing, gevent.Greenlet) and not thing.dead for thing in gc.get_objects())


def descriptors(pid: int | None) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_the_listener_dies(tmp_path: Path) -> None:
    """What it had not judged is unknown, what it had judged stays so, and the next call finds a new one."""
    with running(tmp_path) as floor:
        floor.commands.audio |= {"before": PERSON, "open": PERSON, "after": PERSON}
        floor.ear.screen("before", "c", Detection(max_seconds=30.0))
        floor.verdict_of("before")
        floor.ear.screen("open", "c", Detection(max_seconds=30.0))
        pid = floor.ear.pid
        assert pid is not None
        os.kill(pid, 9)
        assert why(floor.verdict_of("open")) == "the listener died"
        wait(lambda: floor.ear.ready and floor.ear.pid != pid)
        floor.ear.screen("after", "c", Detection())
        assert floor.verdict_of("after").kind == "person"
        assert len(floor.events["before"]) == 1


def test_the_listener_stands_still(tmp_path: Path) -> None:
    """Its silence is a verdict too, soon after the limit."""
    with running(tmp_path) as floor:
        floor.commands.audio["a"] = PERSON
        pid = floor.ear.pid
        assert pid is not None
        os.kill(pid, 19)
        try:
            floor.ear.screen("a", "c", Detection(max_seconds=0.5))
            assert why(floor.verdict_of("a")) == "the listener says nothing"
        finally:
            os.kill(pid, 18)


def test_a_machine_that_is_recognised_late(tmp_path: Path) -> None:
    """The verdict that was overdue comes as a change of mind; a late person is what an unknown was taken for anyway."""
    with running(tmp_path) as floor:
        floor.commands.audio["late"] = MACHINE
        pid = floor.ear.pid
        assert pid is not None
        os.kill(pid, 19)
        try:
            floor.ear.screen("late", "c", Detection(max_seconds=10.0, beep=True))
            floor.ear._calls["late"].due = 0.0
            assert floor.verdict_of("late").kind == "unknown"
        finally:
            os.kill(pid, 18)
        wait(lambda: len(floor.events["late"]) == 3)
        revised, beep = floor.events["late"][1:]
        assert isinstance(revised, VerdictRevised)
        assert revised.kind == "machine"
        assert isinstance(beep, BeepHeard)


def test_the_folder_has_the_rights_of_its_place(tmp_path: Path) -> None:
    """FreeSWITCH under another user may write where the operator let it."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o2770)
    with running(tmp_path, audio_dir=tmp_path / "shared" / "n1"):
        assert (tmp_path / "shared" / "n1").stat().st_mode & 0o7777 == 0o2770
    assert not (tmp_path / "shared" / "n1").exists(), "a node that stops takes its empty folder with it"


def test_no_more_calls_than_may_be(tmp_path: Path) -> None:
    """One more is unknown, and the others go on."""
    with running(tmp_path, calls=1) as floor:
        floor.commands.audio |= {"first": PERSON, "second": PERSON}
        floor.ear.screen("first", "c", Detection())
        floor.ear.screen("second", "c", Detection())
        assert why(floor.verdict_of("second")) == "too many calls are listened to"
        assert floor.verdict_of("first").kind == "person"


def test_a_full_audio_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No recording is begun there."""
    monkeypatch.setattr("esl_handlers.listening.taps.LEAST_FREE_BYTES", 1 << 60)
    with running(tmp_path) as floor:
        floor.ear.screen("a", "c", Detection())
        assert "the audio folder is full" in why(floor.verdict_of("a"))
        assert not any("uuid_record" in line for line in floor.commands.sent)


def test_what_an_earlier_life_left_is_swept(tmp_path: Path) -> None:
    """Audio of calls that are long over is nobody's; what is not ours stays."""
    (tmp_path / "audio").mkdir()
    for name in ("dead.r8", "letter.txt"):
        (tmp_path / "audio" / name).write_bytes(b"x")
    with running(tmp_path):
        assert [path.name for path in (tmp_path / "audio").iterdir()] == ["letter.txt"]


def test_the_listener_ends_with_the_controller(tmp_path: Path) -> None:
    """However that ended: its socket closes."""
    with running(tmp_path) as floor:
        pid = floor.ear.pid
    assert not Path(f"/proc/{pid}").exists()
