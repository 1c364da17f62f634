"""A CSV file into a contact list, from the first look to the report: the work itself, for the command line and for a worker.

This process reads and stores, others normalise numbers; a batch is one transaction, so a running controller never waits long
for its own. Killed at any moment, it is simply called again with the same arguments (``storage/imports`` says why that is
safe). Decides the order of steps and nothing about rows: those lie in ``domain/contacts/csv_import``.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from controller.config import Limits
from controller.domain.contacts.column_map import ColumnMap
from controller.domain.contacts.columns import Columns, read_header
from controller.domain.contacts.csv_import import Row
from controller.errors import BadFile, Refused
from controller.jobs.csv_file import CsvFile, FileLimits, Reading, look_at, reading
from controller.jobs.import_report import Report
from controller.jobs.normalise import normalised
from controller.storage.contacts import CHUNK, ContactStore
from controller.storage.database import Database
from controller.storage.import_history import Counts
from controller.storage.imports import ImportLimits, ImportRequest, ImportStore, OpenImport

BATCH_BYTES = 4 * 1024 * 1024
"""A batch ends here even when it has few rows, so that long rows do not fill the memory."""
WORTH_PROCESSES = 20_000
"""Rows from which on starting processes pays."""
MOST_PROCESSES = 8

Mode = Literal["import", "append", "replace"]


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What to import. mode: ``import`` makes the list if there is none, else appends. region: ISO 3166 alpha-2, needed for a
    new list. encoding, delimiter: over what the file looks like."""

    list_name: str
    file: Path
    mode: Mode = "import"
    region: str | None = None
    column_map: ColumnMap | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    counts: Counts
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. contacts: the list's size now; by_reason: rejected rows by kind; encoding_guessed: the file does
    not prove its encoding, names may look wrong; resumed: an import that had died was completed."""

    list_name: str
    import_id: int
    counts: Counts
    by_reason: dict[str, int]
    contacts: int
    report: Path
    encoding: str
    encoding_guessed: bool
    delimiter: str
    resumed: bool
    seconds: float


def import_contacts(
    database: Database,
    limits: Limits,
    reports: Path,
    order: ImportOrder,
    *,
    progress: Callable[[Progress], None] | None = None,
    processes: int | None = None,
    now: Callable[[], float] = time.time,
) -> ImportResult:
    """Import a file. reports: directory of the report files. processes: for normalising; None = what suits file and machine.

    BadFile, LimitReached, WrongState, NotFound, Refused: nothing was changed, but for contacts appended before a limit was
    reached, as the message says. Unavailable: call again.
    """
    began = time.monotonic()
    file = look_at(order.file, FileLimits(limits.csv_bytes, limits.csv_rows), order.encoding, order.delimiter)
    columns = _columns(file, order)
    store = ImportStore(database, ImportLimits(limits.lists, limits.contacts_per_list, limits.contacts), now)
    lists = ContactStore(database, now)
    current = store.begin(
        ImportRequest(
            list_name=order.list_name,
            mode=order.mode,
            region=order.region,
            file_name=order.file.name,
            digest=_digest(file, columns),
            columns=tuple(name for _, name in columns.attributes),
        )
    )
    lists.purge()
    report = Report(reports / f"{order.list_name}-{current.id}.csv")
    try:
        counts = _store_all(
            store, current, file, columns, report, progress, _processes(file) if processes is None else processes
        )
        if counts.accepted == 0 and current.mode != "append":
            raise Refused(
                f"{order.file}: none of its {counts.rows} rows has a number that is valid in region {current.region}; list "
                f"{order.list_name} is as it was before; {report.path} says what is wrong with each"
            )
        info = store.finish(current, str(report.path))
        report.close()
    except Refused as refused:
        report.close()
        store.fail(current, str(refused), str(report.path))
        raise
    except BaseException:
        report.abandon()
        raise
    finally:
        lists.purge()
    return ImportResult(
        list_name=order.list_name,
        import_id=current.id,
        counts=counts,
        by_reason=dict(sorted(report.by_reason.items())),
        contacts=info.size,
        report=report.path,
        encoding=file.encoding,
        encoding_guessed=file.guessed,
        delimiter=file.delimiter,
        resumed=current.resumed,
        seconds=time.monotonic() - began,
    )


def _store_all(
    store: ImportStore,
    current: OpenImport,
    file: CsvFile,
    columns: Columns,
    report: Report,
    progress: Callable[[Progress], None] | None,
    processes: int,
) -> Counts:
    counts = Counts()
    with reading(file) as source:
        next(source.rows)  # the header
        with closing(normalised(_batches(source), columns, current.region, processes)) as results:
            for contacts, rejected in results:
                counts, doubles = store.store(current, contacts, len(rejected), counts)
                report.add([*rejected, *doubles])
                if progress is not None:
                    progress(Progress(counts, source.bytes_read, file.size))
    return counts


def _batches(source: Reading) -> Iterator[list[Row]]:
    batch: list[Row] = []
    from_byte = source.bytes_read
    for row in source.rows:
        batch.append(row)
        if len(batch) >= CHUNK or source.bytes_read - from_byte > BATCH_BYTES:
            yield batch
            batch, from_byte = [], source.bytes_read
    if batch:
        yield batch


def _columns(file: CsvFile, order: ImportOrder) -> Columns:
    columns = read_header(file.first.cells, order.column_map)
    if not isinstance(columns, Columns):
        raise BadFile(str(order.file), [f"line {file.first.line}: {mistake}" for mistake in columns])
    if file.rows == 0:
        raise BadFile(str(order.file), ["has a header but no rows"])
    return columns


def _digest(file: CsvFile, columns: Columns) -> str:
    """The same file read in another way is another import."""
    how = hashlib.sha256(repr((file.encoding, file.delimiter, columns)).encode()).hexdigest()
    return f"{file.digest}.{how[:16]}"


def _processes(file: CsvFile) -> int:
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES) if file.rows >= WORTH_PROCESSES else 0
