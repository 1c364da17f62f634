"""What a call shows later against detection's first verdict."""

from __future__ import annotations

import pytest

from controller.domain.calls.disagreement import disagreement
from controller.domain.calls.states import Evidence


@pytest.mark.parametrize(
    ("evidence", "lasted", "against"),
    [
        (Evidence(verdict="machine", key_at=12.0), 15.0, "key"),
        (Evidence(verdict="machine", key_at=12.0, revised="person"), 15.0, "key"),
        (Evidence(verdict="person", beep_at=9.0), 30.0, "beep"),
        (Evidence(verdict="person", beep_at=9.0), 29.9, None),
        (Evidence(verdict="person", beep_at=9.0, revised="machine"), 12.0, "revised"),
        (Evidence(verdict="machine", revised="person"), 20.0, "revised"),
        (Evidence(verdict="unknown", revised="machine", beep_at=9.0), 60.0, None),
        (Evidence(verdict="person", key_at=4.0), 60.0, None),
        (Evidence(verdict="machine", beep_at=9.0), 60.0, None),
        (Evidence(key_at=3.0), 60.0, None),
    ],
)
def test_what_speaks_against_a_verdict(evidence: Evidence, lasted: float, against: str | None) -> None:
    """Machines press no keys, people's long calls hold no beeps; a doubt that is resolved contradicts nobody."""
    assert disagreement(evidence, lasted) == against
