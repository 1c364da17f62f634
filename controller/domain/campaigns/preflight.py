"""The pre-flight check: may this campaign start, and if not, every reason at once (features 1.9, 1.12, 1.13).

It looks at the campaign and at what the site has at this moment, handed in as :class:`Surroundings`. It decides
nothing about states (``lifecycle.py``) and changes nothing; ``start`` refuses while there is a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.domain.calls.answering import PATIENCE_SECONDS, Attach, OnMachine
from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.campaigns.campaign import Campaign
from controller.domain.campaigns.pacing import AGENT_MODES
from controller.domain.site import Bot, Carrier, Number

SEATS_PER_NUMBER = 20
"""More calls at once showing one number than this is worth a warning: carriers and phones label such numbers."""


class Problem(StrEnum):
    """What can be wrong; the word that programs see."""

    NO_CONNECTION = "no_connection"
    NO_QUEUE = "no_queue"
    QUEUE_UNKNOWN = "queue_unknown"
    QUEUE_UNSTAFFED = "queue_unstaffed"
    NO_AGENTS = "no_agents"
    BOT_UNKNOWN = "bot_unknown"
    BOT_UNTESTED = "bot_untested"
    NO_NUMBER = "no_number"
    NUMBER_UNKNOWN = "number_unknown"
    NUMBER_INBOUND_ONLY = "number_inbound_only"
    NUMBER_WITHOUT_CARRIER = "number_without_carrier"
    NO_LIST = "no_list"
    LIST_UNKNOWN = "list_unknown"
    LIST_EMPTY = "list_empty"
    LIST_BUSY = "list_busy"
    DNC_LIST_UNKNOWN = "dnc_list_unknown"
    DISPOSITION_UNKNOWN = "disposition_unknown"
    WINDOW_EMPTY = "window_empty"
    WINDOW_OVER = "window_over"
    SEATS_ABOVE_FLEET = "seats_above_fleet"
    SEATS_ABOVE_CHANNELS = "seats_above_channels"
    TOO_MANY_RUNNING = "too_many_running"
    NO_PROMETHEUS = "no_prometheus"
    FEW_NUMBERS = "few_numbers"
    WINDOW_SHUT = "window_shut"
    CALLBACKS_HALF_ON = "callbacks_half_on"
    NO_MACHINE_MESSAGE = "no_machine_message"
    MACHINE_ATTACHED = "machine_attached"
    AMD_IN_POWER = "amd_in_power"
    NO_ABANDONED_MESSAGE = "no_abandoned_message"
    PATIENCE_LONG = "patience_long"


PASSING: frozenset[Problem] = frozenset({Problem.LIST_BUSY, Problem.WINDOW_OVER, Problem.TOO_MANY_RUNNING})
"""Refusals that end by themselves: they keep a campaign from starting now, but nothing is missing from it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason, as a sentence that says how to mend it."""

    problem: Problem
    text: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """refusals keep the campaign from starting; warnings do not."""

    refusals: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not self.refusals

    @property
    def complete(self) -> bool:
        """Whether the campaign has everything it needs, even if it cannot start at this moment."""
        return all(finding.problem in PASSING for finding in self.refusals)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the check compares a campaign with.

    list_sizes: contacts by list, for the lists that exist. busy_lists: list → the other campaign that runs on it. staff:
    agents who may take its calls, by queue. running: other campaigns that are active or paused. prometheus: whether one is
    configured for formulas. amd: the system's defaults.
    """

    carriers: Sequence[Carrier]
    numbers: Sequence[Number]
    bots: Sequence[Bot]
    dispositions: frozenset[str]
    list_sizes: Mapping[str, int]
    dnc_lists: frozenset[str]
    busy_lists: Mapping[str, str]
    running: int
    running_limit: int
    staff: Mapping[str, int] = field(default_factory=dict)
    prometheus: bool = False
    amd: AmdDefaults = field(default_factory=AmdDefaults)


def preflight(campaign: Campaign, around: Surroundings, now: datetime) -> Preflight:
    """Every reason why ``campaign`` cannot start at ``now`` (aware), and what is worth knowing if it can."""
    refusals = (
        *_connection(campaign, around),
        *_agents(campaign),
        *_detection(campaign, around),
        *_numbers(campaign, around),
        *_lists(campaign, around),
        *_dispositions(campaign, around),
        *_window(campaign, now),
        *_seats(campaign, around),
        *_formula(campaign, around),
        *_running(around),
    )
    warnings = (*_thin_pool(campaign, around), *_not_yet(campaign, now), *_callbacks(campaign, around), *_patience(campaign))
    return Preflight(refusals, warnings)


def _connection(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    connect = campaign.connect
    if connect is None:
        yield Finding(Problem.NO_CONNECTION, "no bot, playback, IVR or queue takes the answered calls; add a [connect] table")
    elif connect.bot is not None:
        bot = _bot(campaign, around)
        if bot is None:
            yield Finding(Problem.BOT_UNKNOWN, f"bot {connect.bot} is not in the site; add it to the site file")
        elif not bot.tested:
            yield Finding(
                Problem.BOT_UNTESTED,
                f"bot {bot.name} has not passed a test call; call it, then set tested = true in the site file",
            )
    elif connect.queue is not None:
        staff = around.staff.get(connect.queue)
        if staff is None:
            yield Finding(Problem.QUEUE_UNKNOWN, f"queue {connect.queue} is not in the site; add it to the site file")
        elif staff == 0:
            yield Finding(
                Problem.QUEUE_UNSTAFFED,
                f"no agent of the site may take calls of queue {connect.queue}; add an [[agent]] with it and its skills",
            )


def _agents(campaign: Campaign) -> Iterator[Finding]:
    kind = campaign.connect.kind if campaign.connect is not None else None
    if campaign.mode in AGENT_MODES and kind not in (None, "queue"):
        yield Finding(Problem.NO_QUEUE, f"mode {campaign.mode} wants agents, but [connect] names a {kind}; name a queue")
    if campaign.mode not in AGENT_MODES and kind == "queue":
        yield Finding(
            Problem.NO_AGENTS, f"mode {campaign.mode} has no agents, but [connect] names a queue; choose another mode"
        )


def _detection(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    amd = campaign.amd.over(around.amd)
    leaves = amd.enabled and amd.action_on_machine is OnMachine.LEAVE_MESSAGE
    if leaves and not amd.message:
        yield Finding(
            Problem.NO_MACHINE_MESSAGE, "machines shall get a message, but there is none; set message in [amd] to a sound file"
        )
    if leaves and amd.attach is Attach.AT_ONCE:
        yield Finding(
            Problem.MACHINE_ATTACHED,
            'a bot or agent that is attached at once cannot leave the message to us; set attach = "after_verdict" in [amd]',
        )
    if amd.enabled and campaign.mode == "power":
        yield Finding(Problem.AMD_IN_POWER, "power mode has no answering-machine detection; set enabled = false in [amd]")
    if campaign.connect is not None and campaign.connect.queue is not None and campaign.abandoned.treatment is None:
        yield Finding(
            Problem.NO_ABANDONED_MESSAGE,
            "people whom no agent takes in time must hear who called; set message in [abandoned] to a sound file",
        )


def _patience(campaign: Campaign) -> Iterator[Finding]:
    patience = campaign.abandoned.patience_seconds
    if patience > PATIENCE_SECONDS:
        yield Finding(
            Problem.PATIENCE_LONG,
            f"people wait {patience:g} s for an agent; in telemarketing more than {PATIENCE_SECONDS:g} s is an abandoned call",
        )


def _numbers(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    pool = campaign.numbers.pool if campaign.numbers is not None else ()
    known = {number.number: number for number in around.numbers}
    carriers = {carrier.name for carrier in around.carriers}
    for text in pool:
        number = known.get(text)
        if number is None:
            yield Finding(Problem.NUMBER_UNKNOWN, f"number {text} is not in the site; add it to the site file")
        elif not number.outbound:
            yield Finding(Problem.NUMBER_INBOUND_ONLY, f"number {text} is inbound only; take it out of the pool")
        elif number.carrier not in carriers:
            yield Finding(
                Problem.NUMBER_WITHOUT_CARRIER,
                f"number {text} belongs to carrier {number.carrier}, which is not in the site",
            )
    if not _usable(campaign, around):
        yield Finding(Problem.NO_NUMBER, "no outbound number to show; add one to [numbers] pool")


def _lists(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    if not campaign.lists:
        yield Finding(Problem.NO_LIST, "no contacts: no list is named; add lists = [...]")
    for name in campaign.lists:
        size = around.list_sizes.get(name)
        if size is None:
            yield Finding(Problem.LIST_UNKNOWN, f"list {name} does not exist; import it first")
        elif size == 0:
            yield Finding(Problem.LIST_EMPTY, f"list {name} has no contacts; import some or take it out")
        if name in around.busy_lists:
            yield Finding(
                Problem.LIST_BUSY,
                f"list {name} is being dialled by campaign {around.busy_lists[name]}; wait until it ends or stop it",
            )
    if campaign.dnc is not None and campaign.dnc not in around.dnc_lists:
        yield Finding(
            Problem.DNC_LIST_UNKNOWN,
            f"do-not-call list {campaign.dnc} does not exist; `trunkline dnc import {campaign.dnc} FILE` or `dnc add` makes it",
        )


def _dispositions(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    named = dict.fromkeys((*campaign.dispositions, *campaign.retry.dispositions))
    for name in named:
        if name not in around.dispositions:
            yield Finding(Problem.DISPOSITION_UNKNOWN, f"disposition {name!r} is not in the site; add it to the site file")


def _window(campaign: Campaign, now: datetime) -> Iterator[Finding]:
    window = campaign.window.window()
    opens = window.opens_at(now)
    if opens is None:
        yield Finding(Problem.WINDOW_EMPTY, "the calling window has no hours; add some to [[window.open]]")
        return
    today = now.astimezone(window.zone)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    opened_today = window.opens_at(midnight)
    if (
        campaign.run == "single_day"
        and opens.astimezone(window.zone).date() != today.date()
        and opened_today is not None
        and opened_today <= now
    ):
        yield Finding(
            Problem.WINDOW_OVER,
            f"today's calling hours are over ({today:%H:%M} in {window.zone_name}) and a single_day run has no other; "
            "start it on another day, widen the window or make it continuous",
        )


def _seats(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    seats = campaign.pacing.seats
    bot = _bot(campaign, around)
    if bot is not None and seats > bot.capacity:
        yield Finding(
            Problem.SEATS_ABOVE_FLEET,
            f"{seats} seats, but bot {bot.name} takes {bot.capacity} calls; lower seats or raise capacity",
        )
    owners = {number.carrier for number in _usable(campaign, around)}
    channels = sum(carrier.channels for carrier in around.carriers if carrier.name in owners)
    if owners and seats > channels:
        yield Finding(
            Problem.SEATS_ABOVE_CHANNELS,
            f"{seats} seats, but the carriers of the pool ({', '.join(sorted(owners))}) have {channels} channels; "
            "lower seats or add numbers of another carrier",
        )


def _formula(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    formula = campaign.pacing.formula
    if formula is not None and formula.queries and not around.prometheus:
        yield Finding(
            Problem.NO_PROMETHEUS,
            "pacing.formula has PromQL, but no Prometheus is configured; set formula.prometheus_url in trunkline.toml",
        )


def _running(around: Surroundings) -> Iterator[Finding]:
    if around.running >= around.running_limit:
        yield Finding(
            Problem.TOO_MANY_RUNNING,
            f"{around.running} campaigns are running and the limit is {around.running_limit}; stop one, or raise "
            "limits.running_campaigns",
        )


def _thin_pool(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    usable = len(_usable(campaign, around))
    wanted = -(-campaign.pacing.seats // SEATS_PER_NUMBER)
    if 0 < usable < wanted:
        yield Finding(
            Problem.FEW_NUMBERS,
            f"{usable} number(s) for {campaign.pacing.seats} seats; {wanted} would keep each under "
            f"{SEATS_PER_NUMBER} calls at once",
        )


def _not_yet(campaign: Campaign, now: datetime) -> Iterator[Finding]:
    window = campaign.window.window()
    opens = window.opens_at(now)
    if opens is not None and opens > now:
        yield Finding(
            Problem.WINDOW_SHUT,
            f"the window is shut now; calls begin at {opens.astimezone(window.zone).isoformat(timespec='minutes')}",
        )


def _callbacks(campaign: Campaign, around: Surroundings) -> Iterator[Finding]:
    bot = _bot(campaign, around)
    if bot is not None and campaign.callback_detection and not bot.callbacks:
        yield Finding(Problem.CALLBACKS_HALF_ON, f"callback detection is on, but bot {bot.name} does not offer callbacks")


def _bot(campaign: Campaign, around: Surroundings) -> Bot | None:
    wanted = campaign.connect.bot if campaign.connect is not None else None
    return next((bot for bot in around.bots if bot.name == wanted), None)


def _usable(campaign: Campaign, around: Surroundings) -> list[Number]:
    """The numbers of the pool that a call can show."""
    pool = frozenset(campaign.numbers.pool) if campaign.numbers is not None else frozenset()
    carriers = {carrier.name for carrier in around.carriers}
    return [number for number in around.numbers if number.number in pool and number.outbound and number.carrier in carriers]
