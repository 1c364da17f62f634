"""How soon an answered person is joined with a nailed-up agent on a real FreeSWITCH, by the switch layer alone.

    python -m tests.load.joins --agents 20 --calls 400 [--talk-seconds 3] [--ask answer|dial]

Each agent takes one call after the other; people and agents' phones are telephones of tests/phones, in a process of their own;
neither database nor Redis is there. ``--ask answer`` asks for the join when the answer is heard, as predictive dialling does,
``dial`` as soon as the call is dialled, as where the agent is reserved first. The last line is JSON, times in ms, p50 and p99:

- ``answer_to_bridge``: from the answer to the bridge, by FreeSWITCH's own clock;
- ``switch_alone``: from a uuid_bridge to its bridge event with two legs that wait: what FreeSWITCH takes whoever asks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import gevent
from gevent.queue import Queue

from controller.clock import RealClock
from controller.domain.agents.line import JoinOrder, LineEvent, LineOrder, LineUp, PersonHeld, TalkBegan, TalkEnded
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.events import Answered, CallEvent, HungUp
from esl_handlers.switch import FreeSwitch
from tests.freeswitch.harness import REPOSITORY, Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.load.load import percentile

PATIENCE_SECONDS = 60.0
ALONE_TIMES = 50
Heard = CallEvent | LineEvent
Some = TypeVar("Some", bound=Heard)


class Ears:
    """Listener of calls and lines. Every event goes to the queue of its agent."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue[Heard]] = defaultdict(Queue)
        self.agent_of: dict[str, str] = {}

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.queues[self.agent_of[attempt_id]].put(event)

    def hear_line(self, agent_id: str, event: LineEvent) -> None:
        self.queues[agent_id].put(event)

    def link_lost(self) -> None:
        """What does not come any more ends the run, by its patience."""

    def link_restored(self, same_core: bool) -> None:
        """The same."""


class Agent:
    """One agent's line and the calls on it."""

    def __init__(self, switch: FreeSwitch, ears: Ears, name: str, phones: str) -> None:
        self._switch, self._ears, self.name = switch, ears, name
        switch.lines.open(LineOrder(name, f"sip:{name}@{phones}"))
        self.until(LineUp)
        self.heard_ms: list[float] = []

    def until(self, *kinds: type[Some]) -> Some:
        """The next event of one of those kinds; others are passed over. gevent's Empty when it does not come."""
        while True:
            event = self._ears.queues[self.name].get(timeout=PATIENCE_SECONDS)
            if isinstance(event, kinds):
                return event

    def dial(self, number: str) -> str:
        order = DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="joins",
            run_id=1,
            gateway="north",
            dial_string_number=number,
            caller_id="+911140001000",
            ring_seconds=20,
            max_seconds=300,
            target=Target("playback", "nobody", "silence_stream://100"),
            connect_on_answer=False,
        )
        self._ears.agent_of[order.attempt_id] = self.name
        if self._switch.dial(order) is not None:
            raise RuntimeError("a call was not dialled")
        return order.attempt_id

    def call(self, number: str, ask_at_answer: bool) -> float:
        """One person, from the dialling to the free line; ms from the answer to the bridge."""
        attempt_id = self.dial(number)
        if not ask_at_answer:
            self._switch.lines.join(JoinOrder(attempt_id, self.name))
        answered = self.until(Answered)
        if ask_at_answer:
            self._switch.lines.join(JoinOrder(attempt_id, self.name))
        self.heard_ms.append((self.until(TalkBegan).at - answered.at) * 1000)
        ended: list[Heard] = [self.until(TalkEnded, HungUp), self.until(TalkEnded, HungUp)]
        end = next(event for event in ended if isinstance(event, HungUp))
        if end.answered_at is None or end.connected_at is None:
            raise RuntimeError(f"call {attempt_id} was not joined: {end}")
        return (end.connected_at - end.answered_at) * 1000

    def alone(self) -> list[float]:
        """Hold and resume one person again and again; ms from each command to its bridge event."""
        attempt_id = self.dial("5550100")
        self.until(Answered)
        self._switch.lines.join(JoinOrder(attempt_id, self.name))
        self.until(TalkBegan)
        taken = []
        for _ in range(ALONE_TIMES):
            self._switch.lines.hold(self.name)
            self.until(PersonHeld)
            gevent.sleep(0.1)
            asked_at = time.time()
            self._switch.lines.resume(self.name)
            taken.append((self.until(TalkBegan).at - asked_at) * 1000)
        self._switch.hang_up(attempt_id, "stop")
        self.until(TalkEnded)
        return taken


@contextmanager
def telephones(talk_seconds: float) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.phones", "--talk-seconds", str(talk_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def shares(times: Sequence[float]) -> dict[str, float | None]:
    whole = [round(time, 1) for time in times]
    return {"n": len(whole), "p50": percentile(whole, 0.5), "p99": percentile(whole, 0.99)}


def measure(switch: FreeSwitch, ears: Ears, phones: str, agents: int, calls: int, ask_at_answer: bool) -> dict[str, object]:
    alone = Agent(switch, ears, "agent-alone", phones).alone()
    staff = [Agent(switch, ears, f"agent-{number}", phones) for number in range(agents)]
    numbers = iter([f"9198{number:08d}" for number in range(calls)])
    times: list[float] = []

    def work(agent: Agent) -> None:
        for number in numbers:
            times.append(agent.call(number, ask_at_answer))

    gevent.joinall([gevent.spawn(work, agent) for agent in staff], raise_error=True)
    return {
        "agents": agents,
        "lines_up": sum(line.up for line in switch.lines.lines()) - 1,
        "answer_to_bridge": shares(times),
        "heard": shares([ms for agent in staff for ms in agent.heard_ms]),
        "switch_alone": shares(alone),
    }


def main() -> int:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--agents", type=int, default=20)
    read.add_argument("--calls", type=int, default=400)
    read.add_argument("--talk-seconds", type=float, default=3.0)
    read.add_argument("--ask", choices=("answer", "dial"), default="answer")
    given = read.parse_args()
    if freeswitch_binary() is None:
        print("no FreeSWITCH on this machine; set TRUNKLINE_FREESWITCH to its binary", file=sys.stderr)
        return 1
    with telephones(given.talk_seconds) as port:
        real = RealFreeSwitch([Gateway("north", port)])
        switch, ears = FreeSwitch(HOST, real.esl_port, real.password, RealClock()), Ears()
        try:
            real.start()
            switch.start(ears)
            switch.lines.attend(ears)
            if not switch.wait_ready(PATIENCE_SECONDS):
                raise RuntimeError(f"no link: {switch.health()}")
            figures = measure(switch, ears, f"{HOST}:{port}", given.agents, given.calls, given.ask == "answer")
        finally:
            switch.stop()
            real.stop()
    print(json.dumps(figures))
    return 0 if figures["lines_up"] == given.agents else 1


if __name__ == "__main__":
    raise SystemExit(main())
