"""README against the program: whoever follows the front page must not be led astray.

Compared are its tables (settings, commands, verbs, outcomes, metrics, headers), its example files, its links and its make
targets. Whether its sentences are true, no test can say.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from typer.main import get_command

from controller import config
from controller.admin.verbs import VERBS
from controller.cli import build
from controller.domain.calls.actions import Target
from controller.domain.calls.outcome import DEFAULT_RETRYABLE, NEVER_RETRIED, RULES
from controller.domain.campaigns.campaign import Campaign, read_campaign
from controller.domain.campaigns.pacing import Mode, Pacing
from controller.domain.campaigns.preflight import Surroundings, preflight
from controller.domain.contacts.column_map import ColumnMap, read_map
from controller.domain.contacts.columns import Columns, read_header
from controller.domain.contacts.csv_import import Contact, Row, read_rows
from controller.domain.contacts.csv_text import records
from controller.domain.reconcile.calls import Kind
from controller.domain.site import PREDEFINED_DISPOSITIONS, Site, read_site
from controller.metrics import SERIES
from esl_handlers import escaping, originate
from esl_handlers.causes import BY_STATUS
from esl_handlers.originate import connect_variables
from esl_handlers.virtual_switch.people_file import people_from

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HEADER_VARIABLE = "nolocal:sip_h_"


def table(first_heading: str) -> list[list[str]]:
    """The cells of the table whose first column is called ``first_heading``, row by row."""
    found = re.findall(rf"^\| {re.escape(first_heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert len(found) == 1, f"{len(found)} tables begin with the column {first_heading!r}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[0].splitlines()]


def unquoted(cell: str) -> str:
    assert re.fullmatch(r"`[^`]+`", cell), cell
    return cell.strip("`")


def words(cell: str) -> list[str]:
    """The quoted words of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def code() -> list[str]:
    """Every line of a code block and every quoted phrase of the text."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```\w*\n.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()] + words(text)


def example(name: str) -> str:
    """The TOML block that begins with a comment of that name."""
    found = [
        block for block in re.findall(r"^```toml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) if f"# {name}" in block[:60]
    ]
    assert len(found) == 1, f"{len(found)} examples of {name}"
    return str(found[0])


def site() -> Site:
    read = read_site(tomllib.loads(example("site.toml")))
    assert isinstance(read, Site), read
    return read


def campaign() -> Campaign:
    read = read_campaign(tomllib.loads(example("june.toml")))
    assert isinstance(read, Campaign), read
    return read


def settings(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting's key and default; None where the default depends on the machine."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{before}{name}.")
        else:
            yield f"{before}{name}", None if field.default_factory else field.default


def commands(group: Any, before: tuple[str, ...] = ("trunkline",)) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name))


ALL_COMMANDS = set(commands(get_command(build())))


# ------------------------------------------------------------------ tables


def test_configuration_table_is_the_settings():
    """Every setting stands in the table with its default, in the order of the code, and nothing else does."""
    wanted = []
    for key, default in settings(config.Settings):
        shown = "host name" if default is None else f"`{json.dumps(str(default) if isinstance(default, Path) else default)}`"
        wanted.append((key, shown))
    assert [(unquoted(row[0]), row[1]) for row in table("key")] == wanted


def test_configuration_table_explains_each_setting():
    """No setting is without a meaning."""
    assert all(len(row) == 4 and row[3] for row in table("key"))


def test_command_table_is_the_command_line():
    """Every command stands in the table once."""
    named = [" ".join(re.findall(r"(?<!\S)[a-z]+(?!\S)", unquoted(row[0]))) for row in table("command")]
    assert sorted(named) == sorted(ALL_COMMANDS)


def test_commands_named_anywhere_exist():
    """A command in the text can be given as it stands."""
    verbs = {command.removeprefix("trunkline ") for command in ALL_COMMANDS}
    for first, second in re.findall(r"^(?:/\S+/)?trunkline ([a-z]+)(?: ([a-z]+))?", "\n".join(code()), re.MULTILINE):
        assert first in verbs or f"{first} {second}" in verbs, f"{first} {second}"


def test_verb_table_is_the_admin_verbs():
    """What redis-cli can do, with the arguments that each verb takes."""
    wanted = {
        verb.name: [name if field.is_required() else f"{name}?" for name, field in verb.args.model_fields.items()]
        for verb in VERBS.values()
    }
    assert {unquoted(row[0]): words(row[1]) for row in table("verb")} == wanted


def test_outcome_table_is_the_rules():
    """What an outcome costs, whose fault it is, and whether it is tried again."""
    wanted = {}
    for outcome, rule in RULES.items():
        if not rule.charged:
            again = f"after {rule.retry_delay_seconds:g} s"
        elif outcome in NEVER_RETRIED:
            again = "never"
        else:
            again = "by default" if outcome in DEFAULT_RETRYABLE else "if named"
        statuses = ", ".join(str(status) for status in sorted(BY_STATUS) if BY_STATUS[status] is outcome)
        yes_no = ("no", "yes")
        wanted[outcome.value] = [statuses, yes_no[rule.charged], yes_no[rule.carrier_fault], again]
    assert {unquoted(row[0]): row[2:] for row in table("outcome")} == wanted


def test_metrics_table_is_the_series():
    """Every series with its kind, unit, labels and meaning."""
    assert [(unquoted(row[0]), row[1], row[2], tuple(words(row[3])), row[4]) for row in table("series")] == [
        (series.name, series.kind, series.unit, series.labels, series.meaning) for series in SERIES
    ]


def test_header_table_shows_what_a_bot_gets():
    """A column's name and value become exactly that header of the INVITE."""
    rows = table("column")
    attributes = [(unquoted(name), unquoted(value)) for name, value, _ in rows]
    variables = connect_variables("a1", None, None, Target("bot", "b", "sip:b@10.0.0.5"), attributes)
    sent = [f"{name.removeprefix(HEADER_VARIABLE)}: {value}" for name, value in variables if name.startswith(HEADER_VARIABLE)]
    assert [unquoted(header) for _, _, header in rows] == sent[1:]


def test_example_invite_carries_our_headers_first():
    """Identity, then the site's headers, then the contact's variables."""
    bot = site().bot[0]
    target = Target("bot", bot.name, bot.uri, tuple(bot.headers.items()))
    shown = re.findall(r"^(X-[A-Za-z-]+): (\S+)$", README, re.MULTILINE)
    attributes = [(unquoted(name), unquoted(value)) for name, value, _ in table("column")[:2]]
    variables = connect_variables(shown[0][1], "june", int(shown[2][1]), target, attributes)
    assert shown == [
        (name.removeprefix(HEADER_VARIABLE), value) for name, value in variables if name.startswith(HEADER_VARIABLE)
    ]


# ------------------------------------------------------------------ example files


def keys(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


@pytest.mark.parametrize("kind", ["carrier", "number", "bot", "disposition"])
def test_site_example_shows_every_key(kind: str):
    """The site file of README is accepted and is the complete list of what can be written."""
    items = getattr(site(), kind)
    assert set().union(*(item.model_fields_set for item in items)) == keys(type(items[0]))


def test_campaign_example_shows_every_key():
    """The campaign file is accepted and complete; the three other ways to connect are shown as comments."""
    found = campaign()
    assert found.model_fields_set == keys(Campaign)
    for part in (found.numbers, found.amd, found.abandoned, found.window, found.window.open[0], found.retry):
        assert part is not None
        assert part.model_fields_set == keys(type(part)), type(part)
    assert {"# playback =", "# ivr =", "# queue ="} <= set(re.findall(r"^# \w+ =", example("june.toml"), re.MULTILINE))


def test_pacing_example_shows_every_key():
    """The second example is a part of a campaign file, and has every key that sets the pace of any mode."""
    parts = tomllib.loads(example("june.toml")) | tomllib.loads(example("july.toml"))
    found = read_campaign(parts)
    assert isinstance(found, Campaign), found
    pacing = found.pacing
    assert keys(Pacing) - pacing.model_fields_set == {"calls_per_second"}, "the first example has it"
    for part in (pacing.drop_guard, pacing.preview, pacing.formula):
        assert part is not None
        assert part.model_fields_set == keys(type(part)), type(part)
    assert {row[0] for row in table("mode")} == {f"`{mode}`" for mode in get_args(Mode)}


def test_example_campaign_may_start_on_the_example_site():
    """Who takes over both files and imports the list passes the pre-flight check."""
    stored = site()
    around = Surroundings(
        carriers=stored.carrier,
        numbers=stored.number,
        bots=stored.bot,
        dispositions=frozenset(one.name for one in (*PREDEFINED_DISPOSITIONS, *stored.disposition)),
        list_sizes={"june": 2},
        dnc_lists=frozenset({"global", "june-dnc"}),
        busy_lists={},
        running=0,
        running_limit=config.Limits().running_campaigns,
    )
    found = preflight(campaign(), around, datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    assert found.refusals == ()
    assert found.warnings == ()


def test_predefined_dispositions_are_named():
    """All of them, in the order of the code."""
    listed = re.search(r"Dispositions that are always there: (.*?)\.", README, re.DOTALL)
    assert listed is not None
    assert re.split(r",\s+", " ".join(listed[1].split())) == [one.name for one in PREDEFINED_DISPOSITIONS]


def test_example_configuration_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """trunkline.toml as shown is accepted."""
    monkeypatch.delenv("TRUNKLINE_CONFIG", raising=False)
    file = tmp_path / "trunkline.toml"
    file.write_text(example("trunkline.toml"), encoding="utf-8")
    assert config.load(file).node == "dial-1"


def test_example_people_are_read():
    """The people file for the first try has no mistake."""
    assert people_from(tomllib.loads(example("people.toml")), "README").rules


def test_differences_are_those_of_the_comparison():
    """Whatever `reconcile` may say has its row."""
    assert [unquoted(row[0]) for row in table("difference")] == [kind.value for kind in Kind]


def test_example_map_fits_its_columns():
    """The map file is accepted, and finds number and variables."""
    column_map = read_map(example("map.toml"))
    assert isinstance(column_map, ColumnMap), column_map
    columns = read_header(["Cust Name", "Mobile No", "Due Amt", "unused"], column_map)
    assert isinstance(columns, Columns), columns
    assert columns.phone_name == "Mobile No"
    assert [name for _, name in columns.attributes] == ["CUSTOMERNAME", "due_amount"]


def test_example_list_is_imported_but_for_its_bad_row():
    """Two contacts and one rejected row, as the text says."""
    block = re.search(r"^```csv\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block is not None
    rows = [Row(line, cells) for line, cells in records(block[1].splitlines(keepends=True), ",")]
    columns = read_header(rows[0].cells)
    assert isinstance(columns, Columns), columns
    contacts, rejected = read_rows(rows[1:], columns, "IN")
    assert [type(contact) for contact in contacts] == [Contact, Contact]
    assert [one.line for one in rejected] == [4]


# ------------------------------------------------------------------ the rest


def test_links_lead_somewhere():
    """Files are there, and headings for the links within the page."""
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", README):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        else:
            assert (ROOT / link).exists(), link


def test_make_targets_exist():
    """Every make command that is named can be given."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z]+)", "\n".join(code()), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_files_of_freeswitch_conf_are_named_as_they_are():
    """A piece to copy is there under the name that the installation steps use."""
    present = {path.name for folder in ("freeswitch_conf", "dialplan") for path in (ROOT / folder).rglob("*.xml*")}
    named = set(re.findall(r"[\w-]+\.(?:conf\.)?xml(?:\.example)?\b", README)) - {"north.xml"}
    assert named <= present, named - present


def test_picture_is_small_and_needs_nothing_from_elsewhere():
    """The front page shows at once, also where no other host can be reached."""
    picture = ROOT / ".github/images/demo.svg"
    text = picture.read_text(encoding="utf-8")
    assert picture.stat().st_size < 200_000
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


def test_limits_on_headers_are_those_of_the_code():
    """Counts and lengths that a bot's author relies on."""
    said = " ".join(README.split())
    assert f"cut at {escaping.MAX_VALUE_BYTES} bytes" in said
    assert f"at most {escaping.MAX_HEADER_NAME} characters" in said
    assert f"At most {originate.MAX_HEADERS} headers" in said
