"""``trunkline amd …``: how good answering-machine detection is on a user's own calls.

The recordings are heard in ``service.py``, judged in ``domain/calls/verdict_score.py``; here the result is shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import AsJson, columns, emit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from controller.domain.calls.verdict_score import Share, VerdictScore

Labelled = Annotated[
    Path, typer.Argument(metavar="FILES.csv", help="CSV with the columns file,label; paths count from the CSV's folder.")
]
Preset = Annotated[str, typer.Option("--preset", metavar="NAME", help="careful, balanced or fast.")]
Channel = Annotated[
    int | None,
    typer.Option("--channel", metavar="N", min=1, help="Which channel holds the callee, of recordings with several."),
]

app = typer.Typer(no_args_is_help=True, help="Answering-machine detection: score it on labelled recordings.")


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="amd")


@app.callback()
def group() -> None:
    """Answering-machine detection: score it on labelled recordings."""


@app.command("score")
def score(table: Labelled, preset: Preset = "balanced", channel: Channel = None, as_json: AsJson = False) -> None:
    """Score the detector on your own labelled recordings: what it says, precision and recall with 95 % intervals, times.

    Labels: person, machine, fax, sit, other (silence, noise, music, tones: no verdict but unknown is right for it). Recordings
    begin at the answer: WAV of any rate, or raw 8 kHz samples (.raw .sln .pcm .alaw .ulaw).
    """
    from controller.service import score_recordings

    result = score_recordings(table, preset, channel)
    emit(_as_json(result, preset), as_json, lambda _: _page(result, preset))


def _as_json(score: VerdictScore, preset: str) -> dict[str, Any]:
    from controller.domain.calls.verdict_score import LABELS

    seen = score.confusion()
    return {
        "preset": preset,
        "recordings": len(score),
        "confusion": seen,
        "confusion_after_revision": score.confusion(final=True),
        "recall": {label: _share_json(score.recall(label)) for label in LABELS},
        "precision": {verdict: _share_json(score.precision(verdict)) for verdict in LABELS if verdict != "other"},
        "people_let_go": _share_json(score.people_let_go()),
        "decided_seconds": {label: {"p50": score.decided(label, 0.5), "p95": score.decided(label, 0.95)} for label in seen},
    }


def _share_json(share: Share | None) -> dict[str, float | int] | None:
    if share is None:
        return None
    return {"hits": share.hits, "of": share.trials, "share": share.share, "low": share.low, "high": share.high}


def _page(score: VerdictScore, preset: str) -> RenderableType:
    from rich.console import Group

    from controller.domain.calls.verdict_score import LABELS, VERDICTS

    parts: list[RenderableType] = [f"{len(score)} recordings, preset {preset}; rows: what answered, columns: first verdict"]
    first, final = score.confusion(), score.confusion(final=True)
    verdicts = [verdict for verdict in VERDICTS if any(verdict in row for row in (*first.values(), *final.values()))]
    parts.append(columns(("", *verdicts), [(label, *(row.get(v, 0) for v in verdicts)) for label, row in first.items()]))
    if final != first:
        parts.append("\nafter changes of mind within the listening time")
        parts.append(columns(("", *verdicts), [(label, *(row.get(v, 0) for v in verdicts)) for label, row in final.items()]))
    parts.append("\nfirst verdict, with 95 % intervals; times in seconds from the answer")
    rows = [
        (
            label,
            _share_text(score.recall(label)),
            "" if label == "other" else _share_text(score.precision(label)),
            _seconds(score.decided(label, 0.5)),
            _seconds(score.decided(label, 0.95)),
        )
        for label in LABELS
        if label in first
    ]
    parts.append(columns(("", "recall", "precision", "p50", "p95"), rows))
    parts.append(
        f"\npeople let go (called machine, fax or sit): {_share_text(score.people_let_go()) or 'no people among them'}"
    )
    return Group(*parts)


def _share_text(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%}; {share.hits} of {share.trials})"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
