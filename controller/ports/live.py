"""What is true now, and may be lost: hoppers, boards, preview cards, values of formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.domain.agents.preview import Card, CardEnd, Choice, ChoiceRefusal
from controller.domain.hopper.lead import HopperLead
from controller.domain.pacing.formula_value import Reading


class Hopper(Protocol):
    """Leads about to be dialled: Redis · in memory. May be lost at any moment; the leads' leases bring them back."""

    def push(self, run_id: int, leads: Sequence[HopperLead]) -> None: ...

    def take(self, run_id: int, limit: int) -> list[HopperLead]: ...

    def depth(self, run_id: int) -> int: ...

    def drop(self, run_id: int) -> None:
        """Forget a run's hopper."""
        ...


class LiveBoard(Protocol):
    """What ``campaign status`` shows of the present moment: Redis · in memory. Expires by itself when nobody publishes."""

    def publish(self, node: str, campaigns: Mapping[str, Mapping[str, object]]) -> None: ...

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        """campaign → node → what that node published."""
        ...


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card now. age_seconds: since it was shown."""

    card: Card
    chosen: Choice | None
    age_seconds: float


class Previews(Protocol):
    """Contacts shown to agents: Redis · in memory. The rules are those of ``domain/agents/preview``.

    A card is a lease: who shows it keeps it by ``renew``, and one that nobody renews is gone, its contact free for others.
    Each method is atomic over all controllers.
    """

    def show(self, card: Card) -> bool:
        """False, and nothing changed, when the agent has a card already or the contact is on another's."""
        ...

    def renew(self, cards: Sequence[Card]) -> list[bool]:
        """Keep them shown. False: that card is gone."""
        ...

    def of_agent(self, agent: str) -> ShownCard | None:
        """What the agent sees."""
        ...

    def shown(self, node: str) -> list[ShownCard]:
        """The cards that a node shows, the oldest first."""
        ...

    def choose(self, agent: str, choice: Choice) -> ChoiceRefusal | None:
        """The agent says dial or skip; the first choice counts. None: taken."""
        ...

    def end(self, card: Card, how: CardEnd) -> bool:
        """Take the card away; True the first time only. A skip is counted, and with PASSED_ON remembered of the contact."""
        ...

    def skips(self, run_id: int, agent: str) -> int:
        """How often the agent has skipped in the run."""
        ...

    def skipped_by(self, run_id: int, lead_ids: Sequence[int]) -> list[frozenset[str]]:
        """For each lead the agents that skipped it, or let its time pass, in the run."""
        ...


class FormulaSource(Protocol):
    """What a formula says now: a Prometheus server · constants alone."""

    def evaluate(self, expression: float | str) -> Reading:
        """A number is itself; a text is a PromQL query. Whatever goes wrong is a ``fault`` of the reading. Blocks the calling
        thread, for a few seconds at most."""
        ...
