"""``trunkline dnc …``: do-not-call lists, the global one and those of campaigns (features 2.5).

Adding takes effect at once: every number is checked again at the moment it would be dialled. File imports lie in
``jobs/import_dnc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.audited import audited
from controller.cli.common import AsJson, columns, complain, current_settings, emit, moment, open_database
from controller.cli.csv_output import csv_output
from controller.errors import NotFound, Refused

if TYPE_CHECKING:
    from rich.console import RenderableType

    from controller.storage.dnc import DncEntry

app = typer.Typer(no_args_is_help=True, help="Do-not-call lists: add, remove, import, export, check.")

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER…", help="With + and country code, or with --region.")]
ListName = Annotated[str, typer.Option("--list", metavar="LIST", help="A campaign's list; `global` is for all campaigns.")]
Region = Annotated[str | None, typer.Option("--region", metavar="IN", help="Country of numbers without a country code.")]


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="dnc")


@app.command("add")
def add(
    numbers: Numbers,
    list_name: ListName = "global",
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")] = "",
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Put numbers on a list; the list is made if there is none."""
    from controller.jobs.import_dnc import dnc_limits_of
    from controller.storage.dnc import DncStore

    phones = _phones(numbers, region)
    settings = current_settings()
    database = open_database(settings)
    with audited(database, "dnc add", {"list": list_name, "numbers": phones, "reason": reason}) as note:
        added = DncStore(database).add(list_name, dict.fromkeys(phones, reason), dnc_limits_of(settings.limits))
        note.detail = f"{added} added"
    result = {"list": list_name, "added": added, "already": len(set(phones)) - added}
    emit(result, as_json, lambda _: f"{added} added to do-not-call list {list_name}, {result['already']} were on it")


@app.command("remove")
def remove(numbers: Numbers, list_name: ListName = "global", region: Region = None, as_json: AsJson = False) -> None:
    """Take numbers off a list."""
    from controller.storage.dnc import DncStore

    phones = _phones(numbers, region)
    database = open_database()
    with audited(database, "dnc remove", {"list": list_name, "numbers": phones}) as note:
        removed = DncStore(database).remove(list_name, sorted(set(phones)))
        note.detail = f"{removed} removed"
        if not removed:
            raise NotFound(f"none of these numbers is on do-not-call list {list_name}; `trunkline dnc check` says where one is")
    emit({"list": list_name, "removed": removed}, as_json, lambda _: f"{removed} removed from do-not-call list {list_name}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a column phone_number, or one number a line.")],
    list_name: ListName = "global",
    region: Region = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="Encoding, where it is not recognised.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put every number of a file on a list."""
    from controller.jobs.import_dnc import import_dnc

    settings = current_settings()
    database = open_database(settings)
    reports = (settings.data_dir / "reports").resolve()
    with audited(database, "dnc import", {"list": list_name, "file": str(file), "region": region}) as note:
        result = import_dnc(database, settings.limits, reports, list_name, file, region=region, encoding=encoding)
        note.detail = f"{result.added} of {result.rows} rows added"
    if result.rejected:
        complain(
            [f"{result.rejected} rows of {file} are no numbers and are NOT on the list; each with its line: {result.report}"]
        )
    emit(
        {
            "list": result.list_name,
            "rows": result.rows,
            "added": result.added,
            "already": result.already,
            "rejected": result.rejected,
            "report": str(result.report),
        },
        as_json,
        lambda _: (
            f"{result.added} added to do-not-call list {list_name}, {result.already} were on it, {result.rejected} rejected"
        ),
    )


@app.command("export")
def export(
    list_name: ListName = "global",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File, not standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a list as CSV: phone_number, reason, added_at."""
    from controller.domain.contacts.phone import e164
    from controller.domain.contacts.spreadsheet import safe_cell
    from controller.storage.dnc import DncStore

    if as_json and output is None:
        raise Refused("dnc export --json tells what was written where: give --output FILE too")
    written = 0
    store = DncStore(open_database())
    if list_name not in store.ids():
        raise NotFound(f"there is no do-not-call list {list_name}")
    with csv_output(output) as write_row:
        write_row(("phone_number", "reason", "added_at"))
        for entry in store.export(list_name):
            write_row((e164(entry.phone), safe_cell(entry.reason), moment(entry.added_at)))
            written += 1
    if output is not None:
        result = {"list": list_name, "numbers": written, "file": str(output)}
        emit(result, as_json, lambda _: f"{written} numbers of do-not-call list {list_name} written to {output}")


@app.command("check")
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="With +, or with --region.")],
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """On which lists a number is."""
    from controller.domain.contacts.phone import e164
    from controller.storage.dnc import DncStore

    phone = _phones([number], region)[0]
    entries = DncStore(open_database()).entries_of(phone)
    found = [{"list": one.list_name, "reason": one.reason, "added_at": moment(one.added_at)} for one in entries]
    emit({"phone": e164(phone), "listed": bool(found), "lists": found}, as_json, lambda _: _places(e164(phone), entries))


def _places(phone: str, entries: Sequence[DncEntry]) -> RenderableType:
    if not entries:
        return f"{phone} is on no do-not-call list"
    return columns(
        ("phone", "list", "reason", "added_at"),
        [(phone, entry.list_name, entry.reason, moment(entry.added_at)) for entry in entries],
    )


def _phones(numbers: Sequence[str], region: str | None) -> list[int]:
    """Refused with every number that is none."""
    from controller.domain.contacts.phone import BadNumber, known_region, normalise
    from controller.jobs.import_dnc import NO_REGION

    if region is not None and not known_region(region):
        raise Refused(f"{region!r} is no region; use two capital letters such as IN, US or GB")
    phones: list[int] = []
    mistakes: list[str] = []
    for number in numbers:
        phone = normalise(number, region or NO_REGION)
        if isinstance(phone, BadNumber):
            mend = "" if region else "; write it with + and country code, or give --region"
            mistakes.append(f"{number!r} is no number to list: {phone.reason}{mend}")
        else:
            phones.append(phone)
    if mistakes:
        raise Refused(*mistakes)
    return phones
