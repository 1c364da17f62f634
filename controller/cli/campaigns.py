"""``trunkline campaign …``: look at campaigns and move them through their life. What the verbs do lies in ``admin/``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import EXIT_REFUSED, AsJson, columns, emit, moment, perform
from controller.cli.simulate import simulate
from controller.errors import Unavailable

if TYPE_CHECKING:
    from rich.console import RenderableType

PREPARING_SECONDS = 900.0
"""Longest wait for a run's contacts: a million take a few minutes."""
LOOK_SECONDS = 0.5

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the campaign.")]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when the run's contacts are ready and it is dialled.")]

app = typer.Typer(no_args_is_help=True, help="Campaigns: see them, start, pause, resume, stop, run again.")


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="campaign")


@app.command("ls")
def ls(
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Only names that contain this.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only: draft, ready, scheduled, active, paused, completed, stopped.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="Only this dialling mode: agentless, progressive, power, predictive, preview.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="Only this priority, 1 to 10.")] = None,
    sort: Annotated[str, typer.Option(help="name, last_run (latest first) or priority (highest first).")] = "name",
    as_json: AsJson = False,
) -> None:
    """List campaigns."""
    found = perform("campaign.ls", title=title, state=state, mode=mode, priority=priority, sort=sort)
    emit(found, as_json, _campaign_table)


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one campaign: settings and all its runs."""
    emit(perform("campaign.show", name=name), as_json, _campaign_page)


@app.command("status")
def status(name: Name, as_json: AsJson = False) -> None:
    """Show the last run now: progress, seats, calls a second, and what limits the pace or why nothing is dialled."""
    emit(perform("campaign.status", name=name), as_json, _status_page)


@app.command("preflight")
def preflight(name: Name, as_json: AsJson = False) -> None:
    """Check whether the campaign may start, with every reason if not (exit code 1). Changes nothing."""
    found = perform("campaign.preflight", name=name)
    emit(found, as_json, _preflight_page)
    if not found["passed"]:
        raise typer.Exit(EXIT_REFUSED)


@app.command("formula")
def formula(name: Name, as_json: AsJson = False) -> None:
    """Show what the campaign's pacing formulas say at this moment, and which values would be used. Changes nothing."""
    emit(perform("campaign.formula", name=name), as_json, _formula_table)


@app.command("start")
def start(name: Name, wait: Wait = False, as_json: AsJson = False) -> None:
    """Start the campaign: a new run, dialled as soon as the worker has prepared its contacts."""
    _began(perform("campaign.start", name=name), wait, as_json)


@app.command("rerun")
def rerun(name: Name, wait: Wait = False, as_json: AsJson = False) -> None:
    """Start a completed or stopped campaign again: a new run, from the first contact."""
    _began(perform("campaign.rerun", name=name), wait, as_json)


@app.command("pause")
def pause(name: Name, as_json: AsJson = False) -> None:
    """Stop placing calls; those in progress go on. `resume` continues where it was."""
    emit(perform("campaign.pause", name=name), as_json, _moved_line)


@app.command("resume")
def resume(name: Name, as_json: AsJson = False) -> None:
    """Go on with a paused campaign."""
    emit(perform("campaign.resume", name=name), as_json, _moved_line)


@app.command("stop")
def stop(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit.")] = "",
    as_json: AsJson = False,
) -> None:
    """End the run: no new calls, those in progress end by themselves. The next start is a new run."""
    emit(perform("campaign.stop", name=name, reason=reason), as_json, _moved_line)


@app.command("clone")
def clone(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    as_json: AsJson = False,
) -> None:
    """Copy everything but the schedule and the runs into a new draft."""
    emit(
        perform("campaign.clone", name=name, to=new),
        as_json,
        lambda copy: f"campaign {copy['campaign']} made from {copy['cloned_from']}; it is a draft",
    )


@app.command("delete")
def delete(name: Name, as_json: AsJson = False) -> None:
    """Remove the campaign with its runs, leads and attempts. Refused while it is active, paused or scheduled."""
    emit(perform("campaign.delete", name=name), as_json, lambda gone: f"campaign {gone['campaign']} deleted")


app.command("simulate")(simulate)


@app.command("why")
def why(
    name: Name,
    phone: Annotated[str, typer.Argument(metavar="PHONE", help="E.164, with or without the plus.")],
    as_json: AsJson = False,
) -> None:
    """Tell why a contact is or is not called now: each gate's verdict, and when it may clear."""
    emit(perform("campaign.why", name=name, phone=phone), as_json, _why_page)


def _began(begun: dict[str, Any], wait: bool, as_json: bool) -> None:
    if wait:
        begun = begun | {"run_state": _wait_for_contacts(begun["campaign"])}
    emit(begun, as_json, _moved_line)


def _wait_for_contacts(name: str) -> str:
    """The run's state once it has left ``preparing``."""
    deadline = time.monotonic() + PREPARING_SECONDS
    while time.monotonic() < deadline:
        state = str(perform("campaign.status", name=name)["run"]["state"])
        if state != "preparing":
            return state
        time.sleep(LOOK_SECONDS)
    raise Unavailable(
        f"the contacts of campaign {name} are not ready after {PREPARING_SECONDS:g} s; is `trunkline worker` running?"
    )


def _campaign_table(found: list[dict[str, Any]]) -> RenderableType:
    rows = (
        (
            row["name"],
            row["state"],
            row["mode"],
            row["priority"],
            ", ".join(row["lists"]),
            row["connect"] or "",
            moment(row["last_run_at"]),
            moment(row["updated_at"]),
        )
        for row in found
    )
    return columns(("NAME", "STATE", "MODE", "PRIORITY", "LISTS", "CONNECT", "LAST RUN", "UPDATED"), rows)


def _campaign_page(found: dict[str, Any]) -> RenderableType:
    from rich.console import Group

    from controller.domain.campaigns.campaign import Campaign
    from controller.files import to_toml

    runs = (
        (
            run["number"],
            run["state"],
            run["closing_reason"] or "",
            moment(run["started_at"]),
            moment(run["ended_at"]),
            sum(run["totals"]["lead"].values()),
            run["totals"]["attempt"].get("made", 0),
            _counts(run["totals"]["outcome"]),
        )
        for run in found["runs"]
    )
    return Group(
        f"campaign {found['name']} is {found['state']}, revision {found['revision']}, "
        f"last changed {moment(found['updated_at'])}\n",
        to_toml(Campaign.model_validate(found["spec"])),
        columns(("RUN", "STATE", "CLOSED BY", "STARTED", "ENDED", "CONTACTS", "ATTEMPTS", "OUTCOMES"), runs),
    )


def _status_page(found: dict[str, Any]) -> RenderableType:
    run = found["run"]
    run_words = f"run {run['number']} {run['state']}" if run is not None else "never run"
    pace = found["pace"]
    until = f" (until {moment(pace['until'])})" if pace["until"] else ""
    leads, attempts = found["totals"]["lead"], found["totals"]["attempt"]
    seats = found["seats"]
    rows: list[tuple[str, str]] = [
        ("campaign", f"{found['campaign']} {found['state']}, {run_words}"),
        ("contacts", f"{sum(leads.values())}: {_counts(leads)}"),
        ("attempts", f"{attempts.get('made', 0)} made, {attempts.get('charged', 0)} charged"),
        ("outcomes", _counts(found["totals"]["outcome"])),
        ("seats", f"{seats['in_use']} of {seats['limit']} in use"),
        ("pace now", f"{found['calls_per_second']:g} calls/s, {found['hopper']} leads in the hopper"),
        ("limited by", f"{pace['binding']}: {pace['reason']}{until}"),
    ]
    rows += [(f"node {node}", f"{row.get('binding')}: {row.get('reason')}") for node, row in found["nodes"].items()]
    return columns(("", ""), rows)


def _preflight_page(found: dict[str, Any]) -> RenderableType:
    lines = [f"campaign {found['campaign']} may start" if found["passed"] else f"campaign {found['campaign']} cannot start:"]
    lines += [f"  {one['text']}" for one in found["refusals"]]
    lines += [f"  warning: {one['text']}" for one in found["warnings"]]
    return "\n".join(lines)


def _formula_table(found: dict[str, Any]) -> RenderableType:
    rows = (
        (
            row["formula"],
            row["expression"],
            "" if row["says"] is None else f"{row['says']:g}",
            f"{row['in_use']:g}" + (" (safe value)" if row["safe"] else ""),
            " ".join(part for part in ((row["fault"] or "").replace("_", " "), row["detail"]) if part),
        )
        for row in found["formulas"]
    )
    return columns(("FORMULA", "EXPRESSION", "SAYS", "IN USE", "TROUBLE"), rows)


def _moved_line(found: dict[str, Any]) -> RenderableType:
    lines = [f"campaign {found['campaign']} is {found['state']}, run {found['run']} {found['run_state']}"]
    lines += [f"  warning: {one['text']}" for one in found.get("warnings", ())]
    return "\n".join(lines)


def _why_page(found: dict[str, Any]) -> RenderableType:
    from rich.console import Group

    clears = f", may clear at {moment(found['clears_at'])}" if found["clears_at"] else ""
    gates = (
        (gate["gate"], "passes" if gate["passes"] else "waits", gate["text"], moment(gate["clears_at"]))
        for gate in found["gates"]
    )
    return Group(f"{found['phone']}: {found['verdict']}{clears}\n", columns(("GATE", "", "VERDICT", "CLEARS AT"), gates))


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.items() if count) or "none"
