"""Leads that are not dialled now go back to their store: put off with a reason, or given back as they were.

A store that is away costs nothing but time: the lead's lease brings it back.
"""

from __future__ import annotations

from functools import partial

import structlog

from controller.domain.hopper.lead import HopperLead
from controller.engine.floor import Floor
from controller.errors import StoreDown
from controller.ports import Clock, InThread, LeadStore

log = structlog.get_logger("dial")


class Returns:
    """For one controller."""

    def __init__(self, leads: LeadStore, in_thread: InThread, clock: Clock) -> None:
        self._leads = leads
        self._in_thread = in_thread
        self._clock = clock

    def defer(self, lead: HopperLead, reason: str, seconds: float) -> None:
        """Nobody dials it for so long."""
        try:
            self._in_thread(partial(self._leads.defer, lead, self._clock.now() + seconds, reason))
        except StoreDown as error:
            log.warning("lead not deferred; its lease will bring it back", lead=lead.lead_id, reason=str(error))

    def hand_back(self, floor: Floor) -> None:
        """Everything that a run has in hand."""
        if not floor.in_hand:
            return
        leads = list(floor.in_hand)
        floor.in_hand.clear()
        try:
            self._in_thread(partial(self._leads.give_back, leads))
        except StoreDown as error:
            log.warning("leads not handed back; their leases will bring them", leads=len(leads), reason=str(error))
