"""Agents kept for calls before they leave: who has to have one, who gets one, and letting go of one whose call does not leave.

How agents are found and reserved is the crew's matter (``crews.py``); contacts shown to agents bring theirs along
(``preview_desk.py``).
"""

from __future__ import annotations

from dataclasses import replace

from controller.domain.hopper.lead import CALLBACK
from controller.engine.crews import Crew
from controller.engine.floor import Asked
from controller.engine.preview_desk import PreviewDesk
from controller.engine.returns import Returns
from controller.engine.tick import Tick
from controller.errors import LiveStateDown

PROMISER_SECONDS = 10.0
"""A promised call whose agent is not free is looked at again after this."""


class Keeping:
    """For one controller's dial loop."""

    def __init__(self, crew: Crew, previews: PreviewDesk, returns: Returns) -> None:
        self._crew = crew
        self._previews = previews
        self._returns = returns

    def with_agents(self, asked: list[Asked], decided: Tick) -> list[Asked]:
        """Calls that are dialled for a kept agent have one now; those for whom nobody could be kept wait for the next pulse."""
        ready, asked = self._with_promisers(asked)
        wanted: dict[str, list[Asked]] = {}
        for one in asked:
            first = one.floor.run.plan.reserves_first or decided.decisions[one.floor.key].agents > 0
            reserving = first and one.chosen is None
            (wanted.setdefault(one.floor.key, []) if reserving else ready).append(one)
        for key, calls in wanted.items():
            floor, agents = calls[0].floor, decided.decisions[key].agents
            try:
                kept = self._crew.keep(floor.run.plan, [one.request.attempt_id for one in calls], agents)
            except LiveStateDown:
                for one in ready:
                    self.let_go(one)
                raise
            ready += [replace(one, agent=kept[one.request.attempt_id]) for one in calls if one.request.attempt_id in kept]
            left = [one.lead for one in calls if one.request.attempt_id not in kept]
            if left:
                floor.binding, floor.reason = "agents", "no agent could be kept for the call"
                floor.in_hand.extendleft(reversed(left))
        return ready

    def _with_promisers(self, asked: list[Asked]) -> tuple[list[Asked], list[Asked]]:
        """Calls whose agent promised them and is kept for them, and all others. Whose agent is not free is tried again soon:
        the lead store says for how long nobody else may make the call."""
        ready: list[Asked] = []
        others: list[Asked] = []
        for one in asked:
            agent = one.lead.only_agent
            if agent is None or one.chosen is not None:
                others.append(one)
                continue
            try:
                kept = self._crew.keep_promised(one.floor.run.plan, one.request.attempt_id, agent)
            except LiveStateDown:
                for earlier in ready:
                    self.let_go(earlier)
                raise
            if kept:
                ready.append(replace(one, agent=agent))
            else:
                self._returns.defer(one.lead, CALLBACK, PROMISER_SECONDS)
        return ready, others

    def let_go(self, one: Asked) -> None:
        """Its agent is not needed for it after all."""
        if one.agent is not None:
            self._crew.let_go(one.request.attempt_id, one.agent)
        if one.chosen is not None:
            self._previews.let_go(one.chosen)
