"""What the dial loop keeps of one run between pulses, and of one call between asking for its slots and its launch."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.hopper.lead import HopperLead
from controller.engine.gate import Open
from controller.engine.preview_desk import Chosen
from controller.ports import RunningRun, SlotRequest

RATE_SECONDS = 5.0
"""``calls_per_second`` of the status is the mean over this."""


@dataclass(slots=True)
class Floor:
    """leaving: calls that have their slots and are not with the call desk yet; their write-ahead is under way."""

    run: RunningRun
    policy: RetryPolicy
    in_hand: deque[HopperLead] = field(default_factory=deque)
    depth: int = 0
    leaving: int = 0
    opened: Open | None = None
    binding: str = ""
    reason: str = ""
    until: float | None = None
    launched: deque[float] = field(default_factory=lambda: deque(maxlen=2000))

    @property
    def key(self) -> str:
        return self.run.plan.campaign

    def launch_rate(self, now: float) -> float:
        """Calls a second, lately. now: UTC epoch seconds."""
        return round(sum(1 for at in self.launched if at > now - RATE_SECONDS) / RATE_SECONDS, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that wants to leave. agent: who is kept for it. chosen: the contact was shown to an agent, who is kept since."""

    floor: Floor
    lead: HopperLead
    request: SlotRequest
    agent: str | None = None
    chosen: Chosen | None = None
