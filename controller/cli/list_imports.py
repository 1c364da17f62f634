"""``trunkline list import|append|replace|report``: files into lists, and what became of each row (features 2.1).

The work lies in ``jobs/import_contacts``; here are its options, its progress bar and its result in words.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.audited import audited
from controller.cli.common import AsJson, complain, current_settings, emit, moment, open_database
from controller.cli.csv_output import csv_output
from controller.errors import BadFile, NotFound

if TYPE_CHECKING:
    from controller.domain.contacts.column_map import ColumnMap
    from controller.jobs.import_contacts import ImportResult, Mode, Progress
    from controller.storage.import_history import ImportInfo

Name = Annotated[str, typer.Argument(metavar="LIST", help="Name of the list.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a column phone_number.")]
Region = Annotated[
    str | None,
    typer.Option("--region", metavar="IN", help="Country of numbers without a country code; needed for a new list."),
]
Map = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="MAP.toml",
        help='TOML: phone = "column of the number" and a table [attributes] of "column" = "variable".',
    ),
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of the file, where it is not recognised.")]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", help="What divides the columns, where it is not recognised; `tab` for a TAB.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Copy the report to this file.")]

MAX_MAP_BYTES = 1024 * 1024
SHOWN_REJECTIONS = 20


def register(group: typer.Typer) -> None:
    """Add the commands to the group ``list``."""
    group.command("import")(import_file)
    group.command("append")(append)
    group.command("replace")(replace)
    group.command("report")(report)


def import_file(
    name: Name,
    file: File,
    region: Region = None,
    map_file: Map = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Read a CSV file into a list; the list is made if there is none, else appended to."""
    _bring_in("import", name, file, region, map_file, encoding, delimiter, as_json)


def append(
    name: Name,
    file: File,
    region: Region = None,
    map_file: Map = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Add the contacts of a CSV file to a list that exists."""
    _bring_in("append", name, file, region, map_file, encoding, delimiter, as_json)


def replace(
    name: Name,
    file: File,
    region: Region = None,
    map_file: Map = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Put the contacts of a CSV file in the place of those that the list has, all at one moment."""
    _bring_in("replace", name, file, region, map_file, encoding, delimiter, as_json)


def report(
    name: Name,
    import_id: Annotated[
        int | None, typer.Option("--import", metavar="ID", help="Which import; the latest if left out.")
    ] = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """What an import into the list took, and every row that it did not take, with line and reason."""
    from controller.storage.import_history import imports_of

    imports = imports_of(open_database(), name)
    chosen = next((one for one in imports if import_id in (None, one.id)), None)
    if chosen is None:
        raise NotFound(
            f"list {name} has no import" + (f" {import_id}" if import_id is not None else "; `list import` makes one")
        )
    if output is not None:
        with _report_rows(chosen) as rows, csv_output(output) as write_row:
            for row in rows:
                write_row(row)
    emit(_import_json(name, chosen), as_json, lambda shown: _report_text(chosen, shown))


def _bring_in(
    mode: Mode,
    name: str,
    file: Path,
    region: str | None,
    map_file: Path | None,
    encoding: str | None,
    delimiter: str | None,
    as_json: bool,
) -> None:
    from controller.jobs.import_contacts import ImportOrder, import_contacts

    settings = current_settings()
    order = ImportOrder(
        list_name=name,
        file=file,
        mode=mode,
        region=region,
        column_map=None if map_file is None else _read_map(map_file),
        encoding=encoding,
        delimiter={"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter),
    )
    database = open_database(settings)
    args = {"list": name, "file": str(file), "region": region, "map": None if map_file is None else str(map_file)}
    with audited(database, f"list {mode}", args) as note, _progress(file) as progress:
        result = import_contacts(database, settings.limits, (settings.data_dir / "reports").resolve(), order, progress=progress)
        note.detail = f"{result.counts.accepted} of {result.counts.rows} rows accepted"
    if result.encoding_guessed:
        complain([f"{file} was read as {result.encoding}, which is a guess; if names look wrong, replace it with --encoding"])
    emit(_result_json(result), as_json, lambda _: _result_text(result))


def _read_map(path: Path) -> ColumnMap:
    from controller.domain.contacts.column_map import ColumnMap, read_map

    try:
        if path.stat().st_size > MAX_MAP_BYTES:
            raise BadFile(str(path), [f"is larger than {MAX_MAP_BYTES} bytes; a map is a few lines of TOML"])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise BadFile(str(path), ["is not UTF-8; save the map as UTF-8"]) from error
    found = read_map(text)
    if not isinstance(found, ColumnMap):
        raise BadFile(str(path), found)
    return found


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error where somebody watches; nothing where nobody does."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    shown = (TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(file.name, total=None, rows=0)
        yield lambda now: bar.update(task, completed=now.bytes_read, total=now.bytes_total, rows=now.counts.rows)


def _result_json(result: ImportResult) -> dict[str, Any]:
    return {
        "list": result.list_name,
        "import": result.import_id,
        "rows": result.counts.rows,
        "accepted": result.counts.accepted,
        "rejected": result.counts.rejected,
        "by_reason": result.by_reason,
        "contacts": result.contacts,
        "report": str(result.report),
        "encoding": result.encoding,
        "encoding_guessed": result.encoding_guessed,
        "delimiter": result.delimiter,
        "resumed": result.resumed,
        "seconds": round(result.seconds, 3),
    }


def _result_text(result: ImportResult) -> str:
    counts = result.counts
    lines = [
        f"{counts.rows} rows, {counts.accepted} accepted, {counts.rejected} rejected in {result.seconds:.1f} s; "
        f"list {result.list_name} has {result.contacts} contacts"
    ]
    lines += [f"  {count} {kind.replace('_', ' ')}" for kind, count in result.by_reason.items()]
    if counts.rejected:
        lines.append(f"each with its line and reason: {result.report}")
    return "\n".join(lines)


def _import_json(name: str, chosen: ImportInfo) -> dict[str, Any]:
    return {
        "list": name,
        "import": chosen.id,
        "file": chosen.file_name,
        "mode": chosen.mode,
        "state": chosen.state,
        "rows": chosen.counts.rows,
        "accepted": chosen.counts.accepted,
        "rejected": chosen.counts.rejected,
        "error": chosen.error,
        "report": chosen.report,
        "started_at": moment(chosen.started_at),
        "ended_at": moment(chosen.ended_at),
    }


def _report_text(chosen: ImportInfo, shown: dict[str, Any]) -> str:
    lines = [
        f"import {chosen.id} of {chosen.file_name} ({chosen.mode}): {chosen.state}",
        f"{shown['started_at']} to {shown['ended_at'] or 'now'}",
        f"{chosen.counts.rows} rows, {chosen.counts.accepted} accepted, {chosen.counts.rejected} rejected",
    ]
    if chosen.error:
        lines.append(chosen.error)
    if chosen.report is not None and chosen.counts.rejected:
        with _report_rows(chosen) as rows:
            next(rows, None)  # its header
            for line, column, value, reason in islice(rows, SHOWN_REJECTIONS):
                lines.append(f"  line {line}: {reason}" + (f" ({column or 'number'} {value!r})" if value else ""))
        if chosen.counts.rejected > SHOWN_REJECTIONS:
            lines.append(f"  … and {chosen.counts.rejected - SHOWN_REJECTIONS} more in {chosen.report}")
    return "\n".join(lines)


@contextmanager
def _report_rows(chosen: ImportInfo) -> Iterator[Iterator[list[str]]]:
    if chosen.report is None:
        raise NotFound(f"import {chosen.id} has not ended, so it has no report yet; import the file again")
    path = Path(chosen.report)
    try:
        file = path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise NotFound(f"{path}: the report cannot be read: {error.strerror}") from error
    with file:
        yield csv.reader(file)
