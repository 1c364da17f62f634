"""``trunkline list``: files into lists and back, as somebody at a shell sees it."""

from __future__ import annotations

import csv
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from controller.storage.audit import Audit
from tests.cli.conftest import Shell

PEOPLE = "phone_number,name,due\n+919888888888,Asha,=10\n12,Bad,1\n9888888888,Asha again,\n+919777777777,Ravi,\n"


def test_import_tells_what_was_taken_and_why_not_the_rest(shell: Shell) -> None:
    """One JSON object with the totals, which add up, and the path of the report."""
    told = shell.ask("list", "import", "people", shell.file("p.csv", PEOPLE), "--region", "IN")
    assert (told["rows"], told["accepted"], told["rejected"], told["contacts"]) == (4, 2, 2, 2)
    assert told["by_reason"] == {"duplicate": 1, "invalid_number": 1}
    with Path(told["report"]).open(encoding="utf-8", newline="") as report:
        assert [(row["line"], row["value"]) for row in csv.DictReader(report)] == [("3", "12"), ("4", "+919888888888")]


def test_import_in_words(shell: Shell) -> None:
    """Without --json the same in a few lines, and nothing on standard error."""
    answer = shell.give("list", "import", "people", shell.file("p.csv", PEOPLE), "--region", "IN")
    assert (answer.code, answer.err) == (0, "")
    assert "4 rows, 2 accepted, 2 rejected" in answer.out


def test_report_shows_the_latest_import_or_another(shell: Shell) -> None:
    """Each rejected row with line and reason; the whole report can be copied to a file."""
    first = shell.ask("list", "import", "people", shell.file("p.csv", PEOPLE), "--region", "IN")
    shell.ask("list", "append", "people", shell.file("q.csv", "phone_number\n+919666666666\n"))
    assert shell.ask("list", "report", "people")["mode"] == "append"
    assert shell.ask("list", "report", "people", "--import", str(first["import"]))["rejected"] == 2
    copy = shell.folder / "copy.csv"
    answer = shell.give("list", "report", "people", "--import", str(first["import"]), "--output", str(copy))
    assert "line 3: not a valid number" in answer.out
    assert copy.read_text(encoding="utf-8") == Path(first["report"]).read_text(encoding="utf-8")
    assert shell.give("list", "report", "people", "--import", "99").code == 1


def test_export_is_safe_for_spreadsheets_unless_raw_is_asked_for(shell: Shell) -> None:
    """A formula in a variable is shown as text; --raw gives the exact values, and numbers are readable either way."""
    shell.ask("list", "import", "people", shell.file("p.csv", PEOPLE), "--region", "IN")
    assert shell.give("list", "export", "people").out.splitlines() == [
        "phone_number,name,due",
        "+919888888888,Asha,'=10",
        "+919777777777,Ravi,",
    ]
    target = shell.folder / "out.csv"
    assert shell.ask("list", "export", "people", "--raw", "--output", str(target))["contacts"] == 2
    assert "+919888888888,Asha,=10" in target.read_text(encoding="utf-8")


def test_exported_list_can_be_imported_again(shell: Shell) -> None:
    """Raw export and import give the same list, hostile values and all."""
    hostile = 'phone_number,note\n+919888888888,"a ""b"" ${c}\r\n=d"\n+919777777777,"👩‍💻, ^^"\n'
    shell.ask("list", "import", "one", shell.file("p.csv", hostile), "--region", "IN")
    target = shell.folder / "out.csv"
    shell.ask("list", "export", "one", "--raw", "--output", str(target))
    first = target.read_bytes()
    shell.ask("list", "import", "two", str(target), "--region", "IN")
    shell.ask("list", "export", "two", "--raw", "--output", str(target))
    assert target.read_bytes() == first


def test_life_of_a_list(shell: Shell) -> None:
    """Create, fill, append, replace, show, delete."""
    shell.ask("list", "create", "people", "--region", "IN")
    shell.ask("list", "import", "people", shell.file("p.csv", PEOPLE))
    assert shell.ask("list", "append", "people", shell.file("q.csv", "phone_number,city\n9666666666,Pune\n"))["contacts"] == 3
    assert shell.ask("list", "ls")["lists"][0]["columns"] == ["name", "due", "city"]
    assert shell.ask("list", "replace", "people", shell.file("r.csv", "phone_number,city\n9666666666,Pune\n"))["contacts"] == 1
    only = shell.ask("list", "ls")["lists"][0]
    assert (only["list"], only["region"], only["contacts"], only["columns"]) == ("people", "IN", 1, ["city"])
    assert shell.ask("list", "delete", "people") == {"list": "people", "contacts": 1}
    assert shell.ask("list", "ls") == {"lists": []}


def test_map_encoding_and_delimiter_can_be_given(shell: Shell) -> None:
    """Files of other programs are read without being edited."""
    (shell.folder / "p.txt").write_bytes("Mobile\tCust\tX\n9888888888\tZoé\ty\n".encode("cp850"))
    mapping = shell.file("map.toml", 'phone = "Mobile"\n[attributes]\nCust = "FirstName"\n')
    options = ("--region", "IN", "--map", mapping, "--encoding", "cp850", "--delimiter", "tab")
    told = shell.ask("list", "import", "people", str(shell.folder / "p.txt"), *options)
    assert (told["encoding"], told["delimiter"], told["encoding_guessed"]) == ("cp850", "\t", False)
    assert shell.give("list", "export", "people").out.splitlines() == ["phone_number,FirstName", "+919888888888,Zoé"]


def test_guessed_encoding_is_told(shell: Shell) -> None:
    """Who sees wrong names must know what to do; standard output stays what it was."""
    (shell.folder / "p.csv").write_bytes("phone_number,name\n9888888888,Zoé\n".encode("cp1252"))
    answer = shell.give("list", "import", "people", str(shell.folder / "p.csv"), "--region", "IN", "--json")
    assert answer.value["encoding_guessed"]
    assert "--encoding" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("list", "import", "people", "none.csv", "--region", "IN"), 2, "none.csv: cannot be opened"),
        (("list", "import", "people", "empty.csv", "--region", "IN"), 2, "empty.csv: is empty"),
        (("list", "import", "people", "good.csv"), 1, "--region"),
        (("list", "import", "people", "good.csv", "--region", "IN", "--map", "none.toml"), 2, "none.toml: cannot be read"),
        (("list", "import", "people", "good.csv", "--region", "IN", "--map", "good.csv"), 2, "good.csv: is not TOML"),
        (("list", "append", "people", "good.csv"), 1, "there is no list people"),
        (("list", "replace", "people", "good.csv"), 1, "there is no list people"),
        (("list", "delete", "people"), 1, "there is no list people"),
        (("list", "export", "people", "--output", "x.csv"), 1, "there is no list people"),
        (("list", "export", "people"), 1, "give --output FILE too"),
        (("list", "report", "people"), 1, "there is no list people"),
        (("list", "create", "a b", "--region", "IN"), 1, "cannot name a list"),
        (("list", "create", "people", "--region", "india"), 1, "no region"),
    ],
)
def test_refusals_are_one_line_with_the_place(shell: Shell, words: tuple[str, ...], code: int, told: str) -> None:
    """What, where and how to mend it, on standard error; nothing on standard output."""
    shell.file("empty.csv", "")
    shell.file("good.csv", PEOPLE)
    answer = shell.give(*words, "--json")
    assert answer.code == code
    assert told in answer.err
    assert (answer.out, answer.err.count("\n")) == ("", 1)


def test_list_of_a_started_campaign_is_kept(shell: Shell) -> None:
    """While the campaign runs, its list is neither replaced nor deleted; when it is stopped and ended, it may be."""
    shell.ready()
    shell.ask("campaign", "start", "june")
    for words in (("replace", "june", shell.file("x.csv", PEOPLE)), ("delete", "june")):
        answer = shell.give("list", *words)
        assert answer.code == 1
        assert "in use by campaign june" in answer.err
    assert shell.ask("list", "ls")["lists"][0]["contacts"] == 3


def test_changes_and_refusals_are_on_record(shell: Shell) -> None:
    """Who changed a list, when and from which file is in the audit; looking is not."""
    file = shell.file("p.csv", PEOPLE)
    shell.ask("list", "import", "people", file, "--region", "IN")
    shell.ask("list", "ls")
    shell.give("list", "delete", "nobody")
    entries = Audit(shell.database).latest()
    assert [(entry.verb, entry.ok) for entry in entries] == [("list delete", False), ("list import", True)]
    assert entries[1].args["file"] == file
    assert entries[1].detail == "2 of 4 rows accepted"


def test_somebody_at_a_terminal_sees_a_bar(shell: Shell) -> None:
    """Progress goes to standard error, and only where it is a terminal; standard output stays clean for programs."""
    rows = "".join(f"+9197{row:08d}\n" for row in range(12_000))
    file = shell.file("many.csv", "phone_number\n" + rows)
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "controller", "list", "import", "many", file, "--region", "IN", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env={**os.environ, "TERM": "xterm"})
    os.close(terminal)
    seen = b""
    while piece := _read(master):
        seen += piece
    out, _ = child.communicate(timeout=60)
    os.close(master)
    assert child.returncode == 0
    assert b"rows" in seen
    assert out.startswith(b'{"list": "many"')


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
