"""A process that dials one call by the switch layer alone, tells how far it got, and waits to be killed.

    python -m tests.freeswitch.one_call <event socket's port> <password> <number> <verdict seconds>

The call is of the kind that waits for our verdict when it is answered, as with detection of machines. Each thing heard of it is
one line of the output.
"""

from __future__ import annotations

import sys
import uuid

import gevent

from controller.clock import RealClock
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.events import CallEvent
from esl_handlers.switch import FreeSwitch
from tests.freeswitch.ports import HOST

LONGEST_SECONDS = 60.0


class Told:
    """``ports.SwitchListener`` that prints."""

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        print(type(event).__name__, flush=True)

    def link_lost(self) -> None:
        print("link lost", flush=True)

    def link_restored(self, same_core: bool) -> None:
        print("link restored", flush=True)


def main(port: str, password: str, number: str, verdict_seconds: str) -> int:
    switch = FreeSwitch(HOST, int(port), password, RealClock())
    switch.start(Told())
    if not switch.wait_ready(10.0):
        return 1
    order = DialOrder(
        attempt_id=str(uuid.uuid4()),
        campaign="one-call",
        run_id=1,
        gateway="north",
        dial_string_number=number,
        caller_id="+911140001000",
        ring_seconds=10,
        max_seconds=120,
        target=Target("bot", "bot", f"sip:bot@{HOST}"),
        connect_on_answer=False,
        verdict_seconds=int(verdict_seconds),
    )
    if switch.dial(order) is not None:
        return 1
    gevent.sleep(LONGEST_SECONDS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
