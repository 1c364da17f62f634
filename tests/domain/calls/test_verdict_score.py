"""Verdicts against what a person heard on the recordings: confusion, precision, recall and their intervals."""

from __future__ import annotations

import pytest

from controller.domain.calls.verdict_score import Judged, VerdictScore, quantile, wilson

CALLS = [
    Judged("person", "person", "person", 1.2),
    Judged("person", "person", "machine", 1.4),
    Judged("person", "machine", "machine", 2.0),
    Judged("person", "unknown", "unknown", 4.0),
    Judged("machine", "machine", "machine", 3.0),
    Judged("machine", "person", "machine", 1.5),
    Judged("fax", "fax", "fax", 2.0),
    Judged("other", "none", "none", None),
    Judged("other", "person", "person", 2.0),
]


def test_wilsons_interval_holds_where_no_error_was_seen():
    """No person lost of 300 does not mean none ever: up to 1.26 % may be. Published example: 15 of 148."""
    none_lost = wilson(0, 300)
    assert none_lost is not None
    assert (none_lost.share, none_lost.low) == (0.0, pytest.approx(0.0, abs=1e-12))
    assert none_lost.high == pytest.approx(0.01264, abs=1e-4)
    newcombe = wilson(15, 148)  # Newcombe 1998, table I, method 3
    assert newcombe is not None
    assert (newcombe.low, newcombe.high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))


def test_a_share_of_nothing_is_none_and_nonsense_is_refused():
    """Without calls there is no share; more hits than calls is a mistake of the caller."""
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="3 hits of 2 trials"):
        wilson(3, 2)


def test_recall_and_precision_count_first_verdicts():
    """Of four people two were called so; of four called person two were."""
    score = VerdictScore(CALLS)
    recall, precision = score.recall("person"), score.precision("person")
    assert recall is not None
    assert (recall.hits, recall.trials) == (2, 4)
    assert precision is not None
    assert (precision.hits, precision.trials) == (2, 4)
    assert score.recall("sit") is None
    assert score.precision("sit") is None


def test_nothing_said_is_right_for_silence():
    """Of ``other`` only no verdict and unknown are right."""
    recall = VerdictScore(CALLS).recall("other")
    assert recall is not None
    assert (recall.hits, recall.trials) == (1, 2)


def test_people_let_go_are_those_called_machine_fax_or_sit():
    """An unknown person goes to an agent and is not lost."""
    lost = VerdictScore(CALLS).people_let_go()
    assert lost is not None
    assert (lost.hits, lost.trials) == (1, 4)


def test_confusion_before_and_after_changes_of_mind():
    """A machine first called person is a machine after the revision."""
    score = VerdictScore(CALLS)
    assert score.confusion()["machine"] == {"person": 1, "machine": 1}
    assert score.confusion(final=True)["machine"] == {"machine": 2}
    assert list(score.confusion()) == ["person", "machine", "fax", "other"]


def test_times_are_of_calls_that_got_a_verdict():
    """A call without a verdict has no time of one."""
    score = VerdictScore(CALLS)
    assert score.decided("person", 0.5) == 1.4
    assert score.decided("person", 0.95) == 4.0
    assert score.decided("other", 0.5) == 2.0
    assert quantile([], 0.5) is None
