"""``make load``: a campaign on a real FreeSWITCH with SIPp as carrier and bot, and in the same run a bare originate loop.

    python -m tests.load.load --cps 100 --calls 2000 [--who answering|everybody] [--database sqlite|postgresql]

The last line is one JSON object. ``invites`` is SIPp's own count for the campaign, ``rows`` the attempts table's, ``doubles``
the INVITEs that no row stands for; ``mismatches`` counts numbers where the two differ in either direction. Rates are taken
over the middle nine tenths of the first INVITEs to each number as SIPp saw them, the same way for both. ``cpu``: seconds, by
process, while the campaign ran.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.freeswitch.sipp import FarEnd, Invite, sipp_binary
from tests.load import bare, site
from tests.load.campaign import Row, Trunkline
from tests.servers import running_postgres, running_redis

BARE_START, CAMPAIGN_START = 100_000, 500_000
SECONDS_PER_CALL = 4.0
"""Ringing, talk and what lies between, generously: seats for the rate."""


def rate(invites: Sequence[Invite]) -> float:
    """INVITEs a second over the middle nine tenths of each number's first ones; 0.0 for too few to tell. Retries wait for
    their time, not for us."""
    firsts: dict[str, float] = {}
    for invite in invites:
        firsts.setdefault(invite.user, invite.at)
    times = sorted(firsts.values())
    first, last = len(times) // 20, len(times) - 1 - len(times) // 20
    if last <= first or times[last] == times[first]:
        return 0.0
    return (last - first) / (times[last] - times[first])


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of them lies; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def audit(invites: Sequence[Invite], rows: Sequence[Row]) -> tuple[int, int]:
    """(doubles, mismatches): INVITEs without a row, and numbers for which SIPp and the table differ."""
    seen = Counter(invite.user for invite in invites)
    written = Counter(str(row.phone) for row in rows if row.outcome != "not_dialled")
    doubles = sum((seen - written).values())
    return doubles, sum(seen[number] != written[number] for number in {*seen, *written})


def report(
    asked: int, invites: Sequence[Invite], rows: Sequence[Row], bare_cps: float, cpu: dict[str, float]
) -> dict[str, object]:
    doubles, mismatches = audit(invites, rows)
    waits = [(row.connected_at - row.answered_at) * 1000 for row in rows if row.answered_at and row.connected_at]
    p50, p99 = percentile(waits, 0.50), percentile(waits, 0.99)
    reached = rate(invites)
    return {
        "asked": asked,
        "invites": len(invites),
        "rows": len(rows),
        "doubles": doubles,
        "mismatches": mismatches,
        "cps": round(reached, 1),
        "bare_cps": round(bare_cps, 1),
        "ratio": round(reached / bare_cps, 3) if bare_cps else None,
        "bridge_p50_ms": None if p50 is None else round(p50, 1),
        "bridge_p99_ms": None if p99 is None else round(p99, 1),
        "outcomes": dict(Counter(row.outcome or "open" for row in rows).most_common()),
        "cpu": {name: round(seconds, 2) for name, seconds in cpu.items()},
    }


def show(result: dict[str, object]) -> None:
    """The same for people, then the one line for programs."""
    for key, value in result.items():
        print(f"{key:>14}  {value}")
    print(json.dumps(result))


def run(calls_per_second: float, calls: int, endings: tuple[int, ...], max_attempts: int, database: str) -> dict[str, object]:
    seats = int(calls_per_second * SECONDS_PER_CALL) + 20
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-load-")))
        database_url = ""
        if database == "postgresql":
            server = stack.enter_context(running_postgres())
            server.run("CREATE DATABASE load")
            database_url = server.url("load")
        carrier, bots = FarEnd("carrier", folder), FarEnd("bot", folder)
        switch = RealFreeSwitch([Gateway("north", carrier.port)])
        for server_of_ours in (carrier, bots, switch):
            stack.callback(server_of_ours.stop)
            server_of_ours.start()
        bot = f"sip:bot@{HOST}:{bots.port}"

        print(f"bare loop: {calls} originates at {calls_per_second:g}/s")
        bare_numbers = site.numbers(calls, BARE_START, endings)
        bare.dial(switch, bare_numbers, calls_per_second, site.CALLER_ID, bot, site.ATTRIBUTES)
        bare_invites = carrier.invites()

        print(f"campaign: {calls} contacts at {calls_per_second:g}/s, {seats} seats")
        trunkline = Trunkline(folder, switch, stack.enter_context(running_redis()), database_url)
        site.write(folder, site.numbers(calls, CAMPAIGN_START, endings), calls_per_second, seats, bot, max_attempts)
        others = {"freeswitch": switch, "sipp_carrier": carrier, "sipp_bot": bots}
        before = {name: process.cpu_seconds() for name, process in others.items()}
        with trunkline.running():
            trunkline.dial(patience_seconds=900.0 + max_attempts * 3 * calls / calls_per_second)
            cpu = {name: process.cpu_seconds() - before[name] for name, process in others.items()} | trunkline.cpu_seconds()
            rows = trunkline.rows()
        invites = carrier.invites()[len(bare_invites) :]
        return report(calls, invites, rows, rate(bare_invites), cpu)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cps", type=float, default=50.0, help="calls a second that carrier and bare loop are offered")
    parser.add_argument("--calls", type=int, default=1000, help="contacts of the campaign, and originates of the bare loop")
    parser.add_argument("--who", choices=("answering", "everybody"), default="answering", help="people behind the carrier")
    parser.add_argument("--attempts", type=int, default=2, help="the campaign's limit for one contact")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    if freeswitch_binary() is None or sipp_binary() is None:
        parser.error("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    endings = site.ANSWERING if options.who == "answering" else site.EVERYBODY
    result = run(options.cps, options.calls, endings, options.attempts, options.database)
    show(result)
    return 0 if result["mismatches"] == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
