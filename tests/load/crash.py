"""A campaign on a real FreeSWITCH with SIPp, its controller killed again and again: nobody is called twice, no talk is cut.

    python -m tests.load.crash --kills 20 --calls 1000 --cps 25 [--freeswitch-kills 5] [--drains 5] [--seed 1]

The controller is killed with ``kill -9`` at random moments and started again at once; FreeSWITCH likewise; a drain is a
``SIGTERM``, the end of the process, and its next life. The last line is one JSON object; its keys are explained by
``crash_report.py``. The exit code is 1 when anything happened that must never happen.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.freeswitch.sipp import FarEnd, sipp_binary
from tests.load import site
from tests.load.campaign import Trunkline
from tests.load.crash_report import Faults, faultless, report
from tests.load.load import show
from tests.servers import running_redis

MAX_ATTEMPTS = 2
WHO = (*range(85), *range(90, 95))
"""Everybody but those whom the carrier sometimes has no room for: such a call costs no attempt, so the limit would not show."""
DRAIN_SECONDS = 2.0
"""Shorter than most talks: what lives longer is adopted by the next life."""
LEASES_SECONDS = 35.0
"""A slot that its call did not give back is free again after 30."""
START_SECONDS = 2.0
"""About what a controller takes until it dials."""


def disturb(trunkline: Trunkline, switch: RealFreeSwitch, plan: list[str], mean_seconds: float, chance: Random) -> Faults:
    """Carry out ``plan`` (words: kill, drain, freeswitch), each after a random time, until it is done or the run has ended."""
    faults = Faults()
    for what in plan:
        time.sleep(chance.uniform(0.0, 2.0 * mean_seconds))
        if trunkline.ended:
            break
        now = time.time()
        if what == "freeswitch":
            switch.kill()
            switch.start()
            faults.outages.append((now, time.time()))
        else:
            if what == "kill":
                faults.kills.append(now)
                trunkline.kill_controller()
            else:
                faults.drains.append(now)
                trunkline.controller.stop(signal.SIGTERM, DRAIN_SECONDS + 30.0)
            faults.starts.append(time.time())
            trunkline.start("controller")
        print(f"{what} after {now - faults_began(faults, now):.1f} s")
    return faults


def faults_began(faults: Faults, now: float) -> float:
    """When the first of them happened."""
    return min([now, *faults.kills, *faults.drains, *(began for began, _ in faults.outages)])


def run(
    calls: int,
    calls_per_second: float,
    kills: int,
    drains: int,
    freeswitch_kills: int,
    talk_seconds: float,
    seed: int,
    settings: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """The whole of it; the report's keys and values. settings: more environment variables for Trunkline."""
    chance = Random(seed)
    plan = ["kill"] * kills + ["drain"] * drains + ["freeswitch"] * freeswitch_kills
    chance.shuffle(plan)
    channels = int(calls_per_second * (talk_seconds + 4.0)) + 20
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-crash-")))
        talk_ms = int(talk_seconds * 1000)
        carrier, bots = FarEnd("carrier", folder, talk_ms=talk_ms), FarEnd("bot", folder)
        switch = RealFreeSwitch([Gateway("north", carrier.port)])
        for server_of_ours in (carrier, bots, switch):
            stack.callback(server_of_ours.stop)
            server_of_ours.start()
        environment = {"TRUNKLINE_DIALLING__DRAIN_SECONDS": str(DRAIN_SECONDS), **(settings or {})}
        trunkline = Trunkline(folder, switch, stack.enter_context(running_redis()), settings=environment)
        numbers = site.numbers(calls, 500_000, WHO)
        site.write(folder, numbers, calls_per_second, channels, f"sip:bot@{HOST}:{bots.port}", MAX_ATTEMPTS)
        with trunkline.running():
            began = time.time()
            trunkline.begin()
            mean = START_SECONDS + calls / calls_per_second / max(1, len(plan))
            faults = disturb(trunkline, switch, plan, mean, chance)
            trunkline.wait_ended(patience_seconds=240.0 + calls / calls_per_second)
            ended = time.time()
            deadline = time.monotonic() + LEASES_SECONDS
            while trunkline.slots_in_use() and time.monotonic() < deadline:
                time.sleep(0.5)
            limits = {
                "attempts": MAX_ATTEMPTS,
                "channels": channels,
                "calls_per_second": calls_per_second,
                "talk_seconds": talk_seconds,
            }
            return {
                "calls": calls,
                "seed": seed,
                "seconds": round(ended - began, 1),
                **report(carrier.calls(), bots.calls(), trunkline.rows(), faults, limits),
                "unfinished_leads": trunkline.unfinished_leads(),
                "leaked_slots": trunkline.slots_in_use(),
            }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.crash", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of the controller")
    parser.add_argument("--drains", type=int, default=0, help="SIGTERM to the controller, then its next life")
    parser.add_argument("--freeswitch-kills", type=int, default=0, help="kill -9 of FreeSWITCH")
    parser.add_argument("--calls", type=int, default=1000, help="contacts of the campaign")
    parser.add_argument("--cps", type=float, default=25.0, help="calls a second of the carrier")
    parser.add_argument("--talk", type=float, default=3.0, help="seconds that people talk")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if freeswitch_binary() is None or sipp_binary() is None:
        parser.error("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    result = run(
        options.calls, options.cps, options.kills, options.drains, options.freeswitch_kills, options.talk, options.seed
    )
    show(result)
    return 0 if faultless(result) else 1


if __name__ == "__main__":
    raise SystemExit(main())
