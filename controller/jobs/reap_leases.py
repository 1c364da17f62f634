"""Sweep: leads that were claimed and not dialled before their lease lapsed go back to where they were."""

from __future__ import annotations

from controller.jobs.world import World


def reap_leases(world: World, now: float) -> int:
    """How many leads came back."""
    total = 0
    while reaped := world.leads.reap(now):
        total += reaped
    return total
