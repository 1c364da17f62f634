"""Every Prometheus series once: meaning, unit, labels. README's table and the Grafana dashboard are made from :data:`SERIES`.

Labels are names of ours (campaign, carrier, outcome …), never numbers or ids of calls, so that the count of series stays
small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
AMD_CONTRADICTED = Series(
    "trunkline_amd_contradicted",
    "counter",
    "calls",
    "Ended calls that had shown something against the first verdict: key (a machine pressed one), beep (in a person's call of "
    "30 s or more), revised (detection took it back).",
    ("campaign", "verdict", "evidence"),
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
    *(AMD_VERDICTS, AMD_SECONDS, AMD_CONTRADICTED, AMD_TAPS, AMD_TAP_FAILURES),
    *(LEADS, IMPORT_ROWS, WRITE_AHEAD, WRITE_AHEAD_ROWS, LOG_LINES_DROPPED),
)
