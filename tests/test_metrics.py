"""What is counted of a running campaign, and that a scrape never costs a call its time."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.engine.watch import Watch
from controller.errors import Refused
from controller.metrics import SERIES, Metrics, MetricsEndpoint


def scraped(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Sample name and labels → value, as Prometheus reads the text."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return scraped(metrics)[(name, frozenset(labels.items()))]


def test_a_call_is_counted_by_campaign_carrier_and_outcome():
    """Two calls placed, one answered and one busy: three series say so."""
    metrics = Metrics()
    for outcome in ("answered", "busy"):
        metrics.call_placed("spring", "acme")
        metrics.call_ended("spring", "acme", outcome)
    assert value(metrics, "trunkline_calls_placed_total", campaign="spring", carrier="acme") == 2
    assert value(metrics, "trunkline_calls_ended_total", campaign="spring", carrier="acme", outcome="busy") == 1


def test_times_fall_into_buckets_that_add_up():
    """Half the bridges within 50 ms, one beyond the law's two seconds: buckets are cumulative, sum and count agree."""
    metrics = Metrics()
    for seconds in (0.05, 0.03, 0.2, 7.0):
        metrics.connected("spring", seconds)
    name = "trunkline_answer_to_bridge_seconds"
    assert value(metrics, f"{name}_bucket", campaign="spring", le="0.05") == 2
    assert value(metrics, f"{name}_bucket", campaign="spring", le="5.0") == 3
    assert value(metrics, f"{name}_bucket", campaign="spring", le="+Inf") == 4
    assert value(metrics, f"{name}_count", campaign="spring") == 4
    assert value(metrics, f"{name}_sum", campaign="spring") == pytest.approx(7.28)


def test_the_peak_is_of_any_one_second_window(monkeypatch):
    """Launches at 0.9 s and 1.1 s share a window although the clock's second changed in between; at 2.2 s they do not."""
    moments = iter([100.9, 101.1, 102.2])
    monkeypatch.setattr("controller.metrics.metrics.time.monotonic", lambda: next(moments, 103.0))
    metrics = Metrics()
    for _ in range(3):
        metrics.call_placed("spring", "acme")
    assert value(metrics, "trunkline_carrier_peak_calls_per_second", carrier="acme") == 2


def test_an_old_peak_is_forgotten(monkeypatch):
    """The peak speaks of the last fifteen seconds."""
    now = [100.0]
    monkeypatch.setattr("controller.metrics.metrics.time.monotonic", lambda: now[0])
    metrics = Metrics()
    metrics.call_placed("spring", "acme")
    now[0] = 120.0
    assert value(metrics, "trunkline_carrier_peak_calls_per_second", carrier="acme") == 0


def test_a_finished_campaign_leaves_its_counts_and_not_its_gauges():
    """After the run nothing claims that seats are taken; what was dialled stays counted."""
    metrics = Metrics()
    metrics.call_placed("spring", "acme")
    metrics.seats("spring", 3, 50)
    metrics.leads("spring", "waiting", 9)
    metrics.seats("autumn", 1, 10)
    metrics.forget("spring")
    names = {(name, labels) for name, labels in scraped(metrics) if ("campaign", "spring") in labels}
    assert {name for name, _ in names} == {"trunkline_calls_placed_total"}
    assert value(metrics, "trunkline_seats_in_use", campaign="autumn") == 1


def test_every_series_is_written_by_some_method_and_scraped():
    """No series of the table is a promise only."""
    metrics = Metrics()
    watch: Watch = metrics
    watch.call_placed("c", "k")
    watch.call_ended("c", "k", "busy")
    watch.rang("c", 3.0)
    watch.connected("c", 0.02)
    watch.verdict_contradicted("c", "machine", "key")
    watch.live_calls(4)
    watch.seats("c", 1, 2)
    watch.hopper("c", 20)
    watch.launched_late("k")
    watch.not_launched("c", "seats")
    watch.wrote_ahead(12, 0.004)
    watch.abandoned("c", "run", 0.01, 0.03)
    watch.formula("c", "calls_to_start", 2.5, safe=False)
    watch.formula_fault("c", "calls_to_start", "stale")
    watch.agent_seizure("c", "reserved")
    watch.reservation_ended("q", "talk")
    watch.waited_for_agent("q", 0.4)
    watch.agents({("q", "ready"): 3})
    metrics.event_handled("answer", 0.003)
    metrics.loop_stalled(0.3)
    metrics.command("accepted")
    metrics.verdict("c", "person", 1.2)
    metrics.taps_open(3)
    metrics.tap_failed("recording")
    metrics.link_up("events", True)
    metrics.leads("c", "fresh", 10)
    metrics.import_rows(100, 3)
    metrics.log_lines_dropped(1)
    names = {name for name, _ in scraped(metrics)}
    ending = {"counter": "_total", "gauge": "", "histogram": "_count"}
    assert {series.name + ending[series.kind] for series in SERIES} <= names


def test_a_queue_whose_agents_went_home_shows_none():
    """The gauge follows the floor; a queue is not left at what it was when the last agent logged out."""
    metrics = Metrics()
    metrics.agents({("sales", "ready"): 2})
    metrics.agents({("service", "ready"): 1})
    assert value(metrics, "trunkline_agents", queue="sales", state="ready") == 0
    assert value(metrics, "trunkline_agents", queue="service", state="ready") == 1


def test_series_are_named_once_and_say_what_they_mean():
    """The table is what README and the dashboard are made from."""
    assert len({series.name for series in SERIES}) == len(SERIES)
    assert all(series.name.startswith("trunkline_") and series.meaning.endswith(".") for series in SERIES)
    assert all(list(series.buckets) == sorted(series.buckets) for series in SERIES)


def test_the_endpoint_serves_the_text_and_nothing_else():
    """``/metrics`` is scraped; other paths are not found; a taken port is told at once."""
    metrics = Metrics()
    metrics.call_placed("spring", "acme")
    endpoint = MetricsEndpoint(metrics.exposition, "127.0.0.1", 0)
    host, port = endpoint.start()
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=30) as answer:
            assert b'trunkline_calls_placed_total{campaign="spring",carrier="acme"} 1.0' in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{host}:{port}/", timeout=30)
        with pytest.raises(Refused, match=rf"metrics\.port: cannot listen on {host}:{port}: .*in use; choose another"):
            MetricsEndpoint(metrics.exposition, host, port).start()
    finally:
        endpoint.stop()


CONTROLLER = """
from gevent import monkey; monkey.patch_all()
import gevent, sys
from controller.metrics import Metrics, MetricsEndpoint

metrics = Metrics()
print(MetricsEndpoint(metrics.exposition, "127.0.0.1", 0).start()[1], flush=True)

def loop():
    while True:
        metrics.call_placed("spring", "acme")
        gevent.sleep(0.001)

gevent.spawn(loop)
gevent.sleep(0.2)
if sys.argv[1] == "stall":
    print("stalled", flush=True)
    monkey.get_original("time", "sleep")(60)  # the whole loop stands still, as in a blocking call
print("turning", flush=True)
gevent.sleep(60)
"""


@pytest.mark.parametrize("state", ["turning", "stalled"])
def test_a_scrape_does_not_need_the_loop(state):
    """The patched controller answers scrapes while its loop turns, and just as well while its loop stands still."""
    argument = "stall" if state == "stalled" else "turn"
    with subprocess.Popen([sys.executable, "-c", CONTROLLER, argument], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            assert process.stdout.readline().strip() == state
            for _ in range(3):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    assert answer.status == 200
                    assert b"trunkline_calls_placed_total" in answer.read()
        finally:
            process.kill()


def test_counting_while_it_is_scraped_loses_nothing():
    """A scrape from another thread in the middle of counting neither fails nor changes a count."""
    metrics = Metrics()
    endpoint = MetricsEndpoint(metrics.exposition, "127.0.0.1", 0)
    host, port = endpoint.start()
    code = f"import urllib.request\nfor _ in range(20): urllib.request.urlopen('http://{host}:{port}/metrics').read()"
    try:
        with subprocess.Popen([sys.executable, "-c", code]) as scraper:
            placed = 0
            while scraper.poll() is None:
                for _ in range(50):
                    metrics.call_placed(f"campaign-{min(placed, 500)}", "acme")
                    placed += 1
            assert scraper.returncode == 0
    finally:
        endpoint.stop()
    total = sum(count for (name, _), count in scraped(metrics).items() if name == "trunkline_calls_placed_total")
    assert total == placed
