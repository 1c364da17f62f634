"""A person on the line and the one they are to talk to: target, agent, or the message of an abandoned call.

An agent may have been kept for the call since before its launch; else one is sought from the moment the person is owed one
(47 CFR 64.1200(a)(7): two seconds from the end of the greeting). Whoever is not served by then hears who called.
"""

from __future__ import annotations

from controller.domain.agents.agent import RONA, ReservationEnd, SeizureOutcome
from controller.domain.calls.actions import Action, Connect, ConnectAgent, ReleaseAgent, ReserveAgent, Treat
from controller.domain.calls.ending import let_agent_go, request_hang_up
from controller.domain.calls.events import (
    AgentLost,
    AgentReserved,
    CallEvent,
    Connected,
    ConnectFailed,
    FoundTalking,
    HandedOver,
    KeyPressed,
    NoAgent,
)
from controller.domain.calls.states import Call, CallState

MARGIN_SECONDS = 0.5
"""What the answer to a question may be late before we go on without it."""
LEAST_JOINING_SECONDS = 1.0
"""An agent who was found at the last moment still gets so long to be joined: better late than not at all."""
LONGEST_APOLOGY_SECONDS = 60.0


def to_target(call: Call, at: float) -> list[Action]:
    """Somebody is owed the campaign's target from ``at`` on (or from ``call.person_at``, if that is known)."""
    call.person_at = call.person_at or at
    target = call.order.target
    if target.kind != "queue":
        call.enter(CallState.CONNECTING)
        return [Connect(target)]
    if call.agent is not None:
        return _join(call, call.agent, at)
    return _seek(call, at)


def agent_reserved(call: Call, event: CallEvent) -> list[Action]:
    """An agent for us; one who comes when none is wanted any more is let go at once."""
    assert isinstance(event, AgentReserved)
    if event.agent == call.agent:
        return []
    if call.agent is not None or call.state is not CallState.WAITING:
        return [ReleaseAgent(event.agent, ReservationEnd.RETURNED)]
    call.agent = call.seized = event.agent
    call.seizure = SeizureOutcome.RESERVED
    return _join(call, event.agent, event.at)


def no_agent(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, NoAgent)
    return nobody_came(call, event)


def nobody_came(call: Call, event: CallEvent) -> list[Action]:
    """The person's time is up. An agent who was found but is not on the line is let go."""
    actions = let_agent_go(call, ReservationEnd.TIMEOUT)
    call.seizure = call.seizure if actions else SeizureOutcome.NONE
    return [*actions, *_give_up(call)]


def agent_lost(call: Call, event: CallEvent) -> list[Action]:
    """The agent's line is gone: whoever waits for it, or talked over it, gets another agent within the usual time."""
    assert isinstance(event, AgentLost)
    if event.agent != call.agent:
        return []
    how = ReservationEnd.RONA if event.reason == RONA else ReservationEnd.TIMEOUT
    if call.state is CallState.CONNECTED:
        how, call.person_at = ReservationEnd.RETURNED, event.at
    actions = let_agent_go(call, how)
    if call.state in (CallState.CONNECTING, CallState.CONNECTED):
        return [*actions, *_seek(call, event.at)]
    return actions


def connected(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, Connected)
    call.left = True
    call.connected_at = call.connected_at or event.at
    call.connected_to = event.to
    if call.state is not CallState.ENDING:
        call.enter(CallState.CONNECTED)
    return []


def found_talking(call: Call, event: CallEvent) -> list[Action]:
    """An earlier life of this controller joined them: the agent is this call's from now on."""
    assert isinstance(event, FoundTalking)
    if call.agent is not None:
        return []
    call.left = True
    call.agent = call.seized = call.connected_to = event.agent
    call.seizure = SeizureOutcome.RESERVED
    call.connected_at = call.connected_at or event.since
    if call.state is not CallState.ENDING:
        call.enter(CallState.CONNECTED)
    return []


def connect_failed(call: Call, event: CallEvent) -> list[Action]:
    """Nobody was there. When the switch does not say so itself, we do."""
    assert isinstance(event, ConnectFailed)
    call.left = True
    call.connect_failed = event.reason
    actions = let_agent_go(call, ReservationEnd.TIMEOUT)
    if event.told:
        call.enter(CallState.APOLOGISING, LONGEST_APOLOGY_SECONDS)
        return actions
    return [*actions, *_give_up(call)]


def handed_over(call: Call, event: CallEvent) -> list[Action]:
    assert isinstance(event, HandedOver)
    call.connected_to = event.to
    return let_agent_go(call)


def key_pressed(call: Call, event: CallEvent) -> list[Action]:
    """Kept as evidence that a person is there; during the apology it may be the wish never to be called again, which is written
    with the end of the attempt."""
    assert isinstance(event, KeyPressed)
    call.evidence.key_at = call.evidence.key_at or event.at
    treatment = call.answering.treatment
    if call.state is CallState.APOLOGISING and treatment is not None and event.key == treatment.opt_out_key:
        call.opted_out = True
    return []


def apology_over(call: Call, event: CallEvent) -> list[Action]:
    return request_hang_up(call, "abandoned")


def apology_failed(call: Call, event: CallEvent) -> list[Action]:
    """Our message could not be played; one of the switch's own that plays already is left to play."""
    assert isinstance(event, ConnectFailed)
    return [] if event.told else request_hang_up(call, "abandoned")


def _seek(call: Call, at: float) -> list[Action]:
    within = call.patience_left(at)
    call.enter(CallState.WAITING, within + MARGIN_SECONDS)
    return [ReserveAgent(call.order.target.address, within)]


def _join(call: Call, agent: str, at: float) -> list[Action]:
    call.enter(CallState.CONNECTING, max(call.patience_left(at), LEAST_JOINING_SECONDS) + MARGIN_SECONDS)
    return [ConnectAgent(agent)]


def _give_up(call: Call) -> list[Action]:
    """A machine that was passed on needs no apology; a person hears one, if the campaign has one."""
    if call.evidence.believed == "machine":
        return request_hang_up(call, "agent_unavailable")
    call.treated = True
    if call.answering.treatment is None:
        return request_hang_up(call, "abandoned")
    call.enter(CallState.APOLOGISING, LONGEST_APOLOGY_SECONDS)
    return [Treat(call.answering.treatment)]
