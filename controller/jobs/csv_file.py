"""A file of rows on disk: looked at once from end to end before anything is done with it, then read row by row.

The first look finds everything that would spoil the whole file (no CSV at all, wrong encoding, an open quote, over the limits
of features 1.13), so that an import is refused before it has begun, and gives the digest by which the same file is known
again. Neither look holds more than a piece of the file. How text is recognised lies in ``domain/contacts/csv_text``.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from controller.domain.contacts.csv_import import Row
from controller.domain.contacts.csv_text import (
    SAMPLE_BYTES,
    NotCsv,
    Utf8Check,
    delimiter_of,
    guessed_encodings,
    is_delimiter,
    marked_encoding,
    other_format,
    records,
)
from controller.errors import BadFile, LimitReached

PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """features 1.13. rows: the header is not counted."""

    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class CsvFile:
    """What the first look found. stamp: tells whether the file was changed since. digest: SHA-256 of the bytes. guessed: the
    encoding is a guess that the user should confirm. first: the first record; rows: how many follow it."""

    path: Path
    size: int
    stamp: tuple[int, ...]
    digest: str
    encoding: str
    guessed: bool
    delimiter: str
    first: Row
    rows: int


class Reading:
    """The rows of a file, as they are read."""

    def __init__(self, raw: BinaryIO, rows: Iterator[Row]) -> None:
        self._raw = raw
        self.rows = rows

    @property
    def bytes_read(self) -> int:
        """How far reading has come."""
        return self._raw.tell()


def look_at(path: Path, limits: FileLimits, encoding: str | None = None, delimiter: str | None = None) -> CsvFile:
    """Look at the whole file. encoding, delimiter: the user's word, which goes over what the file looks like.

    BadFile with the place and the mend; LimitReached.
    """
    if delimiter is not None and not is_delimiter(delimiter):
        raise BadFile(str(path), [f"cannot be divided by {delimiter!r}; a delimiter is one character, such as ';' or a TAB"])
    with _opened(path) as raw:
        size = os.fstat(raw.fileno()).st_size
        if size > limits.bytes:
            raise LimitReached(f"{path}: {size} bytes, at most {limits.bytes}; split the file or raise limits.csv_bytes")
        head = raw.read(SAMPLE_BYTES)
        other = other_format(head)
        if other:
            raise BadFile(str(path), [f"is {other}, not CSV; save it as CSV (UTF-8)"])
        digest, is_utf8 = _digest(raw)
        spoilt = ""
        for candidate, guessed in _encodings(path, head, is_utf8, encoding):
            try:
                first, rows, mark = _count(raw, candidate, delimiter, limits.rows, path)
            except UnicodeError as error:
                spoilt = f"is not {candidate} ({error}); name its encoding with --encoding"
                continue
            except NotCsv as error:
                raise BadFile(str(path), [f"{error}; mend it there, or say how to read the file"]) from error
            return CsvFile(path, size, _stamp(raw), digest, candidate, guessed, mark, first, rows)
        raise BadFile(str(path), [spoilt])


@contextmanager
def reading(file: CsvFile) -> Iterator[Reading]:
    """Every record of the file, the first one too. BadFile when the file is no longer as it was looked at."""
    changed = BadFile(str(file.path), ["was changed while it was read; import it again"])
    with _opened(file.path) as raw, _decoded(raw, file.encoding) as text:
        if _stamp(raw) != file.stamp:
            raise changed
        _, rows = _divided(text, file.delimiter)
        try:
            yield Reading(raw, rows)
        except (UnicodeError, NotCsv) as error:  # neither was there at the first look
            raise changed from error
        if _stamp(raw) != file.stamp:
            raise changed


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        raw = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadFile(str(path), [f"cannot be opened: {getattr(error, 'strerror', None) or error}"]) from error
    with raw:
        if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
            raise BadFile(str(path), ["is no ordinary file; a file to import is read more than once"])
        yield raw


@contextmanager
def _decoded(raw: BinaryIO, encoding: str) -> Iterator[TextIO]:
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    try:
        yield text
    finally:
        text.detach()  # or it would close the file with itself


def _stamp(raw: BinaryIO) -> tuple[int, ...]:
    now = os.fstat(raw.fileno())
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)


def _digest(raw: BinaryIO) -> tuple[str, bool]:
    """SHA-256 of the bytes, and whether they are UTF-8."""
    raw.seek(0)
    sha, utf8 = hashlib.sha256(), Utf8Check()
    while piece := raw.read(PIECE):
        sha.update(piece)
        utf8.feed(piece)
    utf8.feed(b"", final=True)
    return sha.hexdigest(), utf8.valid


def _encodings(path: Path, head: bytes, is_utf8: bool, wanted: str | None) -> list[tuple[str, bool]]:
    """Encodings to try in turn, and whether each is a guess."""
    if wanted is not None:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=wanted)
            return [("utf-8-sig" if codecs.lookup(wanted).name == "utf-8" else wanted, False)]
        except (LookupError, ValueError) as error:
            raise BadFile(str(path), [f"cannot be read as {wanted!r}: {error}; name another --encoding"]) from error
    marked = marked_encoding(head)
    if marked is not None:
        return [(marked, False)]
    if is_utf8:
        return [("utf-8", False)]
    return [(guess, True) for guess in guessed_encodings(head)]


def _count(raw: BinaryIO, encoding: str, delimiter: str | None, limit: int, path: Path) -> tuple[Row, int, str]:
    """The first record, how many follow it, and the delimiter."""
    with _decoded(raw, encoding) as text:
        mark, rows = _divided(text, delimiter)
        first = next(rows, None)
        if first is None:
            raise BadFile(str(path), ["is empty"])
        count = 0
        for _ in rows:
            count += 1
            if count > limit:
                raise LimitReached(f"{path}: more than {limit} rows; split the file or raise limits.csv_rows")
        return first, count, mark


def _divided(text: TextIO, delimiter: str | None) -> tuple[str, Iterator[Row]]:
    """The delimiter (as the first line that is not blank suggests it, unless it is given) and the records."""
    opening: list[str] = []
    for line in text:
        opening.append(line if opening else line.lstrip("\ufeff"))
        if opening[-1].strip():
            break
    suggested, only_names_it = delimiter_of(opening[-1] if opening else "")
    mark = delimiter or suggested
    if only_names_it:
        skipped = len(opening)
        return mark, (Row(line + skipped, cells) for line, cells in records(text, mark))
    return mark, (Row(line, cells) for line, cells in records(chain(opening, text), mark))
