"""What a crash run's report says, reckoned from records that are known: each wrong must show."""

from __future__ import annotations

import pytest

from tests.freeswitch.sipp import FarCall, Invite
from tests.load.campaign import Row
from tests.load.crash_report import Faults, books, called_wrongly, faultless, most_at_once, most_in_a_second, report, talks

TALK = 3.0
LIMITS = {"attempts": 2, "channels": 2, "calls_per_second": 10, "talk_seconds": TALK}
NO_FAULTS = Faults()


def call(at: float, number: str = "91", answered: float | None = None, ended: float | None = None, by: str = "") -> FarCall:
    return FarCall(Invite(at, number, "+911140001000", f"{number}-{at}", ""), answered, ended, by)


def talk(at: float, number: str = "91", seconds: float = TALK, by: str = "far end") -> FarCall:
    return call(at, number, at + 1.0, at + 1.0 + seconds, by)


def bot(at: float, attempt: str = "a") -> FarCall:
    return FarCall(Invite(at, "bot", "91", f"bot-{at}", attempt), at, at + TALK, "switch")


def row(number: str = "91", outcome: str | None = "answered", attempt: str = "a", created: float = 0.0) -> Row:
    return Row(int(number), outcome, None, None, attempt, created)


def test_books_that_agree() -> None:
    """Every call has its row; what was never dialled has none at the far end."""
    found = books([call(1.0)], [row(), row(outcome="not_dialled")], 2)
    assert found == {"doubles": 0, "lost": 0, "over_attempts": 0, "open": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("calls", "rows", "wrong"),
    [
        ([call(1.0), call(2.0)], [row()], "doubles"),
        ([call(1.0)], [row(outcome="not_dialled")], "doubles"),
        ([], [row()], "lost"),
        ([call(1.0), call(2.0), call(3.0)], [row(), row(), row()], "over_attempts"),
        ([call(1.0)], [row(outcome=None)], "open"),
    ],
)
def test_books_that_do_not_agree(calls: list[FarCall], rows: list[Row], wrong: str) -> None:
    """One wrong at a time, and only that one is counted."""
    found = books(calls, rows, 2)
    assert {name for name, count in found.items() if count} == {wrong}


def test_an_unknown_fate_allows_for_a_call_and_for_none() -> None:
    """It may have left or not; a second call is a double all the same."""
    unknown = [row(outcome="unknown")]
    assert books([], unknown, 2)["lost"] == books([call(1.0)], unknown, 2)["doubles"] == 0
    assert books([call(1.0), call(2.0)], unknown, 2)["doubles"] == 1


def test_a_call_during_a_call_and_one_after_a_talk() -> None:
    """Both are wrong; a call after one that FreeSWITCH's death ended is not at the same time."""
    assert called_wrongly([call(1.0, ended=5.0), call(4.0)], NO_FAULTS) == {"overlapping": 1, "called_again": 0}
    assert called_wrongly([talk(1.0), call(9.0)], NO_FAULTS) == {"overlapping": 0, "called_again": 1}
    assert called_wrongly([call(1.0), call(4.0)], Faults(outages=[(2.0, 3.0)])) == {"overlapping": 0, "called_again": 0}


@pytest.mark.parametrize(
    ("one", "bots", "faults", "wrong"),
    [
        (talk(10.0), [bot(11.1)], NO_FAULTS, set()),
        (talk(10.0, seconds=1.0), [bot(11.1)], NO_FAULTS, {"talks_cut"}),
        (talk(10.0, by="switch"), [bot(11.1)], NO_FAULTS, {"talks_cut"}),
        (call(10.0, answered=11.0), [bot(11.1)], NO_FAULTS, {"talks_cut"}),
        (talk(10.0), [], NO_FAULTS, {"alone"}),
        (talk(10.0), [bot(20.0)], NO_FAULTS, {"alone"}),
        (talk(10.0, seconds=1.0), [], Faults(outages=[(11.5, 14.0)]), {"struck"}),
    ],
)
def test_talks(one: FarCall, bots: list[FarCall], faults: Faults, wrong: set[str]) -> None:
    """Whole and in company, or what was wrong with it."""
    found = talks([one], bots, [row()], faults, TALK)
    assert found.pop("talks") == 1
    assert {name for name, count in found.items() if count} == wrong


def test_most_at_once_and_in_a_second() -> None:
    """Three calls of two seconds, half a second apart; a killed FreeSWITCH ends all it carries."""
    three = [call(at, str(at), ended=at + 2.0) for at in (1.0, 1.5, 2.0)]
    assert most_at_once(three, NO_FAULTS) == 3
    assert most_at_once(three, Faults(outages=[(1.8, 1.9)])) == 2
    assert most_in_a_second(three) == 2


def test_the_report_judges() -> None:
    """A life of the controller that dialled half a second after its start, and a campaign without a fault but for one."""
    calls = [talk(10.0, "91"), talk(20.5, "92")]
    rows = [row("91"), row("92", attempt="b", created=20.4)]
    result = report(calls, [bot(11.1), bot(21.6, "b")], rows, Faults(kills=[19.9], starts=[20.0]), LIMITS)
    assert (result["restart_p50_s"], result["live_at_kills"], result["most_at_once"]) == (0.5, [0], 1)
    left = {"unfinished_leads": 0, "leaked_slots": 0}
    assert faultless(result | left)
    assert not faultless(result | left | {"leaked_slots": 1})
    assert not faultless(result | left | {"most_at_once": 3})
