"""Do-not-call lists: who is on them, how they get there, and how many there may be."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.config import Limits
from controller.errors import BadFile, LimitReached, NotFound, Refused
from controller.jobs.import_dnc import import_dnc
from controller.storage.database import Database
from controller.storage.dnc import GLOBAL, LOOKUP, DncLimits, DncStore

ROOM = DncLimits(lists=10, numbers_per_list=10_000, numbers=20_000)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Both engines."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_world_url")
    opened = Database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def dnc(database: Database) -> DncStore:
    return DncStore(database, now=lambda: 1000.0)


def test_global_list_is_always_there(dnc: DncStore) -> None:
    """A run that starts before anybody is listed must know where to look later."""
    before = dnc.ids()
    assert list(before) == [GLOBAL]
    dnc.add(GLOBAL, {919888888888: ""}, ROOM)
    assert dnc.ids() == before


def test_number_is_listed_where_it_was_put(dnc: DncStore) -> None:
    """Only the lists that are asked about count; many numbers are looked up at once."""
    dnc.add(GLOBAL, {1: "", 2: ""}, ROOM)
    dnc.add("diwali", {2: "", 3: ""}, ROOM)
    ids = dnc.ids()
    asked = list(range(3 * LOOKUP))
    assert dnc.numbers_on([ids[GLOBAL]], asked) == {1, 2}
    assert dnc.numbers_on([ids["diwali"]], asked) == {2, 3}
    assert dnc.numbers_on(list(ids.values()), asked) == {1, 2, 3}
    assert dnc.numbers_on([], asked) == set()
    assert dnc.numbers_on(list(ids.values()), []) == set()


def test_adding_twice_keeps_the_first_reason(dnc: DncStore) -> None:
    """Why and since when a number is listed stays known."""
    assert dnc.add(GLOBAL, {1: "asked on the phone"}, ROOM) == 1
    assert dnc.add(GLOBAL, {1: "again", 2: ""}, ROOM) == 1
    assert [(one.list_name, one.reason, one.added_at) for one in dnc.entries_of(1)] == [(GLOBAL, "asked on the phone", 1000.0)]


def test_removed_number_may_be_called_again(dnc: DncStore) -> None:
    """It is taken off the list that is named, and only off that one."""
    dnc.add(GLOBAL, {1: "", 2: ""}, ROOM)
    dnc.add("diwali", {1: ""}, ROOM)
    assert dnc.remove(GLOBAL, [1, 3]) == 1
    assert [one.list_name for one in dnc.entries_of(1)] == ["diwali"]
    with pytest.raises(NotFound, match="no do-not-call list holi"):
        dnc.remove("holi", [1])


def test_export_has_every_number_in_order(dnc: DncStore) -> None:
    """More than are read at once."""
    phones = range(10_000, 0, -1)
    dnc.add(GLOBAL, dict.fromkeys(phones, "x"), ROOM)
    assert [one.phone for one in dnc.export(GLOBAL)] == sorted(phones)


def test_limits(dnc: DncStore) -> None:
    """features 1.13: lists, numbers a list, numbers in all; what would pass a limit adds nothing."""
    dnc.add(GLOBAL, {1: "", 2: ""}, ROOM)
    with pytest.raises(LimitReached, match=r"limits\.dnc_numbers_per_list"):
        dnc.add(GLOBAL, {3: "", 4: ""}, DncLimits(10, 3, 100))
    with pytest.raises(LimitReached, match=r"limits\.dnc_numbers;?"):
        dnc.add("diwali", {3: "", 4: ""}, DncLimits(10, 100, 3))
    with pytest.raises(LimitReached, match=r"limits\.dnc_lists"):
        dnc.add("holi", {3: ""}, DncLimits(1, 100, 100))
    with pytest.raises(Refused, match="cannot name"):
        dnc.add("../x", {3: ""}, ROOM)
    assert list(dnc.ids()) == [GLOBAL]
    assert dnc.add(GLOBAL, {1: "", 3: ""}, DncLimits(1, 3, 3)) == 1


def test_file_with_a_header(database: Database, dnc: DncStore, tmp_path: Path) -> None:
    """The column phone_number counts, and the reason is kept; what is no number is reported with its line."""
    file = tmp_path / "dnc.csv"
    file.write_text("name;Phone Number;reason\nAsha;9888888888;asked\nRavi;12;x\nNeha;+919888888888;twice\nshort\n")
    result = import_dnc(database, Limits(), tmp_path / "reports", "diwali", file, region="IN")
    assert (result.rows, result.added, result.already, result.rejected) == (4, 1, 1, 2)
    assert [(one.list_name, one.reason) for one in dnc.entries_of(919888888888)] == [("diwali", "asked")]
    with result.report.open(encoding="utf-8", newline="") as report:
        assert [row[0] for row in csv.reader(report)] == ["line", "3", "5"]


def test_file_with_one_number_a_line(database: Database, dnc: DncStore, tmp_path: Path) -> None:
    """The first line is a number like the others; without a region only international numbers can be read."""
    file = tmp_path / "dnc.txt"
    file.write_text("+919888888888\n\n9777777777\n+1 212 555 0123\n")
    result = import_dnc(database, Limits(), tmp_path / "reports", GLOBAL, file)
    assert (result.rows, result.added, result.rejected) == (3, 2, 1)
    assert dnc.numbers_on([dnc.ids()[GLOBAL]], [919888888888, 919777777777, 12125550123]) == {919888888888, 12125550123}


def test_importing_again_adds_nothing(database: Database, tmp_path: Path) -> None:
    """A file whose import died half-way is imported again and that is all."""
    file = tmp_path / "dnc.txt"
    file.write_text("".join(f"+9197{row:08d}\n" for row in range(6000)))
    first = import_dnc(database, Limits(), tmp_path, GLOBAL, file)
    second = import_dnc(database, Limits(), tmp_path, GLOBAL, file)
    assert (first.added, first.already) == (6000, 0)
    assert (second.added, second.already) == (0, 6000)


def test_file_that_is_neither_is_refused(database: Database, dnc: DncStore, tmp_path: Path) -> None:
    """Several columns, none called phone_number and none a number: taking the first one would protect nobody."""
    file = tmp_path / "dnc.csv"
    file.write_text("name,mobile\nAsha,+919888888888\n")
    with pytest.raises(BadFile, match="line 1: neither a header"):
        import_dnc(database, Limits(), tmp_path, GLOBAL, file, region="IN")
    with pytest.raises(Refused, match="no region"):
        import_dnc(database, Limits(), tmp_path, GLOBAL, file, region="XX")
    file.write_text("+919888888888\n")
    with pytest.raises(Refused, match="cannot name"):
        import_dnc(database, Limits(), tmp_path, "../x", file)
    assert dnc.entries_of(919888888888) == []
