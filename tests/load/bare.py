"""The bare loop: what FreeSWITCH takes when nothing but ``bgapi originate`` is sent to it. Trunkline's own rate is put over it.

The commands are those that Trunkline writes (``esl_handlers/originate.py``), for the same carrier, bot and dialplan; no event
is subscribed, nothing is stored, nothing decided.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from controller.domain.calls.actions import DialOrder, Target
from esl_handlers.originate import originate_command
from tests.freeswitch.harness import RealFreeSwitch


def dial(
    switch: RealFreeSwitch,
    numbers: Sequence[str],
    calls_per_second: float,
    caller_id: str,
    bot: str,
    attributes: Sequence[tuple[str, str]],
) -> None:
    """Send one originate for each number at that rate, later ones catching up, and wait until all calls are over."""
    link = switch.link()
    target = Target("bot", "bot", bot)
    began = time.monotonic()
    for place, number in enumerate(numbers):
        order = DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="load",
            run_id=1,
            gateway="north",
            dial_string_number=number,
            caller_id=caller_id,
            ring_seconds=20,
            max_seconds=120,
            target=target,
            attributes=tuple(attributes),
        )
        pause = began + place / calls_per_second - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        link.bgapi(originate_command(order), order.attempt_id)
    while not link.api("show channels count").startswith("0 "):
        time.sleep(0.5)
    link.close()
