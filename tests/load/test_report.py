"""What a load run's report says, reckoned from records that are known."""

from __future__ import annotations

import pytest

from tests.freeswitch.sipp import Invite
from tests.load.campaign import Row
from tests.load.load import audit, percentile, rate, report
from tests.load.site import ANSWERING, EVERYBODY, numbers


def invite(at: float, number: str) -> Invite:
    return Invite(at, number, "+911140001000", "id", "")


def row(number: str, outcome: str = "answered", answered: float | None = None, connected: float | None = None) -> Row:
    return Row(int(number), outcome, answered, connected)


def test_an_invite_without_a_row_is_a_double() -> None:
    """Two invitations to a number that was tried once by the book."""
    assert audit([invite(0, "91"), invite(1, "91"), invite(2, "92")], [row("91"), row("92")]) == (1, 1)


def test_a_row_without_an_invite_is_a_mismatch() -> None:
    """Unless the switch refused to dial: then nothing left, and the book says so."""
    assert audit([invite(0, "91")], [row("91"), row("92")]) == (0, 1)
    assert audit([invite(0, "91")], [row("91"), row("92", "not_dialled")]) == (0, 0)


def test_the_rate_leaves_out_start_end_and_retries() -> None:
    """Ten a second, with a slow beginning and a straggler's retry long after."""
    steady = [invite(place / 10, str(place)) for place in range(1000)]
    late = [invite(5000.0, "7")]
    assert rate([invite(-30.0, "first"), *steady, *late]) == pytest.approx(10.0, rel=0.01)
    assert rate([]) == 0.0


@pytest.mark.parametrize(("share", "value"), [(0.5, 51.0), (0.99, 100.0), (0.0, 1.0)])
def test_percentiles(share: float, value: float) -> None:
    """Of the hundred first numbers."""
    assert percentile([float(number) for number in range(1, 101)], share) == value
    assert percentile([], share) is None


def test_the_report_has_the_keys_that_programs_read() -> None:
    """Milliseconds from answer to bot, and the ratio to the bare loop."""
    invites = [invite(place / 10, str(place)) for place in range(100)]
    rows = [row(str(place), answered=100.0, connected=100.025) for place in range(100)]
    found = report(100, invites, rows, 20.0, {"freeswitch": 1.234})
    assert {"asked", "invites", "rows", "doubles", "cps", "bare_cps", "ratio", "bridge_p50_ms", "bridge_p99_ms", "cpu"} <= set(
        found
    )
    assert (found["cps"], found["ratio"], found["bridge_p50_ms"], found["doubles"]) == (10.0, 0.5, 25.0, 0)


@pytest.mark.parametrize("endings", [ANSWERING, EVERYBODY])
def test_numbers_are_all_different(endings: tuple[int, ...]) -> None:
    """As many as asked for, of one length."""
    made = numbers(5000, 500_000, endings)
    assert len(set(made)) == 5000
    assert {len(number) for number in made} == {12}
