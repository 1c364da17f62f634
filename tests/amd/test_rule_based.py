"""The rule the detector is compared with decides as its description says."""

from __future__ import annotations

import numpy as np
import pytest

from esl_handlers.amd import Kind, Verdict
from tests.amd.rule_based import RuleBased


def played(*parts: tuple[float, float]) -> Verdict | None:
    """The verdict on (seconds, mean level) parts of constant loudness."""
    samples = np.concatenate([np.full(round(seconds * 8000), level) for seconds, level in parts]).astype("<i2")
    rule = RuleBased()
    for start in range(0, samples.size, 160):
        if (verdict := rule.feed(samples[start : start + 160].tobytes())) is not None:
            return verdict
    return None


LOUD, QUIET = 2000.0, 0.0


@pytest.mark.parametrize(
    ("parts", "kind", "at", "reason"),
    [
        (((0.4, QUIET), (0.6, LOUD), (2.0, QUIET)), Kind.PERSON, 1.8, "quiet after the greeting"),
        (((3.0, QUIET),), Kind.MACHINE, 2.5, "initial silence"),
        (((0.4, QUIET), (3.0, LOUD)), Kind.MACHINE, 1.9, "long greeting"),
        (((0.2, QUIET), *((0.2, LOUD), (0.1, QUIET)) * 3), Kind.MACHINE, 0.9, "words"),
        (((0.4, QUIET), *((0.08, LOUD), (1.0, QUIET)) * 5), Kind.UNKNOWN, 5.0, "too long"),
        (((0.4, QUIET), (0.6, 255.0), (3.0, QUIET)), Kind.MACHINE, 2.5, "initial silence"),
    ],
)
def test_the_rule_decides_at_its_published_limits(parts, kind, at, reason):
    """Quiet after a word is a person; silence, length and words are a machine; under the threshold nothing is heard."""
    verdict = played(*parts)
    assert verdict is not None
    assert (verdict.kind, verdict.detail["reason"]) == (kind, reason)
    assert verdict.at_seconds == pytest.approx(at, abs=0.021)


def test_a_first_sound_without_quiet_before_it_is_no_word():
    """Who speaks at once has one word less: two more may follow before the third makes a machine."""
    speaking_at_once = ((0.2, LOUD), (0.1, QUIET), (0.2, LOUD), (0.1, QUIET), (0.2, LOUD), (1.0, QUIET))
    verdict = played(*speaking_at_once)
    assert verdict is not None
    assert verdict.kind is Kind.PERSON
