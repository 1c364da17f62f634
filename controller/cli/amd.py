"""``trunkline amd …``: how good answering-machine detection is on a user's own calls.

A table of recordings is read in ``labelled_recordings.py``, heard in ``service``, judged in
``domain/calls/verdict_score.py``; here a campaign's calls are drawn for it, and the result is shown.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import AsJson, columns, current_settings, emit, open_database
from controller.errors import Refused

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

AsCalled = Annotated[
    bool, typer.Option("--as-called", help="Score the column verdict, as `amd samples` wrote it; hear nothing.")
]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name of the campaign.")]
Run = Annotated[int | None, typer.Option("--run", metavar="N", help="Only this run; otherwise all of them.")]
Most = Annotated[int, typer.Option("--most", metavar="N", min=1, help="So many calls at most.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write, not standard output.")]

SAMPLE_COLUMNS = ("file", "label", "verdict", "revised", "amd_ms", "attempt_id")

app = typer.Typer(no_args_is_help=True, help="Answering-machine detection: how right it is on your own calls.")


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="amd")


@app.command("samples")
def samples(campaign: Campaign, run: Run = None, most: Most = 300, output: Output = None, as_json: AsJson = False) -> None:
    """Draw calls of a campaign whose audio was kept on this machine, for a person to listen to and label.

    Writes a CSV (file, label, verdict, revised, amd_ms, attempt_id) whose column label is empty. Label some lines, then
    `trunkline amd score FILES.csv --as-called` says how right the campaign's verdicts were. The draw is by chance, and the same
    each time.
    """
    from controller.cli.csv_output import csv_output

    rows = _drawn(campaign, run, most)
    if as_json and output is None:
        emit([dict(zip(SAMPLE_COLUMNS, row, strict=True)) for row in rows], as_json)
        return
    with csv_output(output) as write:
        write(SAMPLE_COLUMNS)
        for row in rows:
            write(row)
    if as_json:
        emit({"file": str(output), "samples": len(rows)}, as_json)


def _drawn(campaign: str, run: int | None, most: int) -> list[tuple[str, ...]]:
    """The cells of each line. Refused when no call's audio is here."""
    from controller.storage.campaigns import CampaignStore
    from controller.storage.exports import Exports
    from controller.storage.reviews import Reviews

    settings = current_settings()
    database = open_database(settings)
    attempts = Exports(database).iter_attempts(CampaignStore(database).get(campaign).id, run)
    answered = ((settings.evidence_dir / f"{a.attempt_id}.wav", a) for a in attempts if a.answered_at is not None)
    kept = [(file, attempt) for file, attempt in answered if file.is_file()]
    if not kept:
        raise Refused(
            f"no audio of calls of campaign {campaign} is in {settings.evidence_dir}; have it kept: `[amd] keep_audio`"
        )
    drawn = sorted(kept, key=lambda sample: sha256(sample[1].attempt_id.encode()).digest())[:most]
    revised = Reviews(database).revisions([attempt.attempt_id for _, attempt in drawn])
    return [
        (
            str(file),
            "",
            attempt.amd_verdict or "",
            revised.get(attempt.attempt_id, ""),
            "" if attempt.amd_ms is None else str(attempt.amd_ms),
            attempt.attempt_id,
        )
        for file, attempt in drawn
    ]


@app.command("score")
def score(
    table: Labelled,
    preset: Preset = "balanced",
    channel: Channel = None,
    as_called: AsCalled = False,
    as_json: AsJson = False,
) -> None:
    """Score the detector on your own labelled recordings: what it says, precision and recall with 95 % intervals, times.

    Labels: person, machine, fax, sit, other (silence, noise, music, tones: no verdict but unknown is right for it). Recordings
    begin at the answer: WAV of any rate, or raw 8 kHz samples (.raw .sln .pcm .alaw .ulaw). With --as-called nothing is heard
    anew: the verdicts in the table, from the calls themselves, are scored, and the labels are kept with these calls: the drop
    guard reckons with the people among the machines, once fifty machines of a campaign were labelled.
    """
    if as_called:
        from controller.domain.calls.verdict_score import VerdictScore as Scored
        from controller.labelled_recordings import read_reviewed

        reviewed = read_reviewed(table)
        kept = _kept(reviewed.labels)
        left_out = f"{reviewed.unlabelled} without a label are left out"
        result, heard = Scored(reviewed.judged), f"as called; {left_out}; {kept} labels kept with their calls"
    else:
        from controller.service.beside_calls import score_recordings

        result, heard = score_recordings(table, preset, channel), f"preset {preset}"
    emit({"heard": heard} | _as_json(result), as_json, lambda _: _page(result, heard))


def _kept(labels: dict[str, str]) -> int:
    """Keep what was heard with the attempts; how many of them are in this database."""
    from controller.storage.reviews import Reviews

    return Reviews(open_database(current_settings())).keep(labels) if labels else 0


def _as_json(score: VerdictScore) -> dict[str, Any]:
    from controller.domain.calls.verdict_score import LABELS

    seen = score.confusion()
    return {
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


def _page(score: VerdictScore, heard: str) -> RenderableType:
    from rich.console import Group

    from controller.domain.calls.verdict_score import LABELS, VERDICTS

    parts: list[RenderableType] = [f"{len(score)} recordings, {heard}; rows: what answered, columns: first verdict"]
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
