"""The dialplan applications that an answered call of ours meets: park, sleep, playback, bridge, set, transfer, hangup …

Each is a part of a script (``script.py``) and sends the events that FreeSWITCH was seen to send, in that order. Applications that
change nothing a listener could see (record_session, answer …) only say that they were executed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.channels import CAUSES
from esl_handlers.virtual_switch.dial_string import read_dial_string
from esl_handlers.virtual_switch.originate import start_leg, until_whole_second
from esl_handlers.virtual_switch.render import encode
from esl_handlers.virtual_switch.script import Over, Steps, Woken

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

POLL_SECONDS = 0.02
"""A channel notices what happened to another one when its next frame is due."""
Responding = Generator[float | None, Woken, str]
"""An application's steps; it returns its Application-Response."""


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
    response = "_none_"
    try:
        response = yield from APPLICATIONS.get(application, nothing)(channel, data)
    finally:
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


def nothing(channel: Channel, data: str) -> Responding:
    """An application without a visible effect."""
    yield from ()
    return "_none_"


def set_variable(channel: Channel, data: str) -> Responding:
    """``set``: name=value."""
    yield from ()
    name, _, value = data.partition("=")
    channel.set(name, value)
    return "_none_"


def send_event(channel: Channel, data: str) -> Responding:
    """``event``: Event-Name=CUSTOM,Event-Subclass=…, with everything that is known of the channel."""
    yield from ()
    headers = dict(part.partition("=")[::2] for part in data.split(","))
    channel.emit("CUSTOM", subclass=headers.get("Event-Subclass", ""))
    return "_none_"


def hang_up(channel: Channel, data: str) -> Responding:
    """``hangup``: [cause]."""
    yield from ()
    channel.begin_hangup(data if data in CAUSES else "NORMAL_CLEARING")
    raise Over


def transfer(channel: Channel, data: str) -> Responding:
    """``transfer``: extension [dialplan [context]]."""
    yield from ()
    words = data.split()
    raise Transfer(words[0] if words else "", words[2] if len(words) > 2 else str(channel.slots["context"]))


def sleep(channel: Channel, data: str) -> Responding:
    """``sleep``: milliseconds; messages are executed meanwhile."""
    left = float(data) / 1000 if data.isdigit() else 0.0
    ends = channel.core.monotonic() + left
    yield from read_inbox(channel)
    while (yield ends - channel.core.monotonic()) is not Woken.TIME:
        yield from read_inbox(channel)
    return "_none_"


def playback(channel: Channel, data: str) -> Responding:
    """``playback``: a sound as long as the people file says, or as a tone_stream says itself."""
    channel.emit("PLAYBACK_START", after="Playback-File-Type: file\n")
    ends = channel.core.monotonic() + sound_seconds(channel, data)
    status = "break"
    try:
        while (yield ends - channel.core.monotonic()) is not Woken.TIME:
            pass  # messages wait in the inbox until the sound is over
        status = "done"
    finally:
        channel.emit("PLAYBACK_STOP", after=f"Playback-File-Type: file\nPlayback-Status: {status}\n")
    channel.set("current_application_response", "FILE PLAYED")
    return "FILE PLAYED"


def sound_seconds(channel: Channel, name: str) -> float:
    """How long a sound lasts."""
    if name.startswith("tone_stream://"):
        milliseconds = sum(int(on) + int(off) for on, off in re.findall(r"%\((\d+),(\d+)", name))
        loops = re.search(r"loops=(\d+)", name)
        return milliseconds * (int(loops[1]) if loops else 1) / 1000
    return channel.core.people.playback_seconds.draw(channel.core.chance)


def park(channel: Channel, data: str) -> Responding:
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


def bridge(channel: Channel, data: str) -> Responding:
    """``bridge``: dial another leg and join it; ``call_timeout``, ``continue_on_fail`` and ``hangup_after_bridge`` count."""
    core = channel.core
    leg = read_dial_string(data)
    results: list[tuple[Channel | None, str]] = []

    def done(peer: Channel | None, cause: str) -> None:
        results.append((peer, cause))
        if peer is not None and not channel.alive:
            peer.hang_up("ORIGINATOR_CANCEL")
        elif channel.script is not None:
            channel.script.wake(Woken.CHANGE)

    if leg is None:
        results.append((None, "DESTINATION_OUT_OF_ORDER"))
    else:
        timeout = channel.get("call_timeout") or ""
        attempt = start_leg(core, leg, _caller(channel), channel, int(timeout) if timeout.isdigit() else 60, done)
        try:
            while not results:
                yield None
        except GeneratorExit:
            if attempt is not None:
                attempt.give_up()
            raise
    peer, cause = results[0]
    if peer is None:
        channel.set("originate_disposition", cause)
        channel.set("DIALSTATUS", cause)
        channel.set("last_bridge_hangup_cause", cause)
        if channel.get("continue_on_fail") != "true":
            channel.begin_hangup(cause)
            raise Over
        return "_none_"
    channel.set("originate_disposition", "SUCCESS")
    channel.set("DIALSTATUS", "SUCCESS")
    yield from joined(channel, peer)
    if channel.get("hangup_after_bridge") == "true":
        channel.begin_hangup(peer.cause or "NORMAL_CLEARING")
        raise Over
    return "_none_"


def _caller(channel: Channel) -> tuple[str, str]:
    """What the other leg shows: the person's number, as FreeSWITCH turns an outbound leg's ids round."""
    address = channel.leg.address.partition("@")[0]
    return address, address


def joined(channel: Channel, peer: Channel) -> Steps:
    """Two channels hear each other until one of them ends."""
    core = channel.core
    now = core.now_us()
    for one, other in ((channel, peer), (peer, channel)):
        one.bridged, one.slots["bridged"] = now, now
        one.peer = other
        one.set("signal_bond", other.uuid)
        one.set("bridge_to", other.uuid)
        one.set("last_bridge_to", other.uuid)
        one.set("bridge_channel", str(other.slots["channel_name"]))
        one.set("bridge_uuid", other.uuid)
        one.set("endpoint_disposition", "ANSWER")
    channel.set("last_bridge_role", "originator")
    peer.set("last_bridge_role", "originatee")
    both = f"Bridge-A-Unique-ID: {encode(channel.uuid)}\nBridge-B-Unique-ID: {encode(peer.uuid)}\n"
    channel.emit("CHANNEL_BRIDGE", before=both)
    peer.enter("CS_EXCHANGE_MEDIA")

    script = channel.script

    def part() -> None:
        if script is not None and channel.script is script:
            script.wake(Woken.CHANGE)

    def peer_gone(_: Channel) -> None:
        core.timeline.after(core.chance.uniform(0, POLL_SECONDS), part)

    peer.on_gone.append(peer_gone)
    try:
        while peer.alive:
            yield None
    finally:
        if peer.alive:
            peer.hang_up("NORMAL_CLEARING")
        channel.set("last_bridge_hangup_cause", peer.cause)
        channel.set("bridge_hangup_cause", peer.cause)
        channel.emit("CHANNEL_UNBRIDGE")
        channel.peer = None


def unicast(channel: Channel, data: str) -> Responding:
    """``unicast``: accepted; the virtual switch has no audio to send."""
    yield from ()
    return "_none_"


APPLICATIONS: dict[str, Callable[[Channel, str], Responding]] = {
    "bridge": bridge,
    "event": send_event,
    "hangup": hang_up,
    "park": park,
    "playback": playback,
    "set": set_variable,
    "sleep": sleep,
    "transfer": transfer,
}
