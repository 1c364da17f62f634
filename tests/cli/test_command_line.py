"""The command line as a whole: which commands there are, what every one takes, and how it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from controller.cli import build
from tests.cli.conftest import Shell

OF_THIS_STAGE = {
    "run", "controller", "worker", "demo", "reconcile", "check", "apply", "diff", "export campaign", "export site",
    "list create", "list import", "list append", "list replace", "list export", "list delete", "list ls", "list report",
    "dnc add", "dnc remove", "dnc import", "dnc export", "dnc check",
    "campaign ls", "campaign show", "campaign status", "campaign preflight", "campaign start", "campaign pause",
    "campaign formula", "campaign resume", "campaign stop", "campaign rerun", "campaign clone", "campaign delete",
    "campaign simulate", "campaign why",
    "attempts export", "leads export", "call ls", "call show", "call hangup", "admin",
    "call dispose", "call later", "agent ls", "agent report", "agent login", "agent logout", "agent ready", "agent pause",
    "agent extend", "agent hangup", "agent hold", "agent mute", "agent transfer", "agent complete", "agent keys",
    "agent record", "agent show", "agent dial", "agent skip",
    "agent listen", "agent whisper", "agent barge", "agent unsupervise", "agent dispose", "agent later",
    "amd samples", "amd score",
}  # fmt: skip


def commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def test_the_commands_are_those_of_the_contract():
    """Every command of this stage of the contract is there; those of later stages are not there yet."""
    assert {name for name, _ in commands(get_command(build()))} == OF_THIS_STAGE


def test_every_command_takes_json_and_explains_itself():
    """--json everywhere, and a help text for the command and each of its options."""
    for name, command in commands(get_command(build())):
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in options, name
        assert command.help, name
        assert all(getattr(parameter, "help", None) for parameter in command.params if parameter.name != "help"), name


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("campaign", "explode"), "No such command 'explode'; in `trunkline campaign`"),
        (("campaign", "start"), "Missing argument 'NAME'; in `trunkline campaign start`"),
        (("campaign", "start", "june", "--often"), "No such option: --often"),
        (("flow", "ls"), "No such command 'flow'"),
        (("attempts", "export", "june", "--run", "first"), "Invalid value for '--run'"),
    ],
)
def test_a_mistaken_command_line_is_one_line(shell: Shell, words: tuple[str, ...], told: str):
    """What, where and how to mend, on stderr; exit code 2; nothing on standard output."""
    answer = shell.give(*words)
    assert answer.code == 2
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("trunkline: ")
    assert told in line
    assert "--help" in line


def test_mistakes_in_the_configuration_are_all_told(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    """One line for each, exit code 2, whatever the command."""
    shell.file("trunkline.toml", 'node = "a b"\n[redis]\nurl = 5\n')
    monkeypatch.delenv("TRUNKLINE_NODE")
    monkeypatch.delenv("TRUNKLINE_REDIS__URL")
    answer = shell.give("campaign", "ls")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 2
    assert all("trunkline.toml: " in line for line in answer.err.splitlines())


def test_a_database_that_is_away_is_told_apart(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    """Exit code 3: the command was right, trying again may help."""
    monkeypatch.setenv("TRUNKLINE_DATABASE__URL", "postgresql://trunkline:secret@127.0.0.1:1/none")
    answer = shell.give("campaign", "ls")
    assert answer.code == 3
    assert len(answer.err.splitlines()) == 1
    assert "secret" not in answer.err


@pytest.mark.parametrize(("section", "url"), [("DATABASE", "garbage"), ("DATABASE", "mysql://x/y"), ("REDIS", "http://x")])
def test_a_url_that_is_none_is_told_with_what_is_wanted(shell: Shell, monkeypatch: pytest.MonkeyPatch, section: str, url: str):
    """Found when the settings are read: names the setting and what it should look like, and does not repeat a password."""
    monkeypatch.setenv(f"TRUNKLINE_{section}__URL", url)
    answer = shell.give("campaign", "ls")
    assert answer.code == 2
    assert answer.err.startswith(f"trunkline: environment: TRUNKLINE_{section}__URL: is no such URL; it looks like ")
    assert url not in answer.err


@pytest.mark.parametrize("verb", ["controller", "worker", "campaign"])
def test_only_the_controller_process_is_patched(tmp_path: Path, verb: str):
    """gevent takes over the controller's process before anything else; every other command stays plain Python."""
    program = (
        f"import sys; sys.argv = ['trunkline', {verb!r}, '--help']\n"
        "import controller.__main__, gevent.monkey\n"
        "print(gevent.monkey.is_module_patched('socket'))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert result.stdout.strip() == str(verb == "controller")
