"""``trunkline apply | diff | export``: site and campaigns as files. The rules of applying lie in ``admin/site.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from controller.cli.common import AsJson, emit, perform
from controller.errors import Refused

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Site file (at most one) and campaign files, TOML.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write, not standard output.")]

exports = typer.Typer(no_args_is_help=True, help="Write a campaign or the site as a file that `apply` reads.")


def register(root: typer.Typer) -> None:
    """Add the commands to the root."""
    root.command("apply")(apply)
    root.command("diff")(diff)
    root.add_typer(exports, name="export")


def apply(files: Files, as_json: AsJson = False) -> None:
    """Make the site and campaigns equal to the files: all of them, or nothing and every reason why not.

    A site file is the whole site: what is not in it is removed, unless a campaign uses it. A campaign file creates the
    campaign or changes it; an active one must be paused first.
    """
    emit(perform("apply", files=_texts(files)), as_json, _applied)


def diff(files: Files, as_json: AsJson = False) -> None:
    """Show what `apply` would change, without changing anything."""
    emit(perform("diff", files=_texts(files)), as_json, _differences)


@exports.command("campaign")
def export_campaign(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the campaign.")],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Write one campaign."""
    _write(perform("campaign.export", name=name), output, as_json)


@exports.command("site")
def export_site(output: Output = None, as_json: AsJson = False) -> None:
    """Write carriers, numbers, bots, queues, agents and dispositions."""
    _write(perform("site.export"), output, as_json)


def _texts(files: list[Path]) -> dict[str, str]:
    """The files' text by name; ``BadFile`` with every mistake, before anything is asked of the database."""
    from controller.files import read_bytes, read_documents

    contents = [(str(file), read_bytes(file)) for file in files]
    read_documents(contents)
    return {name: content.decode("utf-8-sig") for name, content in contents}


def _write(exported: dict[str, Any], output: Path | None, as_json: bool) -> None:
    if output is not None:
        try:
            output.write_text(exported["toml"], encoding="utf-8")
        except OSError as error:
            raise Refused(f"{output}: cannot be written: {error.strerror}") from error
        emit({"file": str(output)}, as_json, lambda _: f"written to {output}")
    elif as_json:
        emit(exported, as_json)
    else:
        typer.echo(exported["toml"], nl=False)


def _applied(found: dict[str, Any]) -> str:
    lines = [_change_line(change) for change in found["changes"]] or ["nothing to change"]
    for campaign in found["campaigns"]:
        lines.append(f"campaign {campaign['campaign']} is {campaign['state']}")
        lines += [f"  to start it: {one['text']}" for one in campaign["preflight"]["refusals"]]
        lines += [f"  warning: {one['text']}" for one in campaign["preflight"]["warnings"]]
    return "\n".join(lines)


def _change_line(change: dict[str, Any]) -> str:
    keys = f": {', '.join(change['fields'])}" if change["fields"] else ""
    return f"{change['change']} {change['kind']} {change['name']}{keys}"


def _differences(found: dict[str, Any]) -> str:
    return "\n".join(line for change in found["changes"] for line in change["lines"]) or "nothing to change"
