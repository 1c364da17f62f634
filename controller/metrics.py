"""Every Prometheus series once: meaning, unit, labels. README's table and the Grafana dashboard are made from :data:`SERIES`.

What is counted lies here; when, the rooms decide, by calling :class:`Metrics` in the trade's words. How it is served:
``metrics_endpoint.py``. Labels are names of ours (campaign, carrier, outcome …), never numbers or ids of calls, so that the
count of series stays small.

Counting takes no lock: the client library's own locks are greenlet locks in the patched controller, and a scrape from
another thread would then make a call's greenlet wait. The rule instead: **one thread writes a series**, the scrape only
reads (copies of dicts and lists, which the interpreter takes in one step). Everything is written by the loop's thread
except ``trunkline_loop_stall_seconds``, which is the watchdog's.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """name: as scraped, without the ``_total``, ``_bucket`` … that the kind adds. buckets: upper bounds, +Inf is added."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    meaning: str
    labels: Labels = ()
    buckets: tuple[float, ...] = ()


RING_BUCKETS = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0, 120.0)
BRIDGE_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # the law's bound is 2 s
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)
STALL_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
AMD_BUCKETS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0)
ROW_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)

CALLS_PLACED = Series("trunkline_calls_placed", "counter", "calls", "Calls handed to the switch.", ("campaign", "carrier"))
CALLS_ENDED = Series(
    "trunkline_calls_ended", "counter", "calls", "Calls over, by how they ended.", ("campaign", "carrier", "outcome")
)
LIVE_CALLS = Series("trunkline_live_calls", "gauge", "calls", "Calls of this controller in progress, ringing included.")
NOT_LAUNCHED = Series(
    "trunkline_calls_not_launched",
    "counter",
    "calls",
    "Calls that were wanted and found no slot, by the limit that bound.",
    ("campaign", "limit"),
)
LAUNCHED_LATE = Series(
    "trunkline_calls_launched_late",
    "counter",
    "calls",
    "Calls that missed their launch time and took another: loop or database were slow.",
    ("carrier",),
)
SEATS_IN_USE = Series("trunkline_seats_in_use", "gauge", "seats", "Seats taken, all controllers.", ("campaign",))
SEATS_LIMIT = Series("trunkline_seats_limit", "gauge", "seats", "Seats the campaign may take.", ("campaign",))
CARRIER_PEAK = Series(
    "trunkline_carrier_peak_calls_per_second",
    "gauge",
    "calls per second",
    "Most launches of this controller in any one-second window of the last 15 seconds.",
    ("carrier",),
)
RING_SECONDS = Series(
    "trunkline_ring_seconds",
    "histogram",
    "seconds",
    "From launch to the answer, or to the end where nobody answered.",
    ("campaign",),
    RING_BUCKETS,
)
BRIDGE_SECONDS = Series(
    "trunkline_answer_to_bridge_seconds",
    "histogram",
    "seconds",
    "From the answer until the person and the bot, IVR or message hear each other.",
    ("campaign",),
    BRIDGE_BUCKETS,
)
EVENT_LAG = Series(
    "trunkline_event_lag_seconds",
    "histogram",
    "seconds",
    "From the moment the switch stamped an event until it was handled.",
    buckets=LAG_BUCKETS,
)
EVENTS = Series("trunkline_events_handled", "counter", "events", "Events from the switch, by kind.", ("kind",))
LOOP_STALL = Series(
    "trunkline_loop_stall_seconds",
    "histogram",
    "seconds",
    "How long the loop stood still; 2 s cost the event link.",
    buckets=STALL_BUCKETS,
)
COMMANDS = Series(
    "trunkline_commands",
    "counter",
    "commands",
    "Commands to the switch by fate: not_sent, unconfirmed, accepted, refused.",
    ("stage",),
)
LINK_UP = Series("trunkline_link_up", "gauge", "0 or 1", "Whether a link to the switch is up.", ("link",))
HOPPER_DEPTH = Series("trunkline_hopper_depth", "gauge", "leads", "Leads in the hopper, about to be dialled.", ("campaign",))
LEADS = Series("trunkline_leads", "gauge", "leads", "Leads of the present run, by state.", ("campaign", "state"))
IMPORT_ROWS = Series("trunkline_import_rows", "counter", "rows", "Rows read by imports: accepted, rejected.", ("verdict",))
WRITE_AHEAD = Series(
    "trunkline_write_ahead_seconds",
    "histogram",
    "seconds",
    "One commit of attempts before their calls leave.",
    buckets=LAG_BUCKETS,
)
WRITE_AHEAD_ROWS = Series(
    "trunkline_write_ahead_rows", "histogram", "rows", "Attempts opened by one commit.", buckets=ROW_BUCKETS
)
ABANDONED_SHARE = Series(
    "trunkline_abandoned_share",
    "gauge",
    "0 to 1",
    "Share of the people who picked up that found nobody, by the campaign's rule.",
    ("campaign", "window"),
)
ABANDONED_LIMIT = Series(
    "trunkline_abandoned_limit", "gauge", "0 to 1", "The hard limit of that share.", ("campaign", "window")
)
FORMULA_VALUE = Series(
    "trunkline_formula_value",
    "gauge",
    "calls or agents",
    "What a pacing formula says, or its safe value.",
    ("campaign", "formula"),
)
FORMULA_SAFE = Series(
    "trunkline_formula_safe", "gauge", "0 or 1", "Whether the safe value stands in for a formula.", ("campaign", "formula")
)
FORMULA_FAULTS = Series(
    "trunkline_formula_faults",
    "counter",
    "evaluations",
    "Evaluations of a formula without a usable value, by fault.",
    ("campaign", "formula", "fault"),
)
AGENT_SEIZURES = Series(
    "trunkline_agent_seizures",
    "counter",
    "requests",
    "Requests for an agent by outcome: reserved, timeout, rona, none.",
    ("campaign", "outcome"),
)
AGENT_RESERVATIONS = Series(
    "trunkline_agent_reservations",
    "counter",
    "reservations",
    "Reservations that ended, by how: talk, returned, rona, timeout.",
    ("queue", "end"),
)
AGENT_WAIT = Series(
    "trunkline_agent_wait_seconds",
    "histogram",
    "seconds",
    "From the moment a person was owed an agent until one was reserved.",
    ("queue",),
    BRIDGE_BUCKETS,
)
AGENTS = Series("trunkline_agents", "gauge", "agents", "Agents logged in at this node, by queue and state.", ("queue", "state"))
AMD_VERDICTS = Series(
    "trunkline_amd_verdicts",
    "counter",
    "calls",
    "First verdicts on who answered: person, machine, unknown, fax, sit. The share of unknown says how well calls are heard.",
    ("campaign", "verdict"),
)
AMD_SECONDS = Series(
    "trunkline_amd_decision_seconds",
    "histogram",
    "seconds",
    "Audio heard from the answer until the first verdict.",
    ("campaign", "verdict"),
    AMD_BUCKETS,
)
AMD_TAPS = Series("trunkline_amd_taps", "gauge", "calls", "Calls that are listened to.")
AMD_TAP_FAILURES = Series(
    "trunkline_amd_tap_failures",
    "counter",
    "calls",
    "Calls whose audio was not to be had this way: recording, unicast.",
    ("tap",),
)
LOG_LINES_DROPPED = Series("trunkline_log_lines_dropped", "counter", "lines", "Log lines lost because nobody read the log.")

SERIES: tuple[Series, ...] = (
    *(CALLS_PLACED, CALLS_ENDED, NOT_LAUNCHED, LAUNCHED_LATE, LIVE_CALLS, SEATS_IN_USE, SEATS_LIMIT, CARRIER_PEAK),
    *(RING_SECONDS, BRIDGE_SECONDS, EVENT_LAG, EVENTS, LOOP_STALL, COMMANDS, LINK_UP, HOPPER_DEPTH),
    *(ABANDONED_SHARE, ABANDONED_LIMIT),
    *(FORMULA_VALUE, FORMULA_SAFE, FORMULA_FAULTS, AGENT_SEIZURES, AGENT_RESERVATIONS, AGENT_WAIT, AGENTS),
    *(AMD_VERDICTS, AMD_SECONDS, AMD_TAPS, AMD_TAP_FAILURES),
    *(LEADS, IMPORT_ROWS, WRITE_AHEAD, WRITE_AHEAD_ROWS, LOG_LINES_DROPPED),
)

PEAK_SECONDS = 15
"""How far back :data:`CARRIER_PEAK` looks: the usual scrape interval, so that no second goes unseen."""


class _Numbers(dict[Labels, float]):
    """Label values → number, of a counter or a gauge."""

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        self[labels] = self.get(labels, 0.0) + amount


class _Histogram:
    """Label values → observations by bucket, the last bucket being +Inf, and their sum after it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._rows: dict[Labels, list[float]] = {}

    def observe(self, labels: Labels, value: float) -> None:
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = [0.0] * (len(self._bounds) + 2)
        row[bisect_left(self._bounds, value)] += 1.0
        row[-1] += value

    def rows(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        """Labels, cumulated buckets as (upper bound, count), sum."""
        for labels, live in self._rows.copy().items():
            row = live.copy()
            total, buckets = 0.0, []
            for bound, count in zip((*map(str, self._bounds), "+Inf"), row[:-1], strict=True):
                total += count
                buckets.append((bound, total))
            yield labels, buckets, row[-1]


class _Launches:
    """The most launches in any one-second window, by the second in which the window ended."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._peaks: deque[tuple[int, int]] = deque(maxlen=PEAK_SECONDS + 1)

    def add(self, at: float) -> None:
        times, peaks = self._times, self._peaks
        times.append(at)
        while times[0] <= at - 1.0:
            times.popleft()
        if peaks and peaks[-1][0] == int(at):
            peaks[-1] = (int(at), max(peaks[-1][1], len(times)))
        else:
            peaks.append((int(at), len(times)))

    def peak(self, now: float) -> int:
        return max((count for second, count in self._peaks.copy() if second >= now - PEAK_SECONDS), default=0)


class Metrics:
    """The counts of one controller; fulfils ``engine.watch.Watch``. A method costs about a microsecond."""

    def __init__(self) -> None:
        self._numbers = {series.name: _Numbers() for series in SERIES if series.kind != "histogram"}
        self._histograms = {series.name: _Histogram(series.buckets) for series in SERIES if series.kind == "histogram"}
        self._launches: dict[str, _Launches] = {}
        self._placed = self._numbers[CALLS_PLACED.name]
        self._ended = self._numbers[CALLS_ENDED.name]
        self._events = self._numbers[EVENTS.name]
        self._lag = self._histograms[EVENT_LAG.name]

    def call_placed(self, campaign: str, carrier: str) -> None:
        """A call went to the switch just now."""
        self._placed.add((campaign, carrier))
        launches = self._launches.get(carrier)
        if launches is None:
            launches = self._launches[carrier] = _Launches()
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
