"""An import that is killed at any moment can be run again: no contact is lost or there twice, and the totals are right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from controller.config import Limits
from controller.jobs.import_contacts import ImportOrder, Mode, import_contacts
from controller.storage.contacts import ContactStore
from controller.storage.database import Database
from controller.storage.import_history import Counts, imports_of
from controller.storage.tables import Base

CONTACTS = Base.metadata.tables["contacts"]
ROWS = 22_000
PATIENCE_SECONDS = 60.0
MARK = "IMPORT_TEST_FOLDER"
"""In the environment of processes that a test starts, so that it can find theirs."""

DIES_AFTER_BATCH = """
import os, signal, sys
from pathlib import Path
from controller.config import Limits
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.storage.database import Database

url, file, mode, reports, batches, processes = sys.argv[1:]
seen = []

def kill_after(progress):
    seen.append(progress)
    if len(seen) == int(batches):
        os.kill(os.getpid(), signal.SIGKILL)

order = ImportOrder("people", Path(file), mode, region="IN")
import_contacts(Database(url), Limits(), Path(reports), order, progress=kill_after, processes=int(processes))
"""

DIES_BEFORE_FINISH = (
    """
import os, signal
from controller.storage.imports import ImportStore

ImportStore.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
    + DIES_AFTER_BATCH
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Both engines."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_world_url")
    return found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """22 000 rows; every 100th is junk, every 70th repeats the number of the row before."""
    path = tmp_path / "people.csv"
    with path.open("w") as text:
        text.write("phone_number,name\n")
        for row in range(ROWS):
            phone = "junk" if row % 100 == 0 else f"+9197{row - (row % 70 == 1):08d}"
            text.write(f"{phone},Asha {row}\n")
    return path


def killed(script: str, url: str, file: Path, mode: Mode, batches: int, processes: int = 0) -> None:
    arguments = [url, str(file), mode, str(file.parent / "reports"), str(batches), str(processes)]
    child = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, MARK: str(file.parent)},
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL


def expected() -> Counts:
    phones = {row - (row % 70 == 1) for row in range(ROWS) if row % 100}
    return Counts(ROWS, len(phones), ROWS - len(phones))


def again(database: Database, file: Path, mode: Mode) -> tuple[Counts, bool]:
    result = import_contacts(database, Limits(), file.parent / "reports", ImportOrder("people", file, mode, region="IN"))
    assert sum(1 for _ in result.report.open()) == result.counts.rejected + 1
    return result.counts, result.resumed


def stored(database: Database) -> tuple[int, int]:
    """Contacts in the whole database, and different numbers among them."""
    with database.read() as connection:
        row = connection.execute(select(func.count(), func.count(func.distinct(CONTACTS.c.phone))).select_from(CONTACTS)).one()
    return (row[0], row[1])


@pytest.mark.parametrize("batches", [1, 3])
def test_killed_import_is_run_again_without_a_double(database: Database, url: str, file: Path, batches: int) -> None:
    """The list is not seen before it is complete; what the dead import had stored counts as accepted."""
    killed(DIES_AFTER_BATCH, url, file, "import", batches)
    assert ContactStore(database).lists() == []
    assert stored(database)[0] > 0
    assert again(database, file, "import") == (expected(), True)
    assert stored(database) == (expected().accepted, expected().accepted)
    assert ContactStore(database).find("people").size == expected().accepted


def test_killed_append_is_run_again_without_a_double(database: Database, url: str, file: Path) -> None:
    """Contacts of the list before stay; those of the dead import are its own and no duplicates."""
    before = file.with_name("before.csv")
    before.write_text("phone_number,name\n+919888888888,first\n+919700000002,is in the file too\n")
    again(database, before, "import")
    killed(DIES_AFTER_BATCH, url, file, "append", 2)
    want = expected()
    assert again(database, file, "append") == (Counts(want.rows, want.accepted - 1, want.rejected + 1), True)
    assert ContactStore(database).find("people").size == want.accepted + 1
    assert stored(database) == (want.accepted + 1, want.accepted + 1)
    assert [one.state for one in imports_of(database, "people")] == ["done", "done"]


@pytest.mark.parametrize("script", [DIES_AFTER_BATCH, DIES_BEFORE_FINISH])
def test_killed_replacement_leaves_the_old_list_until_it_is_run_again(
    database: Database, url: str, file: Path, script: str
) -> None:
    """At every moment the list is all old or all new."""
    before = file.with_name("before.csv")
    before.write_text("phone_number,name\n+919888888888,old\n")
    again(database, before, "import")
    killed(script, url, file, "replace", 2 if script is DIES_AFTER_BATCH else 99)
    assert [one.phone for one in ContactStore(database).export("people")] == [919888888888]
    assert again(database, file, "replace") == (expected(), True)
    assert stored(database) == (expected().accepted, expected().accepted)


def test_dead_replacement_makes_room_for_another_file(database: Database, url: str, file: Path) -> None:
    """A newer replacement puts the unfinished one aside, with everything it had stored."""
    before = file.with_name("before.csv")
    before.write_text("phone_number,name\n+919888888888,old\n")
    again(database, before, "import")
    killed(DIES_AFTER_BATCH, url, file, "replace", 2)
    other = file.with_name("other.csv")
    other.write_text("phone_number,name\n+919777777777,new\n")
    assert again(database, other, "replace") == (Counts(1, 1, 0), False)
    assert stored(database) == (1, 1)


def test_finished_file_appended_again_is_all_duplicates(database: Database, file: Path) -> None:
    """Only a dead import is gone on with; a finished one is a file like any other."""
    again(database, file, "import")
    assert again(database, file, "append") == (Counts(ROWS, 0, ROWS), False)


def test_helpers_end_with_the_import_that_is_killed(database: Database, url: str, file: Path) -> None:
    """Processes that normalise numbers do not outlive the one they work for."""
    killed(DIES_AFTER_BATCH, url, file, "import", 1, processes=2)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := _helpers_of(file):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert again(database, file, "import") == (expected(), True)


def _helpers_of(file: Path) -> list[int]:
    """Normalising processes of the import that this test started."""
    mark = f"{MARK}={file.parent}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if (
                    mark in (entry / "environ").read_bytes()
                    and b"controller.jobs.normalise" in (entry / "cmdline").read_bytes()
                ):
                    found.append(int(entry.name))
            except (PermissionError, FileNotFoundError, ProcessLookupError):
                continue
    return found
