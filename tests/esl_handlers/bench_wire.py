"""CPU per event: our framing, queue, dispatch and call tracking against stock greenswitch on the same captured calls.

    python -m tests.esl_handlers.bench_wire [rounds]

Both read the same bytes from memory and hand each event to a handler that reads the headers which a campaign needs. Stock's
handler only looks them up in its dictionary; ours also finds the call and says what happened to it. The last line is JSON.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
import greenswitch

from controller.domain.calls.events import CallEvent
from esl_handlers.connection import Address, Link
from esl_handlers.observer import NoObserver
from esl_handlers.router import Router
from esl_handlers.wire import Event, FrameReader
from tests.esl_handlers.peer import event_frame, sample_bodies

CALLS = {
    "answered call": ["answered_hangup"],
    "failed call": ["busy"],
    "30 % answered": ["answered_hangup"] * 3 + ["busy", "no_answer", "unallocated_404"] * 2 + ["gateway_unreachable"],
}
"""Ten calls in the last row, as a campaign might see them."""

HEADERS = {
    "CHANNEL_HANGUP_COMPLETE": (
        "Unique-ID", "Event-Date-Timestamp", "Hangup-Cause", "Caller-Channel-Answered-Time", "Caller-Channel-Progress-Time",
        "Caller-Channel-Progress-Media-Time", "Caller-Channel-Bridged-Time", "variable_trunkline_connect",
        "variable_originate_disposition", "variable_sip_network_ip", "variable_sip_term_status",
        "variable_sip_invite_failure_status",
    ),
    "BACKGROUND_JOB": ("Job-UUID", "Event-Date-Timestamp"),
}  # fmt: skip
OTHERS = ("Unique-ID", "Event-Date-Timestamp")


class Memory:
    """A socket with everything already there."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def recv(self, size: int) -> bytes:
        return self._data.read(size)

    def shutdown(self, how: int) -> None:
        return

    def close(self) -> None:
        return


class Desk:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.heard += 1

    def link_lost(self) -> None:
        return

    def link_restored(self, same_core: bool) -> None:
        return


def stream(samples: list[str], rounds: int) -> tuple[bytes, list[str], int]:
    """The calls, each round under identities of its own; the identities; how many events."""
    frames, identities, events = [], [], 0
    for number in range(rounds):
        for place, sample in enumerate(samples):
            identity = f"{number:08d}-{place:04d}-4000-8000-000000000000"
            identities.append(identity)
            for body in sample_bodies(sample):
                event = Event(body)
                old = event.get("Unique-ID") or event.get("Job-UUID")
                frames.append(body.replace(old.encode(), identity.encode()))
                events += 1
    wrapped = (b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body for body in frames)
    return b"".join(wrapped), identities, events


def run_stock(data: bytes, events: int) -> None:
    link: Any = greenswitch.InboundESL("127.0.0.1", 1, "x")
    handled = 0

    def handler(event: Any) -> None:
        nonlocal handled
        for name in HEADERS.get(event.headers["Event-Name"], OTHERS):
            event.headers.get(name)
        handled += 1

    link.register_handle("*", handler)
    link.sock_file = io.BytesIO(data)
    link.connected = True
    reader = gevent.spawn(link.receive_events)
    reader.join()
    link._run = True  # the stock reader's end also ends its dispatcher, with the backlog unhandled
    dispatcher = gevent.spawn(link.process_events)
    while handled < events:
        gevent.sleep(0.001)
    dispatcher.kill()


def run_ours(data: bytes, identities: list[str]) -> int:
    desk = Desk()
    router = Router(desk, NoObserver(), lambda attempt_id: None)
    for identity in identities:
        router.track(identity, "bot")
    link = Link(Address("127.0.0.1", 1, "x"), "bench")
    for name, handler in router.handlers().items():
        link.register_handle(name, handler)
    link.sock = Memory(data)
    link.connected = True
    reader, dispatcher = gevent.spawn(link.receive_events), gevent.spawn(link.process_events)
    gevent.joinall([reader, dispatcher])
    return desk.heard


def cpu(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of CPU, best of a few: other programs share the machine."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    check = FrameReader().feed(event_frame(("Event-Name", "HEARTBEAT")))
    assert len(check) == 1
    result = {}
    for title, samples in CALLS.items():
        data, identities, events = stream(samples, max(1, rounds // len(samples)))
        stock = cpu(lambda data=data, events=events: run_stock(data, events)) / events * 1e6  # type: ignore[misc]
        ours = cpu(lambda data=data, ids=identities: run_ours(data, ids)) / events * 1e6  # type: ignore[misc]
        result[title] = {"stock_us": round(stock, 1), "ours_us": round(ours, 1), "ratio": round(stock / ours, 1)}
        size, gain = len(data) / events, stock / ours
        print(f"{title:14} {events:6} events of {size:5.0f} bytes: stock {stock:6.1f} us, ours {ours:5.1f} us, {gain:.1f} x")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
