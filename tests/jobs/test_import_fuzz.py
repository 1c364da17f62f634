"""Whatever is in a file, the importer takes it or refuses it in words, and its counts add up."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.config import Limits
from controller.errors import Refused
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.storage.contacts import ContactStore
from controller.storage.database import Database

CELLS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["+919888888888", "9888888888", "=1+1", '"', "\r\n", "${x}", "a,b", "\0", "\ud800", "x" * 11_000]),
    st.integers(6_000_000_000, 6_000_000_050).map(str),
)
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def attempt(migrated_file: Path, content: bytes) -> None:
    """Import the bytes; whatever is refused must leave no list, whatever is taken must add up."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copy(migrated_file, folder / "fuzz.db")
        file = folder / "fuzz.csv"
        file.write_bytes(content)
        database = Database(f"sqlite:///{folder / 'fuzz.db'}")
        try:
            result = import_contacts(database, Limits(), folder, ImportOrder("fuzz", file, region="IN"))
        except Refused:
            assert ContactStore(database).lists() == []
            return
        finally:
            database.dispose()
        contacts = list(ContactStore(database).export("fuzz"))
        with result.report.open(encoding="utf-8", newline="") as report:
            reported = len(list(csv.reader(report))) - 1
        database.dispose()
    assert result.counts.accepted == result.contacts == len(contacts) == len({one.phone for one in contacts})
    assert result.counts.rejected == reported == sum(result.by_reason.values())
    assert result.counts.accepted + result.counts.rejected == result.counts.rows


@FUZZ
@given(content=st.binary(max_size=400))
def test_any_bytes(migrated_file: Path, content: bytes) -> None:
    """Bytes of no meaning are refused."""
    attempt(migrated_file, content)


@FUZZ
@given(content=st.binary(max_size=300), mark=st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"sep=;\n"]))
def test_any_bytes_behind_a_good_beginning(migrated_file: Path, content: bytes, mark: bytes) -> None:
    """A good header proves nothing about the rest."""
    attempt(migrated_file, mark + b"phone_number,name\n+919777777777,first\n" + content)


@FUZZ
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=30),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_cells(migrated_file: Path, rows: list[list[str]], delimiter: str, encoding: str, end: str) -> None:
    """Cells of any text, quoted as they should be, never disturb one another."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([["phone_number", "name", "note"], *rows])
    attempt(migrated_file, text.getvalue().encode(encoding, errors="replace"))


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 8191, 8192])
def test_sizes_around_a_buffer(migrated_file: Path, size: int) -> None:
    """A row that ends where a buffer ends is one row."""
    attempt(migrated_file, b"phone_number,name\r\n+919777777777," + b"x" * size + b"\r\n+919888888888,y\r\n")
