"""Many calls at once, each told once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.esl_handlers.virtual_switch.running import running_switch

PEOPLE = """
[[number]]
who = [
  { kind = "person", share = 0.6, ring_seconds = { uniform = [0.1, 1] }, talk_seconds = 600 },
  { kind = "busy", share = 0.2, after_seconds = { uniform = [0.1, 1] } },
  { kind = "invalid", share = 0.2 },
]
[[bot]]
uri = "*"
"""


@pytest.mark.parametrize("calls", [500, pytest.param(2000, marks=pytest.mark.soak)])
def test_every_call_has_one_row_and_one_end(tmp_path: Path, calls: int) -> None:
    """Hundreds of calls up at once; ledger, events and journal agree call for call when they have ended."""
    with running_switch(tmp_path, PEOPLE, "--sps", "100000") as switch:
        client = switch.client("CHANNEL_HANGUP_COMPLETE CHANNEL_BRIDGE")
        commands = switch.client()
        target = "trunkline_target=sofia/trunkline/bot@10.0.0.5:5070"
        for n in range(calls):
            commands.originate(f"call-{n}", f"9190{n:06}", "trunkline-bot XML trunkline", target)
        ended: Counter[str] = Counter()
        bridged: Counter[str] = Counter()
        while len(bridged) + len(ended) < calls:
            event = client.next_event()
            seen = bridged if event.get("Event-Name") == "CHANNEL_BRIDGE" else ended
            seen[event.get("Unique-ID")] += 1
        assert len(bridged) > calls / 3
        assert commands.api("show channels count") == f"\n{2 * len(bridged)} total.\n"
        commands.api("hupall")
        legs = calls + len(bridged)
        while len(ended) < legs:
            ended[client.next_event().get("Unique-ID")] += 1
        assert set(ended.values()) == {1}
        rows = switch.ledger()
        assert Counter(row["uuid"] for row in rows) == Counter(f"call-{n}" for n in range(calls))
        assert Counter(row["end"] for row in rows)["answered"] == len(bridged)
        assert Counter(line[2] for line in switch.journal()) == Counter(f"call-{n}" for n in range(calls))
