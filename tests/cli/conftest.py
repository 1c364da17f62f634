"""A shell to give commands in: an installation of its own for each test, SQLite in a fresh folder and an empty Redis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from controller.cli import build
from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.lead_preparation import LeadPreparation
from controller.storage.runs import SqlRunStore

SITE = """
[[carrier]]
name = "north"
gateway = "north"
calls_per_second = 10
channels = 100

[[carrier]]
name = "spare"
gateway = "spare"
calls_per_second = 1
channels = 5

[[number]]
number = "+911140001000"
carrier = "north"

[[number]]
number = "+911140001001"
carrier = "north"
direction = "both"

[[bot]]
name = "collections"
uri = "sip:collections@127.0.0.1:5070"
capacity = 60
tested = true

[[disposition]]
name = "PROMISED"
positive = true
"""

JUNE = """
name = "june"
lists = ["june"]
dispositions = ["PROMISED"]
[connect]
bot = "collections"
[numbers]
pool = ["+911140001000", "+911140001001"]
[pacing]
seats = 40
[window]
timezone = "Asia/Kolkata"
[[window.open]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
"""

CONTACTS = "phone_number,NAME\n+919812345601,Asha\n+919812345602,Ravi\n+919812345603,Neha\n"


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Commands given in ``folder``."""

    folder: Path
    database: Database

    def give(self, *words: str) -> Answer:
        result = CliRunner().invoke(build(), list(words), prog_name="trunkline")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def ask(self, *words: str) -> Any:
        """The JSON result of a command that must succeed."""
        answer = self.give(*words, "--json")
        assert answer.code == 0, answer.err
        return answer.value

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def ready(self) -> None:
        """The site, the contacts and a campaign ``june`` that may start."""
        self.ask("list", "import", "june", self.file("june.csv", CONTACTS), "--region", "IN")
        self.ask("apply", self.file("site.toml", SITE), self.file("june.toml", JUNE))

    def prepare(self, name: str = "june") -> int:
        """What the worker does after a start: make the leads, let the run be dialled. The run's id."""
        runs = SqlRunStore(self.database)
        run = runs.by_number(CampaignStore(self.database).get(name).id)
        assert run is not None
        for index, list_id in enumerate(run.plan.list_ids):
            LeadPreparation(self.database).materialise(run.id, index, list_id, run.plan.order, run.plan.dnc_list_ids)
        assert runs.set_state(run.id, (RunState.PREPARING,), RunState.ACTIVE, 1.0, campaign=CampaignState.ACTIVE)
        return run.id


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("TRUNKLINE_REDIS__URL", redis_url)
    monkeypatch.setenv("TRUNKLINE_NODE", "n1")
    database = Database(f"sqlite:///{tmp_path / 'var' / 'trunkline.db'}")
    database.upgrade()
    return Shell(tmp_path, database)
