"""One channel: what FreeSWITCH knows of a leg, the events it sends about it, and how it ends.

A channel is always outbound here, as Trunkline's are. What the far end does to it is decided in ``originate.py``; what
runs on it once it is answered, in ``script.py`` and ``dialplan.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from esl_handlers.virtual_switch.dial_string import DialString
from esl_handlers.virtual_switch.render import BLOCKS, encode, stamp
from esl_handlers.virtual_switch.vocabulary import CALL_STATE_NUMBERS, STATE_NUMBERS, q850

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.calls import Message
    from esl_handlers.virtual_switch.core import Core
    from esl_handlers.virtual_switch.recordings import Recording
    from esl_handlers.virtual_switch.script import Script
    from esl_handlers.virtual_switch.timeline import Timer
    from esl_handlers.virtual_switch.voice import Voice


class Channel:
    """A leg. Variables are kept as rendered text blocks, plus dictionaries for those that change one by one."""

    def __init__(self, core: Core, uuid: str, leg: DialString, caller: tuple[str, str], originator: Channel | None) -> None:
        self.core = core
        self.uuid = uuid
        self.leg = leg
        self.originator = originator
        self.variables: dict[str, str] = {}
        self.running_state = "CS_NONE"
        self.state_number = 1
        self.call_state = "DOWN"
        self.answer_state = "ringing"
        self.cause = ""
        self.created = core.now_us()
        self.progress = self.progress_media = self.answered = self.bridged = self.hungup = 0
        self.hung_up_by_far_end = False
        self.sip_status = 0
        self.disposition = ""
        self.peer: Channel | None = None
        self.script: Script | None = None
        self.inbox: list[Message] = []
        self.voice: Voice | None = None
        self.recordings: dict[str, Recording] = {}
        self.transfer_to: tuple[str, str] | None = None
        self.talk_recordings: set[str] = set()
        self.timers: list[Timer] = []
        self.standing_timers: list[Timer] = []
        self.on_gone: list[Callable[[Channel], None]] = []
        self._given: dict[str, str] = {}
        self._later: dict[str, str] = {}
        self._blocks: dict[str, str] = {}
        self._text: str | None = None
        self.slots = self._first_slots(caller)
        self.render_block("session")
        self.render_block("invite")

    def _first_slots(self, caller: tuple[str, str]) -> dict[str, object]:
        """Everything that headers.txt may ask for, encoded."""
        leg, core = self.leg, self.core
        gateway = encode(leg.gateway)
        user, _, host = leg.address.partition(";")[0].partition("@")
        far_host, _, far_port = (host or "127.0.0.1:5070").partition(":")
        far = encode(f"{far_host}:{far_port}") if far_port else encode(far_host)
        profile = encode(leg.profile or core.gateway_profile)
        name, number = encode(caller[0]), encode(caller[1])
        originator = self.originator
        shown = originator.slots if originator else {"cid_name": name, "cid_number": number, "network_addr": ""}
        session_id = core.next_session_id()
        tag = self.uuid.replace("-", "")[:13]
        return {
            "uuid": encode(self.uuid),
            "call_uuid": encode(originator.uuid if originator else self.uuid),
            "originator": encode(originator.uuid) if originator else "",
            "channel_name": f"sofia/{profile}/{encode(leg.address)}",
            "profile": profile,
            "gateway": gateway,
            "sip_profile_name": "gateway" if gateway else profile,
            "number": encode(user),
            "destination": encode(user),
            "to_uri": f"{encode(user)}%40{far}",
            "far": far,
            "far_host": encode(far_host),
            "far_port": far_port or "5060",
            "session_id": session_id,
            "rtp_port": 16384 + session_id * 2 % 16000,
            "tag": tag,
            "sip_call_id": f"{tag[:8]}-5f83-1240-7484-0a0b0c0d0e0f",
            "cid_name": "" if originator else name,
            "cid_number": shown["cid_number"],
            "from_name": name,
            "from_number": number,
            "caller_name": name,
            "caller_number": number,
            "callee_name": "Outbound%20Call",
            "callee_number": encode(user),
            "context": encode(core.dialplan_context) if originator else "default",
            "dialplan": "XML" if originator else "",
            "rdnis": originator.slots["number"] if originator else "",
            "transfer_source": "",
            "profile_index": 1,
            "profile_created": self.created,
            "created": self.created,
            "answered": 0,
            "progress": 0,
            "progress_media": 0,
            "bridged": 0,
            "hungup": 0,
            "network_addr": shown["network_addr"],
            "hit_dialplan": "false",
            "presence_data": "",
            "hangup_cause": "",
            "media": "",
            "media_flow": "disabled",
            "unrung": "yes",
            "running_state": "CS_NONE",
            "call_state": "DOWN",
            "state_number": 1,
            "answer_state": "ringing",
            "last_app": "",
            "last_arg": "",
            "other_type": "originator",
        }

    # variables

    def give(self, variables: dict[str, str]) -> None:
        """Variables of the originate command."""
        self.variables.update(variables)
        self._given.update({key: f"variable_{key}: {encode(value)}\n" for key, value in variables.items()})
        self.slots["presence_data"] = encode(self.variables.get("presence_data", ""))
        self._text = None

    def set(self, name: str, value: str) -> None:
        """One variable, from now on; an empty value removes it."""
        self._text = None
        if not value:
            for held in (self.variables, self._given, self._later):
                held.pop(name, None)
            return
        self.variables[name] = value
        held = self._given if name in self._given else self._later
        held[name] = f"variable_{name}: {encode(value)}\n"

    def get(self, name: str) -> str | None:
        """A variable; None if there is none."""
        value = self.variables.get(name)
        if value is not None:
            return value
        text = "\n" + self.variables_text()
        start = text.find(f"\nvariable_{name}: ")
        if start < 0:
            return None
        start += len(name) + 12
        return unquote(text[start : text.index("\n", start)])

    def render_block(self, name: str) -> None:
        """(Re)write one block of variables from the present slots."""
        self._blocks[name] = BLOCKS[name].render(self.slots)
        self._text = None

    def variables_text(self) -> str:
        """All ``variable_`` lines."""
        if self._text is None:
            blocks = dict(self._blocks)
            parts = [blocks.pop("session"), *self._given.values(), blocks.pop("invite")]
            tail = [blocks.pop(name) for name in ("times", "rtp") if name in blocks]
            self._text = "".join([*parts, *blocks.values(), *self._later.values(), *tail])
        return self._text

    # events

    def basic_text(self) -> str:
        """Header lines of the channel and its caller, without variables."""
        slots = self.slots
        slots["running_state"] = self.running_state
        slots["state_number"] = self.state_number
        slots["call_state"] = self.call_state
        slots["answer_state"] = self.answer_state
        text = BLOCKS["channel"].render(slots) + BLOCKS["caller"].render(slots)
        other = self.peer or self.originator
        if other is not None:
            other.slots["other_type"] = "originatee" if other.originator is self else "originator"
            text += BLOCKS["other-leg"].render(other.slots)
        return text

    def emit(self, name: str, before: str = "", after: str = "", variables: bool = True, subclass: str = "") -> None:
        """Tell listeners. before, after: header lines around the channel's own."""
        core = self.core
        sequence = core.next_sequence()
        if core.audience(name, subclass):
            head = core.envelope.head(name, core.now_us(), sequence, subclass)
            text = self.basic_text()
            core.deliver(name, f"{head}{before}{text}{self.variables_text() if variables else ''}{after}", "", subclass)

    def enter(self, state: str) -> None:
        """A new running state."""
        self.running_state = state
        self.state_number = STATE_NUMBERS[state]
        self.emit("CHANNEL_STATE", variables=False)

    def set_call_state(self, state: str) -> None:
        """One of CALL_STATE_NUMBERS."""
        before = f"Original-Channel-Call-State: {self.call_state}\nChannel-Call-State-Number: {CALL_STATE_NUMBERS[state]}\n"
        self.call_state = state
        self.emit("CHANNEL_CALLSTATE", before=before, variables=False)

    def wake(self) -> None:
        """Something has come into the inbox; what runs on the channel may look at it."""
        if self.script is not None:
            self.script.look_at_inbox()

    # the end

    @property
    def alive(self) -> bool:
        """Not hung up."""
        return not self.cause

    def hang_up(self, cause: str, by_far_end: bool = False, disposition: str = "") -> None:
        """End the channel and whatever runs on it. Twice is harmless."""
        if self.cause:
            return
        self.begin_hangup(cause, by_far_end, disposition)
        self.finish_hangup()

    def vanish(self) -> None:
        """The switch dies: no event, no journal line; only the far end knows that there was a call."""
        self.cause = "SYSTEM_SHUTDOWN"
        for timer in (*self.timers, *self.standing_timers):
            timer.cancel()
        if self.script is not None:
            self.script.abandon()
            self.script = None
        for tell in self.on_gone:
            tell(self)

    def begin_hangup(self, cause: str, by_far_end: bool = False, disposition: str = "") -> None:
        """CHANNEL_HANGUP."""
        self.cause = cause
        self.hung_up_by_far_end = by_far_end
        for timer in (*self.timers, *self.standing_timers):
            timer.cancel()
        self.slots["hangup_cause"] = cause
        self.slots["q850"] = q850(cause)
        self.disposition = disposition
        if by_far_end and self.answered:
            self.sip_status = 200
            self.set("sip_term_status", "200")
            self.set("proto_specific_hangup_cause", "sip:200")
            self.set("sip_term_cause", "16")
        self.answer_state = "hangup"
        self.state_number = STATE_NUMBERS["CS_HANGUP"]
        self.hungup = self.core.now_us()
        self.emit("CHANNEL_HANGUP")

    def finish_hangup(self) -> None:
        """From CHANNEL_HANGUP to CHANNEL_DESTROY, the journal's line before CHANNEL_HANGUP_COMPLETE."""
        if self.script is not None:
            script, self.script = self.script, None
            script.stop()
        self.enter("CS_HANGUP")
        self.set_call_state("HANGUP")
        self._close_books()
        self.enter("CS_REPORTING")
        self.core.channel_ended(self)
        self.emit("CHANNEL_HANGUP_COMPLETE", before=f"Hangup-Cause: {self.cause}\n")
        self.core.forget(self)
        for tell in self.on_gone:
            tell(self)
        self.state_number = STATE_NUMBERS["CS_DESTROY"]
        self.emit("CHANNEL_DESTROY")
        self.running_state = "CS_DESTROY"
        self.emit("CHANNEL_STATE", variables=False)

    def _close_books(self) -> None:
        """Times and lengths, as variables."""
        slots, end = self.slots, self.hungup
        slots["hungup"] = end
        if not self.disposition and self.answered:
            self.disposition = "recv_bye" if self.hung_up_by_far_end else "send_bye"
        if not self.disposition:
            self.disposition = "send_cancel"
            self.set("sip_invite_failure_status", "487")
            self.set("sip_invite_failure_phrase", "CANCEL")
        if self.disposition != "recv_refuse":  # told with the refusal already
            self.set("sip_hangup_disposition", self.disposition)
        times = {"start": self.created, "answer": self.answered, "bridge": self.bridged, "progress": self.progress}
        times |= {"progress_media": self.progress_media, "end": end, "profile": int(str(slots["profile_created"]))}
        for name, at in times.items():
            slots[f"{name}_stamp"] = stamp(at)
            slots[f"{name}_epoch"] = at // 1_000_000
        lengths = {
            "": end - self.created if self.answered else 0,
            "bill": end - self.answered if self.answered else 0,
            "progress": self.progress - self.created if self.progress else 0,
            "answer": self.answered - self.created if self.answered else 0,
            "wait": self.bridged - self.created if self.bridged else 0,
            "progress_media": self.progress_media - self.created if self.progress_media else 0,
        }
        for name, length in lengths.items():
            slots[f"{name or 'flow_bill'}sec"] = length // 1_000_000
            slots[f"{name or 'flow_bill'}msec"] = length // 1000
            slots[f"{name or 'flow_bill'}usec"] = length
        slots["duration"] = end // 1_000_000 - self.created // 1_000_000
        slots["mduration"] = (end - self.created) // 1000
        slots["uduration"] = end - self.created
        self.render_block("times")
        if self.answered:
            self.render_block("rtp")
