"""What the controller asks of whole calls: originate, bridge, transfer, execute, hang up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.applications import run
from esl_handlers.virtual_switch.bridge import after_bridge, joined
from esl_handlers.virtual_switch.dial_string import USAGE, read_originate
from esl_handlers.virtual_switch.dialplan import extension_steps, flip_ids
from esl_handlers.virtual_switch.originate import start_leg, until_whole_second
from esl_handlers.virtual_switch.render import encode
from esl_handlers.virtual_switch.script import Over, Script, Steps
from esl_handlers.virtual_switch.vocabulary import STATE_NUMBERS

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel
    from esl_handlers.virtual_switch.core import Core

Reply = Callable[[str], None]
JOIN_SECONDS = 0.03
"""uuid_bridge takes both channels through three states first: 42 ms until CHANNEL_BRIDGE with the poll."""


@dataclass(frozen=True, slots=True)
class Message:
    """An application to execute on a channel that is busy with another one."""

    application: str
    data: str
    event_uuid: str = ""


def originate(core: Core, arguments: str, reply: Reply) -> None:
    """``originate``: dial, and run the extension or application once answered. The reply comes with the answer or the end."""
    command = read_originate(arguments)
    if command is None:
        reply(USAGE)
        return
    given = command.leg.variables
    caller = (
        given.get("origination_caller_id_name") or command.caller_name,
        given.get("origination_caller_id_number") or command.caller_number or "0000000000",
    )
    timeout = given.get("originate_timeout", "")

    def done(channel: Channel | None, cause: str) -> None:
        if channel is None:
            reply(f"-ERR {cause}\n")
        else:
            reply(f"+OK {channel.uuid}\n")
            settle(channel, command.extension, command.context)

    start_leg(core, command.leg, caller, None, int(timeout) if timeout.isdigit() else command.timeout_seconds, done)


def settle(channel: Channel, extension: str, context: str) -> None:
    """The leg is answered: let it run what it was originated for."""
    application = re.fullmatch(r"&([^(]*)(?:\(([^)]*)\)?.*)?", extension, re.DOTALL)
    if application:
        flip_ids(channel)
        start_application(channel, application[1].strip(), application[2] or "")
    else:
        start(channel, extension_steps(channel, extension, context))


def start_application(channel: Channel, application: str, data: str = "") -> None:
    """Put one application on a channel."""
    channel.enter("CS_EXECUTE")
    start(channel, run(channel, application, data))


def start(channel: Channel, steps: Steps) -> None:
    """Put a script on a channel; one that runs out hangs up."""
    Script(channel, steps, lambda: channel.hang_up("NORMAL_CLEARING")).start()


def fetch(channel: Channel) -> None:
    """Take a channel away from what it is doing."""
    if channel.script is not None:
        script, channel.script = channel.script, None
        script.stop()
    channel.peer = None
    channel.inbox.clear()


def transfer(channel: Channel, extension: str, context: str) -> None:
    """``uuid_transfer``: on to another extension. Of several before the channel has looked, the last one counts."""

    def go() -> None:
        destination, channel.transfer_to = channel.transfer_to, None
        if channel.alive and destination is not None:
            channel.state_number = STATE_NUMBERS["CS_ROUTING"]
            fetch(channel)
            start(channel, extension_steps(channel, *destination))

    waiting, channel.transfer_to = channel.transfer_to, (extension, context)
    if waiting is None:
        channel.core.timeline.after(channel.core.chance.uniform(0, 0.02), go)


def bridge(channel: Channel, peer: Channel) -> None:
    """``uuid_bridge``: two answered channels talk to each other."""
    for one in (channel, peer):
        one.state_number = STATE_NUMBERS["CS_HIBERNATE"]
        one.transfer_to = None
        fetch(one)
    for one, other in ((channel, peer), (peer, channel)):
        one.peer = other
        for state in ("CS_HIBERNATE", "CS_RESET", "CS_SOFT_EXECUTE"):
            one.enter(state)

    def go() -> None:
        here, there = channel.alive and channel.peer is peer, peer.alive and peer.peer is channel
        if not (here and there):  # one of them has ended, or was fetched away, meanwhile
            if there:
                peer.hang_up("DESTINATION_OUT_OF_ORDER")
            elif here:
                channel.peer = None
                after_bridge(channel, "DESTINATION_OUT_OF_ORDER")
            return
        for one, other in ((channel, peer), (peer, channel)):
            one.emit("CHANNEL_EXECUTE", after=f"Application: uuid_bridge\nApplication-Data: {encode(other.uuid)}\n")
        start(channel, bridged(channel, peer))

    channel.core.timeline.after(JOIN_SECONDS + channel.core.chance.uniform(0, 0.02), go)


def bridged(channel: Channel, peer: Channel) -> Steps:
    """Talk, and what the first channel does when the other has gone."""
    yield from joined(channel, peer)
    channel.enter("CS_EXECUTE")
    if channel.get("park_after_bridge") == "true":
        yield from run(channel, "park")
    elif channel.get("transfer_after_bridge"):
        after_bridge(channel, "NORMAL_CLEARING")
        yield None
    else:
        channel.begin_hangup(peer.cause or "NORMAL_CLEARING")
        raise Over


def execute(channel: Channel, message: Message) -> None:
    """``sendmsg`` with execute: when the channel next looks."""
    channel.inbox.append(message)
    channel.wake()


def schedule_hangup(channel: Channel, seconds: int, cause: str) -> None:
    """``sched_hangup``: a scheduler that looks every half second, on whole-second times."""
    core = channel.core
    wait = until_whole_second(seconds) + core.chance.uniform(0, 0.5)
    channel.standing_timers.append(core.timeline.after(wait, partial(channel.hang_up, cause)))


def on_answer(channel: Channel) -> None:
    """``execute_on_answer…``: applications that run in the signalling thread, before anything else."""
    for name, value in list(channel.variables.items()):
        if name.startswith("execute_on_answer"):
            application, _, data = value.replace("::", " ", 1).partition(" ")
            lines = f"Application: {application}\nApplication-Data: {encode(data)}\n"
            channel.emit("CHANNEL_EXECUTE", after=lines)
            words = data.split()
            if application == "sched_hangup" and words and words[0].lstrip("+").isdigit():
                schedule_hangup(channel, int(words[0]), words[1] if len(words) > 1 else "NORMAL_CLEARING")
            elif application == "set":
                channel.set(*data.partition("=")[::2])
            channel.emit("CHANNEL_EXECUTE_COMPLETE", after=f"{lines}Application-Response: _none_\n")
