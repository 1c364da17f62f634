"""The far end's own record survives whatever happens to the switch."""

from __future__ import annotations

import signal
from pathlib import Path

from esl_handlers.virtual_switch.ledger import Ledger, read_ledger
from tests.esl_handlers.virtual_switch.running import running_switch

PEOPLE = """
[[number]]
prefix = "1"
who = [{ kind = "person", ring_seconds = 0.05, talk_seconds = 60 }]
[[number]]
who = [{ kind = "no_answer" }]
"""


def test_kill_9_leaves_a_row_for_every_call(tmp_path: Path) -> None:
    """Calls in progress keep their rows: answered ones as answered, ringing ones as open."""
    with running_switch(tmp_path, PEOPLE) as switch:
        client = switch.client("CHANNEL_PROGRESS CHANNEL_PARK")
        client.originate("a-1", "1")
        client.events_until("CHANNEL_PARK")
        client.originate("a-2", "2")
        client.events_until("CHANNEL_PROGRESS")
        assert switch.end(signal.SIGKILL) == -signal.SIGKILL
        rows = switch.ledger()
    assert [(row["uuid"], row["number"], row["caller_id"], row["gateway"], row["end"]) for row in rows] == [
        ("a-1", "1", "911140001000", "carrier", "answered"),
        ("a-2", "2", "911140001000", "carrier", "open"),
    ]


def test_a_second_run_goes_on_in_the_same_ledger(tmp_path: Path) -> None:
    """Rows of an earlier run stay, and ends are written to their own rows."""
    path = tmp_path / "ledger.csv"
    first = Ledger(path)
    first.open_row(1.0, "a", "100", "", "g")
    first.close()
    second = Ledger(path)
    place = second.open_row(2.5, "b", "200", "", "g")
    second.close_row(place, "busy")
    second.close()
    assert [(row["time"], row["uuid"], row["end"]) for row in read_ledger(path)] == [
        ("1.000", "a", "open"),
        ("2.500", "b", "busy"),
    ]


def test_a_hostile_number_stays_one_field(tmp_path: Path) -> None:
    """Commas and quotes in what was dialled do not move the columns."""
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.close_row(ledger.open_row(1.0, "a", '1,"2', "=1+1", "g"), "invalid")
    ledger.close()
    row = read_ledger(tmp_path / "ledger.csv")[0]
    assert (row["number"], row["caller_id"], row["end"]) == ('1,"2', "=1+1", "invalid")
