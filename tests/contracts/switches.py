"""The two switches that the contract of ``ports.Switch`` is held to: a real FreeSWITCH between SIPps, and the virtual one.

In both, what a number does is written in its last two digits, and what a bot does in its user part, as told at the head of
tests/freeswitch/scenarios/carrier.xml and bot.xml.
"""

from __future__ import annotations

import csv
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gevent

from controller.clock import RealClock
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.events import CallEvent, DialFailed, HungUp
from esl_handlers.listening.ear import EarSettings
from esl_handlers.switch import FreeSwitch
from tests.esl_handlers.amd.sounds import pcm, silence, talk, tone
from tests.freeswitch.far_audio import FarAudio
from tests.freeswitch.harness import REPOSITORY, Gateway, freeswitch_binary
from tests.freeswitch.ports import HOST, free_port
from tests.freeswitch.process import Child
from tests.freeswitch.site import NotHere, running_site

PATIENCE_SECONDS = 60.0
CALLER_ID = "+911140001000"

VIRTUAL_PEOPLE = """
seed = 1

[[number]]
gateway = "voices"
pattern = "01$"
who = [{ kind = "person", ring_seconds = 0.1, hangs_up = false }]
[[number]]
gateway = "voices"
pattern = "02$"
who = [{ kind = "machine", ring_seconds = 0.1, greeting_seconds = 4.5, beep_after_seconds = 0.4 }]
[[number]]
pattern = "[0-4][0-9]$"
who = [{ kind = "person", ring_seconds = 0.2, talk_seconds = 1.0 }]
[[number]]
pattern = "5[0-9]$"
who = [{ kind = "busy", rings = false }]
[[number]]
pattern = "6[0-9]$"
who = [{ kind = "no_answer" }]
[[number]]
pattern = "7[0-4]$"
who = [{ kind = "rejected" }]
[[number]]
pattern = "7[5-9]$"
who = [{ kind = "invalid" }]
[[number]]
pattern = "8[0-4]$"
who = [{ kind = "unavailable" }]
[[number]]
pattern = "8[5-8]$"
who = [{ kind = "congestion" }]
[[number]]
pattern = "9[0-4]$"
who = [{ kind = "person", ring_seconds = 0.6, talk_seconds = 1.0, early_media = true }]
[[number]]
pattern = "9[5-9]$"
who = [{ kind = "person", ring_seconds = 0.2, hangs_up = false }]

[[bot]]
uri = "busy@*"
fails = { share = 1.0, status = 486 }
[[bot]]
uri = "deaf@*"
answer_seconds = 600
[[bot]]
uri = "brief@*"
talk_seconds = 1.0
[[bot]]
uri = "*"

[gateway.north]
[gateway.voices]
[gateway.closed]
state = "unreachable"
[gateway.down]
state = "down"
"""


@dataclass
class Heard:
    """``ports.SwitchListener`` that remembers. closing: we end the links ourselves now."""

    events: dict[str, list[CallEvent]] = field(default_factory=dict)
    closing: bool = False

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.events.setdefault(attempt_id, []).append(event)

    def link_lost(self) -> None:
        assert self.closing, "the link was lost"

    def link_restored(self, same_core: bool) -> None:
        raise AssertionError("the link was lost and came back")


def wait(what: Callable[[], object]) -> None:
    """Let the links work until ``what`` is true. A failure when that never comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "nothing more is heard"
        gevent.sleep(0.02)


@dataclass
class World:
    """One switch, ready to dial. invitations: numbers that the far end was asked for, in order, by its own record."""

    switch: FreeSwitch
    heard: Heard
    bots_at: str
    invitations: Callable[[], list[str]]
    gateway_down: Callable[[], bool]

    def order(self, number: str, bot: str = "bot", **changes: Any) -> DialOrder:
        """A call to ``number``; who answers goes to that bot."""
        order = DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="contract",
            run_id=1,
            gateway="north",
            dial_string_number=number,
            caller_id=CALLER_ID,
            ring_seconds=20,
            max_seconds=60,
            target=Target("bot", "the-bot", f"sip:{bot}@{self.bots_at}"),
            attributes=(("city", "New Delhi"),),
        )
        return replace(order, **changes)

    def events(self, order: DialOrder) -> list[CallEvent]:
        """What was heard of a call. The background job's late word on a call that had left may or may not come: left out."""
        return [
            event for event in self.heard.events.get(order.attempt_id, []) if not (isinstance(event, DialFailed) and event.left)
        ]

    def kinds(self, order: DialOrder) -> list[str]:
        return [type(event).__name__ for event in self.events(order)]

    def hears(self, order: DialOrder, kind: type[CallEvent]) -> CallEvent:
        """Wait for the first event of that kind."""
        wait(lambda: any(isinstance(event, kind) for event in self.events(order)))
        return next(event for event in self.events(order) if isinstance(event, kind))

    def end(self, order: DialOrder) -> HungUp:
        """Wait for the call's end."""
        event = self.hears(order, HungUp)
        assert isinstance(event, HungUp)
        return event


@contextmanager
def _connected(port: int, password: str, folder: Path) -> Iterator[tuple[FreeSwitch, Heard]]:
    ear = EarSettings(folder / "audio", folder / "evidence")
    switch, heard = FreeSwitch(HOST, port, password, RealClock(), ear=ear), Heard()
    switch.start(heard)
    try:
        assert switch.wait_ready(PATIENCE_SECONDS), switch.health()
        wait(lambda: switch.ear is not None and switch.ear.ready)
        yield switch, heard
    finally:
        heard.closing = True
        switch.stop()


@contextmanager
def running_voices(folder: Path) -> Iterator[FarAudio]:
    """Behind gateway ``voices``: a person at 01, a mailbox at 02."""
    if freeswitch_binary() is None:
        raise NotHere("no FreeSWITCH on this machine; set TRUNKLINE_FREESWITCH to its binary")
    person, mailbox = pcm(silence(0.4), talk(0.5)), pcm(silence(0.4), talk(4.1), silence(0.4), tone(0.4, 1000))
    voices = FarAudio(folder, [{"number": "01$", "audio": person}, {"number": "02$", "audio": mailbox}])
    try:
        yield voices
    finally:
        voices.stop()


@contextmanager
def real_world(folder: Path) -> Iterator[World]:
    """``NotHere`` where the machine lacks FreeSWITCH or SIPp."""
    with (
        running_voices(folder) as voices,
        running_site(folder, [Gateway("voices", voices.port)]) as site,
        _connected(site.switch.esl_port, site.switch.password, folder) as (switch, heard),
    ):
        link = site.switch.link()
        yield World(
            switch,
            heard,
            f"{HOST}:{site.bots.port}",
            lambda: [invite.user for invite in site.carrier.invites()],
            lambda: "DOWN" in link.api("sofia status gateway down"),
        )
        link.close()


@contextmanager
def virtual_world(folder: Path) -> Iterator[World]:
    people, ledger, port = folder / "people.toml", folder / "ledger.csv", free_port()
    people.write_text(VIRTUAL_PEOPLE, encoding="utf-8")
    command = [sys.executable, "-m", "esl_handlers.virtual_switch", "--port", str(port)]
    command += ["--people", str(people), "--ledger", str(ledger)]
    child = Child("virtual-switch", command, folder, {**os.environ, "PYTHONPATH": str(REPOSITORY)})

    def invitations() -> list[str]:
        with ledger.open(encoding="utf-8", newline="") as file:
            return [row["number"] for row in csv.DictReader(file)]

    try:
        with _connected(port, "ClueCon", folder) as (switch, heard):
            yield World(switch, heard, "192.0.2.7:5070", invitations, lambda: True)
    finally:
        child.stop()
