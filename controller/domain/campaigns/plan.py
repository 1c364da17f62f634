"""The RunPlan: what the engine dials by. Compiled once when a run starts; stored with the run; the engine knows nothing else.

Editing a paused campaign compiles a new plan for the same run (pacing, window, retry and numbers may change; the contacts
may not, features 1.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil
from typing import Literal

from controller.domain.calls.actions import Target
from controller.domain.calls.answering import Answering, Attach
from controller.domain.campaigns.answers import Abandoned, AmdDefaults, answering
from controller.domain.campaigns.campaign import Campaign, Contactable, Retry
from controller.domain.campaigns.pacing import Mode, Pacing
from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.campaigns.window import Window
from controller.domain.site import Bot, Carrier, Name, Number, Part

WORD_SECONDS = 2
"""What detection and our word may take over their limits before the switch takes us for dead."""


class PlannedTarget(Part):
    """``Target`` as stored."""

    kind: Literal["bot", "playback", "ivr", "queue"]
    name: str
    address: str
    headers: tuple[tuple[str, str], ...] = ()
    capacity: int | None = None
    """Fleet capacity of a bot; None for everything else."""


class RunPlan(Part):
    """Whom (lists, order, DNC), when, how fast, what on answer, what on each outcome."""

    campaign: Name
    campaign_id: int
    mode: Mode
    priority: int
    list_ids: tuple[int, ...]
    dnc_list_ids: tuple[int, ...]
    single_day: bool
    order: Literal["fifo", "lifo"]
    contactable: Contactable
    pacing: Pacing
    retry: Retry
    max_ring_seconds: int
    max_call_seconds: int
    target: PlannedTarget
    numbers: tuple[Number, ...]
    carriers: tuple[Carrier, ...]
    amd: AmdDefaults = AmdDefaults()
    """With the system's defaults filled in. Plans of before there was detection have none, as all of them are off."""
    abandoned: Abandoned = Abandoned()

    model_config = Part.model_config | {"ignored_types": (cached_property,)}

    @cached_property
    def window(self) -> Window:
        return self.contactable.window()

    @property
    def method(self) -> str:
        """Which pacing decides: the mode's own, or ``formula``."""
        return self.mode if self.pacing.formula is None else "formula"

    @property
    def reserves_first(self) -> bool:
        """Whether an agent is reserved before a call leaves, rather than at the answer."""
        return self.pacing.reserves_first(self.mode)

    @cached_property
    def answering(self) -> Answering:
        return answering(self.amd, self.abandoned)

    @property
    def connects_on_answer(self) -> bool:
        """Whether the switch joins the answered call with its target by itself, without asking us."""
        listens_first = self.amd.enabled and self.amd.attach is Attach.AFTER_VERDICT
        return self.target.kind != "queue" and not listens_first

    @property
    def verdict_seconds(self) -> int:
        """How long the switch waits for our word after the answer before it speaks to the person by itself."""
        listening = self.amd.max_seconds if self.amd.enabled and not self.connects_on_answer else 0.0
        return ceil(listening + self.abandoned.patience_seconds) + WORD_SECONDS

    @property
    def quiet_seconds(self) -> float:
        """How long a number is left alone after an abandoned call: not at all where an agent is reserved first."""
        return 0.0 if self.reserves_first else self.pacing.drop_guard.quiet_hours * 3600.0

    @cached_property
    def retry_policy(self) -> RetryPolicy:
        return self.retry.policy(self.quiet_seconds)

    @cached_property
    def call_target(self) -> Target:
        return Target(self.target.kind, self.target.name, self.target.address, self.target.headers)


def compile_plan(
    campaign: Campaign,
    campaign_id: int,
    list_ids: Sequence[int],
    dnc_list_ids: Sequence[int],
    carriers: Sequence[Carrier],
    numbers: Sequence[Number],
    bots: Sequence[Bot],
    amd: AmdDefaults,
) -> RunPlan:
    """Settings → plan. amd: the system's defaults. The pre-flight check has already refused what cannot be compiled."""
    connect = campaign.connect
    if connect is None or campaign.numbers is None:
        raise ValueError("pre-flight must refuse a campaign without connection or numbers")
    if connect.bot is not None:
        bot = next(bot for bot in bots if bot.name == connect.bot)
        target = PlannedTarget(
            kind="bot",
            name=bot.name,
            address=bot.uri,
            headers=tuple(bot.headers.items()),
            capacity=bot.capacity,
        )
    elif connect.playback is not None:
        target = PlannedTarget(kind="playback", name="playback", address=connect.playback)
    elif connect.queue is not None:
        target = PlannedTarget(kind="queue", name=connect.queue, address=connect.queue)
    else:
        target = PlannedTarget(kind="ivr", name=f"ivr-{connect.ivr}", address=str(connect.ivr))
    pool = [number for number in numbers if number.number in campaign.numbers.pool and number.outbound]
    owners = {number.carrier for number in pool}
    return RunPlan(
        campaign=campaign.name,
        campaign_id=campaign_id,
        mode=campaign.mode,
        priority=campaign.priority,
        list_ids=tuple(list_ids),
        dnc_list_ids=tuple(dnc_list_ids),
        single_day=campaign.run == "single_day",
        order=campaign.order,
        contactable=campaign.window,
        pacing=campaign.pacing,
        retry=campaign.retry,
        max_ring_seconds=campaign.max_ring_seconds,
        max_call_seconds=campaign.max_call_seconds,
        target=target,
        numbers=tuple(pool),
        carriers=tuple(carrier for carrier in carriers if carrier.name in owners),
        amd=campaign.amd.over(amd),
        abandoned=campaign.abandoned,
    )
