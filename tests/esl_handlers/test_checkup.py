"""What ``trunkline check`` sees in a FreeSWITCH, told by a switch that answers from a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.domain.finding import Finding, Level
from controller.domain.site import Carrier
from esl_handlers.checkup import MODULES, check_clock, check_switch

REPOSITORY = Path(__file__).parents[2]
NORTH = Carrier(name="north", gateway="north-gw", calls_per_second=100, channels=500)
HEAR_FOR = 30.0


def healthy(log_dir: Path) -> dict[str, str]:
    """Answers of a FreeSWITCH that runs our configuration."""
    conf = REPOSITORY / "freeswitch_conf/autoload_configs"
    (log_dir / "cdr-csv").mkdir()
    read = {
        name: (conf / f"{name}.conf.xml").read_text(encoding="utf-8").replace("$${trunkline_journal_dir}", str(log_dir))
        for name in ("cdr_csv", "switch")
    }
    return {
        "version": "FreeSWITCH Version 1.11.1-release~64bit ( 64bit)\n",
        **{f"module_exists {module}": "true" for module in (*MODULES, "mod_cdr_csv")},
        "sofia status": "  trunkline\tprofile\t sip:mod_sofia@127.0.0.1:5080\tRUNNING (0)\n",
        "sofia status gateway north-gw": "Name    \tnorth-gw\nState   \tNOREG\nStatus  \tUP\n",
        "xml_locate dialplan context name trunkline": (REPOSITORY / "dialplan/trunkline.xml").read_text(encoding="utf-8"),
        "xml_locate dialplan context name trunkline-agents": (REPOSITORY / "dialplan/trunkline-agents.xml").read_text(
            encoding="utf-8"
        ),
        "xml_locate configuration configuration name switch.conf": read["switch"].replace(
            "$${trunkline_heartbeat_seconds}", "2"
        ),
        "xml_locate configuration configuration name cdr_csv.conf": read["cdr_csv"],
        "fsctl sps": "+OK sessions per second: 1000\n",
        "fsctl max_sessions": "+OK max sessions: 10000\n",
        "global_getvar log_dir": str(log_dir),
        "strepoch": "0",
    }


def look(answers: Mapping[str, str], journal: str) -> dict[str, Finding]:
    """Findings by subject, the clock's left out."""
    found = check_switch(lambda command: answers.get(command, "-ERR not found"), [NORTH], journal, HEAR_FOR)
    return {finding.subject: finding for finding in found if finding.subject != "FreeSWITCH clock"}


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, str]:
    return healthy(tmp_path)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "cdr-csv" / "Master.csv")


def test_nothing_to_mend_with_our_configuration(answers: dict[str, str], journal: str) -> None:
    """The shipped files, read back from FreeSWITCH, pass every check."""
    found = look(answers, journal)
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert not any(finding.mend for finding in found.values())


@pytest.mark.parametrize(
    ("command", "answer", "subject", "level"),
    [
        ("version", "FreeSWITCH Version 1.8.7 (64bit)", "FreeSWITCH", Level.FAIL),
        ("module_exists mod_dptools", "false", "module", Level.FAIL),
        ("sofia status", "0 profiles 0 aliases", "SIP profile", Level.FAIL),
        ("sofia status", "trunkline profile sip:x DOWN (0)", "SIP profile", Level.FAIL),
        ("sofia status gateway north-gw", "Invalid Gateway!", "carrier north", Level.FAIL),
        ("sofia status gateway north-gw", "State   \tNOREG\nStatus  \tDOWN (ping)", "carrier north", Level.FAIL),
        ("sofia status gateway north-gw", "State   \tFAIL_WAIT\nStatus  \tUP", "carrier north", Level.WARN),
        ("xml_locate dialplan context name trunkline", "can't find anything", "dialplan", Level.FAIL),
        ("xml_locate dialplan context name trunkline", '<extension name="trunkline-bot">', "dialplan", Level.FAIL),
        ("xml_locate dialplan context name trunkline-agents", "can't find anything", "agents' dialplan", Level.WARN),
        ("fsctl sps", "+OK sessions per second: 200", "sessions-per-second", Level.WARN),
        ("fsctl max_sessions", "+OK max sessions: 999", "max-sessions", Level.WARN),
        ("xml_locate configuration configuration name switch.conf", "can't find anything", "heartbeat", Level.WARN),
        ("module_exists mod_cdr_csv", "false", "CDR journal", Level.WARN),
        ("xml_locate configuration configuration name cdr_csv.conf", "can't find anything", "CDR journal", Level.FAIL),
    ],
)
def test_what_is_missing_is_named_with_its_mend(
    answers: dict[str, str], journal: str, command: str, answer: str, subject: str, level: Level
) -> None:
    """Whatever an installation lacks is found, and the finding says in a sentence what to do."""
    found = look({**answers, command: answer}, journal)
    assert found[subject].level is level
    assert found[subject].mend.endswith(".")


def test_silence_between_heartbeats_must_be_bearable(answers: dict[str, str], journal: str) -> None:
    """FreeSWITCH's own twenty seconds are too long for a controller that gives up after thirty."""
    command = "xml_locate configuration configuration name switch.conf"
    slow = answers[command].replace('"event-heartbeat-interval" value="2"', '"event-heartbeat-interval" value="20"')
    assert look({**answers, command: slow}, journal)["heartbeat"].level is Level.WARN


def test_an_installation_with_a_journal_of_its_own(answers: dict[str, str], tmp_path: Path) -> None:
    """Beside another default template our calls' lines go to trunkline.csv, and that is where to read them."""
    command = "xml_locate configuration configuration name cdr_csv.conf"
    own = answers[command].replace('"default-template" value="trunkline"', '"default-template" value="example"')
    only_master = look({**answers, command: own}, "")["CDR journal"]
    assert only_master.level is Level.FAIL
    both = own.replace('"master-file-only" value="true"', '"master-file-only" value="false"')
    place = str(tmp_path / "cdr-csv" / "trunkline.csv")
    assert look({**answers, command: both}, place)["CDR journal"].level is Level.OK
    assert place in look({**answers, command: both}, "/elsewhere.csv")["CDR journal"].mend


@pytest.mark.parametrize(("theirs", "level"), [(1000, Level.OK), (1001, Level.OK), (1010, Level.WARN), (990, Level.WARN)])
def test_clocks_that_differ(theirs: int, level: Level) -> None:
    """FreeSWITCH tells whole seconds, so only a difference of more than that means anything."""
    assert check_clock(lambda _: f"{theirs}\n", lambda: 1000.4).level is level
