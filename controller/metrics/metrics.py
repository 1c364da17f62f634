"""When something is counted: the rooms call :class:`Metrics` in the trade's words.

Everything is written by the loop's thread except ``trunkline_loop_stall_seconds``, which is the watchdog's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from controller.metrics.numbers import Histogram, Launches, Numbers
from controller.metrics.series import (
    ABANDONED_LIMIT,
    ABANDONED_SHARE,
    AGENT_RESERVATIONS,
    AGENT_SEIZURES,
    AGENT_WAIT,
    AGENTS,
    AMD_CONTRADICTED,
    AMD_SECONDS,
    AMD_TAP_FAILURES,
    AMD_TAPS,
    AMD_VERDICTS,
    BRIDGE_SECONDS,
    CALLS_ENDED,
    CALLS_PLACED,
    CARRIER_PEAK,
    COMMANDS,
    EVENT_LAG,
    EVENTS,
    FORMULA_FAULTS,
    FORMULA_SAFE,
    FORMULA_VALUE,
    HOPPER_DEPTH,
    IMPORT_ROWS,
    LAUNCHED_LATE,
    LEADS,
    LINK_UP,
    LIVE_CALLS,
    LOG_LINES_DROPPED,
    LOOP_STALL,
    NOT_LAUNCHED,
    RING_SECONDS,
    SEATS_IN_USE,
    SEATS_LIMIT,
    SERIES,
    WRITE_AHEAD,
    WRITE_AHEAD_ROWS,
    Labels,
    Series,
)


class Metrics:
    """The counts of one controller; fulfils ``engine.watch.Watch``. A method costs about a microsecond."""

    def __init__(self) -> None:
        self._numbers = {series.name: Numbers() for series in SERIES if series.kind != "histogram"}
        self._histograms = {series.name: Histogram(series.buckets) for series in SERIES if series.kind == "histogram"}
        self._launches: dict[str, Launches] = {}
        self._placed = self._numbers[CALLS_PLACED.name]
        self._ended = self._numbers[CALLS_ENDED.name]
        self._events = self._numbers[EVENTS.name]
        self._lag = self._histograms[EVENT_LAG.name]

    def call_placed(self, campaign: str, carrier: str) -> None:
        """A call went to the switch just now."""
        self._placed.add((campaign, carrier))
        launches = self._launches.get(carrier)
        if launches is None:
            launches = self._launches[carrier] = Launches()
        launches.add(time.monotonic())

    def call_ended(self, campaign: str, carrier: str, outcome: str) -> None:
        self._ended.add((campaign, carrier, outcome))

    def not_launched(self, campaign: str, limit: str) -> None:
        self._numbers[NOT_LAUNCHED.name].add((campaign, limit))

    def launched_late(self, carrier: str) -> None:
        self._numbers[LAUNCHED_LATE.name].add((carrier,))

    def live_calls(self, count: int) -> None:
        self._numbers[LIVE_CALLS.name][()] = count

    def seats(self, campaign: str, taken: int, limit: int) -> None:
        self._numbers[SEATS_IN_USE.name][(campaign,)] = taken
        self._numbers[SEATS_LIMIT.name][(campaign,)] = limit

    def rang(self, campaign: str, seconds: float) -> None:
        self._histograms[RING_SECONDS.name].observe((campaign,), seconds)

    def connected(self, campaign: str, seconds: float) -> None:
        self._histograms[BRIDGE_SECONDS.name].observe((campaign,), seconds)

    def hopper(self, campaign: str, leads: int) -> None:
        self._numbers[HOPPER_DEPTH.name][(campaign,)] = leads

    def wrote_ahead(self, attempts: int, seconds: float) -> None:
        self._histograms[WRITE_AHEAD_ROWS.name].observe((), attempts)
        self._histograms[WRITE_AHEAD.name].observe((), seconds)

    def abandoned(self, campaign: str, window: str, share: float, limit: float) -> None:
        self._numbers[ABANDONED_SHARE.name][campaign, window] = share
        self._numbers[ABANDONED_LIMIT.name][campaign, window] = limit

    def formula(self, campaign: str, formula: str, value: float, safe: bool) -> None:
        self._numbers[FORMULA_VALUE.name][campaign, formula] = value
        self._numbers[FORMULA_SAFE.name][campaign, formula] = float(safe)

    def formula_fault(self, campaign: str, formula: str, fault: str) -> None:
        self._numbers[FORMULA_FAULTS.name].add((campaign, formula, fault))

    def agent_seizure(self, campaign: str, outcome: str) -> None:
        self._numbers[AGENT_SEIZURES.name].add((campaign, outcome))

    def reservation_ended(self, queue: str, end: str) -> None:
        self._numbers[AGENT_RESERVATIONS.name].add((queue, end))

    def waited_for_agent(self, queue: str, seconds: float) -> None:
        self._histograms[AGENT_WAIT.name].observe((queue,), seconds)

    def agents(self, counts: Mapping[tuple[str, str], int]) -> None:
        """All of this node's; queues that nobody is logged in to any more go to zero."""
        numbers = self._numbers[AGENTS.name]
        numbers.update({labels: 0.0 for labels in numbers if labels not in counts})
        numbers.update({labels: float(count) for labels, count in counts.items()})

    def event_handled(self, kind: str, lag_seconds: float) -> None:
        self._events.add((kind,))
        self._lag.observe((), lag_seconds)

    def loop_stalled(self, seconds: float) -> None:
        """The watchdog's thread only."""
        self._histograms[LOOP_STALL.name].observe((), seconds)

    def command(self, stage: str) -> None:
        """stage: not_sent, unconfirmed, accepted, refused."""
        self._numbers[COMMANDS.name].add((stage,))

    def link_up(self, link: str, up: bool) -> None:
        self._numbers[LINK_UP.name][(link,)] = float(up)

    def verdict(self, campaign: str, kind: str, seconds: float) -> None:
        self._numbers[AMD_VERDICTS.name].add((campaign, kind))
        self._histograms[AMD_SECONDS.name].observe((campaign, kind), seconds)

    def verdict_contradicted(self, campaign: str, verdict: str, evidence: str) -> None:
        self._numbers[AMD_CONTRADICTED.name].add((campaign, verdict, evidence))

    def taps_open(self, count: int) -> None:
        self._numbers[AMD_TAPS.name][()] = count

    def tap_failed(self, tap: str) -> None:
        """tap: recording, unicast."""
        self._numbers[AMD_TAP_FAILURES.name].add((tap,))

    def leads(self, campaign: str, state: str, leads: int) -> None:
        self._numbers[LEADS.name][(campaign, state)] = leads

    def import_rows(self, accepted: int, rejected: int) -> None:
        """Totals of all imports that the database remembers; imports run in processes of their own."""
        self._numbers[IMPORT_ROWS.name].update({("accepted",): accepted, ("rejected",): rejected})

    def log_lines_dropped(self, lines: int) -> None:
        """Total since the process began."""
        self._numbers[LOG_LINES_DROPPED.name][()] = lines

    def forget(self, campaign: str) -> None:
        """The campaign's run is over: what it shows of the present moment goes, what it has counted stays."""
        for series in SERIES:
            if series.kind == "gauge" and series.labels[:1] == ("campaign",):
                numbers = self._numbers[series.name]
                for labels in [labels for labels in numbers if labels[0] == campaign]:
                    del numbers[labels]

    def collect(self) -> Iterator[Metric]:
        """What the client library's exposition asks of a collector; safe from any thread."""
        for series in SERIES:
            if series.kind == "histogram":
                family = HistogramMetricFamily(series.name, series.meaning, labels=series.labels)
                for labels, buckets, total in self._histograms[series.name].rows():
                    family.add_metric(labels, buckets, total)
                yield family
            else:
                make = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
                numbers = make(series.name, series.meaning, labels=series.labels)
                for labels, number in self._read(series).items():
                    numbers.add_metric(labels, number)
                yield numbers

    def exposition(self) -> bytes:
        """The text that a scrape gets. Milliseconds of work: never on the loop."""
        return generate_latest(self)

    def _read(self, series: Series) -> dict[Labels, float]:
        if series is CARRIER_PEAK:
            now = time.monotonic()
            return {(carrier,): launches.peak(now) for carrier, launches in self._launches.copy().items()}
        return self._numbers[series.name].copy()
