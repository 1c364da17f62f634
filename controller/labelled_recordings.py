"""A user's own recordings with what is heard on them: a CSV of ``file,label``, read and checked line by line.

Files are named relative to the CSV. What is on them is heard elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controller.domain.calls.verdict_score import LABELS
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


def read_labelled(table: Path) -> list[LabelledRecording]:
    """Every recording of the CSV. BadFile, naming each line that is not right and how to mend it."""
    rows = rows_of(table)
    _, heading = next(rows, (1, []))
    header = [name.strip().lower() for name in heading]
    if not {"file", "label"} <= set(header):
        raise BadFile(str(table), ["line 1: does not name the columns; write: file,label"])
    recordings: list[LabelledRecording] = []
    mistakes: list[str] = []
    for line, row in rows:
        values = dict(zip(header, (cell.strip() for cell in row), strict=False))
        found = mistake_in(values, table.parent)
        if found is None:
            recordings.append(LabelledRecording(table.parent / values["file"], label_of(values), line))
        else:
            mistakes.append(f"line {line}: {found}")
    if mistakes:
        more = [f"{len(mistakes) - MOST_MISTAKES} more lines have mistakes"] if len(mistakes) > MOST_MISTAKES else []
        raise BadFile(str(table), mistakes[:MOST_MISTAKES] + more)
    if not recordings:
        raise BadFile(str(table), ["names no recording; add a line such as: call-1.wav,person"])
    return recordings


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


def label_of(values: dict[str, str]) -> str:
    """The label in our words; as it stands when it is no word for any of them."""
    label = values.get("label", "").lower().replace(" ", "_")
    return ALSO_CALLED.get(label, label)


def mistake_in(values: dict[str, str], folder: Path) -> str | None:
    """What is wrong with a line and how to mend it; None when nothing is."""
    if label_of(values) not in LABELS:
        return f"label {values.get('label', '')!r} is not known; write one of {', '.join(LABELS)}"
    if not values["file"]:
        return "names no file; write its path, from the folder of this CSV"
    if not (folder / values["file"]).is_file():
        return f"{values['file']} is not there; write its path, from the folder of this CSV"
    return None
