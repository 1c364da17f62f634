"""What every command shares: settings, doors to database and Redis, how results are printed, how refusals
end.

Exit codes: 0 done, 1 refused, 2 a file or the command line has mistakes, 3 something is not there just now. A
refusal is one line on stderr for each reason: ``trunkline: what; where; how to mend``. What a command does
lies in its own file.
"""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from controller.config import Settings, load
from controller.errors import BadFile, Refused, Unavailable

if TYPE_CHECKING:
    from redis import Redis
    from rich.console import RenderableType

    from controller.storage.database import Database

EXIT_REFUSED = 1
EXIT_BAD_FILE = 2
EXIT_UNAVAILABLE = 3

PIPED_WIDTH = 240
"""Columns of a table that nobody watches: wide enough that no value is cut."""

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""typer's error for a mistaken command line; typer shows only its descendants under public names."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables, for programs.")]
"""The option that every command takes."""


class Group(TyperGroup):
    """A command group that turns our errors into lines and exit codes; the root uses it, so it covers every
    command."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            message = str(error.format_message())
            if not message.strip():  # a group called without a verb: its help has been shown
                raise typer.Exit(EXIT_BAD_FILE) from error
            if "\n" in message:  # a group called without a verb: its help is the answer
                raise
            command = error.ctx.command_path if error.ctx is not None else "trunkline"
            complain([f"{message.rstrip('.')}; in `{command}`; `{command} --help` shows how it is called"])
            raise typer.Exit(EXIT_BAD_FILE) from error
        except BadFile as error:
            complain(error.reasons)
            raise typer.Exit(EXIT_BAD_FILE) from error
        except Refused as error:
            complain(error.reasons)
            raise typer.Exit(EXIT_REFUSED) from error
        except Unavailable as error:
            complain([str(error)])
            raise typer.Exit(EXIT_UNAVAILABLE) from error


def complain(reasons: Iterable[str]) -> None:
    """One line on stderr for each reason."""
    for reason in reasons:
        typer.echo(f"trunkline: {' '.join(reason.split())}", err=True)


def current_settings() -> Settings:
    """The configuration; ``BadFile`` with every mistake in it."""
    return load()


def open_database(settings: Settings | None = None) -> Database:
    """The configured database, its schema up to date; ``StoreDown`` when it does not answer."""
    from controller.storage.database import Database as Opened

    database = Opened((settings or current_settings()).database_url)
    database.ping()  # says in our own words when it is away
    database.upgrade()
    return database


def redis_client(settings: Settings | None = None, *, blocking: bool = False) -> Redis:
    """The configured Redis, answers as bytes. blocking: for commands that wait in Redis; see ``admin/bus.py``."""
    from controller.admin.bus import connect

    return connect((settings or current_settings()).redis_url, blocking=blocking)


def perform(verb: str, **args: Any) -> Any:
    """Execute an admin verb in this process, on record under the name of this shell's user; its result (JSON values).

    Campaigns are moved through the database, so this works while no controller runs and no Redis answers.
    """
    from controller.admin.commands import Commands, Desk
    from controller.admin.verbs import VERBS
    from controller.formulas.prometheus import formula_source
    from controller.live.agents import agents_for_any_thread
    from controller.live.board import RedisBoard
    from controller.live.previews import previews_for_any_thread

    settings = current_settings()
    formulas = formula_source(settings.formula.prometheus_url, settings.formula.query_seconds, time.time)
    board = RedisBoard(redis_client(settings))
    pool = partial(agents_for_any_thread, partial(redis_client, settings), settings.dialling.slot_lease_seconds)
    cards = partial(previews_for_any_thread, partial(redis_client, settings), settings.dialling.slot_lease_seconds)
    database = open_database(settings)
    desk = Desk(database, settings.limits, board, formulas, settings.amd, open_agents=pool, open_previews=cards)
    commands = Commands(desk, VERBS)
    given = {key: value for key, value in args.items() if value is not None}
    return commands.execute(commands.read(verb, given), who(), audit_reads=False)


def ask_controller(verb: str, timeout: float, by: str | None = None, **args: Any) -> Any:
    """Have a controller execute an admin verb; its result. timeout: seconds."""
    from controller.admin.bus import send

    return send(redis_client(blocking=True), verb, args, by or who(), timeout)


def who() -> str:
    """Who gives the command, for the audit table: the user of this shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container user without a name
        return "cli"


def emit(value: Any, as_json: bool, table: Callable[[Any], RenderableType] | None = None) -> None:
    """Print a result: one JSON document, or what ``table`` makes of it (a rich renderable or a text)."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False))
        return
    shown = table(value) if table is not None else json.dumps(value, indent=2, ensure_ascii=False)
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False).print(shown)


def columns(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    """A plain table. Cells are text as they are: nothing in a name is taken for markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(headings))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return table


def moment(epoch: float | None) -> str:
    """UTC epoch seconds as ``2026-11-21T09:30:00.123Z``; empty for none."""
    if epoch is None:
        return ""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
