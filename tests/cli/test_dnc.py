"""``trunkline dnc``: who must not be called, as somebody at a shell sees it."""

from __future__ import annotations

import pytest

from controller.storage.audit import Audit
from tests.cli.conftest import Shell


def test_number_on_a_list_and_off_again(shell: Shell) -> None:
    """The global list unless another is named; the number may be written as people write it."""
    assert shell.ask("dnc", "add", "98888 88888", "--region", "IN", "--reason", "asked") == {
        "list": "global",
        "added": 1,
        "already": 0,
    }
    shell.ask("dnc", "add", "+919888888888", "+919777777777", "--list", "diwali")
    told = shell.ask("dnc", "check", "+919888888888")
    assert told["listed"]
    assert [(one["list"], one["reason"]) for one in told["lists"]] == [("diwali", ""), ("global", "asked")]
    assert shell.ask("dnc", "remove", "+919888888888") == {"list": "global", "removed": 1}
    assert [one["list"] for one in shell.ask("dnc", "check", "+919888888888")["lists"]] == ["diwali"]
    assert not shell.ask("dnc", "check", "+919666666666")["listed"]


def test_import_and_export(shell: Shell) -> None:
    """A list goes out as it can come in again; rows that are no numbers are complained about."""
    file = shell.file("d.csv", "phone_number,reason\n9888888888,=cmd\n12,x\n")
    answer = shell.give("dnc", "import", file, "--region", "IN", "--json")
    assert answer.code == 0
    assert (answer.value["rows"], answer.value["added"], answer.value["rejected"]) == (2, 1, 1)
    assert "NOT on the list" in answer.err
    lines = shell.give("dnc", "export").out.splitlines()
    assert lines[0] == "phone_number,reason,added_at"
    assert lines[1].startswith("+919888888888,'=cmd,2")
    target = str(shell.folder / "out.csv")
    assert shell.ask("dnc", "export", "--output", target)["numbers"] == 1
    assert shell.ask("dnc", "import", target, "--list", "copy")["added"] == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("dnc", "add", "98888 88888"), 1, "give --region"),
        (("dnc", "add", "+919888888888", "--list", "a b"), 1, "cannot name"),
        (("dnc", "remove", "+919888888888"), 1, "no do-not-call list global"),
        (("dnc", "export", "--list", "holi", "--output", "x.csv"), 1, "no do-not-call list holi"),
        (("dnc", "import", "none.txt"), 2, "none.txt: cannot be opened"),
    ],
)
def test_refusals_say_how_to_mend(shell: Shell, words: tuple[str, ...], code: int, told: str) -> None:
    """A number that was not listed because it was mistyped must not pass in silence."""
    answer = shell.give(*words, "--json")
    assert (answer.code, answer.out) == (code, "")
    assert told in answer.err


def test_changes_are_on_record(shell: Shell) -> None:
    """Who listed a number, and who took it off."""
    shell.ask("dnc", "add", "+919888888888")
    shell.ask("dnc", "remove", "+919888888888")
    assert [(entry.verb, entry.detail) for entry in Audit(shell.database).latest()] == [
        ("dnc remove", "1 removed"),
        ("dnc add", "1 added"),
    ]
