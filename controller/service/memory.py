"""What the next life of a node needs to know of this one: which FreeSWITCH it drove, and how far its journal is surely settled.

Looking for that, new lines of the journal are read, and calls whose hang-up event was lost are told their end.
"""

from __future__ import annotations

import math
from pathlib import Path

import structlog

from controller.engine.call_desk import CallDesk
from controller.errors import StoreDown
from controller.ports import Clock, InThread
from controller.storage.nodes import NodeState, NodeStore
from esl_handlers.journal import Journal, Place
from esl_handlers.settled import Settled

log = structlog.get_logger("service")

UNHEARD_SECONDS = 3.0
"""A call whose end has been in the journal for so long has lost its hang-up event."""


class NodeMemory:
    """Of one controller. core: the life of the switch that this or the former life of the node drove; empty for none yet.
    journal: from where the former life had settled it; None without one. journal_path: empty for none."""

    def __init__(self, node: str, nodes: NodeStore, journal_path: str, in_thread: InThread, clock: Clock) -> None:
        self._node = node
        self._nodes = nodes
        self._in_thread = in_thread
        self._clock = clock
        self._path = journal_path
        former = nodes.load(node)
        self.core = former.core if former is not None else ""
        self.journal = _journal(journal_path, former)
        self._settled = Settled(self.journal.place if self.journal is not None else None)

    def remember(self, desk: CallDesk, adopted: bool) -> None:
        """Write it down. desk: told of ends that it has not heard. adopted: what the former life left has been settled."""
        settled = self._settled_place(desk, adopted)
        if adopted:
            self.core = desk.core_to_remember(self.core)
        state = NodeState(
            core=self.core,
            journal_inode=settled.inode if settled is not None else None,
            journal_offset=settled.offset if settled is not None else None,
            seen_at=self._clock.now(),
        )
        try:
            self._in_thread(lambda: self._nodes.save(self._node, state))
        except StoreDown as error:
            log.debug("not remembered", reason=str(error))

    def _settled_place(self, desk: CallDesk, adopted: bool) -> Place | None:
        """How far the journal is settled, after a look at what is new in it; the desk is told of ends that it has not heard."""
        if self.journal is None:
            return None
        try:
            self.journal.read_on()
        except OSError as error:
            log.error("journal not read", path=self._path, error=str(error))
        else:
            if self.journal.place is not None:
                self._settled.note(self._clock.monotonic(), self.journal.place)
        for call in desk.calls():
            end = self.journal.known_end(call.order.attempt_id)
            if end is not None and end.at < self._clock.now() - UNHEARD_SECONDS:
                desk.hear(call.order.attempt_id, end)
        return self._settled.place(desk.open_since() if adopted else -math.inf)


def _journal(path: str, former: NodeState | None) -> Journal | None:
    """The switch's record of ended calls, from where the earlier life of this node had settled it."""
    if not path:
        return None
    if former is None or former.journal_inode is None or former.journal_offset is None:
        return Journal(Path(path))
    return Journal(Path(path), Place(former.journal_inode, former.journal_offset))
