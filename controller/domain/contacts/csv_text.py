"""From the bytes of a CSV file to records of text: encoding, delimiter, quoting, line numbers.

Decides how a file is to be read. What its columns mean lies in ``columns``, what a row is worth in ``csv_import``; opening
files and limits on their size belong to the job.

Encoding: a byte-order mark says it; else the whole file is UTF-8 or it is not; else it is guessed, and the answer says so.
The guess is charset-normalizer's where its choice is reliable (other scripts, double-byte sets) and cp1252 where it is
known to mistake one Latin code page for another.
Delimiter: whichever of ``, ; TAB |`` the header has most of, or Excel's own ``sep=;`` line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator

from charset_normalizer import from_bytes

DELIMITERS = (",", ";", "\t", "|")
MAX_RECORD = 1024 * 1024
"""Characters of a record that spans lines. Beyond it a quote was opened and never closed."""
SAMPLE_BYTES = 256 * 1024
"""How much of a file a guess looks at."""

_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"%PDF", "a PDF document"),
)
_LATIN = re.compile(r"^(cp125[0247]|cp(437|775|850|852|858|1026|1140)|iso8859_\d+|latin_?1|mac_\w+|hp_roman8|ascii)$")
_SEP_LINE = re.compile(r'^"?sep=([^"\r\n])"?[\r\n]*$', re.IGNORECASE)


class NotCsv(ValueError):
    """The file cannot be read as CSV; nothing of it should be used. line: where the trouble begins, None = all of it."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(f"line {line}: {reason}" if line is not None else reason)


def other_format(head: bytes) -> str | None:
    """What the file is when its first bytes say that it is no text, as words for a sentence; else None."""
    return next((words for magic, words in _OTHER_FORMATS if head.startswith(magic)), None)


def marked_encoding(head: bytes) -> str | None:
    """The encoding that the first bytes prove: by a byte-order mark, or by UTF-16's zero bytes between ASCII ones."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    even, odd = head[0:4096:2], head[1:4096:2]
    if len(head) >= 4 and even and odd:
        if odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.1 * len(even):
            return "utf-16-le"
        if even.count(0) > 0.4 * len(even) and odd.count(0) < 0.1 * len(odd):
            return "utf-16-be"
    return None


def guessed_encodings(sample: bytes) -> tuple[str, ...]:
    """Encodings to try in turn for text that is not UTF-8; the last one decodes anything.

    Shown as a guess: where it is wrong, the user names the right one.
    """
    best = from_bytes(sample).best()
    fallbacks = ("cp1252", "latin-1")
    if best is None or _LATIN.match(best.encoding) or best.encoding.startswith("utf"):
        return fallbacks
    return (best.encoding, *fallbacks)


class Utf8Check:
    """Whether bytes that pass by are UTF-8, strictly, without keeping them."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.valid = True

    def feed(self, chunk: bytes, final: bool = False) -> None:
        if not self.valid:
            return
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self.valid = False


def is_delimiter(text: str) -> bool:
    """Whether cells can be divided by it."""
    return len(text) == 1 and text not in '"\r\n\0'


def delimiter_of(header: str) -> tuple[str, bool]:
    """The delimiter, and whether this line only names it (Excel's ``sep=;``) so that the header follows."""
    named = _SEP_LINE.match(header)
    if named:
        return named[1], True
    outside_quotes = "".join(header.split('"')[::2])
    counts = {mark: outside_quotes.count(mark) for mark in DELIMITERS}
    return max(DELIMITERS, key=counts.__getitem__), False


class _Lines:
    """Hands lines to the CSV reader and knows how much of them the current record took, and whether it met the end."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.taken = 0
        self.characters = 0
        self.ended = False

    def next_record(self) -> None:
        self.taken = 0
        self.characters = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.taken and self.characters > MAX_RECORD:
            raise NotCsv("a quote opened here is not closed")
        try:
            line = next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        self.taken += 1
        self.characters += len(line)
        return line


def records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the number (from 1) of the line it begins on.

    lines: physical lines with their ends, as a text stream opened with ``newline=""`` gives them. NotCsv where quoting is
    broken so that rows could be mistaken for one another; UnicodeDecodeError comes through from ``lines``.
    """
    csv.field_size_limit(2**31 - 1)  # long fields are refused row by row; the reader's own limit would derail it
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=delimiter)
    while True:
        begins = reader.line_num + 1
        feed.next_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except NotCsv as broken:
            raise NotCsv(str(broken), begins) from broken
        except csv.Error as error:
            raise NotCsv(str(error), begins) from error
        if feed.ended:  # the reader asked for more in the middle of a record
            raise NotCsv("a quote opened here is not closed", begins)
        if any(record) and (record[0].strip() or any(cell.strip() for cell in record)):
            yield begins, record
