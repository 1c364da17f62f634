"""Preview at work: contacts are shown to agents who are kept for them; what agents choose, or the clock, ends each card.

    free agent kept ─► contact from the hopper ─► card ─┬─ dialled: to the dial loop, with the agent
                                                        ├─ skipped, passed on: the contact waits, the agent is given back
                                                        └─ withdrawn: both as before

One pulse is one look at all of this controller's cards. The card itself lies in Redis, so that an agent may choose through any
door; the time is measured here, by the clock that never jumps. If this process dies, the leases of card, agent and contact
lapse, and each is free again.
"""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog

from controller.domain.agents.agent import AgentState, Seizure
from controller.domain.agents.preview import Card, CardEnd, card_for, end_of, skips_left, waits_seconds
from controller.domain.hopper.lead import HopperLead
from controller.errors import LiveStateDown, StoreDown
from controller.ports import (
    AgentPool,
    AgentRequest,
    AgentView,
    Clock,
    Hopper,
    InThread,
    LeadStore,
    NoAgent,
    Previews,
    RunningRun,
)

log = structlog.get_logger("preview")

SPARE_LEASE_SECONDS = 30.0
"""The contact stays in hand so much longer than its card may: for the launch that follows."""
LOOK_SECONDS = 0.25
LOOK_AHEAD = 20
"""Contacts of a run in hand, so that one that is not for this agent does not stop the next."""
NO_CHOICE = "no_choice"
"""Why an agent is away who let the time pass where nobody may dial but by hand."""


class KeptAgents(Protocol):
    """Agents kept before a launch; ``agent_calls.AgentCalls``, which documents the methods."""

    def request(self, holder: str, queue: str, campaign: str, only: str | None = None) -> AgentRequest: ...

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NoAgent]: ...

    def count_on(self, agent: str, attempt_id: str) -> None: ...

    def give_back(self, seizure: Seizure) -> None: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """A contact to be dialled now, and the agent who is kept for it."""

    lead: HopperLead
    seizure: Seizure


@dataclass(slots=True)
class _Open:
    """A card of ours. shown_at: monotonic seconds."""

    card: Card
    seizure: Seizure
    run: RunningRun
    shown_at: float


class PreviewDesk:
    """One for a controller; all methods are the dial loop's. ``LiveStateDown``: Redis is away, nothing was shown or ended."""

    def __init__(
        self,
        node: str,
        previews: Previews,
        agents: KeptAgents,
        pool: AgentPool,
        hopper: Hopper,
        leads: LeadStore,
        in_thread: InThread,
        clock: Clock,
    ) -> None:
        self._node = node
        self._previews = previews
        self._agents = agents
        self._pool = pool
        self._hopper = hopper
        self._leads = leads
        self._in_thread = in_thread
        self._clock = clock
        self._looked_at = float("-inf")
        self._looked_for: set[int] = set()
        self._open: dict[str, _Open] = {}
        self._in_hand: dict[int, deque[HopperLead]] = defaultdict(deque)
        self._chosen: dict[int, deque[Chosen]] = defaultdict(deque)

    def look(self, runs: Mapping[int, RunningRun]) -> None:
        """End the cards that are over, keep the others, show new ones. runs: those that may dial now, preview alone; the higher
        priority shows first. At most one look in ``LOOK_SECONDS``."""
        now = self._clock.monotonic()
        if runs.keys() == self._looked_for and now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at, self._looked_for = now, set(runs)
        if not (runs or self._open or self._in_hand or self._chosen):
            return
        agents = {view.name: view for view in self._pool.snapshot(self._node)}
        for open_card in list(self._open.values()):
            view = agents.get(open_card.card.agent)
            kept = view is not None and view.seizure is not None and view.seizure.holder == open_card.seizure.holder
            if open_card.run.run_id not in runs or not kept:
                self._end(open_card, CardEnd.WITHDRAWN)
            else:
                self._look_at(open_card)
        for run_id in [run_id for run_id in (*self._in_hand, *self._chosen) if run_id not in runs]:
            self._hand_back(run_id)
        for run in sorted(runs.values(), key=lambda run: -run.plan.priority):
            self._show_cards(run, agents.values())

    def chosen(self, run_id: int) -> int:
        """How many contacts of the run wait to be dialled."""
        return len(self._chosen[run_id])

    def take(self, run_id: int, limit: int) -> list[Chosen]:
        """Contacts to dial now, in the order of choice. Who takes one places the call, or puts it or the agent back."""
        queue = self._chosen[run_id]
        return [queue.popleft() for _ in range(min(limit, len(queue)))]

    def put_back(self, chosen: Chosen) -> None:
        """No slot was free: the contact is dialled as soon as one is."""
        self._chosen[chosen.lead.run_id].appendleft(chosen)

    def stop(self) -> None:
        """Nothing more is shown; all that is in hand goes back."""
        self.look({})

    def count_on(self, chosen: Chosen, attempt_id: str) -> None:
        """The contact's call is placed, and its agent is kept for it."""
        self._agents.count_on(chosen.seizure.agent, attempt_id)

    def let_go(self, chosen: Chosen) -> None:
        """The contact is not dialled after all: its agent is free."""
        self._agents.give_back(chosen.seizure)

    # ------------------------------------------------------------------ cards

    def _look_at(self, open_card: _Open) -> None:
        card = open_card.card
        seen = self._previews.of_agent(card.agent)
        if seen is None or seen.card.lead.claim != card.lead.claim:
            self._gone(open_card)
            return
        end = end_of(card, seen.chosen, self._clock.monotonic() - open_card.shown_at)
        if end is not None:
            self._end(open_card, end)
        elif not self._previews.renew([card])[0]:
            self._gone(open_card)

    def _end(self, open_card: _Open, how: CardEnd) -> None:
        card, seizure = open_card.card, open_card.seizure
        mine = self._previews.end(card, how)
        self._open.pop(card.agent, None)
        if not mine:
            how = CardEnd.WITHDRAWN
        log.info("card", campaign=card.campaign, agent=card.agent, lead=card.lead.lead_id, to=how.value)
        if how.dials:
            self._chosen[card.lead.run_id].append(Chosen(card.lead, seizure))
            return
        self._agents.give_back(seizure)
        if how is CardEnd.PASSED_ON:
            self._pool.pause(card.agent, NO_CHOICE)
        if how is CardEnd.WITHDRAWN:
            self._return([card.lead])
        else:
            self._put_off(open_card)

    def _gone(self, open_card: _Open) -> None:
        """Redis lost the card: the agent sees nothing, so nothing is dialled."""
        self._open.pop(open_card.card.agent, None)
        log.warning("card lost", agent=open_card.card.agent, lead=open_card.card.lead.lead_id)
        self._agents.give_back(open_card.seizure)
        self._return([open_card.card.lead])

    def _put_off(self, open_card: _Open) -> None:
        lead, plan = open_card.card.lead, open_card.run.plan
        (skippers,) = self._previews.skipped_by(lead.run_id, [lead.lead_id])
        at_work = {view.name for view in self._pool.snapshot() if plan.target.name in view.queues}
        seconds = waits_seconds(plan.pacing.preview.skipped, plan.retry.delay_minutes * 60.0, skippers, at_work)
        try:
            self._in_thread(partial(self._leads.defer, lead, self._clock.now() + seconds, "skipped"))
        except StoreDown as error:
            log.warning("lead not put off; its lease will bring it back", lead=lead.lead_id, reason=str(error))

    # ------------------------------------------------------------------ showing

    def _show_cards(self, run: RunningRun, agents: Iterable[AgentView]) -> None:
        """A card for each free agent of the queue, the longest idle first, as long as there are contacts for them."""
        queue = run.plan.target.name
        free = [view for view in agents if view.state is AgentState.READY and queue in view.queues]
        for view in sorted(free, key=lambda view: (-view.idle_seconds, view.name)):
            if view.name not in self._open and self._fill(run.run_id):
                lead = self._pick(run.run_id, view.name)
                if lead is not None:
                    self._keep_and_show(run, view.name, lead)

    def _keep_and_show(self, run: RunningRun, agent: str, lead: HopperLead) -> None:
        plan, preview = run.plan, run.plan.pacing.preview
        request = self._agents.request(f"card:{uuid.uuid4()}", plan.target.name, plan.campaign, agent)
        (seizure,) = self._agents.reserve([request])
        if isinstance(seizure, NoAgent):
            self._in_hand[run.run_id].appendleft(lead)
            return
        try:
            leased_until = self._clock.now() + preview.seconds + SPARE_LEASE_SECONDS
            held = self._hold(lead, leased_until)
            left = skips_left(preview.most_skips, self._previews.skips(run.run_id, agent))
            kept = replace(lead, leased_until=leased_until)
            card = Card(kept, agent, self._node, plan.campaign, preview.seconds, preview.on_timeout, left)
            shown = held and self._previews.show(card)
        except LiveStateDown:
            self._agents.give_back(seizure)
            raise
        if not shown:
            self._agents.give_back(seizure)
            self._return([lead])
            return
        self._open[agent] = _Open(card, seizure, run, self._clock.monotonic())
        log.info("card", campaign=plan.campaign, agent=agent, lead=lead.lead_id, to="shown")

    def _fill(self, run_id: int) -> bool:
        hand = self._in_hand[run_id]
        if len(hand) < LOOK_AHEAD:
            hand.extend(self._hopper.take(run_id, LOOK_AHEAD - len(hand)))
        now = self._clock.now()
        self._in_hand[run_id] = deque(lead for lead in hand if lead.leased_until > now)
        return bool(self._in_hand[run_id])

    def _pick(self, run_id: int, agent: str) -> HopperLead | None:
        hand = self._in_hand[run_id]
        lead = card_for(hand, agent, self._previews.skipped_by(run_id, [one.lead_id for one in hand]))
        if lead is not None:
            hand.remove(lead)
        return lead

    def _hold(self, lead: HopperLead, until: float) -> bool:
        try:
            return self._in_thread(partial(self._leads.hold, lead, until))
        except StoreDown as error:
            log.warning("contact not shown", lead=lead.lead_id, reason=str(error))
            return False

    # ------------------------------------------------------------------ going back

    def _hand_back(self, run_id: int) -> None:
        waiting = self._chosen.pop(run_id, deque())
        for chosen in waiting:
            self._agents.give_back(chosen.seizure)
        self._return([*self._in_hand.pop(run_id, deque()), *(chosen.lead for chosen in waiting)])

    def _return(self, leads: Sequence[HopperLead]) -> None:
        if not leads:
            return
        try:
            self._in_thread(partial(self._leads.give_back, leads))
        except StoreDown as error:
            log.warning("leads not handed back; their leases will bring them", leads=len(leads), reason=str(error))
