"""Two channels that hear each other: the ``bridge`` application, and the talk that it and uuid_bridge lead to.

How the other leg is dialled is in ``originate.py``. Note what a failed bridge leaves behind on the first leg: the other
leg's SIP status, in variables that elsewhere tell of the leg itself. Whoever reads them must look at the answer time
first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.dial_string import read_dial_string
from esl_handlers.virtual_switch.originate import Attempt, start_leg
from esl_handlers.virtual_switch.render import encode
from esl_handlers.virtual_switch.script import Over, Script, Steps, Woken

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

POLL_SECONDS = 0.02
"""A channel notices what happened to another one when its next frame is due."""
DIAL_STATUS = {
    "CALL_REJECTED": "CANCEL",
    "NO_ANSWER": "NOANSWER",
    "NO_USER_RESPONSE": "NOANSWER",
    "ORIGINATOR_CANCEL": "CANCEL",
    "SUBSCRIBER_ABSENT": "UNAVAILABLE",
    "SUCCESS": "SUCCESS",
    "UNALLOCATED_NUMBER": "INVALIDARGS",
    "USER_BUSY": "BUSY",
}


def bridge(channel: Channel, data: str) -> Steps:
    """``bridge``: dial another leg and join it; ``call_timeout``, ``continue_on_fail`` and ``hangup_after_bridge`` count."""
    leg = read_dial_string(data)
    results: list[tuple[Channel | None, str]] = []
    script = channel.script

    def done(peer: Channel | None, cause: str) -> None:
        results.append((peer, cause))
        if script is not None and channel.script is script:
            script.wake(Woken.CHANGE)

    attempt: Attempt | None = None
    if leg is None:
        results.append((None, "DESTINATION_OUT_OF_ORDER"))
    else:
        timeout = channel.get("call_timeout") or ""
        channel.set_call_state("RING_WAIT")
        attempt = start_leg(channel.core, leg, _shown(channel), channel, int(timeout) if timeout.isdigit() else 60, done)
        try:
            while not results:
                yield None
        except GeneratorExit:
            if attempt is not None:
                attempt.give_up()
            raise
        channel.set_call_state("ACTIVE")
    peer, cause = results[0]
    if peer is not None:
        yield from joined(channel, peer)
        if channel.get("hangup_after_bridge") == "true":
            channel.begin_hangup(peer.cause or "NORMAL_CLEARING")
            raise Over
        return
    _failed(channel, attempt.channel if attempt else None, cause)
    if channel.get("continue_on_fail") != "true":
        channel.begin_hangup(cause)
        raise Over


def _shown(channel: Channel) -> tuple[str, str]:
    """The name and number that the other leg shows: the person's, as FreeSWITCH turns an outbound leg's ids round."""
    number = channel.leg.address.partition("@")[0]
    return number, number


def _failed(channel: Channel, peer: Channel | None, cause: str) -> None:
    """What a bridge that did not come about leaves on the first leg."""
    if peer is not None:
        channel.set("originate_signal_bond", peer.uuid)
        channel.set("originated_legs", f"{peer.uuid};Outbound Call;{peer.leg.address.partition('@')[0]}")
        channel.set("originate_causes", f"{peer.uuid};{cause}")
        for name in ("sip_invite_failure_status", "sip_invite_failure_phrase"):
            channel.set(name, peer.get(name) or "")
        if peer.sip_status:
            channel.set("sip_hangup_phrase", peer.get("sip_invite_failure_phrase") or "")
            channel.set("last_bridge_proto_specific_hangup_cause", f"sip:{peer.sip_status}")
        channel.set("last_bridge_hangup_cause", cause)
    channel.set("originate_disposition", cause)
    channel.set("DIALSTATUS", DIAL_STATUS.get(cause, "CHANUNAVAIL"))
    channel.set("originate_failed_cause", cause)


def companion(channel: Channel, peer: Channel, part: Callable[[], None]) -> Steps:
    """The second leg of two that are joined: it waits. Fetched away, it takes its leave of the first."""
    try:
        while True:
            yield None
    finally:
        if peer.peer is channel:
            peer.peer = None
            if peer.alive:
                part()


def after_bridge(channel: Channel, cause: str) -> None:
    """What a leg does whose other side has gone: as its variables say, else it is hung up with ``cause``."""
    destination = (channel.get("transfer_after_bridge") or "").split(":")
    if len(destination) == 3:
        channel.set("transfer_after_bridge", "")
        channel.core.transfer(channel, destination[0], destination[2])
    else:
        channel.hang_up(cause)


def joined(channel: Channel, peer: Channel) -> Steps:
    """Two answered channels hear each other until one of them ends, or is fetched away."""
    core = channel.core
    now = core.now_us()
    channel.set("originated_legs", f"{peer.uuid};Outbound Call;{peer.leg.address.partition('@')[0]}")
    channel.set("originate_disposition", "SUCCESS")
    channel.set("DIALSTATUS", "SUCCESS")
    channel.set("originate_causes", f"{peer.uuid};NONE")
    channel.set("last_bridge_role", "originator")
    peer.set("last_bridge_role", "originatee")
    peer.set("endpoint_disposition", "ANSWER")
    for one, other in ((channel, peer), (peer, channel)):
        one.bridged, one.slots["bridged"] = now, now
        one.slots["media_flow"] = "inactive"
        one.peer = other
        one.render_block("session")
        one.set("signal_bond", other.uuid)
    both = f"Bridge-A-Unique-ID: {encode(channel.uuid)}\nBridge-B-Unique-ID: {encode(peer.uuid)}\n"
    channel.emit("CHANNEL_BRIDGE", before=both)
    peer.enter("CS_EXCHANGE_MEDIA")
    for one, other in ((channel, peer), (peer, channel)):
        shown = other.leg.address.partition("@")[0]
        one.set("bridge_to", other.uuid)
        one.set("last_bridge_to", other.uuid)
        one.set("bridge_channel", f"sofia/{other.leg.profile or core.gateway_profile}/{other.leg.address}")
        one.set("bridge_uuid", other.uuid)
        one.set("last_sent_callee_id_name", shown)
        one.set("last_sent_callee_id_number", shown)
        sent = f"Sent-Callee-ID-Name: {encode(shown)}\nSent-Callee-ID-Number: {encode(shown)}\n"
        one.emit("CALL_UPDATE", before=f"Direction: SEND\n{sent}Bridged-To: {encode(other.uuid)}\n")
    script = channel.script

    def part() -> None:
        if script is not None and channel.script is script:
            script.wake(Woken.CHANGE)

    def peer_gone(_: Channel) -> None:
        core.timeline.after(core.chance.uniform(0, POLL_SECONDS), part)

    peer.on_gone.append(peer_gone)
    if peer.script is None:
        Script(peer, companion(channel, peer, part), lambda: None).start()
    try:
        while peer.alive and peer.peer is channel:
            yield None
    finally:
        if peer.alive and peer.peer is channel:
            peer.peer = None
            after_bridge(peer, "NORMAL_CLEARING")
        if peer.hung_up_by_far_end:
            channel.set("sip_hangup_phrase", "OK")
            channel.set("last_bridge_proto_specific_hangup_cause", "sip:200")
        channel.set("last_bridge_hangup_cause", peer.cause)
        channel.set("bridge_hangup_cause", peer.cause)
        channel.emit("CHANNEL_UNBRIDGE")
        channel.peer = None
