"""Contacts shown to agents, without Redis (port ``Previews``): for stories and the simulator. One process, any clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.domain.agents.preview import Card, CardEnd, Choice, ChoiceRefusal, refusal
from controller.ports import ShownCard


@dataclass(slots=True)
class _Shown:
    card: Card
    at: float
    until: float
    chosen: Choice | None = None


class MemoryPreviews:
    """now: seconds on any clock that does not jump. lease_seconds: how long a card lasts without a renewal."""

    def __init__(self, now: Callable[[], float], lease_seconds: float) -> None:
        self._now = now
        self._lease = lease_seconds
        self._by_agent: dict[str, _Shown] = {}
        self._skips: Counter[tuple[int, str]] = Counter()
        self._skipped_by: dict[tuple[int, int], set[str]] = defaultdict(set)

    def show(self, card: Card) -> bool:
        contact = (card.lead.run_id, card.lead.lead_id)
        held = {(one.card.lead.run_id, one.card.lead.lead_id) for one in self._live().values()}
        if card.agent in self._by_agent or contact in held:
            return False
        now = self._now()
        self._by_agent[card.agent] = _Shown(card, now, now + self._lease)
        return True

    def renew(self, cards: Sequence[Card]) -> list[bool]:
        answers = []
        for card in cards:
            shown = self._that(card)
            if shown is not None:
                shown.until = self._now() + self._lease
            answers.append(shown is not None)
        return answers

    def of_agent(self, agent: str) -> ShownCard | None:
        shown = self._live().get(agent)
        return None if shown is None else self._seen(shown)

    def shown(self, node: str) -> list[ShownCard]:
        found = [self._seen(shown) for shown in self._live().values() if shown.card.node == node]
        return sorted(found, key=lambda one: (-one.age_seconds, one.card.agent))

    def choose(self, agent: str, choice: Choice) -> ChoiceRefusal | None:
        shown = self._live().get(agent)
        why_not = refusal(None if shown is None else shown.card, None if shown is None else shown.chosen, choice)
        if shown is not None and why_not is None:
            shown.chosen = choice
        return why_not

    def end(self, card: Card, how: CardEnd) -> bool:
        if self._that(card) is None:
            return False
        del self._by_agent[card.agent]
        if how is CardEnd.SKIPPED:
            self._skips[card.lead.run_id, card.agent] += 1
        if how in (CardEnd.SKIPPED, CardEnd.PASSED_ON):
            self._skipped_by[card.lead.run_id, card.lead.lead_id].add(card.agent)
        return True

    def skips(self, run_id: int, agent: str) -> int:
        return self._skips[run_id, agent]

    def skipped_by(self, run_id: int, lead_ids: Sequence[int]) -> list[frozenset[str]]:
        return [frozenset(self._skipped_by.get((run_id, lead_id), ())) for lead_id in lead_ids]

    def _live(self) -> dict[str, _Shown]:
        now = self._now()
        self._by_agent = {agent: shown for agent, shown in self._by_agent.items() if shown.until > now}
        return self._by_agent

    def _that(self, card: Card) -> _Shown | None:
        shown = self._live().get(card.agent)
        same = shown is not None and (shown.card.lead.lead_id, shown.card.lead.claim) == (card.lead.lead_id, card.lead.claim)
        return shown if same else None

    def _seen(self, shown: _Shown) -> ShownCard:
        return ShownCard(shown.card, shown.chosen, self._now() - shown.at)
