"""``trunkline reconcile``: the ledger of attempts against FreeSWITCH's journal and a carrier's file, call for call.

What is a difference, and what may be repaired, is decided in ``controller/reconciliation.py`` and below. Here it is asked for
and shown.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import EXIT_REFUSED, AsJson, columns, current_settings, emit, moment, open_database, who
from controller.errors import BadFile, NotFound, Refused

if TYPE_CHECKING:
    from controller.domain.reconcile.calls import Difference
    from controller.domain.reconcile.carrier import CarrierCall
    from controller.reconciliation import Report
    from controller.storage.database import Database

MOST_CARRIER_BYTES = 512 * 1024 * 1024
"""A file of several million calls; what is larger should be cut by day."""

Campaign = Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="Only this campaign; otherwise all of them.")]
RunNumber = Annotated[int | None, typer.Option("--run", metavar="N", help="Only this run; otherwise all of them.")]
JournalFile = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE", help="FreeSWITCH's journal; default freeswitch.cdr_journal.")
]
Node = Annotated[str | None, typer.Option("--node", help="Whose journal it is; default this machine's node.")]
CarrierFile = Annotated[
    Path | None,
    typer.Option("--carrier", metavar="FILE.csv", help="A carrier's record: number, time, perhaps answered or duration."),
]
CarrierName = Annotated[
    str | None, typer.Option("--carrier-name", metavar="NAME", help="Whose record it is; otherwise it is taken for all calls.")
]
Tolerance = Annotated[
    float,
    typer.Option("--tolerance", metavar="SECONDS", min=0.0, help="Between the carrier's start of a call and our write-ahead."),
]
Repair = Annotated[bool, typer.Option("--repair", help="Write the ends that the journal proves.")]


def register(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command("reconcile")(reconcile)


def reconcile(
    campaign: Campaign = None,
    run: RunNumber = None,
    journal: JournalFile = None,
    node: Node = None,
    carrier: CarrierFile = None,
    carrier_name: CarrierName = None,
    tolerance: Tolerance = 20.0,
    repair: Repair = False,
    as_json: AsJson = False,
) -> None:
    """Compare the record of calls with FreeSWITCH's journal, call for call, and with a carrier's record if one is given.

    Exit 1 when differences remain. With --repair, attempts whose end was never learned get it from the journal.
    """
    from controller.domain.reconcile.carrier import CarrierRecord
    from controller.reconciliation import Reconciliation, Scope
    from controller.service.beside_calls import journal_ends

    settings = current_settings()
    journal = journal or (Path(settings.freeswitch.cdr_journal) if settings.freeswitch.cdr_journal else None)
    if journal is None and carrier is None:
        raise Refused("nothing to compare with; give --journal FILE or set freeswitch.cdr_journal, or give --carrier FILE.csv")
    calls = _carrier_calls(carrier) if carrier is not None else None
    database = open_database(settings)
    _must_exist(database, campaign, run)
    comparison = Reconciliation(database, Scope(campaign, run, node or settings.node), time.time())
    if journal is not None:
        comparison.with_journal(journal_ends(journal))
    if calls is not None:
        comparison.with_carrier(CarrierRecord(calls, tolerance), carrier_name)
    if repair:
        comparison.repair(who())
    report = comparison.report
    emit(_as_json(report), as_json, lambda _: _table(report))
    raise typer.Exit(EXIT_REFUSED if report.remaining else 0)


def _must_exist(database: Database, campaign: str | None, run: int | None) -> None:
    from controller.storage.campaigns import CampaignStore
    from controller.storage.runs import SqlRunStore

    if campaign is None:
        if run is not None:
            raise Refused("--run counts the runs of one campaign; name the campaign too")
        return
    stored = CampaignStore(database).get(campaign)
    if run is not None and SqlRunStore(database).by_number(stored.id, run) is None:
        raise NotFound(f"campaign {campaign} has no run {run}; `trunkline campaign show {campaign}` lists its runs")


def _carrier_calls(path: Path) -> list[CarrierCall]:
    """``BadFile`` with everything that is wrong with the file."""
    from controller.domain.reconcile.carrier import CarrierCall, read_calls

    try:
        if path.stat().st_size > MOST_CARRIER_BYTES:
            raise BadFile(str(path), [f"larger than {MOST_CARRIER_BYTES >> 20} MiB; cut it by day"])
        with path.open(encoding="utf-8-sig", newline="") as file:
            read = read_calls(file)
    except OSError as error:
        raise BadFile(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise BadFile(str(path), [f"is not UTF-8 at byte {error.start}"]) from error
    calls = [one for one in read if isinstance(one, CarrierCall)]
    mistakes = [one for one in read if isinstance(one, str)]
    if mistakes:
        raise BadFile(str(path), mistakes)
    return calls


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "attempts": report.attempts,
        "journal_calls": report.lines,
        "carrier_calls": report.carrier_calls,
        "in_progress": report.in_progress,
        "before_journal": report.before_journal,
        "differences": [_row(one) for one in report.differences],
        "repaired": len(report.differences) - len(report.remaining),
        "remaining": len(report.remaining),
    }


def _row(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "attempt_id": one.attempt_id or None,
        "phone": one.phone or None,
        "at": moment(one.at),
        "ours": one.ours,
        "theirs": one.theirs,
    }


def _table(report: Report) -> Any:
    from rich.console import Group as Lines
    from rich.text import Text

    counts = f"{report.attempts} attempts and {report.lines} calls of the journal"
    if report.carrier_calls:
        counts += f", {report.carrier_calls} of the carrier"
    counts += f" compared; {report.in_progress} in progress, {report.before_journal} from before the journal"
    kinds = Counter(one.kind.value for one in report.differences)
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "no differences"
    repaired = len(report.differences) - len(report.remaining)
    lines = [Text(counts), Text(f"{words}; {repaired} repaired, {len(report.remaining)} remain")]
    if not report.differences:
        return Lines(*lines)
    rows = [list(_row(one).values()) for one in report.differences]
    return Lines(columns(("kind", "call", "phone", "at", "ledger", "other record"), rows), *lines)
