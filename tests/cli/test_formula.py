"""`trunkline campaign formula`: what a formula says before anybody is dialled by it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import JUNE, Shell
from tests.servers import PrometheusServer


def paced(shell: Shell, formula: str) -> None:
    shell.ready()
    shell.ask("apply", shell.file("june.toml", JUNE.replace("seats = 40", f"seats = 40\n[pacing.formula]\n{formula}")))


def test_preview_shows_what_prometheus_says(shell: Shell, monkeypatch: pytest.MonkeyPatch, prometheus_server: PrometheusServer):
    """The owner sees the present value of a query before the campaign starts."""
    monkeypatch.setenv("TRUNKLINE_FORMULA__PROMETHEUS_URL", prometheus_server.url)
    paced(shell, 'calls_to_start = "ceil(vector(7) / 2)"')
    found = shell.ask("campaign", "formula", "june")
    assert found["calls_for"] == "pulse"
    row = found["formulas"][0]
    assert (row["formula"], row["says"], row["in_use"], row["fault"]) == ("calls_to_start", 4.0, 4.0, None)
    assert shell.ask("campaign", "preflight", "june")["passed"]


@pytest.mark.parametrize(
    ("query", "fault", "words"),
    [("sum(", "refused", "parse error"), ("41", "out_of_range", "above 40"), ("nothing", "no_series", "no series")],
)
def test_preview_says_why_a_value_would_not_be_used(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, prometheus_server: PrometheusServer, query: str, fault: str, words: str
):
    """A formula that cannot be used is told with its reason and with the safe value that stands in."""
    monkeypatch.setenv("TRUNKLINE_FORMULA__PROMETHEUS_URL", prometheus_server.url)
    paced(
        shell,
        f'calls_to_start = "{query} + 0"\nsafe_calls = 2'
        if fault == "out_of_range"
        else f'calls_to_start = "{query}"\nsafe_calls = 2',
    )
    answer = shell.give("campaign", "formula", "june")
    assert answer.code == 0, answer.err
    assert "2 (safe value)" in answer.out
    assert fault.replace("_", " ") in answer.out
    assert words in answer.out


def test_without_a_prometheus_a_query_keeps_the_campaign_from_starting(shell: Shell):
    """Preview and pre-flight both say which setting is missing."""
    paced(shell, 'calls_to_start = "sum(up)"')
    assert "formula.prometheus_url" in shell.ask("campaign", "formula", "june")["formulas"][0]["detail"]
    answer = shell.give("campaign", "start", "june")
    assert answer.code == 1
    assert "formula.prometheus_url" in answer.err


def test_campaign_without_a_formula_has_none_to_show(shell: Shell):
    """The command says what to write, not an empty table."""
    shell.ready()
    answer = shell.give("campaign", "formula", "june")
    assert answer.code == 1
    assert "[pacing.formula]" in answer.err
