"""The processes: ``run``, ``controller``, ``worker``, ``demo``; and ``check``, which says whether they have what they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.common import EXIT_REFUSED, AsJson, columns, current_settings, emit

PeopleFile = Annotated[
    Path | None,
    typer.Option("--people", help="Who answers at the virtual switch (TOML); only used where no FreeSWITCH is configured."),
]
KeptIn = Annotated[Path | None, typer.Option("--keep", help="Directory for the demo's data, kept afterwards.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    app.command("run")(run)
    app.command("controller")(controller)
    app.command("worker")(worker)
    app.command("demo")(demo)
    app.command("check")(check)


def run(people: PeopleFile = None, as_json: AsJson = False) -> None:
    """Start everything on this machine: Redis where none is configured, the virtual switch where no FreeSWITCH is,
    controller and worker. Ctrl-C stops it; calls in progress may end first."""
    from controller import logs
    from controller.launcher import SHIPPED_PEOPLE, Launcher

    settings = current_settings()
    writer = logs.configure(settings.logging)
    try:
        code = Launcher(settings, people=people or SHIPPED_PEOPLE).run()
    finally:
        writer.close()
    _ended("run", code, as_json)


def controller(as_json: AsJson = False) -> None:
    """Run the controller beside its FreeSWITCH. SIGTERM drains, a second SIGTERM stops at once."""
    from controller.service.controller import run_controller

    _ended("controller", run_controller(current_settings()), as_json)


def worker(as_json: AsJson = False) -> None:
    """Run the background work: imports, hopper, closing of windows and runs."""
    from controller import logs
    from controller.jobs.supervisor import run_worker

    settings = current_settings()
    writer = logs.configure(settings.logging)
    logs.bind(node=settings.node)
    try:
        run_worker(settings)
    finally:
        writer.close()
    _ended("worker", 0, as_json)


def demo(keep: KeptIn = None, as_json: AsJson = False) -> None:
    """Watch a campaign of 5 000 contacts dial on this machine, and see the audit. Ends by itself within two minutes.

    The last line is the summary as one JSON object; with --json it is the only line on standard output.
    """
    from controller import logs
    from controller.demo.run import run_demo

    settings = current_settings()
    writer = logs.configure(settings.logging.model_copy(update={"level": "warning", "format": "text"}))
    try:
        code = run_demo(settings, as_json, keep)
    finally:
        writer.close()
    raise typer.Exit(code)


def check(as_json: AsJson = False) -> None:
    """Look at everything a campaign needs: database, Redis, FreeSWITCH with modules, gateways, dialplan and journal, clocks,
    disk. Each thing that is not right comes with its mend. Exit 1 when a campaign could not run like this."""
    from controller.checks import failed
    from controller.service.beside_calls import run_check

    findings = run_check(current_settings())
    rows = [{"level": f.level.value, "subject": f.subject, "detail": f.detail, "mend": f.mend} for f in findings]
    emit(rows, as_json, lambda found: columns(("", "what", "seen", "mend"), [row.values() for row in found]))
    raise typer.Exit(EXIT_REFUSED if failed(findings) else 0)


def _ended(name: str, code: int, as_json: bool) -> None:
    """A process that came to its end; its exit code is ours."""
    if as_json:
        typer.echo(json.dumps({"process": name, "exit": code}))
    raise typer.Exit(code)
