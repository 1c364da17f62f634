"""``trunkline demo``: the whole product in a minute and a half, through the doors a user has."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(300)
def test_the_demo_dials_its_list_and_the_audit_finds_nothing():
    """5 000 rows, of which 200 are bad: every call of the far end's ledger is an attempt, nobody is dialled twice at once."""
    done = subprocess.run(
        [sys.executable, "-m", "controller", "demo", "--json"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["contacts"], found["rejected"]) == (4800, 200)
    assert (found["mismatches"], found["doubles"]) == (0, 0)
    left = found["attempts"] - found["outcomes"].get("not_dialled", 0)
    assert found["ledger"] == left
    assert left > 1000
    assert {"answered", "busy", "no_answer", "rejected", "rnr", "invalid_number"} <= set(found["outcomes"])
    assert found["seconds"] < 120
