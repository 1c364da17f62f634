"""How a leg is dialled: may it leave, what the far end does, and when the caller gives up.

The same for the call itself and for the bot's leg; what follows an answer is the caller's business (``calls.py``,
``applications.py``).
"""

from __future__ import annotations

import random
import time
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.channels import Channel
from esl_handlers.virtual_switch.dial_string import DialString
from esl_handlers.virtual_switch.people import Fate
from esl_handlers.virtual_switch.render import BLOCKS, encode
from esl_handlers.virtual_switch.vocabulary import STATE_NUMBERS, cause_of, phrase_of, q850

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.core import Core

Done = Callable[[Channel | None, str], None]
"""Told once how a leg came out: the answered channel, or None and the cause."""

POLL_SECONDS = 0.02
"""Originate looks at its leg every 20 ms."""
DEAD_SECONDS = 32.0
"""Without any reply to the INVITE: timer B."""

LEDGER_ENDS = {
    "busy": "busy",
    "rejected": "rejected",
    "congestion": "congestion",
    "invalid": "invalid",
    "unavailable": "unavailable",
    "unreachable": "unreachable",
    "dead": "timeout",
}


def until_whole_second(seconds: int) -> float:
    """FreeSWITCH counts whole seconds of the clock: N seconds are over after N-1 to N."""
    now = time.time()
    return max(0.0, int(now) + seconds - now)


class Attempt:
    """One leg from INVITE to answer or failure."""

    def __init__(self, channel: Channel, fate: Fate, done: Done) -> None:
        self.channel = channel
        self.fate = fate
        self._done = done
        self._told = False
        self._ledger_place: int | None = None
        channel.on_gone.append(self._gone)

    def leave(self, timeout_seconds: int) -> None:
        """The INVITE goes out: ledger row, channel events, and timers for what the far end will do."""
        channel, core, fate = self.channel, self.channel.core, self.fate
        if channel.leg.gateway:
            address, caller = channel.leg.address, str(channel.variables.get("origination_caller_id_number", ""))
            self._ledger_place = core.ledger.open_row(time.time(), channel.uuid, address, caller, channel.leg.gateway)
        channel.emit("CHANNEL_OUTGOING", variables=False)
        channel.running_state = "CS_INIT"
        channel.emit("CHANNEL_STATE", variables=False)
        channel.state_number = STATE_NUMBERS["CS_ROUTING"]
        channel.emit("CHANNEL_CREATE")
        channel.emit("CHANNEL_ORIGINATE")
        channel.enter("CS_ROUTING")
        channel.enter("CS_CONSUME_MEDIA")
        plans: list[tuple[float | None, Callable[[], None]]] = [
            (fate.ring_after, self.ring),
            (fate.answer_after, self.answer),
            (fate.refuse_after, self.refuse),
            (until_whole_second(timeout_seconds), partial(channel.hang_up, "NO_ANSWER")),
            (DEAD_SECONDS if fate.kind == "dead" else None, self.refuse),
        ]
        channel.timers = [core.timeline.after(seconds, action) for seconds, action in plans if seconds is not None]

    def give_up(self) -> None:
        """The caller does not want the leg any more."""
        self._told = True
        self.channel.hang_up("ORIGINATOR_CANCEL")

    def _in_dialog(self) -> None:
        """The far end has replied: the variables that its reply sets."""
        channel = self.channel
        if channel.slots["unrung"]:
            channel.slots["unrung"] = ""
            channel.slots["network_addr"] = "127.0.0.1"
            for block in ("session", "invite", "dialog"):
                channel.render_block(block)

    def ring(self) -> None:
        """180, or 183 with early media."""
        channel = self.channel
        self._in_dialog()
        if self.fate.early_media:
            channel.progress_media = channel.core.now_us()
            channel.slots["progress_media"] = channel.progress_media
            channel.render_block("answer")
            channel.set("endpoint_disposition", "EARLY MEDIA")
            channel.answer_state = "early"
            channel.emit("CHANNEL_PROGRESS_MEDIA")
            channel.set_call_state("EARLY")
            if channel.get("ignore_early_media") not in ("true", "consume"):
                self._tell(channel, "SUCCESS")
            return
        channel.progress = channel.core.now_us()
        channel.slots["progress"] = channel.progress
        channel.emit("CHANNEL_PROGRESS")
        channel.set_call_state("RINGING")

    def answer(self) -> None:
        """200."""
        channel, core = self.channel, self.channel.core
        for timer in channel.timers:
            timer.cancel()
        self._in_dialog()
        channel.answered = core.now_us()
        channel.voice = self.fate.voice
        channel.slots["answered"] = channel.answered
        channel.slots["media"] = "yes"
        channel.render_block("answer")
        channel.render_block("media")
        channel.answer_state = "answered"
        if self._ledger_place is not None:
            core.ledger.close_row(self._ledger_place, "answered")
        channel.emit("CHANNEL_ANSWER")
        core.answered(channel)
        channel.set_call_state("ACTIVE")
        channel.timers = []
        if self.fate.hang_up_after is not None:
            ends = partial(channel.hang_up, "NORMAL_CLEARING", by_far_end=True)
            channel.timers.append(core.timeline.after(self.fate.hang_up_after, ends))
        channel.timers.append(core.timeline.after(core.chance.uniform(0, POLL_SECONDS), lambda: self._tell(channel, "SUCCESS")))

    def refuse(self) -> None:
        """A final status other than 200."""
        channel = self.channel
        status = self.fate.sip_status or 408
        cause = cause_of(status)
        replied = self.fate.kind not in ("unreachable", "dead")
        channel.sip_status = status
        channel.slots |= {
            "sip_status": status,
            "sip_phrase": encode(phrase_of(status)),
            "far_replied": "yes" if replied and channel.slots["unrung"] else "",
            "reply_port": channel.slots["far_port"] if replied else "0",
        }
        if replied:
            channel.slots["network_addr"] = "127.0.0.1"
        channel.slots["q850"] = q850(cause)
        channel.render_block("refused")
        channel.hang_up(cause, by_far_end=True, disposition="recv_refuse")

    def _gone(self, channel: Channel) -> None:
        """The channel has ended, by whatever hand."""
        if self._ledger_place is not None and not channel.answered:
            channel.core.ledger.close_row(self._ledger_place, self._ledger_end())
        if not self._told:
            # The job's reply and the hangup event come in either order, up to 20 ms apart.
            channel.core.timeline.after(channel.core.chance.uniform(0, POLL_SECONDS), lambda: self._tell(None, channel.cause))

    def _ledger_end(self) -> str:
        channel = self.channel
        if channel.cause == "SYSTEM_SHUTDOWN":
            return "lost"
        if channel.hung_up_by_far_end:
            return LEDGER_ENDS.get(self.fate.kind, "refused")
        return "no_answer" if channel.cause == "NO_ANSWER" else "cancelled"

    def _tell(self, channel: Channel | None, cause: str) -> None:
        if not self._told:
            self._told = True
            self._done(channel, cause)


def start_leg(
    core: Core,
    leg: DialString,
    caller: tuple[str, str],
    originator: Channel | None,
    timeout_seconds: int,
    done: Done,
    variables: dict[str, str] | None = None,
) -> Attempt | None:
    """Dial a leg, or refuse it as FreeSWITCH would; ``done`` hears of either later, never during this call. None: refused.

    caller: name and number to show. variables: those of the originate command, in force before the leg's own.
    """
    given = {**(variables or {}), **leg.variables}
    wanted = given.get("origination_uuid", "")
    refusal = core.refusal(leg, wanted)
    if refusal in ("INVALID_GATEWAY", "GATEWAY_DOWN"):
        tell_unborn(core, wanted or str(uuid.uuid4()))
    if refusal:
        core.timeline.after(0, lambda: done(None, refusal))
        return None
    channel = Channel(core, wanted or str(uuid.uuid4()), leg, caller, originator)
    channel.give(given)
    if originator is not None:
        export(originator, channel)
    attempt = Attempt(channel, core.launched(channel) or draw(core, channel), done)
    core.channels[channel.uuid] = channel
    attempt.leave(timeout_seconds)
    return attempt


def export(originator: Channel, channel: Channel) -> None:
    """Variables that the originator names in export_vars; ``nolocal:`` is not part of the name on the other leg."""
    names = [name for name in (originator.get("export_vars") or "").split(",") if name]
    values = {name.removeprefix("nolocal:"): originator.get(name) for name in names}
    channel.give({name: value for name, value in values.items() if value is not None})


def draw(core: Core, channel: Channel) -> Fate:
    """What the far end will do with this leg."""
    leg = channel.leg
    if leg.gateway:
        return core.people.fate(leg.address, leg.gateway)
    bot = core.people.bot(leg.address.partition(";")[0])
    caller = channel.originator.leg.address if channel.originator else ""
    nth = core.people.calls.get(caller, 0)
    chance = random.Random(zlib.crc32(f"{core.people.seed}/{leg.address}/{caller}/{nth}".encode("utf-8", "surrogateescape")))
    busy = core.bot_calls.get(bot.uri, 0) >= bot.capacity
    if busy or chance.random() < bot.fails_share:
        return Fate("bot", refuse_after=0.01, sip_status=486 if busy else bot.fails_status)
    core.bot_calls[bot.uri] = core.bot_calls.get(bot.uri, 0) + 1
    channel.on_gone.append(lambda _: core.bot_left(bot.uri))
    talk = bot.talk_seconds.draw(chance) if bot.talk_seconds else None
    # A phone that we ring ourselves is heard ringing.
    rings = 0.01 if channel.originator is None else None
    return Fate("bot", ring_after=rings, answer_after=bot.answer_seconds.draw(chance), hang_up_after=talk)


def tell_unborn(core: Core, channel_uuid: str) -> None:
    """A channel that never got as far as CHANNEL_CREATE: its end is all that is told."""
    slots = {"uuid": encode(channel_uuid), "session_id": core.next_session_id()}
    core.fire("CHANNEL_DESTROY", BLOCKS["unborn"].render(slots | {"running_state": "CS_NONE", "variables": "yes"}))
    core.fire("CHANNEL_STATE", BLOCKS["unborn"].render(slots | {"running_state": "CS_DESTROY", "variables": ""}))
