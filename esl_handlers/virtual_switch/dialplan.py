"""What Trunkline's dialplan (``dialplan/trunkline.xml``) does with an answered call, extension by extension.

Kept beside that file by hand: the virtual switch reads no XML. A test compares the extensions' names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from esl_handlers.virtual_switch.agents import AGENT_EXTENSIONS
from esl_handlers.virtual_switch.agents import CONTEXT as AGENTS_CONTEXT
from esl_handlers.virtual_switch.applications import Transfer, run
from esl_handlers.virtual_switch.render import encode
from esl_handlers.virtual_switch.script import Steps

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

CONNECT_EVENT = "Event-Name=CUSTOM,Event-Subclass=trunkline::connect"
SORRY_TONE = "tone_stream://%(250,250,480,620);loops=3"


def bot(channel: Channel) -> Steps:
    """Join the call with its target."""
    seconds = channel.get("trunkline_connect_seconds") or ""
    yield from run(channel, "set", f"call_timeout={seconds if re.fullmatch('[1-9][0-9]?', seconds) else '2'}")
    yield from run(channel, "set", "trunkline_connect=connecting")
    yield from run(channel, "set", "hangup_after_bridge=true")
    yield from run(channel, "set", "continue_on_fail=true")
    yield from run(channel, "bridge", "${trunkline_target}")
    yield from run(channel, "set", "trunkline_connect=failed")
    yield from run(channel, "transfer", "trunkline-sorry")


def playback(channel: Channel) -> Steps:
    """Play the target, a sound."""
    yield from run(channel, "set", "trunkline_connect=playing")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "playback", "${trunkline_target}")
    yield from run(channel, "hangup", "NORMAL_CLEARING")


def ivr(channel: Channel) -> Steps:
    """Hand the call to an IVR."""
    yield from run(channel, "set", "trunkline_connect=ivr")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "transfer", "${trunkline_target} XML trunkline-ivr")


def wait(channel: Channel) -> Steps:
    """Hold the call for a verdict; nobody is left in silence when none comes."""
    yield from run(channel, "set", "trunkline_connect=waiting")
    yield from run(channel, "set", "sleep_eat_digits=true")
    yield from run(channel, "event", CONNECT_EVENT)
    seconds = channel.get("trunkline_verdict_seconds") or ""
    yield from run(channel, "sleep", f"{seconds if re.fullmatch('[1-9][0-9]{0,2}', seconds) else '10'}000")
    yield from run(channel, "transfer", "trunkline-overdue")


def overdue(channel: Channel) -> Steps:
    """Nobody came for the call in time."""
    yield from run(channel, "set", "trunkline_connect=overdue")
    yield from run(channel, "transfer", "trunkline-abandoned")


def park(channel: Channel) -> Steps:
    """Hold the call in silence, not for ever."""
    yield from run(channel, "set", "trunkline_connect=parked")
    yield from run(channel, "set", "sleep_eat_digits=true")
    seconds = channel.get("trunkline_park_seconds") or ""
    yield from run(channel, "sleep", f"{seconds if re.fullmatch('[1-9][0-9]{0,2}', seconds) else '45'}000")
    yield from run(channel, "hangup", "NORMAL_CLEARING")


def message(channel: Channel) -> Steps:
    """Play a message to its end."""
    yield from run(channel, "set", "trunkline_connect=message")
    yield from run(channel, "set", "playback_terminators=none")
    yield from run(channel, "playback", "${trunkline_message}")
    yield from run(channel, "set", "trunkline_played=${current_application_response}")
    yield from run(channel, "set", "trunkline_connect=left")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "hangup", "NORMAL_CLEARING")


def abandoned(channel: Channel) -> Steps:
    """Say who called; listen for the key that opts out."""
    if not channel.get("trunkline_abandoned"):
        yield from run(channel, "transfer", "trunkline-sorry")
    key = channel.get("trunkline_opt_out_key") or ""
    if re.fullmatch("[0-9*#]", key):
        bound = f"trunkline,{key},exec[i]:execute_extension,trunkline-opted-out XML trunkline"
        yield from run(channel, "bind_digit_action", bound)
        yield from run(channel, "digit_action_set_realm", "trunkline")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "set", "playback_terminators=none")
    yield from run(channel, "unset", "playback_timeout_sec")
    yield from run(channel, "playback", "${trunkline_abandoned}")
    yield from run(channel, "set", "trunkline_played=${current_application_response}")
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "playback", "silence_stream://2000")
    yield from run(channel, "hangup", "SERVICE_UNAVAILABLE")


def opted_out(channel: Channel) -> Steps:
    """The key was pressed."""
    yield from run(channel, "set", "trunkline_connect=opted_out")
    yield from run(channel, "event", "Event-Name=CUSTOM,Event-Subclass=trunkline::opt-out")


def sorry(channel: Channel) -> Steps:
    """Tell the person that nobody is there."""
    yield from run(channel, "event", CONNECT_EVENT)
    yield from run(channel, "playback", channel.get("trunkline_sorry") or SORRY_TONE)
    yield from run(channel, "hangup", "SERVICE_UNAVAILABLE")


def any_ivr(channel: Channel) -> Steps:
    """Whatever IVR it is: it talks for a while and hangs up."""
    seconds = channel.core.people.ivr_seconds.draw(channel.core.chance)
    yield from run(channel, "sleep", str(int(seconds * 1000)))
    yield from run(channel, "hangup", "NORMAL_CLEARING")


EXTENSIONS: dict[str, Callable[[Channel], Steps]] = {
    "trunkline-bot": bot,
    "trunkline-playback": playback,
    "trunkline-ivr": ivr,
    "trunkline-wait": wait,
    "trunkline-overdue": overdue,
    "trunkline-park": park,
    "trunkline-message": message,
    "trunkline-abandoned": abandoned,
    "trunkline-opted-out": opted_out,
    "trunkline-sorry": sorry,
}


CONTEXTS = {"trunkline": EXTENSIONS, AGENTS_CONTEXT: AGENT_EXTENSIONS}


def flip_ids(channel: Channel) -> None:
    """An outbound leg that begins to run something shows its ids the other way round: the person is the caller now."""
    slots = channel.slots
    channel.set("endpoint_disposition", "ANSWER")
    channel.set("pre_transfer_caller_id_name", unquote(str(slots["caller_name"])))
    channel.set("pre_transfer_caller_id_number", unquote(str(slots["caller_number"])))
    channel.set("channel_cid_flipped", "yes")
    slots["hit_dialplan"] = "true"
    slots |= {
        "caller_name": slots["callee_name"],
        "caller_number": slots["callee_number"],
        "callee_name": slots["caller_name"],
        "callee_number": slots["caller_number"],
    }
    channel.emit("CALL_UPDATE", before="Direction: RECV\n")


def extension_steps(channel: Channel, extension: str, context: str) -> Steps:
    """The call's way through the dialplan, from one extension to the next; past its end the call is hung up."""
    hops: list[str] = []
    while True:
        now = channel.core.now_us()
        hops.append(f"{now // 1_000_000}:{channel.uuid}:bl_xfer:{extension}/{context}/XML")
        channel.slots |= {
            "dialplan": "XML",
            "context": encode(context),
            "destination": encode(extension),
            "rdnis": channel.slots["number"],
            "transfer_source": encode(hops[-1]),
            "profile_created": now,
            "profile_index": len(hops) + 1,
        }
        channel.set("max_forwards", str(71 - len(hops)))
        channel.set("transfer_history", hops[0] if len(hops) == 1 else "ARRAY::" + "|:".join(hops))
        channel.set("transfer_source", hops[-1])
        channel.enter("CS_ROUTING")
        if channel.get("channel_cid_flipped") is None:
            flip_ids(channel)
        channel.enter("CS_EXECUTE")
        steps = any_ivr if context == "trunkline-ivr" else CONTEXTS.get(context, {}).get(extension)
        if steps is None:
            yield from run(channel, "hangup", "NO_ROUTE_DESTINATION")
            return
        try:
            yield from steps(channel)
        except Transfer as onward:
            extension, context = onward.extension, onward.context
        else:
            return
