"""One dialling decision: boards in; how many calls each campaign may start, who asks first, and why, out.

Nothing here touches the world: the dial loop runs it against Redis and FreeSWITCH, a simulator against a virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.domain.pacing import agentless, formula
from controller.domain.pacing.board import Board, Decision
from controller.domain.pacing.priority import Turns

PACING: dict[str, Callable[[Board], Decision]] = {"agentless": agentless.decide, "formula": formula.decide}
"""One method a dialling mode, and one for campaigns that are paced by formulas (``RunPlan.method``)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A campaign that may dial now."""

    mode: str
    priority: int
    board: Board


@dataclass(frozen=True, slots=True)
class Tick:
    """decisions: by campaign. order: campaigns, one entry a call, in the order in which they may ask for slots."""

    decisions: dict[str, Decision]
    order: list[str]


def tick(wishes: Mapping[str, Wish], turns: Turns) -> Tick:
    """Decide for all campaigns at once, because they share carriers and bots."""
    decisions = {key: PACING[wish.mode](wish.board) for key, wish in wishes.items()}
    order = turns.order({key: (wish.priority, decisions[key].calls) for key, wish in wishes.items()})
    return Tick(decisions, order)
