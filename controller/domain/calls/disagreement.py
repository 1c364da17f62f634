"""What a call showed later against detection's first verdict on it: the measure of its mistakes that needs no review.

It sees only some of them: a machine that is hung up on at once has no time to press a key. How many people are lost, only
recordings that somebody has listened to can say.
"""

from __future__ import annotations

from controller.domain.calls.states import Evidence

LONG_CALL_SECONDS = 30.0
"""So long a call with a beep in it has run on to a mailbox; shorter ones may have ended because of the beep."""


def disagreement(evidence: Evidence, lasted_seconds: float) -> str | None:
    """``key``: a machine pressed one. ``beep``: there was one in a person's long call. ``revised``: detection itself took its
    first word back. None where nothing speaks against it. lasted_seconds: from the answer to the end."""
    if evidence.verdict == "machine" and evidence.key_at is not None:
        return "key"
    if evidence.verdict == "person" and evidence.beep_at is not None and lasted_seconds >= LONG_CALL_SECONDS:
        return "beep"
    if evidence.revised is not None and evidence.verdict in ("person", "machine") and evidence.revised != evidence.verdict:
        return "revised"
    return None
