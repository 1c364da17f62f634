"""The virtual switch's dialplan is Trunkline's own."""

from __future__ import annotations

import re
from pathlib import Path

from esl_handlers.virtual_switch.agents import AGENT_EXTENSIONS
from esl_handlers.virtual_switch.dialplan import EXTENSIONS
from esl_handlers.virtual_switch.journal import FIELDS, MARK

DIALPLAN = Path(__file__).parents[3] / "dialplan" / "trunkline.xml"
JOURNAL = Path(__file__).parents[3] / "freeswitch_conf" / "autoload_configs" / "cdr_csv.conf.xml"


def test_every_extension_of_the_dialplan_is_known() -> None:
    """A call goes the same way here as in FreeSWITCH."""
    assert set(re.findall(r'<extension name="([^"]+)"', DIALPLAN.read_text(encoding="utf-8"))) == set(EXTENSIONS)


def test_every_extension_of_the_agents_dialplan_is_known() -> None:
    """Agents' lines, too, go the same way here as in FreeSWITCH."""
    text = DIALPLAN.with_name("trunkline-agents.xml").read_text(encoding="utf-8")
    assert set(re.findall(r'<extension name="([^"]+)"', text)) == set(AGENT_EXTENSIONS)


def test_the_same_variables_steer_it() -> None:
    """A variable that the dialplan reads is read here too, and no other."""
    here = Path(__file__).parents[3] / "esl_handlers" / "virtual_switch" / "dialplan.py"
    pattern = r"\btrunkline_(?:target|connect_seconds|verdict_seconds|park_seconds|message|abandoned|opt_out_key|sorry)\b"
    text = re.sub(r"<!--.*?-->", "", DIALPLAN.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"\$\{(trunkline_\w+)\}", text)) <= set(re.findall(pattern, here.read_text(encoding="utf-8")))


def test_journal_lines_follow_the_template() -> None:
    """The fields of a line are those of mod_cdr_csv's template, in its order."""
    template = re.search(r'<template name="trunkline">([^<]+)<', JOURNAL.read_text(encoding="utf-8"))
    assert template is not None
    assert template[1] == ",".join([MARK, *(f"${{{field}}}" for field in FIELDS)])
