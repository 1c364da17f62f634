"""An agent's line as we know it: who is on it, and what we have asked for and not yet heard of.

FREE ─join─► EXPECTING ─they wait─► JOINING ─► TALKING ─hold─► HOLDING ─► HELD ─resume─► JOINING …
                                                  │                         │
                                             part, transfer             complete
                                                  ▼                         ▼
                                               LEAVING ─► FREE           HANDING ─► FREE
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from controller.domain.agents.line import LineEvent, LineKind, SuperviseMode
from controller.errors import WrongState


class Standing(StrEnum):
    """How the line and a person stand. TALKING and HELD are facts; the others but FREE are on their way."""

    FREE = "free"
    EXPECTING = "expecting"  # a person whom we shall join as soon as they are in the wait
    JOINING = "joining"
    TALKING = "talking"
    HOLDING = "holding"
    HELD = "held"
    LEAVING = "leaving"  # the person goes on without the agent
    HANDING = "handing"  # the person goes to the third party


@dataclass(slots=True, eq=False)
class Consult:
    """The third party of an attended transfer. to: as ordered. meeting: being joined with the agent."""

    leg_id: str
    to: str
    created: bool = False
    answered: bool = False
    meeting: bool = False
    up: bool = False


@dataclass(slots=True, eq=False)
class Supervisor:
    """A supervisor's leg. on: hears the line."""

    name: str
    leg_id: str
    mode: SuperviseMode
    created: bool = False
    on: bool = False


@dataclass(slots=True, eq=False)
class TrackedLine:
    """One line. line_id: its channel. bridged: joined with anybody, by the last we heard. pending: what is to be told as soon
    as the line is free of the one it was joined with, because only then can it be joined again. to: where a person is being
    transferred."""

    agent_id: str
    line_id: str
    kind: LineKind
    created: bool = False
    rang: bool = False
    up: bool = False
    closing: bool = False
    bridged: bool = False
    muted: bool = False
    talked: bool = False
    standing: Standing = Standing.FREE
    person: str | None = None
    to: str = ""
    pending: list[LineEvent] = field(default_factory=list)
    consult: Consult | None = None
    supervisors: dict[str, Supervisor] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """Whether a person can be joined now."""
        return self.up and self.standing is Standing.FREE and not self.bridged and not self.pending

    def with_person(self, *standings: Standing) -> str:
        """The person on the line, who must stand so with it. WrongState otherwise."""
        if self.person is None or self.standing not in standings:
            raise WrongState(f"agent {self.agent_id} is {self.standing.value}, not {' or '.join(standings)}")
        return self.person
