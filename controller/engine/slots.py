"""Giving slots back and keeping them, with Redis coming and going.

Returns are gathered for a few milliseconds and sent together. While Redis is away nothing is retried: every slot is a lease
that ends by itself, and the renewal re-enters the slots of living calls when Redis is back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from controller.errors import LiveStateDown
from controller.ports import Clock, Launch, Limits, SlotUse

log = structlog.get_logger("slots")

GATHER_SECONDS = 0.005
RENEW_CHUNK = 500
RELAUNCHES = 4
"""Late calls that ask at the same time: after a stall there may be hundreds, and each would take a connection."""


class SlotDesk:
    """One for a controller; ``run`` is its lasting greenlet. freed: called after slots went back."""

    def __init__(self, limits: Limits, clock: Clock, freed: Callable[[], None]) -> None:
        self._limits = limits
        self._clock = clock
        self._freed = freed
        self._uses: list[SlotUse] = []
        self._faults: list[str] = []
        self._recoveries: list[str] = []
        self._work = Event()
        self._relaunching = BoundedSemaphore(RELAUNCHES)
        self._epoch = ""
        self.healthy = True

    def release(self, use: SlotUse) -> None:
        self._uses.append(use)
        self._work.set()

    def carrier_fault(self, carrier: str) -> None:
        self._faults.append(carrier)
        self._work.set()

    def carrier_ok(self, carrier: str) -> None:
        self._recoveries.append(carrier)
        self._work.set()

    def relaunch(self, missed: Launch) -> tuple[float, Launch]:
        """The new launch, at which monotonic second; LiveStateDown when the rates cannot be known."""
        with self._relaunching:
            return self._limits.relaunch(missed)

    def renew(self, uses: Sequence[SlotUse]) -> None:
        """Extend the leases of living calls."""
        try:
            for start in range(0, len(uses), RENEW_CHUNK):
                self._limits.renew(uses[start : start + RENEW_CHUNK])
        except LiveStateDown as error:
            self._note(False, str(error))
        else:
            self._note(True, "")

    def renew_if_lost(self, uses: Callable[[], Sequence[SlotUse]]) -> None:
        """Re-enter the slots of living calls at once when the live state is not the one they were taken in."""
        try:
            epoch = self._limits.epoch()
        except LiveStateDown as error:
            self._note(False, str(error))
            return
        if epoch != self._epoch:
            if self._epoch:
                log.warning("live state", to="new", reason="Redis was restarted or lost its data; slots are re-entered")
            self.renew(uses())
            self._epoch = epoch if self.healthy else ""

    def run(self) -> None:
        while True:
            self._work.wait()
            self._clock.sleep(GATHER_SECONDS)
            self._work.clear()
            self._flush()

    def _flush(self) -> None:
        uses, self._uses = self._uses, []
        faults, self._faults = self._faults, []
        recoveries, self._recoveries = self._recoveries, []
        try:
            if uses:
                self._limits.release(uses)
            for carrier in faults:
                self._limits.carrier_fault(carrier)
            for carrier in recoveries:
                self._limits.carrier_ok(carrier)
        except LiveStateDown as error:
            self._note(False, str(error))
            return
        self._note(True, "")
        self._freed()

    def _note(self, healthy: bool, why: str) -> None:
        if healthy != self.healthy:
            self.healthy = healthy
            log.warning("live state", to="up" if healthy else "down", reason=why)
