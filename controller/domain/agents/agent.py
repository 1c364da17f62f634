"""An agent at work: away → ready → reserved → talking → wrap-up → ready. Rules only: no clock, no store, no switch.

What may happen to an agent, and what becomes of it. Every function takes the agent as it is and the present moment, and
answers with the agent as it then is, or with ``None`` (or a :class:`Refusal`) when the event does not apply any more. The
pool (``ports.AgentPool``) keeps agents by these rules, in Redis or in memory; who gets the next call is ``assignment.py``'s.

    away ──ready──► ready ──reserve──► reserved ──connect──► talking ──finish──► wrap_up ──over──► ready
      ▲               │ ▲                 │ │                   │                   │
      └─────pause─────┘ └─returned,timeout┘ └─rona─► away       └──lapse─► away     └─pause─► away

- While *reserved* the agent is System Busy: no other call, no pause, no logout (features 3.7). Every reservation ends: in
  talk, by its holder (returned, RONA) or, when the holder is gone, by its lease (timeout) (invariant I9).
- A pause asked for while talking takes effect after the wrap-up.
- A talk whose holder is gone makes the agent *away*, not ready: the two may still hear each other, and an agent who does
  not know of it must never get a second call.
- A reservation that came to nothing leaves the agent's place among the idle as it was.

Times are seconds on one clock, the pool's; never another machine's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

LOGIN = "login"
"""Reason of the first ``away``, until the agent says ready."""
RONA = "rona"
"""Redirect on no answer: the agent's phone was not picked up in time (features 4.7)."""
CALL_LOST = "call_lost"
"""Nobody renews the agent's talk any more; it may or may not still go on."""

REASON = r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$"
"""What a pause reason may look like."""


class AgentState(StrEnum):
    """Where a logged-in agent stands. Who is logged out is not in the pool."""

    AWAY = "away"
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class SeizureOutcome(StrEnum):
    """What came of asking for an agent (features 4.7)."""

    RESERVED = "reserved"
    TIMEOUT = "timeout"  # agents are logged in; none became free in time
    RONA = "rona"  # one was reserved and did not pick up
    NONE = "none"  # nobody with the queue and skills is logged in here


class ReservationEnd(StrEnum):
    """How a reservation ended. Only the last three are for ``AgentPool.release``; a lapsed lease is a timeout."""

    TALK = "talk"
    RETURNED = "returned"  # none of the calls it was for came through; the agent is ready as before
    RONA = "rona"
    TIMEOUT = "timeout"


class Refusal(StrEnum):
    """Why an agent's wish is not granted."""

    SYSTEM_BUSY = "System Busy"  # reserved for a call that is being dialled
    ON_CALL = "on a call"
    NOT_LOGGED_IN = "not logged in"


@dataclass(frozen=True, slots=True)
class Seizure:
    """Somebody's hold on an agent.

    holder: the attempt it is for; where one agent is held for several calls (power), any word of the holder's own until a
    call is connected, then that call's attempt id. talking: whether the agent is connected.
    """

    agent: str
    holder: str
    queue: str
    campaign: str
    talking: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """A logged-in agent.

    node: the controller beside the FreeSWITCH that has the agent's line. since: when ``state`` began. idle_since: place among
    the ready, kept through a reservation that came to nothing. reason: of being away. lapses_at: when the state ends by
    itself (reserved, talking: nobody renewed it; wrap-up: it is over). then_pause: reason of the pause that follows the
    present call, empty for none. rebuilt: entered anew after the live state was lost; a hold that still lives is taken up.
    last_call: attempt of the present or last talk, which the agent may still dispose of.
    """

    name: str
    node: str
    queues: tuple[str, ...]
    skills: frozenset[str] = field(default_factory=frozenset)
    state: AgentState = AgentState.AWAY
    reason: str = LOGIN
    since: float = 0.0
    idle_since: float = 0.0
    seizure: Seizure | None = None
    lapses_at: float | None = None
    then_pause: str = ""
    rebuilt: bool = False
    last_call: str = ""


def entered(
    name: str,
    node: str,
    queues: tuple[str, ...],
    skills: frozenset[str],
    state: AgentState,
    reason: str,
    again: bool,
    now: float,
) -> Agent:
    """An agent whom the pool does not know (any more). Who was held is away until the holder says so, or nobody: entered as
    ready, the agent could be given a second call. again: was logged in before."""
    agent = Agent(name, node, queues, skills, rebuilt=again)
    if state in (AgentState.RESERVED, AgentState.TALKING):
        return replace(agent, reason=CALL_LOST, since=now)
    if state is AgentState.AWAY:
        return replace(agent, reason=reason, since=now)
    return replace(agent, state=AgentState.READY, reason="", since=now, idle_since=now)


def ready(agent: Agent, now: float) -> Agent | Refusal:
    """The agent wants calls. Ends the wrap-up; takes back a pause that was to follow the present call."""
    if agent.state is AgentState.RESERVED:
        return Refusal.SYSTEM_BUSY
    if agent.state is AgentState.TALKING:
        return replace(agent, then_pause="")
    return agent if agent.state is AgentState.READY else _idle(agent, now, now)


def pause(agent: Agent, reason: str, now: float) -> Agent | Refusal:
    """The agent wants no calls for now; from a call, after its end and wrap-up."""
    if agent.state is AgentState.RESERVED:
        return Refusal.SYSTEM_BUSY
    if agent.state is AgentState.TALKING:
        return replace(agent, then_pause=reason)
    return _away(agent, reason, now)


def may_leave(agent: Agent) -> Refusal | None:
    """Whether the agent may log out now; None when nothing stands against it."""
    if agent.state is AgentState.RESERVED:
        return Refusal.SYSTEM_BUSY
    return Refusal.ON_CALL if agent.state is AgentState.TALKING else None


def reserve(agent: Agent, seizure: Seizure, until: float, now: float) -> Agent | None:
    """Hold a ready agent until that moment, unless renewed."""
    if agent.state is not AgentState.READY:
        return None
    return replace(agent, state=AgentState.RESERVED, since=now, seizure=seizure, lapses_at=until, rebuilt=False)


def connect(agent: Agent, seizure: Seizure, attempt_id: str, until: float, now: float) -> Agent | None:
    """The agent and the person of that attempt are being joined. From here on the holder is the attempt."""
    if agent.state is not AgentState.RESERVED or not _held_by(agent, seizure):
        return None
    talk = replace(seizure, holder=attempt_id, talking=True)
    return replace(agent, state=AgentState.TALKING, since=now, seizure=talk, lapses_at=until, last_call=attempt_id)


def renew(agent: Agent, seizure: Seizure, until: float, now: float) -> Agent | None:
    """The holder still wants the agent, or still hears it talk; one who was entered anew is held again."""
    if agent.rebuilt and agent.seizure is None:
        state = AgentState.TALKING if seizure.talking else AgentState.RESERVED
        again = replace(agent, state=state, reason="", since=now, seizure=seizure, lapses_at=until, rebuilt=False)
        return replace(again, last_call=seizure.holder) if seizure.talking else again
    if agent.state is AgentState.RESERVED and seizure.talking and _held_by(agent, seizure):
        # They were joined while the pool could not be told.
        return replace(agent, state=AgentState.TALKING, since=now, seizure=seizure, lapses_at=until, last_call=seizure.holder)
    if agent.state not in (AgentState.RESERVED, AgentState.TALKING) or not _held_by(agent, seizure):
        return None
    return replace(agent, lapses_at=until)


def release(agent: Agent, seizure: Seizure, end: ReservationEnd, now: float) -> Agent | None:
    """A reservation ends without talk. Who did not pick up is away until saying ready again."""
    if agent.state is not AgentState.RESERVED or not _held_by(agent, seizure):
        return None
    return _away(agent, RONA, now) if end is ReservationEnd.RONA else _idle(agent, agent.idle_since, now)


def finish(agent: Agent, seizure: Seizure, wrap_up_seconds: float, now: float) -> Agent | None:
    """The call is over; wrap-up begins, or what follows it when there is none."""
    if agent.state is not AgentState.TALKING or not _held_by(agent, seizure):
        return None
    wrapping = replace(agent, state=AgentState.WRAP_UP, since=now, seizure=None, lapses_at=now + wrap_up_seconds)
    return wrapping if wrap_up_seconds > 0 else after_wrap_up(wrapping, now)


def extend_wrap_up(agent: Agent, seconds: float) -> Agent | None:
    """More time after the call. seconds: added to what was to be left."""
    if agent.state is not AgentState.WRAP_UP or agent.lapses_at is None:
        return None
    return replace(agent, lapses_at=agent.lapses_at + seconds)


def after_wrap_up(agent: Agent, now: float) -> Agent:
    """Ready, or the pause that was asked for during the call."""
    return _away(agent, agent.then_pause, now) if agent.then_pause else _idle(agent, now, now)


def lapse(agent: Agent, now: float) -> Agent | None:
    """What becomes of a state whose time is over; None while it is not. The change counts from the moment it was due."""
    due = agent.lapses_at
    if due is None or due > now:
        return None
    if agent.state is AgentState.RESERVED:
        return _idle(agent, agent.idle_since, due)
    if agent.state is AgentState.TALKING:
        return _away(agent, CALL_LOST, due)
    return after_wrap_up(agent, due)


def _idle(agent: Agent, idle_since: float, now: float) -> Agent:
    return replace(
        agent,
        state=AgentState.READY,
        reason="",
        since=now,
        idle_since=idle_since,
        seizure=None,
        lapses_at=None,
        then_pause="",
        rebuilt=False,
    )


def _away(agent: Agent, reason: str, now: float) -> Agent:
    return replace(
        agent,
        state=AgentState.AWAY,
        reason=reason,
        since=now,
        seizure=None,
        lapses_at=None,
        then_pause="",
        rebuilt=False,
    )


def _held_by(agent: Agent, seizure: Seizure) -> bool:
    return agent.seizure is not None and agent.seizure.holder == seizure.holder
