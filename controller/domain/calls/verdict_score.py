"""How good answering-machine verdicts were, where somebody knows the truth: confusion, precision, recall, and how sure one can
be of them.

Who labels, and how a recording is heard, is for others. Intervals are Wilson's (1927) for a share, at 95 %: they stay within
0 and 1 and hold for the few errors a good detector makes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

LABELS = ("person", "machine", "fax", "sit", "other")
"""What may have answered. ``other``: silence, noise, music, progress tones; no verdict but ``unknown`` is right for it."""

VERDICTS = ("person", "machine", "fax", "sit", "unknown", "none")
"""What may be said; ``none`` where the recording ended before anything was."""

LETS_GO = frozenset({"machine", "fax", "sit"})
"""Verdicts on which a campaign may hang up or leave a message."""

NORMAL_95 = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Judged:
    """One answered call. label: one of LABELS; first, final: of VERDICTS, before and after a change of mind.

    decided_seconds: from the answer to the first verdict; None where none came.
    """

    label: str
    first: str
    final: str
    decided_seconds: float | None


@dataclass(frozen=True)
class Share:
    """``hits`` of ``trials``, and between what the true share lies with 95 % confidence (0.0 to 1.0)."""

    hits: int
    trials: int
    share: float
    low: float
    high: float


def wilson(hits: int, trials: int) -> Share | None:
    """The share with its interval; None without trials. ValueError when there are more hits than trials."""
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials")
    if not trials:
        return None
    z = NORMAL_95
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Share(hits, trials, share, max(0.0, middle - half), min(1.0, middle + half))


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of them do not exceed; None of no values."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


class VerdictScore:
    """Labelled calls and what was said of them."""

    def __init__(self, judged: Iterable[Judged]) -> None:
        self._judged = list(judged)

    def __len__(self) -> int:
        return len(self._judged)

    def confusion(self, final: bool = False) -> dict[str, dict[str, int]]:
        """Label → verdict → calls; only labels and verdicts that occur. final: after changes of mind."""
        counts = Counter((call.label, call.final if final else call.first) for call in self._judged)
        return {
            label: {verdict: counts[label, verdict] for verdict in VERDICTS if counts[label, verdict]}
            for label in LABELS
            if any(call.label == label for call in self._judged)
        }

    def recall(self, label: str) -> Share | None:
        """Of the calls with this label, those called so at the first verdict. Of ``other``: those called nothing."""
        right = ("unknown", "none") if label == "other" else (label,)
        of_label = [call for call in self._judged if call.label == label]
        return wilson(sum(call.first in right for call in of_label), len(of_label))

    def precision(self, verdict: str) -> Share | None:
        """Of the calls called so at the first verdict, those that were."""
        called = [call for call in self._judged if call.first == verdict]
        return wilson(sum(call.label == verdict for call in called), len(called))

    def people_let_go(self) -> Share | None:
        """Of the people, those called a machine, a fax or a network announcement: calls lost, and counted as abandoned."""
        people = [call for call in self._judged if call.label == "person"]
        return wilson(sum(call.first in LETS_GO for call in people), len(people))

    def decided(self, label: str, share: float) -> float | None:
        """Seconds within which that share of the label's calls had a verdict, among those that got one."""
        return quantile([c.decided_seconds for c in self._judged if c.label == label and c.decided_seconds is not None], share)
