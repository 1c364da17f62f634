"""The two switches that the contract of ``ports.AgentLines`` is held to: a real FreeSWITCH among telephones of ours, and the
virtual one.

In both, numbers that end in 00 to 49 answer and stay until they are let go, and what an agent's phone does is its user part:
``agent…`` answers, ``deaf…`` rings for ever, ``busy…`` is busy.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from controller.clock import RealClock
from controller.domain.agents.line import JoinOrder, LineEvent, LineKind, LineOrder, LineUp, TalkBegan
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Treatment
from controller.domain.calls.events import Answered, CallEvent
from esl_handlers.switch import FreeSwitch
from tests.contracts.switches import Heard, wait
from tests.freeswitch.harness import REPOSITORY, Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST, free_port
from tests.freeswitch.process import Child
from tests.freeswitch.site import NotHere
from tests.phones.phone import Manner, PhoneCall, Switchboard

PERSON_HERTZ, AGENT_HERTZ, THIRD_HERTZ, SUPERVISOR_HERTZ = 440, 700, 1300, 1000
MESSAGE = "tone_stream://%(1500,100,620);loops=1"

VIRTUAL_PEOPLE = """
seed = 1

[[number]]
pattern = "[0-4][0-9]$"
who = [{ kind = "person", ring_seconds = 0.1, hangs_up = false }]
[[number]]
pattern = "5[0-9]$"
who = [{ kind = "busy", rings = false }]
[[number]]
pattern = "6[0-9]$"
who = [{ kind = "person", ring_seconds = 0.1, talk_seconds = 1.0 }]

[[bot]]
uri = "deaf*@*"
answer_seconds = 600
[[bot]]
uri = "busy*@*"
fails = { share = 1.0, status = 486 }
[[bot]]
uri = "brief*@*"
talk_seconds = 1.0
[[bot]]
uri = "*"

[gateway.north]
"""

Some = TypeVar("Some", bound=LineEvent)


def manner(user: str) -> Manner:
    """What the phone of that user part does."""
    if user.startswith("deaf"):
        return Manner(answer_seconds=None)
    if user.startswith("busy") or (user.isdigit() and user[-2] == "5"):
        return Manner(refuse="486 Busy Here")
    hertz = {"agent": AGENT_HERTZ, "third": THIRD_HERTZ, "boss": SUPERVISOR_HERTZ}.get(user.split("-")[0], PERSON_HERTZ)
    brief = user.startswith("brief") or (user.isdigit() and user[-2] == "6")
    return Manner(answer_seconds=0.1, hertz=hertz, talk_seconds=1.0 if brief else None)


@dataclass
class HeardLines:
    """``ports.LineListener`` that remembers."""

    events: dict[str, list[LineEvent]] = field(default_factory=dict)

    def hear_line(self, agent_id: str, event: LineEvent) -> None:
        self.events.setdefault(agent_id, []).append(event)


@dataclass
class LineWorld:
    """One switch. phones: real telephones, where there are some. connect: another controller beside the same switch."""

    switch: FreeSwitch
    calls: Heard
    heard: HeardLines
    phones_at: str
    connect: Callable[[], tuple[FreeSwitch, Heard]]
    phones: Switchboard | None = None
    real: RealFreeSwitch | None = None
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    def phone(self, user: str) -> str:
        return f"sip:{user}@{self.phones_at}"

    def agent(self, kind: LineKind = LineKind.NAILED_UP) -> str:
        """An agent whose line is up."""
        agent = f"agent-{next(self.numbers)}"
        self.switch.lines.open(LineOrder(agent, self.phone(agent), kind))
        self.hears(agent, LineUp)
        return agent

    def dials(self, number: str = "9198765000", ending: str = "01", wait_seconds: int = 60, message: str = "") -> DialOrder:
        """A call that waits for an agent once it is answered."""
        order = DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="lines",
            run_id=1,
            gateway="north",
            dial_string_number=f"{number}{next(self.numbers):03d}{ending}",
            caller_id="+911140001000",
            ring_seconds=20,
            max_seconds=120,
            target=Target("playback", "nobody", "silence_stream://100"),
            connect_on_answer=False,
            verdict_seconds=wait_seconds,
            treatment=Treatment(message, "9") if message else None,
        )
        assert self.switch.dial(order) is None
        return order

    def person(self) -> str:
        """Somebody who has answered; the attempt id."""
        order = self.dials()
        wait(lambda: any(isinstance(event, Answered) for event in self.calls.events.get(order.attempt_id, [])))
        return order.attempt_id

    def talk(self, agent: str) -> str:
        """The agent and a person talk; the person's attempt id."""
        person = self.person()
        self.switch.lines.join(JoinOrder(person, agent))
        self.hears(agent, TalkBegan, person)
        return person

    def hears(self, agent: str, kind: type[Some], person: str | None = None) -> Some:
        """Wait for the agent's next event of that kind, about that person if one is named; it is then forgotten."""
        found: list[Some] = []

        def look() -> bool:
            for event in self.heard.events.get(agent, []):
                if isinstance(event, kind) and (person is None or getattr(event, "attempt_id", None) == person):
                    found.append(event)
                    return True
            return False

        try:
            wait(look)
        except AssertionError:
            raise AssertionError(f"no {kind.__name__} of {agent}, but {self.heard.events.get(agent)}") from None
        self.heard.events[agent].remove(found[0])
        return found[0]

    def call_events(self, attempt_id: str) -> list[CallEvent]:
        return list(self.calls.events.get(attempt_id, []))

    def hears_call(self, attempt_id: str, kind: type[CallEvent], count: int = 1) -> None:
        wait(lambda: sum(isinstance(event, kind) for event in self.call_events(attempt_id)) >= count)

    def phone_of(self, user: str) -> PhoneCall:
        """The latest call at a telephone."""
        assert self.phones is not None
        return self.phones.calls_to(user)[-1]

    def phone_of_person(self, attempt_id: str) -> PhoneCall:
        """The telephone of a person."""
        assert self.phones is not None
        assert self.real is not None
        link = self.real.link()
        call_id = link.api(f"uuid_getvar {attempt_id} sip_call_id")
        link.close()
        return next(call for call in self.phones.calls if call.invite.get("call-id") == call_id)


@contextmanager
def _world(
    port: int, password: str, phones_at: str, phones: Switchboard | None, real: RealFreeSwitch | None
) -> Iterator[LineWorld]:
    made: list[tuple[FreeSwitch, Heard]] = []

    def connect() -> tuple[FreeSwitch, Heard]:
        switch, heard = FreeSwitch(HOST, port, password, RealClock()), Heard()
        made.append((switch, heard))
        switch.start(heard)
        assert switch.wait_ready(60.0), switch.health()
        return switch, heard

    try:
        switch, calls = connect()
        lines = HeardLines()
        switch.lines.attend(lines)
        yield LineWorld(switch, calls, lines, phones_at, connect, phones, real)
    finally:
        for switch, calls in made:
            calls.closing = True
            switch.stop()


def _register(real: RealFreeSwitch, user: str, dial_string: str) -> None:
    """A user of the domain ``floor.test``, as in an operator's own directory, reached where a registration would lead."""
    file = real.folder / "conf" / "freeswitch.xml"
    empty = '<section name="directory" description="empty"/>'
    entry = (
        f'<section name="directory"><domain name="floor.test"><user id="{user}"><params>'
        f'<param name="dial-string" value="{dial_string}"/></params></user></domain></section>'
    )
    text = file.read_text(encoding="utf-8")
    assert text.count(empty) == 1
    file.write_text(text.replace(empty, entry), encoding="utf-8")


@contextmanager
def real_lines(folder: Path) -> Iterator[LineWorld]:
    """``NotHere`` where the machine lacks FreeSWITCH."""
    if freeswitch_binary() is None:
        raise NotHere("no FreeSWITCH on this machine; set TRUNKLINE_FREESWITCH to its binary")
    with Switchboard(manner) as phones:
        real = RealFreeSwitch([Gateway("north", phones.port)])
        try:
            _register(real, "1001", f"sofia/trunkline/agent-1001@{HOST}:{phones.port}")
            real.start()
            with _world(real.esl_port, real.password, f"{HOST}:{phones.port}", phones, real) as world:
                yield world
        finally:
            real.stop()


@contextmanager
def virtual_lines(folder: Path) -> Iterator[LineWorld]:
    people, port = folder / "people.toml", free_port()
    people.write_text(VIRTUAL_PEOPLE, encoding="utf-8")
    command = [sys.executable, "-m", "esl_handlers.virtual_switch", "--port", str(port)]
    command += ["--people", str(people), "--ledger", str(folder / "ledger.csv")]
    child = Child("virtual-switch", command, folder, {**os.environ, "PYTHONPATH": str(REPOSITORY)})
    try:
        with _world(port, "ClueCon", "192.0.2.7:5070", None, None) as world:
            yield world
    finally:
        child.stop()
