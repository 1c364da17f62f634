"""What goes wrong with events and replies on the way out, on request.

Each fault has a name and lasts ``for_seconds`` (default: until cleared):

    delay      seconds            every event that much later, order kept
    reorder    share seconds      some events later by up to that much, so that others overtake them
    duplicate  share              some events twice
    swallow    share              some events never
    slow_reply seconds            every reply that much later
    no_reply                      commands are obeyed, replies never come (but for ``api virtual``)

The event faults take ``events`` (comma-separated names; default all) and ``share`` (0 to 1, default 1). Faults of whole
connections, of gateways and of the switch itself are in ``control.py``.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

import gevent

EVENT_FAULTS = ("delay", "reorder", "duplicate", "swallow")
REPLY_FAULTS = ("slow_reply", "no_reply")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in force until ``until`` (monotonic)."""

    name: str
    share: float = 1.0
    seconds: float = 0.0
    events: frozenset[str] = frozenset()
    until: float = math.inf

    def strikes(self, event: str, chance: random.Random) -> bool:
        """Whether it meets this event."""
        return (not self.events or event in self.events) and (self.share >= 1 or chance.random() < self.share)


@dataclass(frozen=True, slots=True)
class Due:
    """An event to hand out, that much later."""

    event: bytes
    after_seconds: float = 0.0


class Faults:
    """The faults in force."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._chance = random.Random(seed)

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """All is well again."""
        self._faults.clear()

    def in_force(self) -> list[str]:
        """Names, for ``virtual stats``."""
        return [fault.name for fault in self._current()]

    def _current(self) -> list[Fault]:
        if self._faults:
            now = time.monotonic()
            self._faults = [fault for fault in self._faults if fault.until > now]
        return self._faults

    def pass_on(self, name: str, event: bytes) -> list[Due]:
        """What becomes of one event for one listener."""
        later, copies = 0.0, 1
        for fault in self._current():
            if fault.name in EVENT_FAULTS and fault.strikes(name, self._chance):
                if fault.name == "swallow":
                    return []
                if fault.name == "duplicate":
                    copies = 2
                else:
                    later += fault.seconds if fault.name == "delay" else self._chance.uniform(0, fault.seconds)
        return [Due(event, later)] * copies

    def before_reply(self) -> bool:
        """Wait as long as replies are slow; False when they do not come at all."""
        for fault in self._current():
            if fault.name == "no_reply":
                return False
            if fault.name == "slow_reply":
                gevent.sleep(fault.seconds)
        return True
