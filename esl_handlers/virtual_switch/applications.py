"""The dialplan applications that an answered call of ours meets: park, sleep, playback, bridge, set, transfer, hangup …

Each is a part of a script (``script.py``) and sends the events that FreeSWITCH was seen to send, in that order.
Applications that change nothing a listener could see (record_session, answer …) only say that they were executed.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.bridge import bridge
from esl_handlers.virtual_switch.originate import until_whole_second
from esl_handlers.virtual_switch.render import encode
from esl_handlers.virtual_switch.script import Over, Steps, Woken
from esl_handlers.virtual_switch.vocabulary import CAUSES, STATE_NUMBERS

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel


class Transfer(Exception):
    """Raised by ``transfer``: the call goes on in another extension."""

    def __init__(self, extension: str, context: str) -> None:
        self.extension = extension
        self.context = context
        super().__init__(extension, context)


def run(channel: Channel, application: str, data: str = "", event_uuid: str = "") -> Steps:
    """One application, from CHANNEL_EXECUTE to CHANNEL_EXECUTE_COMPLETE. Raises Over or Transfer when it ends the extension."""
    data = expand(channel, data)
    event_uuid = event_uuid or str(uuid.uuid4())
    lines = f"Application: {application}\n" + (f"Application-Data: {encode(data)}\n" if data else "")
    channel.set("current_application_data", data)
    channel.set("current_application", application)
    channel.slots["last_app"] = application
    channel.slots["last_arg"] = encode(data)
    channel.emit("CHANNEL_EXECUTE", after=f"{lines}Application-UUID: {encode(event_uuid)}\n")
    channel.set("current_application_response", "")
    try:
        yield from APPLICATIONS.get(application, nothing)(channel, data)
    finally:
        response = channel.get("current_application_response") or "_none_"
        answer = f"Application-Response: {encode(response)}\nApplication-UUID: {encode(event_uuid)}\n"
        channel.emit("CHANNEL_EXECUTE_COMPLETE", after=lines + answer)


def expand(channel: Channel, text: str) -> str:
    """``${name}`` replaced by the channel's variables, once."""
    return re.sub(r"\$\{([^}]*)\}", lambda found: channel.get(found[1]) or "", text) if "${" in text else text


def read_inbox(channel: Channel) -> Steps:
    """Execute what sendmsg and uuid_broadcast have left for a channel that waits."""
    while channel.inbox:
        message = channel.inbox.pop(0)
        yield from run(channel, message.application, message.data, message.event_uuid)
        channel.emit("PRIVATE_COMMAND", variables=False)


def nothing(channel: Channel, data: str) -> Steps:
    """An application without a visible effect."""
    yield from ()


def set_variable(channel: Channel, data: str) -> Steps:
    """``set``: name=value."""
    yield from ()
    name, _, value = data.partition("=")
    channel.set(name, value)


def unset_variable(channel: Channel, data: str) -> Steps:
    """``unset``: name."""
    yield from ()
    channel.set(data, "")


def send_event(channel: Channel, data: str) -> Steps:
    """``event``: Event-Name=CUSTOM,Event-Subclass=…, with everything that is known of the channel."""
    yield from ()
    headers = dict(part.partition("=")[::2] for part in data.split(","))
    channel.emit("CUSTOM", subclass=headers.get("Event-Subclass", ""))


def hang_up(channel: Channel, data: str) -> Steps:
    """``hangup``: [cause]."""
    yield from ()
    channel.begin_hangup(data if data in CAUSES else "NORMAL_CLEARING")
    raise Over


def transfer(channel: Channel, data: str) -> Steps:
    """``transfer``: extension [dialplan [context]]."""
    yield from ()
    words = data.split()
    channel.state_number = STATE_NUMBERS["CS_ROUTING"]
    raise Transfer(words[0] if words else "", words[2] if len(words) > 2 else str(channel.slots["context"]))


def sleep(channel: Channel, data: str) -> Steps:
    """``sleep``: milliseconds; messages are executed meanwhile."""
    left = float(data) / 1000 if data.isdigit() else 0.0
    ends = channel.core.monotonic() + left
    yield from read_inbox(channel)
    while (yield ends - channel.core.monotonic()) is not Woken.TIME:
        yield from read_inbox(channel)


def playback(channel: Channel, data: str) -> Steps:
    """``playback``: a sound as long as the people file says, or as a tone_stream says itself."""
    kind = data.partition("://")[0] if "://" in data else "file"
    lines = f"Playback-File-Type: {encode(kind)}\nPlayback-File-Path: {encode(data)}\n"
    channel.emit("PLAYBACK_START", after=lines)
    begins = channel.core.monotonic()
    limit = channel.get("playback_timeout_sec") or ""
    lasts = min(sound_seconds(channel, data), float(limit) if limit.isdigit() else math.inf)
    status = "break"
    try:
        while (yield None if lasts == math.inf else begins + lasts - channel.core.monotonic()) is not Woken.TIME:
            pass  # messages wait in the inbox until the sound is over
        status = "done"
    finally:
        played = int((channel.core.monotonic() - begins) * 1000)
        channel.set("playback_last_offset_pos", str(played * 8))
        channel.set("playback_seconds", str(played // 1000))
        channel.set("playback_ms", str(played))
        channel.set("playback_samples", str(played * 8))
        channel.emit("PLAYBACK_STOP", after=f"{lines}Playback-Status: {status}\n")
    channel.set("current_application_response", "FILE PLAYED")


def sound_seconds(channel: Channel, name: str) -> float:
    """How long a sound lasts."""
    if name.startswith("tone_stream://"):
        milliseconds = sum(int(on) + int(off) for on, off in re.findall(r"%\((\d+),(\d+)", name))
        loops = re.search(r"loops=(-?\d+)", name)
        times = int(loops[1]) if loops else 1
        return math.inf if times < 0 else milliseconds * times / 1000
    return channel.core.people.playback_seconds.draw(channel.core.chance)


def endless_playback(channel: Channel, data: str) -> Steps:
    """``endless_playback``: until the channel is fetched or ends."""
    yield from ()
    while True:
        yield from playback(channel, data)


def eavesdrop(channel: Channel, data: str) -> Steps:
    """``eavesdrop``: hear another channel until it ends; what the keys do is not to be seen here."""
    target = channel.core.channels.get(data)
    script = channel.script

    def gone(_: Channel) -> None:
        if script is not None and channel.script is script:
            script.wake(Woken.CHANGE)

    if target is not None:
        target.on_gone.append(gone)
        while target.alive:
            yield None


def park(channel: Channel, data: str) -> Steps:
    """``park``: until fetched, hung up, or ``park_timeout`` (seconds[:cause], whole-second clock) has passed."""
    channel.emit("CHANNEL_PARK")
    seconds, _, cause = (channel.get("park_timeout") or "").partition(":")
    ends = channel.core.monotonic() + until_whole_second(int(seconds)) if seconds.isdigit() else None
    try:
        yield from read_inbox(channel)
        while (yield None if ends is None else ends - channel.core.monotonic()) is not Woken.TIME:
            yield from read_inbox(channel)
        channel.begin_hangup(cause or "NORMAL_CLEARING")
        raise Over
    finally:
        channel.emit("CHANNEL_UNPARK")


APPLICATIONS: dict[str, Callable[[Channel, str], Steps]] = {
    "bridge": bridge,
    "eavesdrop": eavesdrop,
    "endless_playback": endless_playback,
    "event": send_event,
    "hangup": hang_up,
    "park": park,
    "playback": playback,
    "set": set_variable,
    "sleep": sleep,
    "transfer": transfer,
    "unset": unset_variable,
}
