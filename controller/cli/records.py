"""``trunkline attempts export``, ``trunkline leads export``: the record of calls and where each contact stands, as CSV.

Rows are written as they are read, so an export of millions needs no memory. Times are ISO 8601 in UTC with milliseconds,
phones carry their plus. With ``--json``: JSON lines, one object a row, with the same names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import moment, open_database
from controller.errors import NotFound, Refused

if TYPE_CHECKING:
    from controller.storage.database import Database

Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name of the campaign.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write, not standard output.")]
AsLines = Annotated[bool, typer.Option("--json", help="JSON lines instead of CSV: one object a row.")]

attempts = typer.Typer(no_args_is_help=True, help="Attempts: every call that was made.")
leads = typer.Typer(no_args_is_help=True, help="Leads: where each contact of a run stands.")


def register(root: typer.Typer) -> None:
    """Add the groups to the root."""
    root.add_typer(attempts, name="attempts")
    root.add_typer(leads, name="leads")


@attempts.command("export")
def export_attempts(
    campaign: Campaign,
    run: Annotated[int | None, typer.Option("--run", metavar="N", help="Only this run; otherwise all of them.")] = None,
    output: Output = None,
    as_lines: AsLines = False,
) -> None:
    """Write every attempt of the campaign, run by run, in the order they were made."""
    from controller.storage.exports import AttemptRow, Exports

    database = open_database()
    campaign_id = _campaign_id(database, campaign, run)
    _write(AttemptRow._fields, Exports(database).iter_attempts(campaign_id, run), output, as_lines)


@leads.command("export")
def export_leads(
    campaign: Campaign,
    run: Annotated[int | None, typer.Option("--run", metavar="N", help="This run; otherwise the last one.")] = None,
    output: Output = None,
    as_lines: AsLines = False,
) -> None:
    """Write where each contact of one run stands."""
    from controller.storage.exports import Exports, LeadRow
    from controller.storage.runs import SqlRunStore

    database = open_database()
    campaign_id = _campaign_id(database, campaign, run)
    last = SqlRunStore(database).by_number(campaign_id, run)
    rows = Exports(database).iter_leads(campaign_id, last.number) if last is not None else iter(())
    _write(LeadRow._fields, rows, output, as_lines)


def _campaign_id(database: Database, name: str, run: int | None) -> int:
    """``NotFound`` for an unknown campaign or run; a campaign that has never run is an empty export."""
    from controller.storage.campaigns import CampaignStore
    from controller.storage.runs import SqlRunStore

    campaign_id = CampaignStore(database).get(name).id
    if run is not None and SqlRunStore(database).by_number(campaign_id, run) is None:
        raise NotFound(f"campaign {name} has no run {run}; `trunkline campaign show {name}` lists its runs")
    return campaign_id


def _write(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]], output: Path | None, as_lines: bool) -> None:
    from controller.cli.csv_output import csv_output

    shown = [_SHOWN.get(name, _as_it_is) for name in names]
    values = ([show(value) for show, value in zip(shown, row, strict=True)] for row in rows)
    if as_lines:
        with _lines(output) as write:
            for row in values:
                write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
        return
    with csv_output(output) as write_row:
        write_row(names)
        for row in values:
            write_row(row)


@contextmanager
def _lines(output: Path | None) -> Iterator[Callable[[str], object]]:
    """Writes text; ``Refused`` when the file cannot be written."""
    if output is None:
        yield sys.stdout.write
        return
    try:
        file = output.open("w", encoding="utf-8")
    except OSError as error:
        raise Refused(f"{output}: cannot be written: {error.strerror}") from error
    with file:
        yield file.write


def _as_it_is(value: Any) -> Any:
    return value


def _time(value: float | None) -> str | None:
    return None if value is None else moment(value)


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "phone": lambda digits: f"+{digits}",
    **dict.fromkeys(("created_at", "ringing_at", "answered_at", "ended_at", "connected_at", "due_at"), _time),
}
"""How a column is written, where it is not written as it is stored."""
