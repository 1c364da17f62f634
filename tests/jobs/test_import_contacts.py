"""A CSV file becomes a contact list: what is taken, what is not and why, and what may happen to the list meanwhile."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from controller.config import Limits
from controller.domain.contacts.column_map import ColumnMap
from controller.errors import BadFile, LimitReached, NotFound, Refused, WrongState
from controller.jobs.import_contacts import ImportOrder, ImportResult, Mode, Progress, import_contacts
from controller.storage.contacts import ContactStore, campaigns_using, lock_lists
from controller.storage.database import Database
from controller.storage.import_history import Counts, imports_of
from controller.storage.imports import ImportLimits, ImportRequest, ImportStore
from controller.storage.tables import Base

CONTACTS = Base.metadata.tables["contacts"]
LISTS = Base.metadata.tables["contact_lists"]
CAMPAIGNS = Base.metadata.tables["campaigns"]
RUNS = Base.metadata.tables["runs"]

Importing = Callable[..., ImportResult]


def number(index: int) -> str:
    """A valid Indian mobile number."""
    return f"+9198{index:08d}"


def lines(*indexes: int) -> str:
    return "phone_number,name\n" + "".join(f"{number(index)},Asha {index}\n" for index in indexes)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Both engines."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_world_url")
    opened = Database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def bring(database: Database, tmp_path: Path) -> Importing:
    """Import text or bytes into list ``people``."""

    def importing(
        content: str | bytes, mode: Mode = "import", limits: Limits | None = None, processes: int = 0, **order: object
    ) -> ImportResult:
        file = tmp_path / "people.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        asked = replace(ImportOrder("people", file, mode, region="IN"), **order)
        return import_contacts(database, limits or Limits(), tmp_path / "reports", asked, processes=processes)

    return importing


@pytest.fixture
def people(database: Database) -> Callable[[], dict[str, dict[str, str]]]:
    """The list's contacts: number → variables."""
    return lambda: {f"+{one.phone}": one.attributes for one in ContactStore(database).export("people")}


def rejected(result: ImportResult) -> list[tuple[str, ...]]:
    with result.report.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["line", "column", "value", "reason"]
    return [tuple(row) for row in rows]


def use_in_campaign(database: Database, state: str, run_state: str | None = None) -> None:
    with database.write() as connection:
        row = {"name": "diwali", "spec": {"lists": ["people"]}, "state": state, "created_at": 1.0, "updated_at": 1.0}
        key = connection.execute(CAMPAIGNS.insert().values(row).returning(CAMPAIGNS.c.id)).scalar_one()
        if run_state is not None:
            run = {"campaign_id": key, "number": 1, "state": run_state, "plan": {}, "started_at": 1.0}
            connection.execute(RUNS.insert().values(run))


def test_rows_become_contacts_and_the_rest_is_reported(bring: Importing, people: Callable[[], object]) -> None:
    """Invalid and repeated numbers are left out, each with its line and reason; the others keep their variables."""
    result = bring(
        "Phone Number;Name;Due\r\n"
        "+919888888888;Asha;10\r\n"
        "12345;Bad;1\r\n"
        "919888888888;Asha again;2\r\n"
        "09777777777;Ravi;\r\n"
        "9666666666;short\r\n"
    )
    assert (result.counts, result.contacts) == (Counts(rows=5, accepted=2, rejected=3), 2)
    assert result.by_reason == {"duplicate": 1, "invalid_number": 1, "ragged": 1}
    assert rejected(result) == [
        ("3", "Phone Number", "12345", "not a valid number of its country"),
        ("4", "", "+919888888888", "the same number as line 2"),
        ("6", "", "9666666666", "has 2 of 3 columns"),
    ]
    assert people() == {"+919888888888": {"Name": "Asha", "Due": "10"}, "+919777777777": {"Name": "Ravi"}}


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("utf-16-be", False), ("utf-32", False), ("cp1252", True)],
)
def test_every_sane_encoding_is_read(bring: Importing, people: Callable[[], object], encoding: str, guessed: bool) -> None:
    """Names come out as they were written; where the bytes do not prove the encoding, the result says it was guessed."""
    text = "phone_number,name\n" + "".join(f"{number(index)},Zoé Ångström\n" for index in range(50))
    result = bring(text.encode(encoding))
    assert result.encoding_guessed == guessed
    assert people() == {number(index): {"name": "Zoé Ångström"} for index in range(50)}


def test_user_names_encoding_and_delimiter(bring: Importing, people: Callable[[], object]) -> None:
    """What the user says goes over what the file looks like."""
    text = f"phone_number#a,b,c,d\n{number(1)}#naïve\n"
    bring(text.encode("utf-16-le"), encoding="utf-16-le", delimiter="#")
    assert people() == {number(1): {"a,b,c,d": "naïve"}}


@pytest.mark.parametrize(
    ("content", "order", "words"),
    [
        (b"", {}, "is empty"),
        (b" \n\n", {}, "is empty"),
        (b"PK\x03\x04...", {}, "Excel workbook"),
        (b"phone_number,name\n", {}, "no rows"),
        (b"name,mobile\nx,y\n", {}, "line 1: there is no column phone_number"),
        (b'phone_number,name\n+919888888888,"open\n', {}, "line 2: a quote opened here is not closed"),
        ("phone_number,name\n+919888888888,é\n".encode("cp1252"), {"encoding": "utf-8"}, "is not utf-8"),
        (b"phone_number\n1\n", {"encoding": "klingon"}, "klingon"),
        (b"phone_number\n1\n", {"encoding": "hex"}, "not a text encoding"),
        (b"phone_number\n1\n", {"delimiter": "::"}, "a delimiter is one character"),
        (b"a,b\n1,2\n", {"column_map": ColumnMap(phone="c")}, "the map names column 'c'"),
    ],
)
def test_file_that_cannot_be_read_changes_nothing(
    bring: Importing, database: Database, content: bytes, order: dict[str, object], words: str
) -> None:
    """It is refused with the place and the mend, before a list is made."""
    with pytest.raises(BadFile, match=words):
        bring(content, **order)
    assert ContactStore(database).lists() == []


def test_files_that_are_not_there_or_no_files_are_refused(database: Database, tmp_path: Path) -> None:
    """Neither a missing file nor a directory is a list of contacts."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadFile, match="cannot be opened"):
            import_contacts(database, Limits(), tmp_path, ImportOrder("people", path, region="IN"))


def test_limits_on_the_file_are_checked_before_anything_is_stored(bring: Importing, database: Database) -> None:
    """features 1.13: bytes and rows of one file."""
    with pytest.raises(LimitReached, match=r"limits\.csv_rows"):
        bring(lines(1, 2, 3), limits=Limits(csv_rows=2))
    with pytest.raises(LimitReached, match=r"limits\.csv_bytes"):
        bring(lines(*range(200)), limits=Limits(csv_bytes=1024))
    assert bring(lines(1, 2), limits=Limits(csv_rows=2)).contacts == 2


def test_limit_of_a_list_leaves_a_new_list_unmade_and_an_old_one_whole(
    bring: Importing, database: Database, people: Callable[[], dict[str, object]]
) -> None:
    """A list that would be too long is not made; appending too much leaves what was there, and says so."""
    with pytest.raises(LimitReached, match=r"limits\.contacts_per_list"):
        bring(lines(1, 2, 3), limits=Limits(contacts_per_list=2))
    assert ContactStore(database).lists() == []
    bring(lines(1, 2))
    with pytest.raises(LimitReached, match="0 contacts of the file before that are in the list"):
        bring(lines(3), "append", limits=Limits(contacts_per_list=2))
    assert set(people()) == {number(1), number(2)}
    assert [(one.state, one.mode) for one in imports_of(database, "people")] == [("failed", "append"), ("done", "create")]


def test_limit_of_all_lists_together(bring: Importing, database: Database) -> None:
    """All lists count; the contacts that a replacement will take away do not."""
    bring(lines(1, 2), list_name="others")
    bring(lines(1, 2))
    with pytest.raises(LimitReached, match=r"limits\.contacts"):
        bring(lines(3), "append", limits=Limits(contacts=4))
    assert bring(lines(5, 6), "replace", limits=Limits(contacts=4)).contacts == 2
    with pytest.raises(LimitReached, match=r"limits\.lists"):
        bring(lines(1), list_name="third", limits=Limits(lists=2))


def test_append_skips_numbers_that_the_list_has(bring: Importing, people: Callable[[], object]) -> None:
    """The contact that was there first stays as it is; the report says where it came from."""
    first = bring("phone_number,name\n+919888888888,old\n")
    result = bring("phone_number,city\n+919888888888,new\n+919777777777,Pune\n", "append")
    assert (result.counts, result.contacts) == (Counts(2, 1, 1), 2)
    assert rejected(result) == [
        ("2", "", "+919888888888", f"already in the list (line 2 of import {first.import_id})"),
    ]
    assert people() == {"+919888888888": {"name": "old"}, "+919777777777": {"city": "Pune"}}


def test_columns_of_a_list_are_those_of_all_its_files(bring: Importing, database: Database) -> None:
    """In order of first appearance."""
    bring("phone_number,name\n+919888888888,a\n")
    bring("city,phone_number,name\nPune,+919777777777,b\n", "append")
    assert ContactStore(database).find("people").columns == ("name", "city")


def test_replace_exchanges_all_contacts_at_one_moment(
    bring: Importing, database: Database, people: Callable[[], dict[str, object]]
) -> None:
    """While the new contacts come in, everybody sees the old ones; afterwards only the new ones are left anywhere."""
    bring(lines(1, 2))
    before = ContactStore(database).find("people")
    store = ImportStore(database, ImportLimits(10, 100, 100))
    request = ImportRequest("people", "replace", None, "new.csv", "digest", ("name",))
    current = store.begin(request)
    with database.read() as connection:
        assert lock_lists(connection, ["people"])[0].id == before.id
    assert set(people()) == {number(1), number(2)}
    store.fail(current, "given up", None)
    ContactStore(database).purge()

    result = bring(lines(2, 3), "replace")
    assert set(people()) == {number(2), number(3)}
    assert result.counts == Counts(2, 2, 0)
    after = ContactStore(database).find("people")
    assert (after.size, after.created_at) == (2, before.created_at)
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(CONTACTS)) == 2
        assert connection.scalar(select(func.count()).select_from(LISTS)) == 1
    assert [one.mode for one in imports_of(database, "people")] == ["replace", "replace", "create"]


def test_file_without_a_single_valid_number_replaces_nothing(bring: Importing, people: Callable[[], dict[str, object]]) -> None:
    """A file in the wrong column or of the wrong country must not empty a list; the report says what is wrong."""
    bring(lines(1))
    with pytest.raises(Refused, match="list people is as it was before"):
        bring("phone_number,name\n12,a\n34,b\n", "replace")
    assert set(people()) == {number(1)}


@pytest.mark.parametrize(("state", "run"), [("active", None), ("scheduled", None), ("paused", None), ("stopped", "closing")])
def test_list_in_use_is_neither_replaced_nor_deleted(
    bring: Importing, database: Database, people: Callable[[], dict[str, object]], state: str, run: str | None
) -> None:
    """A campaign that is active, scheduled or paused, or whose run has not ended, keeps its list; appending is allowed."""
    bring(lines(1))
    use_in_campaign(database, state, run)
    with database.read() as connection:
        assert campaigns_using(connection, "people") == ["diwali"]
    with pytest.raises(WrongState, match="in use by campaign diwali"):
        bring(lines(2), "replace")
    with pytest.raises(WrongState, match="in use by campaign diwali"):
        ContactStore(database).delete("people")
    assert bring(lines(2), "append").contacts == 2


@pytest.mark.parametrize("state", ["draft", "ready", "completed", "stopped"])
def test_list_of_a_resting_campaign_is_free(bring: Importing, database: Database, state: str) -> None:
    """Between runs a list may be exchanged or deleted."""
    bring(lines(1))
    use_in_campaign(database, state, "completed")
    assert bring(lines(2), "replace").contacts == 1
    assert ContactStore(database).delete("people") == 1


def test_campaign_that_starts_during_a_replacement_keeps_its_list(
    bring: Importing, database: Database, people: Callable[[], dict[str, object]], tmp_path: Path
) -> None:
    """The exchange is refused at its last moment, and the old contacts are all there."""
    bring(lines(1))

    def start(_: Progress) -> None:
        use_in_campaign(database, "active")

    file = tmp_path / "new.csv"
    file.write_text(lines(2))
    with pytest.raises(WrongState, match="in use by campaign diwali"):
        import_contacts(database, Limits(), tmp_path, ImportOrder("people", file, "replace"), progress=start, processes=0)
    assert set(people()) == {number(1)}
    assert imports_of(database, "people")[0].state == "failed"


def test_of_two_that_import_the_same_file_the_earlier_one_stops(bring: Importing, database: Database) -> None:
    """The one started last goes on; the other is told so at its next batch, and no contact is there twice."""
    bring(lines(1))
    store = ImportStore(database, ImportLimits(10, 100, 100))
    request = ImportRequest("people", "append", None, "x.csv", "digest", ())
    earlier = store.begin(request)
    later = store.begin(request)
    assert (later.id, later.resumed) == (earlier.id, True)
    with pytest.raises(WrongState, match="started again"):
        store.store(earlier, [], 0, Counts())
    assert store.store(later, [], 1, Counts()) == (Counts(1, 0, 1), [])


def test_import_into_a_list_deleted_meanwhile_stops(bring: Importing, database: Database) -> None:
    """Its contacts would be nobody's."""
    bring(lines(1))
    store = ImportStore(database, ImportLimits(10, 100, 100))
    current = store.begin(ImportRequest("people", "append", None, "x.csv", "digest", ()))
    ContactStore(database).delete("people")
    with pytest.raises(WrongState, match="deleted"):
        store.store(current, [], 0, Counts())


def test_empty_list_is_filled_and_keeps_its_region(bring: Importing, database: Database) -> None:
    """`list create` first, then import; the region is the list's."""
    ContactStore(database).create("people", "IN", 10)
    with pytest.raises(Refused, match="region IN"):
        bring(lines(1), region="US")
    assert bring("phone_number\n9888888888\n", region=None).contacts == 1


@pytest.mark.parametrize(
    ("name", "region", "words"),
    [
        ("~new:x", "IN", "cannot name a list"),
        ("people", "XX", "no region"),
        ("people", None, "--region"),
        ("a/../b", "IN", "name"),
    ],
)
def test_bad_names_and_regions_are_refused(bring: Importing, name: str, region: str | None, words: str) -> None:
    """Names appear in commands, files and labels."""
    with pytest.raises(Refused, match=words):
        bring(lines(1), list_name=name, region=region)


def test_lists_on_their_way_cannot_be_named(bring: Importing, database: Database) -> None:
    """The hidden list of an unfinished import is nobody's to append to, show or delete."""
    store = ImportStore(database, ImportLimits(10, 100, 100))
    store.begin(ImportRequest("people", "import", "IN", "x.csv", "digest", ()))
    with database.read() as connection:
        hidden = connection.scalar(select(LISTS.c.name))
    assert hidden is not None
    for mode in ("import", "append", "replace"):
        with pytest.raises(Refused, match="cannot name a list"):
            bring(lines(1), mode, list_name=hidden)
    with pytest.raises(NotFound):
        ContactStore(database).find(hidden)
    with pytest.raises(NotFound):
        ContactStore(database).delete(hidden)


def test_append_and_replace_need_a_list(bring: Importing, database: Database) -> None:
    """A mistyped name makes no second list."""
    for mode in ("append", "replace"):
        with pytest.raises(NotFound, match="there is no list people"):
            bring(lines(1), mode)


def test_file_changed_during_the_import_is_refused(
    database: Database, tmp_path: Path, people: Callable[[], dict[str, object]]
) -> None:
    """Half of one file and half of another is no list."""
    file = tmp_path / "people.csv"
    file.write_text(lines(1))
    first = ImportOrder("people", file, region="IN")

    def change(_: Progress) -> None:
        file.write_text(lines(2, 3))

    with pytest.raises(BadFile, match="changed while it was read"):
        import_contacts(database, Limits(), tmp_path, first, progress=change, processes=0)
    assert ContactStore(database).lists() == []


def test_processes_and_progress(bring: Importing, database: Database, tmp_path: Path) -> None:
    """Normalised by two processes, a file of many batches comes out in its own order, and progress only grows."""
    file = tmp_path / "people.csv"
    file.write_text(lines(*range(23_000)))
    seen: list[Progress] = []
    order = ImportOrder("people", file, region="IN")
    result = import_contacts(database, Limits(), tmp_path, order, progress=seen.append, processes=2)
    assert result.counts == Counts(23_000, 23_000, 0)
    assert [one.counts.rows for one in seen] == [5_000, 10_000, 15_000, 20_000, 23_000]
    assert seen[-1].bytes_read == seen[-1].bytes_total
    with database.read() as connection:
        in_order = connection.scalars(select(CONTACTS.c.line).order_by(CONTACTS.c.id)).all()
    assert list(in_order) == list(range(2, 23_002))


def test_hostile_values_are_variables_and_nothing_else(
    bring: Importing, people: Callable[[], dict[str, dict[str, str]]]
) -> None:
    """Quotes, braces, line breaks, channel variables, formulas: kept to the letter, through the database and out again."""
    hostile = ['"q"', "{a}", "l1\r\nl2", "${x}", "^^:a", "=1+1", "\u202eabc", "👩‍💻", "'; DROP TABLE contacts;--", "%s ? :x"]
    text = ["phone_number,note"]
    text += [f'{number(index)},"{value.replace(chr(34), chr(34) * 2)}"' for index, value in enumerate(hostile)]
    text.append('"=cmd|calc",x')
    result = bring("\n".join(text) + "\n")
    assert people() == {number(index): {"note": value} for index, value in enumerate(hostile)}
    assert rejected(result)[0][2] == "'=cmd|calc"


def test_attributes_are_stored_as_json_text(bring: Importing, database: Database) -> None:
    """What the hopper carries can be read by whoever makes headers of it."""
    bring('phone_number,a\n+919888888888,"x""y"\n')
    with database.read() as connection:
        assert json.loads(connection.scalar(select(CONTACTS.c.attributes)) or "") == {"a": 'x"y'}


def test_export_stops_when_the_list_is_replaced(bring: Importing, database: Database) -> None:
    """An export is of one list, never of the beginning of one and the end of another."""
    bring(lines(1))
    export = ContactStore(database).export("people")
    assert next(export).phone == int(number(1))
    bring(lines(2), "replace")
    with pytest.raises(WrongState, match="replaced"):
        next(export)


def test_leftovers_of_a_dead_deletion_are_cleared(bring: Importing, database: Database) -> None:
    """A deletion that died half-way is out of sight already; the next one clears it away."""
    bring(lines(1, 2))
    with database.write() as connection:
        connection.execute(update(LISTS).values(name="~gone:1:people"))
    assert ContactStore(database).lists() == []
    ContactStore(database).purge()
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(CONTACTS)) == 0
