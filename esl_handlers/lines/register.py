"""The register of agents' lines: which lines there are, who belongs to them, and what is told of them, and when.

What ends a talk is kept back until the line is free again: only then can it be joined with somebody else. What the switch's
events mean is read in ``book.py``; what must be done about them at the switch is asked of ``Acts``. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from controller.domain.agents.line import JoinOrder, LineEvent, LineKind, TalkEnded, Transferred
from esl_handlers.lines.tracked import Consult, Standing, Supervisor, TrackedLine

FREE_SECONDS = 1.0
"""The longest that something is kept back because the line was not heard to be free."""


class Acts(Protocol):
    """What an event may ask for; each returns at once."""

    def expected(self, line: TrackedLine, order: JoinOrder) -> None:
        """The person of ``order`` is in the wait now."""
        ...

    def meet(self, line: TrackedLine) -> None:
        """The third party has answered and the line is free: join them."""
        ...

    def keep(self, person: str) -> None:
        """A held person's agent is gone: they wait for somebody else."""
        ...

    def unmute(self, line: TrackedLine) -> None: ...

    def drop(self, leg_id: str) -> None: ...

    def after(self, seconds: float, then: Callable[[], None]) -> None: ...


class LineRegister:
    """tell: who hears of the lines. now: UTC epoch seconds, for what no event tells."""

    def __init__(self, tell: Callable[[str, LineEvent], None], acts: Acts, now: Callable[[], float]) -> None:
        self._tell_listener = tell
        self._acts = acts
        self._now = now
        self._agents: dict[str, TrackedLine] = {}
        self._legs: dict[str, tuple[TrackedLine, Consult | Supervisor | None]] = {}
        self._people: dict[str, TrackedLine] = {}
        self._expected: dict[str, JoinOrder] = {}

    # -- who is in it -------------------------------------------------------------------------------------------------

    def line(self, agent_id: str) -> TrackedLine | None:
        return self._agents.get(agent_id)

    def lines(self) -> list[TrackedLine]:
        return list(self._agents.values())

    def line_of(self, attempt_id: str) -> TrackedLine | None:
        """The line that a person belongs to."""
        return self._people.get(attempt_id)

    def add(self, line: TrackedLine) -> None:
        self._agents[line.agent_id] = line
        self._legs[line.line_id] = line, None

    def remove(self, line: TrackedLine) -> None:
        """The line never was."""
        self._agents.pop(line.agent_id, None)
        self._legs.pop(line.line_id, None)

    def add_consult(self, line: TrackedLine, consult: Consult) -> None:
        line.consult = consult
        self._legs[consult.leg_id] = line, consult

    def add_supervisor(self, line: TrackedLine, supervisor: Supervisor) -> None:
        line.supervisors[supervisor.name] = supervisor
        self._legs[supervisor.leg_id] = line, supervisor

    def forget_supervisor(self, line: TrackedLine, supervisor: Supervisor) -> None:
        line.supervisors.pop(supervisor.name, None)
        self._legs.pop(supervisor.leg_id, None)

    def expect(self, line: TrackedLine, order: JoinOrder) -> None:
        """Join that person with the line when they are in the wait."""
        self.attach(line, order.attempt_id, Standing.EXPECTING)
        self._expected[order.attempt_id] = order

    def arrived(self, person: str) -> JoinOrder | None:
        """The person is in the wait: the join to be carried out now, if one still is."""
        order, line = self._expected.pop(person, None), self._people.get(person)
        if order is None or line is None:
            return None
        line.standing = Standing.JOINING
        return order

    def attach(self, line: TrackedLine, person: str, standing: Standing) -> None:
        self._people[person] = line
        line.person, line.standing = person, standing

    def detach(self, line: TrackedLine) -> None:
        """The line and its person have nothing to do with one another any more."""
        if line.person is not None:
            self._people.pop(line.person, None)
            self._expected.pop(line.person, None)
        line.person, line.standing = None, Standing.FREE
        if line.muted:
            self._acts.unmute(line)

    def forget_consult(self, line: TrackedLine) -> None:
        if line.consult is not None:
            self._legs.pop(line.consult.leg_id, None)
            line.consult = None

    # -- what is told -------------------------------------------------------------------------------------------------

    def tell(self, line: TrackedLine, event: LineEvent) -> None:
        self._tell_listener(line.agent_id, event)
        if isinstance(event, TalkEnded | Transferred) and line.kind is LineKind.ON_HOOK:
            self._acts.drop(line.line_id)

    def settle(self, line: TrackedLine, event: LineEvent) -> None:
        """Tell it when the line is free of whom it was joined with."""
        line.pending.append(event)
        self._acts.after(FREE_SECONDS, lambda: self._tell_pending(line, event))

    def settle_now_if_free(self, line: TrackedLine, event: LineEvent) -> None:
        if line.bridged:
            self.settle(line, event)
        else:
            self.tell(line, event)

    def _tell_pending(self, line: TrackedLine, until: LineEvent | None = None) -> None:
        """All that was kept back; nothing when the event named ``until`` has been told already."""
        if until is not None and until not in line.pending:
            return
        line.bridged = False
        events, line.pending = line.pending, []
        for event in events:
            self.tell(line, event)
