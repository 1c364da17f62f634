"""``trunkline list …``: making, showing, exporting and deleting contact lists (features 2.2). Imports: ``list_imports``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import list_imports
from controller.cli.audited import audited
from controller.cli.common import AsJson, columns, current_settings, emit, moment, open_database
from controller.cli.csv_output import csv_output
from controller.errors import Refused

app = typer.Typer(no_args_is_help=True, help="Contact lists: import, append, replace, export, delete.")

Name = Annotated[str, typer.Argument(metavar="LIST", help="Name of the list.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write, not standard output.")]


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    list_imports.register(app)
    root.add_typer(app, name="list")


@app.command("create")
def create(
    name: Name,
    region: Annotated[str, typer.Option("--region", metavar="IN", help="Country of its numbers.")],
    as_json: AsJson = False,
) -> None:
    """Make an empty list."""
    from controller.storage.contacts import ContactStore

    settings = current_settings()
    database = open_database(settings)
    with audited(database, "list create", {"list": name, "region": region}):
        ContactStore(database).create(name, region, settings.limits.lists)
    emit({"list": name, "region": region, "contacts": 0}, as_json, lambda _: f"list {name} made, empty")


@app.command("export")
def export(
    name: Name,
    output: Output = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Values exactly as they are, even those a spreadsheet would take for a formula.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a list as CSV: phone_number, then its variables."""
    from controller.domain.contacts.columns import PHONE_COLUMN
    from controller.domain.contacts.phone import e164
    from controller.domain.contacts.spreadsheet import safe_cell
    from controller.storage.contacts import ContactStore

    if as_json and output is None:
        raise Refused("list export --json tells what was written where: give --output FILE too")
    store = ContactStore(open_database())
    info = store.find(name)
    cell: Callable[[str], str] = str if raw else safe_cell
    written = 0
    with csv_output(output) as write_row:
        write_row([PHONE_COLUMN, *map(cell, info.columns)])
        for contact in store.export(name):
            write_row([e164(contact.phone), *(cell(contact.attributes.get(column, "")) for column in info.columns)])
            written += 1
    if output is not None:
        result = {"list": name, "contacts": written, "file": str(output)}
        emit(result, as_json, lambda _: f"{written} contacts of list {name} written to {output}")


@app.command("delete")
def delete(name: Name, as_json: AsJson = False) -> None:
    """Remove a list; refused while a campaign uses it."""
    from controller.storage.contacts import ContactStore

    database = open_database()
    with audited(database, "list delete", {"list": name}) as note:
        contacts = ContactStore(database).delete(name)
        note.detail = f"{contacts} contacts"
    emit({"list": name, "contacts": contacts}, as_json, lambda _: f"list {name} deleted, {contacts} contacts")


@app.command("ls")
def ls(as_json: AsJson = False) -> None:
    """Every list with its size."""
    from controller.storage.contacts import ContactStore

    infos = ContactStore(open_database()).lists()
    found = [
        {
            "list": info.name,
            "region": info.region,
            "contacts": info.size,
            "columns": list(info.columns),
            "created_at": moment(info.created_at),
            "updated_at": moment(info.updated_at),
        }
        for info in infos
    ]
    headings = ("list", "region", "contacts", "columns", "updated_at")
    rows = [[info.name, info.region, info.size, ", ".join(info.columns), moment(info.updated_at)] for info in infos]
    emit({"lists": found}, as_json, lambda _: columns(headings, rows))
