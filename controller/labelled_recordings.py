"""A user's own recordings with what is heard on them: a CSV, read and checked line by line.

Files are named relative to the CSV. What is on them is heard elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.domain.calls.verdict_score import LABELS, VERDICTS, Judged
from controller.errors import BadFile

ALSO_CALLED = {"human": "person", "voicemail": "machine", "answering_machine": "machine", "silence": "other", "noise": "other"}
"""Other words for our labels, as recordings are labelled elsewhere."""

MOST_MISTAKES = 50
"""Mistakes shown of one file: enough to see what is wrong with all of them."""


@dataclass(frozen=True)
class LabelledRecording:
    """One recording; line: where the CSV names it, from 1."""

    file: Path
    label: str
    line: int


@dataclass(frozen=True)
class Reviewed:
    """Calls of a campaign that a person has listened to, and how many of the table nobody has labelled yet.

    labels: attempt id → label, where the table names the attempts.
    """

    judged: list[Judged]
    labels: dict[str, str]
    unlabelled: int


def read_labelled(table: Path) -> list[LabelledRecording]:
    """Every recording of a table ``file,label``. BadFile, naming each line that is not right and how to mend it."""
    recordings: list[LabelledRecording] = []
    mistakes: list[str] = []
    for line, values in lines_of(table, ("file", "label")):
        if found := mistake_in_label(values) or mistake_in_file(values, table.parent):
            mistakes.append(f"line {line}: {found}")
        else:
            recordings.append(LabelledRecording(table.parent / values["file"], label_of(values), line))
    refuse(table, mistakes)
    if not recordings:
        raise BadFile(str(table), ["names no recording; add a line such as: call-1.wav,person"])
    return recordings


def read_reviewed(table: Path) -> Reviewed:
    """The labelled lines of a table ``label,verdict,amd_ms``, as ``trunkline amd samples`` writes it, with what was said then:
    first, and after a change of mind where there is a column ``revised``.

    BadFile, naming each line that is not right and how to mend it, or when nothing is labelled.
    """
    judged: list[Judged] = []
    labels: dict[str, str] = {}
    mistakes: list[str] = []
    unlabelled = 0
    for line, values in lines_of(table, ("label", "verdict", "amd_ms")):
        if not values["label"]:
            unlabelled += 1
        elif found := mistake_in_label(values) or mistake_in_verdict(values):
            mistakes.append(f"line {line}: {found}")
        else:
            first = values["verdict"] or "none"
            final = values.get("revised") or first
            judged.append(Judged(label_of(values), first, final, int(values["amd_ms"]) / 1000 if values["amd_ms"] else None))
            if attempt_id := values.get("attempt_id"):
                labels[attempt_id] = label_of(values)
    refuse(table, mistakes)
    if not judged:
        raise BadFile(str(table), [f"no line has a label; listen, and write one of {', '.join(LABELS)} in the column label"])
    return Reviewed(judged, labels, unlabelled)


def lines_of(table: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column, of all columns. BadFile when one of ``columns`` is missing; a cell that is not there is
    empty."""
    rows = rows_of(table)
    _, heading = next(rows, (1, []))
    header = [name.strip().lower() for name in heading]
    if not set(columns) <= set(header):
        raise BadFile(str(table), [f"line 1: does not name the columns; write: {','.join(columns)}"])
    for line, row in rows:
        yield line, dict.fromkeys(columns, "") | dict(zip(header, (cell.strip() for cell in row), strict=False))


def refuse(table: Path, mistakes: Sequence[str]) -> None:
    """BadFile when there are mistakes; of hundreds, the first ones."""
    if mistakes:
        more = [f"{len(mistakes) - MOST_MISTAKES} more lines have mistakes"] if len(mistakes) > MOST_MISTAKES else []
        raise BadFile(str(table), [*mistakes[:MOST_MISTAKES], *more])


def rows_of(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not empty. BadFile when the file is no CSV in UTF-8."""
    try:
        text = table.read_text(encoding="utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, row
    except OSError as error:
        raise BadFile(str(table), [f"cannot be read ({error.strerror}); name a CSV with the columns file,label"]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile(str(table), [f"is not CSV in UTF-8 ({error}); save it as CSV in UTF-8"]) from error


def label_of(values: Mapping[str, str]) -> str:
    """The label in our words; as it stands when it is no word for any of them."""
    label = values["label"].lower().replace(" ", "_")
    return ALSO_CALLED.get(label, label)


def mistake_in_label(values: Mapping[str, str]) -> str | None:
    """What is wrong with the label and how to mend it; None when nothing is."""
    if label_of(values) in LABELS:
        return None
    return f"label {values['label']!r} is not known; write one of {', '.join(LABELS)}"


def mistake_in_file(values: Mapping[str, str], folder: Path) -> str | None:
    """What is wrong with the file's name and how to mend it; None when nothing is."""
    if not values["file"]:
        return "names no file; write its path, from the folder of this CSV"
    if not (folder / values["file"]).is_file():
        return f"{values['file']} is not there; write its path, from the folder of this CSV"
    return None


def mistake_in_verdict(values: Mapping[str, str]) -> str | None:
    """What is wrong with verdict and time and how to mend it; None when nothing is."""
    for column in ("verdict", "revised"):
        if (verdict := values.get(column)) and verdict not in VERDICTS:
            return f"{column} {verdict!r} is not known; leave it as `trunkline amd samples` wrote it"
    if values["amd_ms"] and not values["amd_ms"].isdecimal():
        return f"amd_ms {values['amd_ms']!r} is no number of milliseconds; leave it as `trunkline amd samples` wrote it"
    return None
