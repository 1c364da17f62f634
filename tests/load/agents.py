"""Campaigns with agents on a real FreeSWITCH: SIPp as the people, SIPp as the agents' phones, everything else as in production.

    python -m tests.load.agents --agents 20 --minutes 30 [--modes progressive,power,predictive] [--talk 8] [--wrap-up 2]

For each mode its own database, Redis and run, on one FreeSWITCH. The last line is one JSON object, a mode a key:

- ``answered``: people who picked up; ``abandoned``: those of them whom no agent took within two seconds;
- ``doubles``, ``mismatches``: calls that SIPp got and the attempts table does not have; numbers for which the two disagree;
- ``ready_p50_ms``, ``ready_p99_ms``: from the answer, as FreeSWITCH tells it, to both hearing each other, where the agent was
  free when the person answered;
- ``waited``: talks whose agent came free only after the answer, and ``wait_p50_ms``, ``wait_p99_ms`` from the answer to both
  hearing each other; ``freed_p50_ms``, ``freed_p99_ms``: of these, from the agent's being free on;
- ``two_at_once``: talks that overlap another talk of the same agent; ``stuck``: agents who are not ready (or wrapping up) when
  nobody is on the line any more; ``phones_lost``: agents' phones that FreeSWITCH hung up during the run;
- ``occupancy``: talk and wrap-up over staffed time, from the first call to the last contact's launch.

Exit code 1 when SIPp's record and ours disagree, an agent had two calls or was stuck, a phone was lost, or more than 3 % of a
mode's answered calls were abandoned (over the first 200 answers at most one call more than that).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.freeswitch.sipp import FarEnd, Invite, sipp_binary
from tests.load import site
from tests.load.campaign import Row, Trunkline
from tests.load.load import audit, percentile
from tests.servers import running_redis

MODES = ("progressive", "power", "predictive")
WHO = (*range(20), *range(50, 68))
"""Last two digits of the people: a little more than half answer, the others are busy or do not pick up."""
RING_SECONDS = 5
LIMIT, FIRST_ANSWERS = 0.03, 200
SETTLE_SECONDS = 20.0
"""After the last contact: talks and wrap-ups end within this."""


def names(agents: int) -> list[str]:
    return [f"agent{number:03d}" for number in range(1, agents + 1)]


def write(folder: Path, mode: str, phones: list[str], agents: int, port: int, wrap_up: float, cps: float) -> None:
    """Site, campaign and contacts as an operator would write them. port: where the agents' phones listen."""
    site.write(folder, phones, cps, agents * 4, f"sip:nobody@{HOST}:{port}", 1, 'queue = "sales"', RING_SECONDS)
    with (folder / "site.toml").open("a", encoding="utf-8") as file:
        file.write(f'[[queue]]\nname = "sales"\nwrap_up_seconds = {wrap_up:g}\n\n')
        for name in names(agents):
            file.write(f'[[agent]]\nname = "{name}"\nphone = "sip:{name}@{HOST}:{port}"\nqueues = ["sales"]\n\n')
    campaign = folder / "campaign.toml"
    text = campaign.read_text(encoding="utf-8").replace('name = "load"\n', f'name = "load"\nmode = "{mode}"\n', 1)
    campaign.write_text(text + '\n[abandoned]\nmessage = "tone_stream://%(400,100,500)"\n', encoding="utf-8")


def overlapping(spans: Sequence[tuple[str, float, float]]) -> int:
    """Talks of an agent that began before the one before had ended. spans: agent, from, to."""
    by_agent: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for agent, begin, end in spans:
        by_agent[agent].append((begin, end))
    return sum(later[0] < earlier[1] for own in by_agent.values() for earlier, later in pairwise(sorted(own)))


@dataclass(frozen=True)
class Talk:
    """One talk. free_at: since when its agent had been free; 0.0 where it was the agent's first. UTC epoch seconds."""

    agent: str
    free_at: float
    answered_at: float
    begun_at: float
    ended_at: float

    @property
    def waited(self) -> bool:
        """Whether nobody was there for the person at first."""
        return self.free_at > self.answered_at


def talks_of(rows: Sequence[Row], wrap_up: float) -> list[Talk]:
    """Each talk of those rows. wrap_up: seconds from a talk's end until its agent is free."""
    free: dict[str, float] = defaultdict(float)
    talks: list[Talk] = []
    for row in sorted((row for row in rows if row.connected_at is not None), key=lambda row: row.connected_at or 0.0):
        if row.connected_to and row.answered_at and row.connected_at and row.ended_at:
            talks.append(Talk(row.connected_to, free[row.connected_to], row.answered_at, row.connected_at, row.ended_at))
            free[row.connected_to] = row.ended_at + wrap_up
    return talks


def milliseconds(name: str, seconds: Sequence[float]) -> dict[str, float | None]:
    """``name_p50_ms`` and ``name_p99_ms``."""
    found = {share: percentile(seconds, share) for share in (0.50, 0.99)}
    return {f"{name}_p{share * 100:.0f}_ms": None if at is None else round(at * 1000, 1) for share, at in found.items()}


def one_mode(
    mode: str, switch: RealFreeSwitch, carrier: FarEnd, agents: int, minutes: float, talk: float, wrap_up: float
) -> dict[str, Any]:
    """One run; the figures."""
    people = int(agents * minutes * 60 / (talk + wrap_up + 1.0) * 2.5)
    cps = max(2.0, agents / (talk + wrap_up) * 6)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"trunkline-agents-{mode}-")))
        phones = FarEnd("bot", folder)
        stack.callback(phones.stop)
        phones.start()
        before = len(carrier.invites())
        start = 100_000 + 100_000 * MODES.index(mode)
        write(folder, mode, site.numbers(people, start, WHO), agents, phones.port, wrap_up, cps)
        trunkline = Trunkline(folder, switch, stack.enter_context(running_redis()))
        with trunkline.running():
            trunkline.load()
            for name in names(agents):
                trunkline.command("agent", "login", name, "--ready")
            wait_for(trunkline, agents, {"ready"}, 60.0)
            trunkline.command("campaign", "start", "load")
            begun = time.monotonic()
            print(f"{mode}: {people} contacts, {agents} agents, {minutes:g} minutes", flush=True)
            while not trunkline.ended and time.monotonic() < begun + minutes * 60:
                time.sleep(1.0)
            seconds = time.monotonic() - begun
            if not trunkline.ended:
                trunkline.command("campaign", "stop", "load")
                trunkline.wait_ended(120.0)
            states = wait_for(trunkline, agents, {"ready", "wrap_up"}, SETTLE_SECONDS)
            lost = sum(call.ended_at is not None for call in phones.calls())
            for name in names(agents):
                trunkline.command("agent", "logout", name)
            return figures(trunkline.rows(), carrier.invites()[before:], states, agents, seconds, wrap_up, lost)


def wait_for(trunkline: Trunkline, agents: int, wanted: set[str], seconds: float) -> Counter[str]:
    """Until every agent is in one of those states, at most so long; how many are in which."""
    deadline = time.monotonic() + seconds
    while True:
        found = json.loads(trunkline.command("agent", "ls", "--json"))
        states = Counter(str(row["state"]) for row in found)
        if sum(states[state] for state in wanted) == agents or time.monotonic() > deadline:
            return states
        time.sleep(0.5)


def figures(
    rows: Sequence[Row],
    invites: Sequence[Invite],
    states: Counter[str],
    agents: int,
    seconds: float,
    wrap_up: float,
    phones_lost: int,
) -> dict[str, Any]:
    answered = [row for row in rows if row.answered_at is not None]
    abandoned = sum(row.outcome == "abandoned" for row in answered)
    talks = talks_of(rows, wrap_up)
    waited = [talk for talk in talks if talk.waited]
    doubles, mismatches = audit(invites, rows)
    return {
        "attempts": len(rows),
        "doubles": doubles,
        "mismatches": mismatches,
        "answered": len(answered),
        "talks": len(talks),
        "abandoned": abandoned,
        "abandoned_percent": round(100 * abandoned / len(answered), 2) if answered else None,
        **milliseconds("ready", [talk.begun_at - talk.answered_at for talk in talks if not talk.waited]),
        "waited": len(waited),
        **milliseconds("wait", [talk.begun_at - talk.answered_at for talk in waited]),
        **milliseconds("freed", [talk.begun_at - talk.free_at for talk in waited]),
        "two_at_once": overlapping([(talk.agent, talk.begun_at, talk.ended_at) for talk in talks]),
        "stuck": agents - states["ready"] - states["wrap_up"],
        "phones_lost": phones_lost,
        "occupancy": round(sum(talk.ended_at - talk.begun_at + wrap_up for talk in talks) / (agents * seconds), 3),
        "outcomes": dict(Counter(row.outcome or "open" for row in rows).most_common()),
        "causes": dict(Counter(row.cause or "" for row in rows if row.answered_at is None).most_common()),
        "seconds": round(seconds, 1),
    }


def good(found: dict[str, Any]) -> bool:
    """Nothing happened that must never happen."""
    allowed = max(1.0, LIMIT * found["answered"]) if found["answered"] > FIRST_ANSWERS else LIMIT * found["answered"] + 1.0
    whole = not any(found[wrong] for wrong in ("doubles", "mismatches", "two_at_once", "stuck", "phones_lost"))
    return bool(whole and found["talks"] > 0 and found["abandoned"] <= allowed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.agents", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30.0, help="of each mode")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--talk", type=float, default=8.0, help="seconds that people talk")
    parser.add_argument("--wrap-up", type=float, default=2.0, help="seconds after each talk")
    asked = parser.parse_args()
    if freeswitch_binary() is None or sipp_binary() is None:
        parser.error("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    found: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-agents-")))
        carrier = FarEnd("carrier", folder, talk_ms=int(asked.talk * 1000), ring_ms=1500)
        switch = RealFreeSwitch([Gateway("north", carrier.port)])
        for ours in (carrier, switch):
            stack.callback(ours.stop)
            ours.start()
        for mode in asked.modes.split(","):
            found[mode] = one_mode(mode, switch, carrier, asked.agents, asked.minutes, asked.talk, asked.wrap_up)
            for key, value in found[mode].items():
                print(f"{key:>18}  {value}", flush=True)
    print(json.dumps(found))
    return 0 if all(good(one) for one in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
