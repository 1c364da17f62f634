"""The compose file, its dashboard and its alerts fit together and fit the program. Needs no container engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.config import Settings
from controller.domain.calls.outcome import Outcome
from controller.metrics import SERIES

DOCKER = Path(__file__).parents[2] / "docker"
KINDS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
EXPOSED = {series.name + ending: series for series in SERIES for ending in KINDS[series.kind]}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8")))


def expressions() -> dict[str, str]:
    """Every PromQL expression, by where it stands."""
    board = json.loads((DOCKER / "grafana/dashboards/trunkline.json").read_text(encoding="utf-8"))
    found = {f"{panel['title']} {target['refId']}": target["expr"] for panel in board["panels"] for target in panel["targets"]}
    for variable in board["templating"]["list"]:
        found[f"variable {variable['name']}"] = variable["definition"]
    rules = yaml.safe_load((DOCKER / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    return found | {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def test_every_service_of_the_system_is_there(compose: dict[str, Any]) -> None:
    """One machine needs no other file: switch, stores, our processes, and eyes on them."""
    assert set(compose["services"]) == {
        "freeswitch", "redis", "postgres", "controller", "worker", "trunkline", "prometheus", "grafana",
    }  # fmt: skip


def test_mounted_files_exist(compose: dict[str, Any]) -> None:
    """A bind mount of a missing file would make a directory in its place."""
    for service in compose["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
            else:
                assert source in compose["volumes"]


def test_build_copies_only_what_is_there() -> None:
    """The image is built from files of the repository that the ignore file lets through."""
    let_through = {
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied: set[str] = set()
    for line in (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY"):
            copied.update(line.split()[1:-1])
    assert copied == let_through
    assert all((DOCKER.parent / name).exists() for name in copied)


def test_settings_given_to_our_processes_exist(compose: dict[str, Any]) -> None:
    """A mistyped variable would be refused at start."""
    for variable in compose["x-trunkline"]["environment"]:
        section, _, key = variable.removeprefix("TRUNKLINE_").lower().partition("__")
        assert section in Settings.model_fields, variable
        if key:
            fields = getattr(Settings.model_fields[section].annotation, "model_fields", {})
            assert key in fields, variable


def test_what_must_be_set_is_in_the_example(compose: dict[str, Any]) -> None:
    """Whoever copies env.example sees every value that has no default."""
    text = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    example = set(re.findall(r"^(\w+)=", (DOCKER / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= example


@pytest.mark.parametrize(("place", "expression"), expressions().items())
def test_expressions_name_series_labels_and_outcomes_that_exist(place: str, expression: str) -> None:
    """A dashboard that shows nothing, or an alert that never fires, is worse than none."""
    for name, selector in re.findall(r"(trunkline_\w+)(?:\{([^}]*)\})?", expression):
        assert name in EXPOSED, f"{place}: {name}"
        labels = {*EXPOSED[name].labels, "le", "instance"}
        for label, _, value in re.findall(r'(\w+)(=~|=|!=|!~)"([^"]*)"', selector or ""):
            assert label in labels, f"{place}: {name} has no label {label}"
            if label == "outcome":
                assert set(value.split("|")) <= {outcome.value for outcome in Outcome}, place
            if label == "le":
                assert float(value) in EXPOSED[name].buckets, f"{place}: {name} has no bucket {value}"
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        known = {label for name in re.findall(r"trunkline_\w+", expression) for label in EXPOSED[name].labels}
        assert {label.strip() for label in grouping.split(",")} <= known | {"le", "instance"}, place


def test_every_series_is_shown_or_watched() -> None:
    """What is counted can be seen."""
    shown = {name for expression in expressions().values() for name in re.findall(r"trunkline_\w+", expression)}
    shown = {EXPOSED[name].name for name in shown}
    assert {series.name for series in SERIES} - shown == set()


def test_alerts_say_what_to_do() -> None:
    """Each wakes somebody with a sentence about the trouble and one about the mend."""
    rules = yaml.safe_load((DOCKER / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"], rule["alert"]
            assert rule["annotations"]["description"].endswith("."), rule["alert"]
            assert rule["labels"]["severity"] in ("page", "warn")


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """start.sh on the repository's files and one gateway; a program that only shows its arguments stands for FreeSWITCH."""
    source = folder / "source"
    (source / "gateways").mkdir(parents=True)
    (source / "gateways" / "north.xml").write_text("<include/>", encoding="utf-8")
    for name in ("freeswitch_conf", "dialplan"):
        (source / name).symlink_to(DOCKER.parent / name)
    given = {"ESL_PORT": "8021", "ESL_PASSWORD": "s3cret", "SIP_IP": "192.0.2.5", "SIP_PORT": "5060", "FREESWITCH": "echo"}
    given |= {"SOURCE": str(source), "PLACE": str(folder / "run"), "LOGS": str(folder / "logs")}
    return subprocess.run(
        ["/bin/sh", DOCKER / "freeswitch/start.sh"],
        env={**os.environ, **given, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_start_script_puts_the_site_into_the_configuration(tmp_path: Path) -> None:
    """FreeSWITCH is started on our configuration with the site's addresses, dialplan and gateways in it."""
    done = start(tmp_path)
    assert done.returncode == 0, done.stderr
    conf = tmp_path / "run" / "conf"
    assert f"-conf {conf} " in done.stdout
    text = (conf / "vars.xml").read_text(encoding="utf-8")
    for value in ("esl_password=s3cret", "sip_ip=192.0.2.5", "external_ip=192.0.2.5", "sip_port=5060"):
        assert f'"trunkline_{value}"' in text
    assert (conf / "dialplan" / "trunkline.xml").exists()
    assert (conf / "sip_profiles" / "trunkline" / "north.xml").exists()


def test_start_script_refuses_a_value_that_would_break_the_file(tmp_path: Path) -> None:
    """A password with a quote in it would end the attribute it stands in."""
    done = start(tmp_path, ESL_PASSWORD='a" b')
    assert done.returncode == 1
    assert "trunkline_esl_password" in done.stderr
