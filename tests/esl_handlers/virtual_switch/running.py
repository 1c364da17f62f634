"""A virtual switch as a process of its own, and a plain client. Waiting is by what arrives, never by the clock."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from esl_handlers.virtual_switch.ledger import read_ledger
from esl_handlers.wire import Event, Frame, FrameReader

PATIENCE_SECONDS = 60.0
CALL_EVENTS = (
    "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK CHANNEL_BRIDGE CHANNEL_UNBRIDGE "
    "CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB CUSTOM trunkline::connect"
)
EVERYBODY_ANSWERS = '[[number]]\nwho = [{ kind = "person", ring_seconds = 0.05, talk_seconds = 30 }]\n[[bot]]\nuri = "bot@*"\n'


class Client:
    """One ESL connection. Events that come while a reply is awaited are kept in order."""

    def __init__(self, port: int, events: str = "", password: str = "ClueCon") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._reader = FrameReader()
        self._frames: list[Frame] = []
        self._events: list[Event] = []
        self.greeting = self._frame()
        self.accepted = self.command(f"auth {password}")
        if events:
            self.command(f"event plain {events}")

    def close(self) -> None:
        self._socket.close()

    def patience(self, seconds: float) -> None:
        """How long to wait for anything, from now on."""
        self._socket.settimeout(seconds)

    def send(self, *lines: str) -> None:
        self._socket.sendall(("\n".join(lines) + "\n\n").encode())

    def _frame(self) -> Frame:
        while not self._frames:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the switch closed the connection")
            self._frames += self._reader.feed(data)
            if self._reader.fault is not None:
                raise self._reader.fault
        return self._frames.pop(0)

    def reply(self) -> Frame:
        while (frame := self._frame()).content_type == b"text/event-plain":
            self._events.append(Event(frame.body))
        return frame

    def command(self, *lines: str) -> str:
        """Reply-Text of one command."""
        self.send(*lines)
        return self.reply().header(b"Reply-Text")

    def api(self, command: str) -> str:
        self.send(f"api {command}")
        return self.reply().text

    def next_event(self) -> Event:
        if not self._events:
            frame = self._frame()
            assert frame.content_type == b"text/event-plain", frame.content_type
            return Event(frame.body)
        return self._events.pop(0)

    def events_until(self, name: str, headers: Mapping[str, str] | None = None) -> list[Event]:
        """Events up to and with the first of that name whose headers are as given."""
        seen = []
        while True:
            event = self.next_event()
            seen.append(event)
            if event.get("Event-Name") == name and all(event.get(key) == value for key, value in (headers or {}).items()):
                return seen

    def originate(self, uuid: str, number: str, then: str = "&park", variables: str = "", gateway: str = "carrier") -> None:
        """Place a call whose job has the call's own uuid."""
        given = f"origination_uuid={uuid},origination_caller_id_name=Clinic,origination_caller_id_number=911140001000"
        given += f",ignore_early_media=true,trunkline_attempt={uuid}{',' if variables else ''}{variables}"
        reply = self.command(f"bgapi originate {{{given}}}sofia/gateway/{gateway}/{number} {then}", f"Job-UUID: {uuid}")
        assert reply == f"+OK Job-UUID: {uuid}"


class RunningSwitch:
    """The process, and its files."""

    def __init__(self, folder: Path, people: str, options: Sequence[str]) -> None:
        self.people = folder / "people.toml"
        self.people.write_text(people, encoding="utf-8")
        self.ledger_path = folder / "ledger.csv"
        self.journal_path = folder / "cdr-csv" / "Master.csv"
        self.journal_path.parent.mkdir(exist_ok=True)
        self.clients: list[Client] = []
        command = [sys.executable, "-m", "esl_handlers.virtual_switch", "--port", "0", "--people", str(self.people)]
        command += ["--ledger", str(self.ledger_path), "--journal", str(self.journal_path), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[:1] == ["listening"], "the virtual switch did not start"
        self.port = int(words[2])

    def client(self, events: str = "") -> Client:
        self.clients.append(Client(self.port, events))
        return self.clients[-1]

    def ledger(self) -> list[dict[str, str]]:
        return read_ledger(self.ledger_path)

    def journal(self) -> list[list[str]]:
        return [line.split(",") for line in self.journal_path.read_text(encoding="utf-8").splitlines()]

    def stats(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.client().api("virtual stats"))
        return found

    def wait_for(self, condition: str, check: Callable[[], bool]) -> None:
        """Until ``check()`` is true; fails saying which condition never came."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not check():
            assert time.monotonic() < deadline, f"never happened: {condition}"
            time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        for client in self.clients:
            client.close()
        self.process.send_signal(how)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running_switch(folder: Path, people: str = EVERYBODY_ANSWERS, *options: str) -> Iterator[RunningSwitch]:
    """Start one, and end it with SIGTERM if the test has not."""
    switch = RunningSwitch(folder, people, options)
    try:
        yield switch
    finally:
        if switch.process.poll() is None:
            switch.end()
