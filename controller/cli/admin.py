"""``trunkline admin VERB [key=value…]``: any admin verb through the Redis stream, executed by a running controller.

The same can be done with nothing but redis-cli; ``admin/bus.py`` shows how.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import AsJson, ask_controller, columns, emit
from controller.errors import Refused

if TYPE_CHECKING:
    from rich.console import RenderableType


def register(root: typer.Typer) -> None:
    """Add the command to the root."""
    root.command("admin")(admin)


def admin(
    verb: Annotated[
        str | None, typer.Argument(metavar="VERB", help="Such as campaign.pause; left out: the list of verbs.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="key=value…", help="Arguments of the verb. key=@FILE takes a file's text; objects are given as JSON."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for an answer.")] = 10.0,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who gives the command, for the audit; else this user.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a running controller a command over Redis and print its answer."""
    if verb is None:
        emit(_verbs(), as_json, _verb_table)
        return
    emit(ask_controller(verb, timeout, by, **_arguments(values or [])), as_json)


def _arguments(values: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    mistakes = []
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            mistakes.append(f"argument {value!r} is not key=value")
        elif key in found:
            mistakes.append(f"argument {key} is given twice")
        else:
            found[key] = _value(key, text)
    if mistakes:
        raise Refused(*mistakes)
    return found


def _value(key: str, text: str) -> Any:
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"argument {key}: {text[1:]} cannot be read as UTF-8 text: {error}") from error
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise Refused(f"argument {key}: begins like JSON but is none: {error}") from error
    return text


def _verbs() -> list[dict[str, Any]]:
    from controller.admin.verbs import VERBS

    return [
        {"verb": verb.name, "args": list(verb.args.model_fields), "help": verb.help}
        for verb in sorted(VERBS.values(), key=lambda verb: verb.name)
    ]


def _verb_table(found: list[dict[str, Any]]) -> RenderableType:
    return columns(("VERB", "ARGUMENTS", ""), ((one["verb"], " ".join(one["args"]), one["help"]) for one in found))
