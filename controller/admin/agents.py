"""Agents by command: who is at work, login to logout, what an agent or a supervisor does with a talk.

Saying ready or pausing is the pool's to grant, so any process can ask it. What touches a phone is done by the controller whose
FreeSWITCH has the agent's line. Dispositions and promised calls are in ``after_call.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from controller.admin.commands import Args, Desk, LiveAgents, Verb
from controller.domain.agents.agent import REASON, AgentState, Refusal
from controller.domain.agents.line import SuperviseMode
from controller.errors import NotFound, Refused, Unavailable, WrongState
from controller.ports import AgentPool, AgentView
from controller.storage.agents import SqlAgentRecords
from controller.storage.site import SiteStore

KEYS = r"^[0-9*#A-Da-dw]{1,64}$"


class OneAgent(Args):
    """agent: the name the agent logs in as."""

    agent: str


class Floor(Args):
    """queue: only its agents. state: only those in this state; ``out``: logged out."""

    queue: str | None = None
    state: Literal["out", "away", "ready", "reserved", "talking", "wrap_up"] | None = None


class Login(OneAgent):
    """node: at which controller; none = at any. ready: ready as soon as the line is up."""

    node: str | None = None
    ready: bool = False


class Pause(OneAgent):
    """reason: for the record of the agent's day."""

    reason: str = Field(default="break", pattern=REASON)


class Extend(OneAgent):
    """seconds: more time after the call."""

    seconds: float = Field(default=30.0, gt=0, le=3600)


class Switched(OneAgent):
    """off: undo it."""

    off: bool = False


class Keys(OneAgent):
    """keys: 0-9 * # A-D, w for half a second's pause."""

    keys: str = Field(pattern=KEYS)


class Transfer(OneAgent):
    """to: another agent, an extension or user, a SIP URI, or a number with the ``carrier`` that rings it. attended: talk to
    them first; ``agent.complete`` hands the person over, ``agent.hold`` with ``off`` takes the person back."""

    to: str
    carrier: str | None = None
    attended: bool = False


class Recording(OneAgent):
    """action: what becomes of the recording of the present talk."""

    action: Literal["start", "stop", "pause", "resume"] = "start"


class Supervise(OneAgent):
    """supervisor: who listens. phone, carrier: as ``to`` of a transfer. mode: heard by nobody, by the agent, by both."""

    supervisor: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    phone: str
    carrier: str | None = None
    mode: SuperviseMode = SuperviseMode.LISTEN


class Unsupervise(OneAgent):
    """supervisor: who shall hear the agent no more."""

    supervisor: str


class Span(Args):
    """since, until: ISO 8601 with a zone; left out: the last 24 hours, until now."""

    since: datetime | None = None
    until: datetime | None = None


def report(desk: Desk, args: Span) -> list[dict[str, Any]]:
    """How each agent spent the time: seconds by state, calls, reservations by how they ended, occupancy (talk and wrap-up, of
    the time not away)."""
    until = _moment(args.until, "until", desk.now())
    since = _moment(args.since, "since", until - 86_400.0)
    if since >= until:
        raise Refused("since: is not before until")
    rows = []
    for hours in SqlAgentRecords(desk.database).hours(since, until):
        staffed = sum(seconds for state, seconds in hours.seconds.items() if state != AgentState.AWAY)
        busy = hours.seconds.get(AgentState.TALKING, 0.0) + hours.seconds.get(AgentState.WRAP_UP, 0.0)
        rows.append(
            {
                "agent": hours.agent,
                "seconds": {state: round(seconds, 3) for state, seconds in hours.seconds.items()},
                "calls": hours.calls,
                "reservations": hours.reservations,
                "occupancy": round(busy / staffed, 4) if staffed else None,
            }
        )
    return rows


def _moment(given: datetime | None, key: str, otherwise: float) -> float:
    if given is None:
        return otherwise
    if given.tzinfo is None:
        raise Refused(f"{key}: give the time with its zone, as 2026-11-21T15:30:00+05:30")
    return given.timestamp()


def list_agents(desk: Desk, args: Floor) -> list[dict[str, Any]]:
    """Every agent of the site: where each stands, for how long, on which call."""
    with agent_pool(desk) as pool:
        views = {view.name: view for view in pool.snapshot()}
    agents = SiteStore(desk.database).site().agent
    why_out = SqlAgentRecords(desk.database).left_because([agent.name for agent in agents if agent.name not in views])
    rows = [_row(agent.name, agent.queues, views.get(agent.name), why_out.get(agent.name, "")) for agent in agents]
    return [
        row
        for row in rows
        if (args.queue is None or args.queue in row["queues"]) and (args.state is None or args.state == row["state"])
    ]


def ready(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """The agent takes calls from now on; ends the wrap-up."""
    with agent_pool(desk) as pool:
        _granted(args.agent, pool.ready(args.agent))
        return standing(desk, pool, args.agent)


def pause(desk: Desk, args: Pause) -> dict[str, Any]:
    """The agent takes no calls; while talking, after the call."""
    with agent_pool(desk) as pool:
        _granted(args.agent, pool.pause(args.agent, args.reason))
        return standing(desk, pool, args.agent)


def extend(desk: Desk, args: Extend) -> dict[str, Any]:
    """More wrap-up time."""
    with agent_pool(desk) as pool:
        if not pool.extend_wrap_up(args.agent, args.seconds):
            raise WrongState(f"agent {args.agent} is not in wrap-up")
        return standing(desk, pool, args.agent)


def login(agents: LiveAgents, args: Login) -> dict[str, Any]:
    """Ring the agent's phone; the agent is in as soon as it is picked up."""
    return {"agent": args.agent, "state": agents.login(args.agent, args.ready)}


def logout(agents: LiveAgents, args: OneAgent) -> dict[str, Any]:
    """Hang up the agent's phone; refused while reserved or talking."""
    agents.logout(args.agent)
    return {"agent": args.agent, "state": "out"}


def hang_up(agents: LiveAgents, args: OneAgent) -> dict[str, Any]:
    """End the agent's present call; the agent stays."""
    return {"agent": args.agent, "attempt_id": agents.hang_up(args.agent), "hanging_up": True}


def hold(agents: LiveAgents, args: Switched) -> dict[str, Any]:
    """Music for the person; ``off`` brings them back."""
    attempt_id = agents.talk(args.agent)
    (agents.lines.resume if args.off else agents.lines.hold)(args.agent)
    return {"agent": args.agent, "attempt_id": attempt_id, "held": not args.off}


def mute(agents: LiveAgents, args: Switched) -> dict[str, Any]:
    """The person does not hear the agent; ``off`` ends that."""
    attempt_id = agents.talk(args.agent)
    agents.lines.mute(args.agent, not args.off)
    return {"agent": args.agent, "attempt_id": attempt_id, "muted": not args.off}


def transfer(agents: LiveAgents, args: Transfer) -> dict[str, Any]:
    """Hand the person on, where the campaign allows it."""
    attempt_id = agents.transfer(args.agent, args.to, args.carrier, args.attended)
    return {"agent": args.agent, "attempt_id": attempt_id, "to": args.to, "attended": args.attended}


def complete(agents: LiveAgents, args: OneAgent) -> dict[str, Any]:
    """End an attended transfer: person and third party talk, the agent is out of it."""
    attempt_id = agents.talk(args.agent)
    agents.lines.complete(args.agent)
    return {"agent": args.agent, "attempt_id": attempt_id}


def send_keys(agents: LiveAgents, args: Keys) -> dict[str, Any]:
    """Press keys towards the person's end."""
    attempt_id = agents.talk(args.agent)
    agents.lines.send_keys(args.agent, args.keys)
    return {"agent": args.agent, "attempt_id": attempt_id}


def record(agents: LiveAgents, args: Recording) -> dict[str, Any]:
    """Record the talk, both sides; pause it while card numbers are read out."""
    attempt_id = agents.talk(args.agent)
    done: dict[str, Any] = {"agent": args.agent, "attempt_id": attempt_id, "recording": args.action}
    if args.action == "start":
        return done | {"file": agents.record(args.agent)}
    if args.action == "stop":
        agents.lines.stop_recording(attempt_id)
    else:
        agents.lines.pause_recording(attempt_id, args.action == "pause")
    return done


def supervise(agents: LiveAgents, args: Supervise) -> dict[str, Any]:
    """Ring the supervisor's phone and let it hear the agent's line; one who is there already changes the mode."""
    phone = agents.address(args.phone, args.carrier)
    agents.lines.supervise(args.agent, args.supervisor, phone, args.mode)
    return {"agent": args.agent, "supervisor": args.supervisor, "mode": args.mode.value}


def unsupervise(agents: LiveAgents, args: Unsupervise) -> dict[str, Any]:
    """Hang up the supervisor's phone."""
    agents.lines.stop_supervising(args.agent, args.supervisor)
    return {"agent": args.agent, "supervisor": args.supervisor}


def not_logged_in(desk: Desk, args: OneAgent) -> dict[str, Any]:
    """Why nobody has the agent's line."""
    if args.agent not in {agent.name for agent in SiteStore(desk.database).site().agent}:
        raise NotFound(f"agent {args.agent} is not in the site; `trunkline agent ls` shows who is")
    with agent_pool(desk) as pool:
        view = next((view for view in pool.snapshot() if view.name == args.agent), None)
    if view is None:
        raise WrongState(f"agent {args.agent} is not logged in; `trunkline agent login {args.agent}` first")
    raise Refused(f"agent {args.agent} is at controller {view.node}, which does not answer")


def nobody_to_log_in(desk: Desk, args: Login) -> dict[str, Any]:
    """Why no controller took the login."""
    raise Refused(f"controller {args.node} does not answer; `trunkline check` shows those that do")


@contextmanager
def agent_pool(desk: Desk) -> Iterator[AgentPool]:
    """The pool for a block; Unavailable without Redis."""
    if desk.open_agents is None:
        raise Unavailable("agents are known to Redis alone, and it is not at hand; see redis.url")
    with desk.open_agents() as pool:
        yield pool


def _granted(agent: str, refusal: Refusal | None) -> None:
    if refusal is Refusal.NOT_LOGGED_IN:
        raise WrongState(f"agent {agent} is not logged in; `trunkline agent login {agent}` first")
    if refusal is not None:
        raise WrongState(f"agent {agent}: {refusal.value}; try again when the call is over")


def standing(desk: Desk, pool: AgentPool, agent: str) -> dict[str, Any]:
    """Where the agent stands; who is out, and why."""
    view = next((view for view in pool.snapshot() if view.name == agent), None)
    if view is not None:
        return _row(agent, view.queues, view, "")
    return _row(agent, (), None, SqlAgentRecords(desk.database).left_because([agent]).get(agent, ""))


def _row(name: str, queues: tuple[str, ...], view: AgentView | None, why_out: str) -> dict[str, Any]:
    held = view.seizure if view is not None else None
    return {
        "agent": name,
        "state": view.state.value if view is not None else "out",
        "reason": view.reason if view is not None else why_out,
        "seconds": round(view.age_seconds, 3) if view is not None else None,
        "wrap_up_left": round(view.left_seconds, 3) if view is not None and view.left_seconds else None,
        "then_pause": view.then_pause if view is not None else "",
        "queues": list(queues),
        "node": view.node if view is not None else None,
        "campaign": held.campaign if held is not None else None,
        "attempt_id": held.holder if held is not None else None,
        "last_call": view.last_call or None if view is not None else None,
    }


AGENT_VERBS = (
    Verb("agent.ls", Floor, "agents and where each stands", do=list_agents, reads=True),
    Verb("agent.report", Span, "how agents spent their time", do=report, reads=True),
    Verb(
        "agent.login", Login, "ring an agent's phone and let the agent in", do=nobody_to_log_in, act_on_agent=login, begins=True
    ),
    Verb("agent.logout", OneAgent, "end an agent's day", do=not_logged_in, act_on_agent=logout),
    Verb("agent.ready", OneAgent, "the agent takes calls", do=ready),
    Verb("agent.pause", Pause, "the agent takes no calls", do=pause),
    Verb("agent.extend", Extend, "more wrap-up time", do=extend),
    Verb("agent.hangup", OneAgent, "end the agent's present call", do=not_logged_in, act_on_agent=hang_up),
    Verb("agent.hold", Switched, "music for the person", do=not_logged_in, act_on_agent=hold),
    Verb("agent.mute", Switched, "silence the agent towards the person", do=not_logged_in, act_on_agent=mute),
    Verb("agent.transfer", Transfer, "hand the person on", do=not_logged_in, act_on_agent=transfer),
    Verb("agent.complete", OneAgent, "end an attended transfer", do=not_logged_in, act_on_agent=complete),
    Verb("agent.keys", Keys, "press keys towards the person's end", do=not_logged_in, act_on_agent=send_keys),
    Verb("agent.record", Recording, "record the talk", do=not_logged_in, act_on_agent=record),
    Verb("agent.supervise", Supervise, "listen, whisper or barge", do=not_logged_in, act_on_agent=supervise),
    Verb("agent.unsupervise", Unsupervise, "let a supervisor go", do=not_logged_in, act_on_agent=unsupervise),
)
