"""CSV that a command writes: to a file that gets its name when it is complete, or to standard output as UTF-8."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from controller.errors import Refused

WriteRow = Callable[[Sequence[object]], object]


@contextmanager
def csv_output(path: Path | None) -> Iterator[WriteRow]:
    """Gives the function that writes one row. path: None = standard output. Refused when the file cannot be written."""
    if path is None:
        sys.stdout.flush()
        text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
        try:
            yield csv.writer(text).writerow
        finally:
            text.detach()
        return
    unfinished = path.with_name(path.name + ".part")
    try:
        file = unfinished.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Refused(f"{path}: cannot be written: {error.strerror}") from error
    try:
        with file:
            yield csv.writer(file).writerow
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
