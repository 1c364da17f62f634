"""Who looks on: what the engine reports of its own work, for metrics. Counting must never change what is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Watch(Protocol):
    """Fulfilled by ``controller.metrics.Metrics``. Every method returns at once."""

    def call_placed(self, campaign: str, carrier: str) -> None: ...

    def call_ended(self, campaign: str, carrier: str, outcome: str) -> None: ...

    def rang(self, campaign: str, seconds: float) -> None:
        """From launch to the answer or the end of ringing."""
        ...

    def connected(self, campaign: str, seconds: float) -> None:
        """From answer to bot, IVR or message."""
        ...

    def verdict_contradicted(self, campaign: str, verdict: str, evidence: str) -> None:
        """A call that ended had shown something against detection's first verdict: key, beep, revised."""
        ...

    def live_calls(self, count: int) -> None: ...

    def seats(self, campaign: str, taken: int, limit: int) -> None: ...

    def hopper(self, campaign: str, leads: int) -> None: ...

    def not_launched(self, campaign: str, limit: str) -> None:
        """A call that was wanted found no slot; ``limit`` says which."""
        ...

    def launched_late(self, carrier: str) -> None:
        """A call missed its launch time and takes a new one: the loop or the database was slow."""
        ...

    def wrote_ahead(self, attempts: int, seconds: float) -> None: ...

    def abandoned(self, campaign: str, window: str, share: float, limit: float) -> None:
        """Share of the people who picked up that found nobody, by the campaign's rule, and what it may be; 0.0 to 1.0."""
        ...

    def formula(self, campaign: str, formula: str, value: float, safe: bool) -> None:
        """The value by which a campaign is paced now. formula: its key in the campaign file; safe: the safe value stands in."""
        ...

    def formula_fault(self, campaign: str, formula: str, fault: str) -> None:
        """An evaluation that gave no usable value, or a value that has become stale."""
        ...

    def agent_seizure(self, campaign: str, outcome: str) -> None:
        """What came of asking for an agent: reserved, timeout, rona, none (features 4.7)."""
        ...

    def reservation_ended(self, queue: str, end: str) -> None:
        """talk, returned, rona, timeout."""
        ...

    def waited_for_agent(self, queue: str, seconds: float) -> None:
        """A person waited so long until an agent was free."""
        ...

    def agents(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Agents of this node now, by (queue, state); an agent of several queues counts in each."""
        ...
