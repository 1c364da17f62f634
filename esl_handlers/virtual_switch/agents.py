"""What Trunkline's dialplan (``dialplan/trunkline-agents.xml``) does with agents' lines and with those who talk to agents.

Kept beside that file by hand, as ``dialplan.py`` is; a test compares the extensions' names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.applications import run
from esl_handlers.virtual_switch.script import Steps

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

CONTEXT = "trunkline-agents"
CONNECT_EVENT = "Event-Name=CUSTOM,Event-Subclass=trunkline::connect"
AGENT_EVENT = "Event-Name=CUSTOM,Event-Subclass=trunkline::agent"
MUSIC = "tone_stream://v=-18;%(300,50,523);%(300,50,659);%(600,4700,784);loops=-1"
PIP = "tone_stream://v=-25;%(80,14920,440);loops=-1"


def _rings_off(channel: Channel) -> bool:
    """Whether the line is an on-hook phone's that is not to be kept."""
    return channel.get("trunkline_kind") == "on_hook" and channel.get("trunkline_keep") != "true"


def agent(channel: Channel) -> Steps:
    """An agent's line is up: music."""
    yield from run(channel, "set", "trunkline_line=up")
    yield from run(channel, "set", f"transfer_after_bridge=trunkline-agent-free:XML:{CONTEXT}")
    yield from run(channel, "set", "uuid_bridge_continue_on_cancel=true")
    yield from run(channel, "set", "playback_terminators=none")
    yield from run(channel, "event", AGENT_EVENT)
    if _rings_off(channel):
        yield from run(channel, "set", "playback_timeout_sec=${trunkline_agent_seconds}")
        yield from run(channel, "playback", "tone_stream://v=-25;%(80,2920,440);loops=-1")
        yield from run(channel, "transfer", "trunkline-agent-free")
    yield from run(channel, "unset", "playback_timeout_sec")
    yield from run(channel, "endless_playback", channel.get("trunkline_music") or PIP)
    yield from run(channel, "transfer", "trunkline-agent-free")


def agent_free(channel: Channel) -> Steps:
    """Whoever the agent talked with has gone."""
    yield from run(channel, "set", "trunkline_line=free")
    yield from run(channel, "set", "max_forwards=70")
    yield from run(channel, "unset", "transfer_history")
    yield from run(channel, "event", AGENT_EVENT)
    if _rings_off(channel):
        yield from run(channel, "hangup", "NORMAL_CLEARING")
    yield from run(channel, "transfer", "trunkline-agent")


def _wait_in_music(channel: Channel, word: str, seconds: int) -> Steps:
    yield from run(channel, "set", f"trunkline_connect={word}")
    yield from run(channel, "set", "playback_terminators=none")
    yield from run(channel, "set", f"playback_timeout_sec={seconds}")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "playback", channel.get("trunkline_hold_music") or MUSIC)
    yield from run(channel, "set", "trunkline_connect=overdue")
    yield from run(channel, "transfer", "trunkline-abandoned XML trunkline")


def hold(channel: Channel) -> Steps:
    """A person, held by the agent."""
    yield from run(channel, "set", "max_forwards=70")
    yield from _wait_in_music(channel, "held", 600)


def agent_lost(channel: Channel) -> Steps:
    """A person without an agent."""
    yield from _wait_in_music(channel, "agent_lost", 15)


def transfer(channel: Channel) -> Steps:
    """A person on the way to somebody else."""
    yield from run(channel, "set", "trunkline_connect=transfer")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "unset", "transfer_after_bridge")
    yield from run(channel, "set", "hangup_after_bridge=true")
    yield from run(channel, "set", "continue_on_fail=true")
    yield from run(channel, "set", "call_timeout=${trunkline_transfer_seconds}")
    yield from run(channel, "bridge", "${trunkline_target}")
    yield from run(channel, "set", "trunkline_connect=failed")
    yield from run(channel, "transfer", "trunkline-sorry XML trunkline")


def consult(channel: Channel) -> Steps:
    """The third party of an attended transfer."""
    yield from run(channel, "set", "trunkline_line=consult")
    yield from run(channel, "event", AGENT_EVENT)
    yield from run(channel, "set", "playback_timeout_sec=10")
    yield from run(channel, "playback", MUSIC)
    yield from run(channel, "hangup", "NORMAL_CLEARING")


def supervise(channel: Channel) -> Steps:
    """A supervisor."""
    yield from run(channel, "set", "trunkline_line=supervise")
    yield from run(channel, "event", AGENT_EVENT)
    yield from run(channel, "set", "eavesdrop_enable_dtmf=true")
    yield from run(channel, "eavesdrop", "${trunkline_listen_to}")
    yield from run(channel, "hangup", "NORMAL_CLEARING")


def astray(channel: Channel) -> Steps:
    """A line whose person was gone before they were joined."""
    yield from run(channel, "transfer", "trunkline-agent-free")


AGENT_EXTENSIONS: dict[str, Callable[[Channel], Steps]] = {
    "trunkline-agent": agent,
    "trunkline-agent-free": agent_free,
    "trunkline-hold": hold,
    "trunkline-agent-lost": agent_lost,
    "trunkline-transfer": transfer,
    "trunkline-consult": consult,
    "trunkline-supervise": supervise,
    "trunkline-agent-astray": astray,
}
