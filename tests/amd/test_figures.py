"""Figures of the benchmark, from results whose figures are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esl_handlers.amd import Kind as Verdict
from esl_handlers.rehearing import Heard
from tests.amd.bench import listen
from tests.amd.corpus.truth import Kind, Span, Split, Truth
from tests.amd.figures import Result, confusion, cost, figures, joined

PERSON = Truth(
    "p", Kind.PERSON, "hello", Split.TEST, "en", ("v",), Span(0.5, 1.0), (), "none", None, "alaw", 0.0, -20.0, 1.0, 8.0
)
MACHINE = replace(PERSON, kind=Kind.MACHINE, scene="personal", greeting=Span(0.5, 5.0), beeps=(Span(5.5, 5.8),))
FAX = replace(PERSON, kind=Kind.FAX, greeting=None)


def heard(first: Verdict | None, at: float | None, final: Verdict | None = None, beeps: tuple[float, ...] = ()) -> Heard:
    return Heard(first, at, final or first, None, beeps, 0.01, 400)


def test_the_cost_weighs_a_lost_person_twenty_times():
    """The published cost of the well-known rule follows from its published errors."""
    people, machines = {"H": 0.612, "M": 0.387, "?": 0.001}, {"H": 0.126, "M": 0.872, "?": 0.002}
    assert cost(people, machines) == pytest.approx(7.87, abs=0.005)
    assert cost(people, {"H": None, "M": None, "?": None}) is None


def test_shares_are_of_people_and_of_machines_each():
    """One of four people lost is a quarter, however many machines there are; a fax verdict loses a person too."""
    results = [
        Result(PERSON, heard(Verdict.PERSON, 1.5)),
        Result(PERSON, heard(Verdict.FAX, 1.5)),
        Result(PERSON, heard(Verdict.UNKNOWN, 4.0)),
        Result(PERSON, heard(None, None)),
        Result(MACHINE, heard(Verdict.PERSON, 1.5, final=Verdict.MACHINE, beeps=(5.84,))),
        Result(FAX, heard(Verdict.FAX, 1.0)),
    ]
    found = figures(results)
    assert (found["H>H"], found["H>M"], found["H>?"]) == (0.25, 0.25, 0.5)
    assert (found["M>H"], found["M>M"], found["M>M final"], found["M>H final"]) == (1.0, 0.0, 1.0, 0.0)
    assert found["cost"] == pytest.approx(20 * 0.25 + 2 * 0.5 + 1.0)
    assert found["fax named"] == 1.0
    assert found["sit named"] is None
    assert found["known within 2 s"] == 0.25
    assert found["beeps found"] == 1.0
    assert found["beep reported after"]["p50"] == pytest.approx(0.04)


def test_traffic_weights_turn_shares_into_those_of_calls():
    """An error in a scene three times as frequent in traffic weighs three times as much."""
    results = [
        Result(replace(PERSON, weight=3.0), heard(Verdict.MACHINE, 1.5)),
        Result(PERSON, heard(Verdict.PERSON, 1.5)),
    ]
    assert figures(results)["H>M traffic"] == 0.75


def test_dead_air_is_what_a_person_waits_after_the_greeting():
    """A verdict 0.5 s after the greeting's end is half a second of dead air; who was hung up on waits no more."""
    results = [Result(PERSON, heard(Verdict.PERSON, 1.5)), Result(PERSON, heard(Verdict.MACHINE, 3.0))]
    assert figures(results)["dead air"]["p50"] == pytest.approx(0.5)


def test_a_report_without_a_beep_is_false():
    """A beep reported in a person's call, or long before the machine's, is false; two reports of one beep are not."""
    results = [
        Result(PERSON, heard(Verdict.PERSON, 1.5, beeps=(2.0,))),
        Result(MACHINE, heard(Verdict.MACHINE, 3.0, beeps=(1.0, 5.83, 5.9))),
    ]
    found = figures(results)
    assert found["false beeps per 100"] == 100.0
    assert found["beeps found"] == 1.0


def test_two_beeps_in_quick_succession_are_one_signal():
    """Mailboxes that beep twice say "speak now" once."""
    assert joined([Span(1.0, 1.2), Span(1.3, 1.5), Span(4.0, 4.2)]) == [Span(1.0, 1.5), Span(4.0, 4.2)]


def test_no_verdict_shows_in_the_confusion():
    """A recording that ends without a verdict is counted as none, not left out."""
    assert confusion([Result(PERSON, heard(None, None))]) == {"person": {"none": 1}}


def test_a_detector_that_raises_ends_the_benchmark_with_the_recordings_name(monkeypatch):
    """No figure is printed of a detector that fails."""
    import argparse

    import numpy as np

    from tests.amd import bench
    from tests.amd.corpus.generator import Size

    class Broken:
        def feed(self, pcm):
            raise ZeroDivisionError("no energy")

    monkeypatch.setattr(bench, "stream", lambda *_: iter([(PERSON, np.zeros(8000))]))
    monkeypatch.setattr(bench, "size_named", lambda _: Size({Kind.PERSON: 1}))
    given = argparse.Namespace(split="test", cache=None, size="1", seed=1)
    with pytest.raises(RuntimeError, match=r"broken failed on recording p: no energy"):
        listen({"broken": Broken}, given)
