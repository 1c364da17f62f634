"""`trunkline campaign simulate`: a forecast from what is stored, dialling nobody."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Shell


def test_forecast_of_a_stored_campaign(shell: Shell, tmp_path: Path):
    """The campaign's own lists and carriers, agents and mode as asked; the picture is written."""
    shell.ready()
    drawn = tmp_path / "june.svg"
    found = shell.ask(
        "campaign", "simulate", "june", "--mode", "predictive", "--agents", "12", "--answer-rate", "0.3", "--talk", "60",
        "--contacts", "2000", "--hours", "1", "--picture", str(drawn),
    )  # fmt: skip
    assert (found["mode"], found["agents"], found["contacts"]) == ("predictive", 12, 2000)
    assert found["assumed"]["answer_rate"] == 0.3
    assert found["assumed"]["talk"]["mean"] == 60.0
    assert found["rates_from"] == "assumed"
    assert found["connected"] > 0
    assert drawn.read_text(encoding="utf-8").startswith("<svg")


def test_a_campaign_is_simulated_as_it_is(shell: Shell):
    """Without options: its own mode and the contacts on its lists."""
    shell.ready()
    found = shell.ask("campaign", "simulate", "june")
    assert (found["mode"], found["agents"], found["finished"]) == ("agentless", 0, True)
    assert found["contacts"] == sum(one["contacts"] for one in shell.ask("list", "ls")["lists"])


def test_what_cannot_be_simulated_is_refused_with_the_way_out(shell: Shell):
    """Predictive without agents names the option that is missing."""
    shell.ready()
    answer = shell.give("campaign", "simulate", "june", "--mode", "predictive")
    assert answer.code != 0
    assert "--agents" in answer.err


def test_a_picture_that_cannot_be_written_is_told(shell: Shell, tmp_path: Path):
    """One line with the file and the option, no traceback."""
    shell.ready()
    answer = shell.give("campaign", "simulate", "june", "--picture", str(tmp_path / "nowhere" / "june.svg"))
    assert answer.code != 0
    assert "--picture" in answer.err
    assert "Traceback" not in answer.err


def test_a_start_is_a_moment_in_the_campaigns_zone(shell: Shell):
    """The forecast begins when it is told to."""
    shell.ready()
    found = shell.ask("campaign", "simulate", "june", "--start", "2026-11-24T12:30")
    assert found["start"].startswith("2026-11-24T12:30")
