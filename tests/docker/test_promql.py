"""Dashboard and alerts before a real Prometheus: whatever is shipped is read, and an alert comes when it should."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from controller.domain.pacing.formula_value import Fault
from controller.formulas.prometheus import Prometheus
from tests.docker.test_docker import DOCKER, expressions
from tests.servers import PrometheusServer

DASHBOARD_WORDS = {"$campaign": ".*", "$__rate_interval": "1m"}

CASES: dict[str, Any] = {
    "rule_files": [str(DOCKER / "prometheus/alerts.yml")],
    "evaluation_interval": "15s",
    "tests": [
        {
            "interval": "15s",
            "input_series": [
                {"series": 'trunkline_formula_safe{campaign="june",formula="calls_to_start"}', "values": "0x8 1x40"},
                {"series": 'trunkline_formula_safe{campaign="july",formula="calls_to_start"}', "values": "0x48"},
                {"series": 'trunkline_abandoned_share{campaign="june",window="run"}', "values": "0.01x8 0.029x40"},
                {"series": 'trunkline_abandoned_share{campaign="june",window="24_hours"}', "values": "0.028x48"},
                {"series": 'trunkline_abandoned_limit{campaign="june",window="run"}', "values": "0.03x48"},
                {"series": 'trunkline_abandoned_limit{campaign="june",window="24_hours"}', "values": "0.03x48"},
            ],
            "alert_rule_test": [
                {"eval_time": "2m", "alertname": "FormulaFails", "exp_alerts": []},
                {
                    "eval_time": "5m",
                    "alertname": "FormulaFails",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warn", "campaign": "june", "formula": "calls_to_start"},
                            "exp_annotations": {
                                "summary": "june is paced by the safe value of calls_to_start",
                                "description": (
                                    "The formula is stale, failing or absurd: `trunkline campaign formula june` says why."
                                ),
                            },
                        }
                    ],
                },
                {"eval_time": "2m", "alertname": "DropLimitNear", "exp_alerts": []},
                {
                    "eval_time": "5m",
                    "alertname": "DropLimitNear",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warn", "campaign": "june", "window": "run"},
                            "exp_annotations": {
                                "summary": ("june has abandoned nearly as many people in its window run as its rule allows"),
                                "description": (
                                    "At the limit pacing falls to one call an agent. More agents or a lower ratio help; "
                                    "waiting does, too."
                                ),
                            },
                        }
                    ],
                },
            ],
        }
    ],
}
"""promtool's own form (JSON is YAML): series in quarter minutes, and which alerts stand when."""


def test_every_expression_is_promql(prometheus_server: PrometheusServer):
    """Each panel, variable and alert is a query that Prometheus takes, whatever it finds."""
    source = Prometheus(prometheus_server.url, 10.0, time.time)
    for place, expression in expressions().items():
        if expression.startswith("label_values("):
            continue
        for word, value in DASHBOARD_WORDS.items():
            expression = expression.replace(word, value)
        reading = source.evaluate(expression)
        assert reading.fault is not Fault.REFUSED, f"{place}: {reading.detail}"


@pytest.mark.usefixtures("prometheus_server")  # promtool comes with the server
def test_alerts_come_and_stay_away(tmp_path: Path):
    """A failing formula and a drop limit that is near raise their alerts after a minute; those that are well do not."""
    file = tmp_path / "cases.yml"
    file.write_text(json.dumps(CASES), encoding="utf-8")
    promtool = shutil.which("promtool")
    assert promtool is not None
    asked = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 0, asked.stdout + asked.stderr
