"""The CDR journal tells how calls ended while nobody listened: through rotation, truncation, torn lines and damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.calls.events import HungUp
from controller.domain.calls.outcome import Outcome
from esl_handlers.journal import FIRST_LOOK_BYTES, LONGEST_LINE, Journal, Place, every_end, parse

ANSWERED = (
    "trunkline1,{0},{0},1000000,2000000,0,5000000,5100000,9000000,NORMAL_CLEARING,16,200,,recv_bye,connecting,b-leg,127.0.0.1"
)
BUSY = "trunkline1,{0},{0},1000000,0,0,0,0,1500000,USER_BUSY,17,486,486,recv_refuse,,,127.0.0.1"
OTHERS = "trunkline1,,other,1000000,0,0,0,0,1500000,USER_BUSY,17,486,486,recv_refuse,,,127.0.0.1"


def write(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + end)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Master.csv"


def test_an_answered_call_and_a_busy_one(path: Path):
    """The line says when it was answered and joined, and with which status a refused call ended."""
    write(path, ANSWERED.format("a-1"), OTHERS, BUSY.format("a-2"))
    journal = Journal(path)
    answered = journal.end_of("a-1")
    assert answered == HungUp(9.0, Outcome.ANSWERED, "NORMAL_CLEARING", 200, 5.0, 2.0, 5.1)
    busy = journal.end_of("a-2")
    assert busy is not None
    assert (busy.outcome, busy.sip_status, busy.answered_at) == (Outcome.BUSY, 486, None)
    assert journal.end_of("a-3") is None
    assert journal.damaged == 0


def test_what_is_appended_is_read_on(path: Path):
    """The reader goes on where it was; each line is read once."""
    write(path, BUSY.format("a-1"))
    journal = Journal(path)
    assert journal.read_on() == 1
    write(path, BUSY.format("a-2"))
    assert journal.read_on() == 1
    assert journal.read_on() == 0


def test_a_torn_line_waits_until_it_is_whole(path: Path):
    """The switch died, or is still writing: half a line is no end."""
    line = BUSY.format("a-1")
    write(path, line[:40], end="")
    journal = Journal(path)
    assert journal.end_of("a-1") is None
    write(path, line[40:])
    assert journal.end_of("a-1") is not None
    assert journal.damaged == 0


def test_rotation_while_reading_and_while_away(path: Path):
    """The old file is read to its end, then those after it, then the present one."""
    write(path, BUSY.format("a-1"))
    journal = Journal(path)
    journal.read_on()
    place = journal.place
    write(path, BUSY.format("a-2"))
    first = path.rename(path.with_name("Master.csv.2026-11-21-10-00-00"))
    os.utime(first, (1_000, 1_000))
    write(path, BUSY.format("a-3"))
    second = path.rename(path.with_name("Master.csv.2026-11-21-11-00-00"))
    os.utime(second, (2_000, 2_000))
    write(path, BUSY.format("a-4"))
    assert journal.read_on() == 3
    restarted = Journal(path, place)
    assert restarted.read_on() == 3
    assert all(restarted.end_of(f"a-{number}") for number in (2, 3, 4))


def test_a_journal_that_was_renamed_and_not_begun_anew(path: Path):
    """FreeSWITCH goes on writing to the old file until it is told of the rotation."""
    write(path, BUSY.format("a-1"))
    journal = Journal(path)
    journal.read_on()
    old = path.rename(path.with_name("Master.csv.2026-11-21-10-00-00"))
    write(old, BUSY.format("a-2"))
    assert journal.end_of("a-2") is not None
    write(old, BUSY.format("a-3"))
    write(path, BUSY.format("a-4"))
    assert journal.end_of("a-3") is not None
    assert journal.end_of("a-4") is not None


def test_a_rotation_between_looking_and_opening(path: Path, monkeypatch: pytest.MonkeyPatch):
    """What stood at the end of the old file is not lost."""
    write(path, BUSY.format("a-1"))
    journal = Journal(path)
    journal.read_on()
    write(path, BUSY.format("a-2"))
    listed = journal._unread_files()
    path.rename(path.with_name("Master.csv.2026-11-21-10-00-00"))
    write(path, BUSY.format("a-3"))
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_unread_files", lambda: listed)
        assert journal.read_on() == 0
    assert journal.read_on() == 2


def test_a_truncated_file_begins_anew(path: Path):
    """Shorter than where we were: somebody emptied it."""
    write(path, *(BUSY.format(f"a-{number}") for number in range(10)))
    journal = Journal(path)
    assert journal.read_on() == 10
    path.write_text("")
    write(path, BUSY.format("b-1"))
    assert journal.end_of("b-1") is not None


def test_no_journal_is_no_error(path: Path):
    """Nothing configured, or not there yet: nothing is known."""
    journal = Journal(path)
    assert not journal.readable
    assert journal.end_of("a-1") is None
    write(path, BUSY.format("a-1"))
    assert journal.readable
    assert journal.end_of("a-1") is not None


def test_a_saved_place_whose_file_is_gone(path: Path):
    """The file of the saved place was deleted: the present one is read from its beginning."""
    write(path, BUSY.format("a-1"))
    assert Journal(path, Place(inode=1, offset=10_000)).end_of("a-1") is not None


def test_a_long_journal_without_a_saved_place_is_read_from_its_end(path: Path):
    """Years of calls are not read at every start."""
    with path.open("wb") as file:
        file.truncate(FIRST_LOOK_BYTES + 10_000_000)
    write(path, "", BUSY.format("a-1"))
    journal = Journal(path)
    assert journal.end_of("a-1") is not None
    assert journal.place is not None
    assert journal.place.offset == path.stat().st_size


def test_damage_is_counted_and_passed_over(path: Path):
    """Lines in another layout, binary rubbish, a hole: the lines around them are read."""
    write(path, BUSY.format("a-1"), "not,ours", "trunkline1,a-9,too,short")
    with path.open("ab") as file:
        file.write(b"\x00" * (LONGEST_LINE * 2) + b"\n\xff\xfe\n")
    write(path, BUSY.format("a-2"))
    journal = Journal(path)
    assert journal.read_on() == 2
    assert journal.damaged >= 3


@given(
    st.lists(st.one_of(st.just(BUSY), st.just(ANSWERED), st.just(OTHERS)), max_size=12),
    st.lists(st.integers(1, 400), max_size=20),
)
def test_however_it_is_written_each_call_ends_once(tmp_path_factory: pytest.TempPathFactory, kinds: list[str], cuts: list[int]):
    """Written in any pieces and read after each: every line is found once and none is invented."""
    path = tmp_path_factory.mktemp("journal") / "Master.csv"
    text = "".join(kind.format(f"a-{number}") + "\n" for number, kind in enumerate(kinds)).encode()
    journal, found, at = Journal(path), 0, 0
    for cut in [*cuts, len(text)]:
        with path.open("ab") as file:
            file.write(text[at : at + cut])
        at += cut
        found += journal.read_on()
    assert found == sum(kind is not OTHERS for kind in kinds)
    assert journal.damaged == 0


@given(st.binary(max_size=300).filter(lambda line: b"\n" not in line))
def test_any_bytes_are_read_without_an_error(line: bytes):
    """Whatever stands in the file, a line is ours, another's, or damage."""
    result = parse(line)
    assert result in (True, False) or (isinstance(result, tuple) and result[0])


def test_the_whole_journal_is_read_oldest_file_first(path: Path):
    """Rotated files, then the present one; others' lines, damage and a torn end are passed over."""
    old = path.with_name("Master.csv.2026-11-21-10-00-00")
    write(old, BUSY.format("a-1"), OTHERS, "x" * 3 * LONGEST_LINE, ANSWERED.format("a-2"))
    os.utime(old, (1_000, 1_000))
    write(path, BUSY.format("a-3"))
    write(path, BUSY.format("a-4"), end="")
    assert [attempt_id for attempt_id, _ in every_end(path)] == ["a-1", "a-2", "a-3"]


def test_a_journal_that_is_not_there_cannot_be_compared(path: Path):
    """An absent record is not an empty one."""
    with pytest.raises(FileNotFoundError):
        list(every_end(path))
