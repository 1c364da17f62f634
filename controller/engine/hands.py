"""The call machine's wishes, carried out: at the switch, on detection, with agents.

A wish that cannot be sent leaves the call where the switch's own dead-man's switch takes care of the person; the call's end
comes as an event all the same.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from controller.domain.agents.agent import ReservationEnd
from controller.domain.calls.actions import (
    Action,
    Connect,
    ConnectAgent,
    HangUp,
    LeaveMessage,
    Park,
    ReleaseAgent,
    ReserveAgent,
    StartDetection,
    StopDetection,
    StopMessage,
    Treat,
)
from controller.engine.live_call import LiveCall
from controller.errors import SwitchDown
from controller.ports import Switch

log = structlog.get_logger("call")


class Agents(Protocol):
    """Agents as calls see them; ``agent_calls.AgentCalls``, which documents the methods."""

    def seek(self, attempt_id: str, queue: str, campaign: str, within_seconds: float) -> None: ...

    def join(self, attempt_id: str, agent: str, name: str, number: str) -> None: ...

    def release(self, attempt_id: str, agent: str, end: ReservationEnd, wrap_up: bool) -> None: ...

    def forget(self, attempt_id: str) -> None: ...


class Hands:
    """One for a call desk."""

    def __init__(self, switch: Switch, agents: Agents) -> None:
        self._switch = switch
        self._agents = agents

    def do(self, live: LiveCall, action: Action) -> None:
        """Carry out one action that is not the desk's own."""
        try:
            self._at_switch(live, action)
        except SwitchDown as error:
            log.error("not sent", attempt=live.attempt_id, action=type(action).__name__, error=str(error))
        self._with_agents(live, action)

    def _at_switch(self, live: LiveCall, action: Action) -> None:
        switch, attempt_id = self._switch, live.attempt_id
        match action:
            case HangUp(why):
                switch.hang_up(attempt_id, why)
            case Connect(target):
                switch.connect(attempt_id, target, live.call.order.attributes)
            case StartDetection(detection):
                switch.screen(attempt_id, detection)
            case StopDetection():
                switch.stop_screening(attempt_id)
            case Park(seconds):
                switch.park(attempt_id, seconds)
            case LeaveMessage(sound):
                switch.leave_message(attempt_id, sound)
            case StopMessage():
                switch.stop_message(attempt_id)
            case Treat(treatment):
                switch.treat(attempt_id, treatment)
            case _:
                pass

    def _with_agents(self, live: LiveCall, action: Action) -> None:
        order = live.call.order
        match action:
            case ReserveAgent(queue, within_seconds):
                self._agents.seek(live.attempt_id, queue, order.campaign, within_seconds)
            case ConnectAgent(agent):
                self._agents.join(live.attempt_id, agent, _shown_name(order.attributes), f"+{live.use.phone}")
            case ReleaseAgent(agent, end, wrap_up):
                self._agents.release(live.attempt_id, agent, end, wrap_up)
            case _:
                pass


def _shown_name(attributes: tuple[tuple[str, str], ...]) -> str:
    """What the agent's phone shows besides the number: the contact's name, if the list has such a column."""
    return next((value for name, value in attributes if name.lower() in ("name", "full_name", "fullname")), "")
