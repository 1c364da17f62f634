"""``trunkline call …``: calls in progress, and what came of them. Ending one is asked of its controller, over Redis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.agents import disposed_line, promised_line
from controller.cli.common import AsJson, ask_controller, columns, emit, moment, perform
from controller.errors import Unavailable, WrongState

if TYPE_CHECKING:
    from rich.console import RenderableType

ANSWER_SECONDS = 10.0

Call = Annotated[str, typer.Argument(metavar="CALL", help="Id of the call (attempt_id), as `call ls` shows it.")]

app = typer.Typer(no_args_is_help=True, help="Calls in progress: list them, look at one, hang one up.")


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="call")


@app.command("ls")
def ls(
    campaign: Annotated[str | None, typer.Option(metavar="NAME", help="Only calls of this campaign.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="So many at most, the oldest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """List the calls in progress, over all controllers."""
    emit(perform("call.ls", campaign=campaign, limit=limit), as_json, _table)


@app.command("show")
def show(call: Call, as_json: AsJson = False) -> None:
    """Show one call, live or over. For a live one the controller that holds it is asked; `live` is what it says."""
    stored = perform("call.show", attempt_id=call)
    live: dict[str, Any] | None = None
    trouble = ""
    if stored["ended_at"] is None:
        try:
            live = ask_controller("call.show", ANSWER_SECONDS, attempt_id=call)
        except Unavailable as error:
            trouble = str(error)
    emit(stored | {"live": live, "trouble": trouble}, as_json, _page)


@app.command("hangup")
def hangup(
    call: Call,
    reason: Annotated[str, typer.Option("--reason", metavar="WORD", help="Why, for the record of the call.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Hang up one call."""
    stored = perform("call.show", attempt_id=call)
    if stored["ended_at"] is not None:
        raise WrongState(f"call {call} is over already: {stored['outcome']}")
    done = ask_controller("call.hangup", ANSWER_SECONDS, attempt_id=call, reason=reason)
    emit(done, as_json, lambda _: f"call {call} is being hung up")


@app.command("dispose")
def dispose(
    call: Call,
    disposition: Annotated[str, typer.Argument(metavar="DISPOSITION", help="One of the campaign's.")],
    notes: Annotated[str | None, typer.Option("--notes", metavar="TEXT", help="What is worth knowing.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a call came to, live or over."""
    emit(perform("call.dispose", attempt_id=call, disposition=disposition, notes=notes), as_json, disposed_line)


@app.command("later")
def later(
    call: Call,
    at: Annotated[str, typer.Argument(metavar="TIME", help="With its zone: 2026-11-21T15:30:00+05:30.")],
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="By this agent, not by anybody.")] = None,
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="For whoever calls.")] = "",
    as_json: AsJson = False,
) -> None:
    """Promise the person to call them again then."""
    emit(perform("call.later", attempt_id=call, at=at, agent=agent, notes=notes), as_json, promised_line)


def _table(found: list[dict[str, Any]]) -> RenderableType:
    now = time.time()
    rows = (
        (
            call["attempt_id"],
            call["campaign"],
            call["phone"],
            call["caller_id"],
            call["carrier"],
            call["node"],
            f"{max(0.0, now - call['created_at']):.0f} s",
        )
        for call in found
    )
    return columns(("CALL", "CAMPAIGN", "PHONE", "CALLER ID", "CARRIER", "NODE", "SINCE"), rows)


def _page(found: dict[str, Any]) -> RenderableType:
    rows: list[tuple[str, object]] = []
    for source in (found, found["live"] or {}):
        for key, value in source.items():
            if key != "live" and value not in (None, ""):
                rows.append((key, moment(value) if key.endswith("_at") else value))
    return columns(("", ""), rows)
