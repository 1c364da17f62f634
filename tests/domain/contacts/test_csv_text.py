"""Encodings, delimiters, quoting and line numbers of files as people send them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable

import pytest

from controller.domain.contacts.csv_text import (
    MAX_RECORD,
    NotCsv,
    Utf8Check,
    delimiter_of,
    guessed_encodings,
    is_delimiter,
    marked_encoding,
    other_format,
    records,
)


def read(text: str, delimiter: str = ",") -> list[tuple[int, list[str]]]:
    return list(records(io.StringIO(text, newline=""), delimiter))


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
    ],
)
def test_byte_order_mark_names_the_encoding(mark: bytes, encoding: str) -> None:
    """A byte-order mark settles the encoding; UTF-32's is not taken for UTF-16's, which it begins with."""
    assert marked_encoding(mark + b"p\0\0\0") == encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_by_its_zero_bytes(encoding: str) -> None:
    """Half the bytes of ASCII text in UTF-16 are zero, and always the same half."""
    assert marked_encoding("phone_number,name\r\n+919812345678,Asha\r\n".encode(encoding)) == encoding


def test_text_with_a_stray_zero_byte_is_not_utf16() -> None:
    """One damaged byte does not change how the rest is read."""
    assert marked_encoding(b"phone_number,name\n98123\x0045678,Asha\n") is None


def test_utf8_is_proved_over_the_whole_file_however_it_is_cut() -> None:
    """A character cut in two between pieces is still one; one bad byte at the end is still found."""
    whole = "नमस्ते".encode()
    check = Utf8Check()
    for byte in whole:
        check.feed(bytes([byte]))
    check.feed(b"", final=True)
    assert check.valid
    check = Utf8Check()
    check.feed(whole[:-1])
    check.feed(b"", final=True)
    assert not check.valid


def test_western_text_is_guessed_as_cp1252() -> None:
    """Names in Latin letters are read as Windows writes them: charset detectors confuse its code pages."""
    sample = ("phone_number,name\n" + "+33612345678,Zoé Lefèvre – Amélie\n" * 50).encode("cp1252")
    assert guessed_encodings(sample) == ("cp1252", "latin-1")


def test_other_scripts_are_guessed_by_their_bytes() -> None:
    """Text that is no Latin code page is read as what it most looks like."""
    sample = ("phone_number,имя\n" + "+79161234567,Александр Сергеевич Пушкин родился в Москве\n" * 50).encode("cp1251")
    first = guessed_encodings(sample)[0]
    assert "Александр" in sample.decode(first)


@pytest.mark.parametrize("head", [b"PK\x03\x04rest", b"\x1f\x8b\x08", b"%PDF-1.7", b"\xd0\xcf\x11\xe0\xa1"])
def test_files_that_are_no_text_are_named(head: bytes) -> None:
    """A workbook sent as CSV is refused by its name, not by its garbled rows."""
    assert other_format(head)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("phone_number,first,last", (",", False)),
        ("phone_number;first;last", (";", False)),
        ("phone_number\tfirst\tlast", ("\t", False)),
        ("phone_number|first|last", ("|", False)),
        ("phone_number", (",", False)),
        ('"a,b,c,d";phone_number;x', (";", False)),
        ("sep=;\r\n", (";", True)),
        ('"sep=\t"\n', ("\t", True)),
    ],
)
def test_delimiter_is_what_the_header_has_most_of(header: str, expected: tuple[str, bool]) -> None:
    """Delimiters inside quotes do not count; Excel's first line may name the delimiter."""
    assert delimiter_of(header) == expected


@pytest.mark.parametrize("text", ["", ",,", '"', "\n", "\r", "\0"])
def test_what_cannot_divide_cells(text: str) -> None:
    """A delimiter is one character, and none that means something else."""
    assert not is_delimiter(text)


def test_rows_know_the_line_they_begin_on() -> None:
    """Line breaks inside quotes belong to the value; the report can still point at the line in the file."""
    assert read('a,b\n"one\ntwo",x\n\n  ,  \nlast,y') == [(1, ["a", "b"]), (2, ["one\ntwo", "x"]), (6, ["last", "y"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(end: str) -> None:
    """Files come from Unix, Windows and old Macs."""
    assert [cells for _, cells in read(end.join(("a,b", "1,2", "3,4")) + end)] == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_quotes_and_control_characters_stay_as_they_are() -> None:
    """Doubled quotes are one quote; a quote in the middle of a value and a NUL are ordinary characters here."""
    assert read('"say ""hi""",5" pipe,a\0b\n') == [(1, ['say "hi"', '5" pipe', "a\0b"])]


@pytest.mark.parametrize("tail", ["x\n" * 10, "x\n" * MAX_RECORD])
def test_open_quote_spoils_the_file(tail: str) -> None:
    """A quote that is never closed would swallow all later rows as one value, so the line it opens on is reported."""
    with pytest.raises(NotCsv, match="line 2: a quote opened here is not closed"):
        read('a,b\n1,"open\n' + tail)


def test_one_line_may_be_as_long_as_it_likes() -> None:
    """A huge value in one line is that row's trouble, not the file's."""
    assert read("a\n" + "x" * (2 * MAX_RECORD) + "\nb\n")[2] == (3, ["b"])


def test_reading_takes_lines_one_at_a_time() -> None:
    """A row is there before the rest of the file is read."""

    def lines() -> Iterable[str]:
        yield "a,b\n"
        raise AssertionError("read too far")

    assert next(records(lines(), ",")) == (1, ["a", "b"])
