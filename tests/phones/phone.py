"""Telephones for tests: they ring, answer, speak a tone, hear what the other side says, press keys and hang up.

A :class:`Switchboard` is one SIP port behind which any number of phones live; what a phone does is the manner of the number
that was called. It is nobody's product: plain sockets and two threads, so that it can judge FreeSWITCH and us.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.freeswitch.ports import HOST
from tests.phones.sip import Message, answer, sound_offer
from tests.phones.sound import FRAME, SILENCE, WINDOW, amplitude, tone

KEYS = "0123456789*#ABCD"
PCMA, TELEPHONE_EVENT = 8, 101
GRACE_SECONDS = 5.0
"""After its end a call's last messages may be repeated."""
RTP_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True)
class Manner:
    """What a phone does. answer_seconds: after the INVITE; None = rings for ever. hertz: the tone it speaks, 0 = silence.
    refuse: a final status instead, such as ``486 Busy Here``. talk_seconds: hangs up so long after the answer; None = never."""

    answer_seconds: float | None = 0.1
    hertz: int = 0
    refuse: str = ""
    talk_seconds: float | None = None


@dataclass(eq=False)
class PhoneCall:
    """One call at a phone. Times are UTC epoch seconds. keys: pressed at the other side. heard: arrival and frame of sound.
    messages: every SIP request of the call."""

    invite: Message
    manner: Manner
    sip: socket.socket
    far: tuple[str, int]
    port: int
    rtp: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    tag: str = field(default_factory=lambda: f"{random.getrandbits(48):x}")
    invited_at: float = field(default_factory=time.time)
    answered_at: float | None = None
    acked_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""
    heard: list[tuple[float, bytes]] = field(default_factory=list)
    keys: str = ""
    messages: list[Message] = field(default_factory=list)
    last_answer: bytes = b""
    direction: str = "sendrecv"

    def __post_init__(self) -> None:
        self.rtp.bind((HOST, 0))
        self.rtp.setblocking(False)
        self.sound_to = self.invite.audio
        self._frames = tone(self.manner.hertz)
        self._sequence = random.getrandbits(15)
        self._stamp = random.getrandbits(31)
        self._to_press = ""
        self._last_event_stamp = -1
        self._cseq = 100

    # what the person at the phone does

    @property
    def talking(self) -> bool:
        return self.answered_at is not None and self.ended_at is None

    @property
    def user(self) -> str:
        return self.invite.user

    def press(self, keys: str) -> None:
        """Press keys, one after the other, as RFC 4733 events."""
        self._to_press += keys

    def speak(self, hertz: int) -> None:
        """Another tone from now on."""
        self._frames = tone(hertz)

    def hang_up(self) -> None:
        """End the call from this side. Twice is harmless."""
        if self.ended_at is not None:
            return
        self._end("phone")
        contact = re.search(r"<([^>]+)>", self.invite.get("contact"))
        to = self.invite.get("to")
        self._cseq += 1
        lines = [
            f"BYE {contact[1] if contact else 'sip:x'} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{random.getrandbits(64):x}",
            f"From: {to};tag={self.tag}",
            f"To: {self.invite.get('from')}",
            f"Call-ID: {self.invite.get('call-id')}",
            f"CSeq: {self._cseq} BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self.sip.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self.far)

    # what was heard

    def loudness(self, hertz: int, since: float, until: float | None = None) -> float:
        """Amplitude of a tone between two moments, the median of windows of 100 ms; 0.0 when no sound came at all."""
        levels = self._levels(hertz, since, until)
        return levels[len(levels) // 2] if levels else 0.0

    def loudest(self, hertz: int, since: float) -> float:
        """The same, but of the loudest window: for sounds that come and go."""
        return max(self._levels(hertz, since, None), default=0.0)

    def _levels(self, hertz: int, since: float, until: float | None) -> list[float]:
        frames = [sound for at, sound in list(self.heard) if at >= since and (until is None or at < until)]
        windows = [frames[at : at + WINDOW] for at in range(0, len(frames) - WINDOW + 1, WINDOW)]
        return sorted(amplitude(window, hertz) for window in windows)

    def first_heard(self, hertz: int, since: float, least: float) -> float | None:
        """Arrival of the first frame at or after ``since`` in which that tone is at least so loud."""
        for at, sound in list(self.heard):
            if at >= since and amplitude([sound], hertz) >= least:
                return at
        return None

    # the telephone's own work, in the switchboard's threads

    def _end(self, by: str) -> None:
        self.ended_at = time.time()
        self.ended_by = by

    def _respond(self, request: Message, status: str, sdp: str = "") -> None:
        self.last_answer = answer(request, status, self.tag, self.port, sdp)
        self.sip.sendto(self.last_answer, self.far)

    def take(self, request: Message) -> None:
        """One SIP request of this call."""
        self.messages.append(request)
        method = request.method
        if method == "ACK":
            self.acked_at = self.acked_at or time.time()
        elif method == "INVITE" and self.answered_at is None:
            if self.last_answer:  # sent again, because our answer had not come yet
                self.sip.sendto(self.last_answer, self.far)
        elif method == "INVITE":
            self.sound_to = request.audio or self.sound_to
            found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", request.body, re.MULTILINE)
            asked = found[1] if found else "sendrecv"
            self.direction = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(asked, asked)
            self._respond(request, "200 OK", sound_offer(self.rtp.getsockname()[1], self.direction))
        elif method == "BYE":
            self._respond(request, "200 OK")
            if self.ended_at is None:
                self._end("switch")
        elif method == "CANCEL":
            self._respond(request, "200 OK")
            if self.ended_at is None:
                self._end("switch")
                self._respond(self.invite, "487 Request Terminated")
        else:
            self._respond(request, "200 OK")

    def live(self, now: float) -> None:
        """What a phone does by itself: ring, refuse, answer, hang up."""
        manner = self.manner
        if self.ended_at is not None:
            return
        if self.answered_at is None:
            if manner.refuse:
                self._end("refused")
                self._respond(self.invite, manner.refuse)
            elif not self.last_answer:
                self._respond(self.invite, "180 Ringing")
            elif manner.answer_seconds is not None and now - self.invited_at >= manner.answer_seconds:
                self.answered_at = now
                self._respond(self.invite, "200 OK", sound_offer(self.rtp.getsockname()[1]))
        elif manner.talk_seconds is not None and now - self.answered_at >= manner.talk_seconds:
            self.hang_up()

    def exchange_sound(self, turn: int) -> None:
        """Send one frame, or one key, and take what has arrived. turn: counts the frames."""
        if self.sound_to is not None and self._to_press:
            self._send_key(self._to_press[0])
            self._to_press = self._to_press[1:]
        elif self.sound_to is not None and self.direction in ("sendrecv", "sendonly"):
            self._send(PCMA, self._frames[turn % len(self._frames)], self._stamp)
        self._stamp += FRAME
        while True:
            try:
                packet = self.rtp.recv(2048)
            except BlockingIOError:
                return
            self._hear(packet)

    def _send(self, payload_type: int, payload: bytes, stamp: int, mark: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = RTP_HEADER.pack(0x80, payload_type | (0x80 if mark else 0), self._sequence, stamp & 0xFFFFFFFF, self.port)
        assert self.sound_to is not None
        self.rtp.sendto(header + payload, self.sound_to)

    def _send_key(self, key: str) -> None:
        """A key of 100 ms: its event begins, goes on and ends, the end sent three times."""
        for place in range(8):
            last = place >= 5
            event = struct.pack("!BBH", KEYS.index(key), (0x80 if last else 0) | 10, min(place + 1, 6) * FRAME)
            self._send(TELEPHONE_EVENT, event, self._stamp, mark=place == 0)
        self._stamp += 8 * FRAME

    def _hear(self, packet: bytes) -> None:
        if len(packet) < RTP_HEADER.size:
            return
        _, kind, _, stamp, _ = RTP_HEADER.unpack(packet[: RTP_HEADER.size])
        payload = packet[RTP_HEADER.size :]
        if kind & 0x7F == PCMA:
            self.heard.append((time.time(), payload or SILENCE))
        elif kind & 0x7F == TELEPHONE_EVENT and stamp != self._last_event_stamp:
            self._last_event_stamp = stamp
            self.keys += KEYS[payload[0]]


class Switchboard:
    """Phones behind one SIP port. manner: what the phone of a user part does. remembers: keeps what was heard, and calls that
    have ended; not for long runs. Ends with its ``with`` block."""

    def __init__(self, manner: Callable[[str], Manner], remembers: bool = True) -> None:
        self._remembers = remembers
        self._manner = manner
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.2)
        self.port = int(self._socket.getsockname()[1])
        self.calls: list[PhoneCall] = []
        self._by_call_id: dict[str, PhoneCall] = {}
        self._open = True
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._signal, self._sound)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open = False
        for thread in self._threads:
            thread.join()
        for call in self.calls:
            call.rtp.close()
        self._socket.close()

    def calls_to(self, user: str) -> list[PhoneCall]:
        """Every call to that phone so far, in order."""
        return [call for call in list(self.calls) if call.user == user]

    def _forget(self, call: PhoneCall) -> None:
        self.calls.remove(call)
        del self._by_call_id[call.invite.get("call-id")]
        call.rtp.close()

    def _signal(self) -> None:
        while self._open:
            try:
                packet, far = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            message = Message.parse(packet)
            if message.method == "SIP/2.0":
                continue
            call = self._by_call_id.get(message.get("call-id"))
            if call is not None:
                call.take(message)
            elif message.method == "INVITE":
                call = PhoneCall(message, self._manner(message.user), self._socket, far, self.port)
                self._by_call_id[message.get("call-id")] = call
                call.messages.append(message)
                self.calls.append(call)
            elif message.method != "ACK":
                self._socket.sendto(answer(message, "200 OK", "", self.port), far)

    def _sound(self) -> None:
        due, turn = time.monotonic(), 0
        while self._open:
            now = time.time()
            for call in list(self.calls):
                call.live(now)
                if call.talking:
                    call.exchange_sound(turn)
                if not self._remembers:
                    call.heard.clear()
                    if call.ended_at is not None and now - call.ended_at > GRACE_SECONDS:
                        self._forget(call)
            turn += 1
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))
