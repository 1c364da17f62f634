"""How long a killed controller takes until it dials again, with many live calls in its books, on a real FreeSWITCH.

    python -m tests.load.restart --live 500 --kills 10 [--cps 25] [--seed 1]

``--live`` people are put on hold in FreeSWITCH (no audio flows: the machine shall carry them beside everything else); while
short calls go on beside them the controller is killed with ``kill -9`` and started again at once. Measured is from the start of
the new process, Python's own start included, to the first new INVITE that SIPp sees. The last line is one JSON object;
``held_lost`` counts those on hold whose call did not last.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from random import Random

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.sipp import FarCall, FarEnd, sipp_binary
from tests.load import site
from tests.load.campaign import Trunkline
from tests.load.crash_report import Faults, books, live_at, restart_seconds
from tests.load.load import percentile, show
from tests.servers import running_redis

STAYING = tuple(range(95, 100))
"""Last two digits of people who answer and wait for our BYE."""
HOLD = """<include>
  <context name="trunkline-ivr">
    <extension name="hold">
      <condition field="destination_number" expression="^hold$"><action application="park"/></condition>
    </extension>
  </context>
</include>
"""
SEATS_BESIDE = 60
DIALLING_SECONDS = (1.0, 4.0)
"""How long a life dials before it is killed."""
PATIENCE_SECONDS = 60.0


def run(live: int, kills: int, calls_per_second: float, seed: int) -> dict[str, object]:
    """The whole of it; the report's keys and values."""
    chance = Random(seed)
    beside = int(calls_per_second * (kills + 1) * 2 * DIALLING_SECONDS[1])
    phones = site.numbers(live, 500_000, STAYING) + site.numbers(beside, 600_000, site.ANSWERING)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-restart-")))
        carrier = FarEnd("carrier", folder)
        switch = RealFreeSwitch([Gateway("north", carrier.port)])
        (switch.folder / "conf" / "dialplan" / "trunkline-ivr.xml").write_text(HOLD, encoding="utf-8")
        for server in (carrier, switch):
            stack.callback(server.stop)
            server.start()
        settings = {"TRUNKLINE_DIALLING__DRAIN_SECONDS": "0"}
        trunkline = Trunkline(folder, switch, stack.enter_context(running_redis()), settings=settings)
        site.write(folder, phones, calls_per_second, live + SEATS_BESIDE, "sip:nobody@127.0.0.1", 1, connect='ivr = "hold"')

        def held() -> list[FarCall]:
            return [call for call in carrier.calls() if int(call.invite.user[-2:]) in STAYING and call.answered_at is not None]

        with trunkline.running():
            trunkline.begin()
            deadline = time.monotonic() + 120.0 + 3.0 * live / calls_per_second
            while len(held()) < live:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"only {len(held())} of {live} on hold: {trunkline.controller.tail()}")
                time.sleep(0.5)
            faults = Faults()
            for _ in range(kills):
                faults.kills.append(time.time())
                trunkline.kill_controller()
                faults.starts.append(time.time())
                trunkline.start("controller")
                deadline = time.monotonic() + PATIENCE_SECONDS
                # Each life counts: one that is killed before it dials would leave the slowest out.
                while len(restart_seconds(carrier.calls(), trunkline.rows(), faults)) < len(faults.starts):
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"it does not dial again: {trunkline.controller.tail()}")
                    time.sleep(0.5)
                time.sleep(chance.uniform(*DIALLING_SECONDS))
            calls, rows = carrier.calls(), trunkline.rows()
            times = restart_seconds(calls, rows, faults)
            p50, p99 = percentile(times, 0.50), percentile(times, 0.99)
            found = books(calls, rows, 1)
            return {
                "live": live,
                "kills": kills,
                "live_at_kills": [live_at(calls, moment, faults) for moment in faults.kills],
                "restarts": len(times),
                "restart_p50_s": None if p50 is None else round(p50, 2),
                "restart_p99_s": None if p99 is None else round(p99, 2),
                "restart_s": [round(seconds, 2) for seconds in times],
                "held_lost": live - sum(call.ended_at is None for call in held()),
                "doubles": found["doubles"],
                "unknown": found["unknown"],
            }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.restart", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--live", type=int, default=500, help="calls on hold while the controller is killed")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--cps", type=float, default=25.0, help="calls a second of the carrier")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if freeswitch_binary() is None or sipp_binary() is None:
        parser.error("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    result = run(options.live, options.kills, options.cps, options.seed)
    show(result)
    return 0 if result["held_lost"] == result["doubles"] == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
