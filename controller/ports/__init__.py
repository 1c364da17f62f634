"""What the engine asks of the world. Each port has two or more fulfilments and one contract suite (tests/contracts/).

Everything here may block the calling greenlet or thread for a short time; nothing here blocks the whole process. Fulfilments
raise ``Unavailable`` (``StoreDown``, ``LiveStateDown``, ``SwitchDown``) when their world is away.
"""

from __future__ import annotations

from controller.ports.agent_lines import AgentLines, LineListener
from controller.ports.agent_pool import AgentChange, AgentPool, AgentRequest, AgentView, NoAgent, Presence
from controller.ports.agent_records import AgentProfile, AgentRecords, QueueRules
from controller.ports.limits import CarrierChoice, Granted, Launch, Limits, NoSlot, SlotRequest, SlotUse, Usage
from controller.ports.live import FormulaSource, Hopper, LiveBoard, Previews, ShownCard
from controller.ports.stores import AttemptStore, DropCounts, LeadStore, RunningRun, RunStore
from controller.ports.switch import Missed, Switch, SwitchListener
from controller.ports.world import Clock, InThread

__all__ = [
    "AgentChange",
    "AgentLines",
    "AgentPool",
    "AgentProfile",
    "AgentRecords",
    "AgentRequest",
    "AgentView",
    "AttemptStore",
    "CarrierChoice",
    "Clock",
    "DropCounts",
    "FormulaSource",
    "Granted",
    "Hopper",
    "InThread",
    "Launch",
    "LeadStore",
    "Limits",
    "LineListener",
    "LiveBoard",
    "Missed",
    "NoAgent",
    "NoSlot",
    "Presence",
    "Previews",
    "QueueRules",
    "RunStore",
    "RunningRun",
    "ShownCard",
    "SlotRequest",
    "SlotUse",
    "Switch",
    "SwitchListener",
    "Usage",
]
