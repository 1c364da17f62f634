"""The people, machines and silences at the far end of a call, with their audio: a small SIP and RTP endpoint.

    python -m tests.freeswitch.callee PORT SCRIPTS FOLDER

A process of its own, so that its packets leave every 20 ms whatever the test does. SCRIPTS is a JSON list; the first entry
whose ``number`` (a regular expression) fits the dialled digits says what happens there:

    ring       seconds until the answer, default 0.1
    audio      raw file, 16-bit mono at 8 kHz, spoken from the answer on; none = silence
    then       after it: ``silence`` (default), ``nothing`` (no packets any more), ``hang_up``
    rtp        false: no packet at all, ever
    noise      ``comfort``: RFC 3389 packets in the place of silence
    keys       digits pressed at once, as RFC 4733 events
    deaf       true: SDP says sendonly, so that nothing is sent to it

What it hears of each call is FOLDER/<number>.raw (16-bit, a gap where nothing came is silence), what happened is
FOLDER/calls.jsonl: ``answered``, ``spoke`` (the first packet has left), ``ended``, each with ``at`` (UTC epoch seconds),
``number`` and ``call``.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.freeswitch.g711 import from_alaw, to_alaw
from tests.freeswitch.ports import HOST

PACKET_SECONDS = 0.02
PACKET_SAMPLES = 160
TURN_SECONDS = 0.004
"""How often it is looked which calls have a packet to send."""
SILENCE = to_alaw(bytes(2 * PACKET_SAMPLES))
ALAW, COMFORT_NOISE, TELEPHONE_EVENT = 8, 13, 101
MAX_HEARD_BYTES = 60 * 16_000


@dataclass
class Leg:
    """One call. position: of the audio, in packets sent; None before the answer."""

    number: str
    call_id: str
    script: Mapping[str, Any]
    invite: dict[str, str]
    peer: tuple[str, int]
    media_to: tuple[str, int]
    media: socket.socket
    line: bytes
    answers_at: float
    position: int | None = None
    next_at: float = 0.0
    ssrc: int = 0
    heard: bytearray = field(default_factory=bytearray)
    heard_from: float | None = None
    keys: str = ""
    key_packets: int = 0


class Callee:
    """Serves until the process is ended."""

    def __init__(self, port: int, scripts: list[Mapping[str, Any]], folder: Path) -> None:
        self._scripts = scripts
        self._folder = folder
        self._log = (folder / "calls.jsonl").open("a", encoding="utf-8", buffering=1)
        self._legs: dict[str, Leg] = {}
        self._calls = 0
        self._selector = selectors.DefaultSelector()
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sip.bind((HOST, port))
        self._sip.setblocking(False)
        self._selector.register(self._sip, selectors.EVENT_READ, None)
        self._port = port
        self._lines: dict[str, bytes] = {}

    def run(self) -> None:
        due = time.time()
        while True:
            for key, _ in self._selector.select(max(0.0, due - time.time())):
                if key.data is None:
                    self._read_sip()
                else:
                    self._listen(key.data)
            now = time.time()
            if now < due:
                continue
            due = now + TURN_SECONDS
            for leg in list(self._legs.values()):
                if leg.position is None and now >= leg.answers_at:
                    self._answer(leg, now)
                elif leg.position is not None and now >= leg.next_at:
                    self._speak(leg, now)

    # signalling

    def _read_sip(self) -> None:
        while True:
            try:
                data, peer = self._sip.recvfrom(65536)
            except BlockingIOError:
                return
            text = data.decode("utf-8", "replace")
            head, _, body = text.partition("\r\n\r\n")
            first, *lines = head.split("\r\n")
            headers: dict[str, str] = {}
            for line in lines:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                headers[name] = (
                    f"{headers[name]}\r\nVia: {value.strip()}" if name in headers and name == "via" else value.strip()
                )
            method = first.split(" ")[0]
            if method == "INVITE":
                self._invited(first, headers, body, peer)
            elif method == "BYE":
                self._reply("200 OK", headers, peer)
                self._end(headers["call-id"])
            elif method == "CANCEL":
                self._reply("200 OK", headers, peer)
                leg = self._legs.get(headers["call-id"])
                if leg is not None and leg.position is None:
                    self._reply("487 Request Terminated", leg.invite, peer)
                    self._end(headers["call-id"])
            elif method == "OPTIONS":
                self._reply("200 OK", headers, peer)

    def _invited(self, first: str, headers: dict[str, str], body: str, peer: tuple[str, int]) -> None:
        call_id = headers["call-id"]
        if call_id in self._legs:
            return
        number = re.split("[@;>]", first.split("sip:")[1])[0]
        script = next((one for one in self._scripts if re.search(one["number"], number)), None)
        if script is None:
            self._reply("404 Not Found", headers, peer)
            return
        address, port = re.search(r"^c=IN IP4 (\S+)", body, re.M), re.search(r"^m=audio (\d+)", body, re.M)
        assert address is not None
        assert port is not None
        self._calls += 1
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        media.bind((HOST, 0))
        media.setblocking(False)
        leg = Leg(
            number, call_id, script, headers, peer, (address[1], int(port[1])), media, self._line(script.get("audio", "")),
            time.time() + script.get("ring", 0.1), keys=script.get("keys", ""), ssrc=self._calls,
        )  # fmt: skip
        self._legs[call_id] = leg
        self._selector.register(media, selectors.EVENT_READ, leg)
        self._reply("180 Ringing", headers, peer)

    def _line(self, audio: str) -> bytes:
        if audio not in self._lines:
            self._lines[audio] = to_alaw(Path(audio).read_bytes()) if audio else b""
        return self._lines[audio]

    def _answer(self, leg: Leg, now: float) -> None:
        way = "sendonly" if leg.script.get("deaf") else "sendrecv"
        sdp = (
            f"v=0\r\no=callee 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {leg.media.getsockname()[1]} RTP/AVP {ALAW} {COMFORT_NOISE} {TELEPHONE_EVENT}\r\n"
            f"a=rtpmap:{ALAW} PCMA/8000\r\na=rtpmap:{COMFORT_NOISE} CN/8000\r\n"
            f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000\r\na=fmtp:{TELEPHONE_EVENT} 0-16\r\na=ptime:20\r\na={way}\r\n"
        )
        self._reply("200 OK", leg.invite, leg.peer, sdp)
        leg.position, leg.next_at, leg.heard_from = 0, now, now
        if not leg.script.get("rtp", True):
            leg.next_at = float("inf")
        self._tell("answered", leg, now)

    def _reply(self, status: str, headers: dict[str, str], peer: tuple[str, int], body: str = "") -> None:
        to = headers["to"] if "tag=" in headers["to"] else f"{headers['to']};tag=callee"
        content = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"SIP/2.0 {status}\r\nVia: {headers['via']}\r\nFrom: {headers['from']}\r\nTo: {to}\r\n"
            f"Call-ID: {headers['call-id']}\r\nCSeq: {headers['cseq']}\r\nContact: <sip:{HOST}:{self._port}>\r\n{content}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._sip.sendto(text.encode(), peer)

    def _hang_up(self, leg: Leg) -> None:
        contact = re.search(r"<([^>]+)>", leg.invite["contact"])
        assert contact is not None
        text = (
            f"BYE {contact[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self._port};branch=z9hG4bK{time.time_ns()}\r\n"
            f"From: {leg.invite['to']};tag=callee\r\nTo: {leg.invite['from']}\r\nCall-ID: {leg.call_id}\r\nCSeq: 1 BYE\r\n"
            f"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        self._sip.sendto(text.encode(), leg.peer)
        self._end(leg.call_id)

    def _end(self, call_id: str) -> None:
        leg = self._legs.pop(call_id, None)
        if leg is None:
            return
        self._selector.unregister(leg.media)
        leg.media.close()
        (self._folder / f"{leg.number}.raw").write_bytes(from_alaw(bytes(leg.heard)))
        self._tell("ended", leg, time.time())

    def _tell(self, what: str, leg: Leg, at: float) -> None:
        self._log.write(json.dumps({"what": what, "at": at, "number": leg.number, "call": leg.call_id}) + "\n")

    # audio

    def _speak(self, leg: Leg, now: float) -> None:
        """The packet that is due; a late process sends late packets, it does not skip any."""
        assert leg.position is not None
        leg.next_at += PACKET_SECONDS
        start = leg.position * PACKET_SAMPLES
        leg.position += 1
        if leg.position == 1:
            self._tell("spoke", leg, now)
        if leg.keys:
            self._press(leg)
            return
        over = start >= len(leg.line)
        if over and leg.line and leg.script.get("then") == "hang_up":
            self._hang_up(leg)
        elif over and leg.line and leg.script.get("then") == "nothing":
            leg.next_at = float("inf")
        elif over and leg.script.get("noise") == "comfort":
            if leg.position % 10 == 1:
                self._send(leg, COMFORT_NOISE, b"\x3c")
        else:
            self._send(leg, ALAW, leg.line[start : start + PACKET_SAMPLES].ljust(PACKET_SAMPLES, SILENCE[:1]))

    def _press(self, leg: Leg) -> None:
        """One key takes eight packets of events, the last three with the end bit, and four of pause."""
        step = leg.key_packets % 12
        leg.key_packets += 1
        if step < 8:
            event = "0123456789*#".index(leg.keys[0])
            end = 0x80 if step >= 5 else 0
            started = (leg.position or 1) - 1 - step
            payload = struct.pack("!BBH", event, end | 10, PACKET_SAMPLES * min(step + 1, 6))
            self._send(leg, TELEPHONE_EVENT, payload, started * PACKET_SAMPLES, marker=step == 0)
        if step == 11:
            leg.keys = leg.keys[1:]

    def _send(self, leg: Leg, kind: int, payload: bytes, stamp: int | None = None, marker: bool = False) -> None:
        position = (leg.position or 1) - 1
        head = struct.pack(
            "!BBHII",
            0x80,
            kind | (0x80 if marker else 0),
            position & 0xFFFF,
            position * PACKET_SAMPLES if stamp is None else stamp,
            leg.ssrc,
        )
        leg.media.sendto(head + payload, leg.media_to)

    def _listen(self, leg: Leg) -> None:
        """Put what came where it belongs in time, by the moment of its arrival when there was a gap."""
        while True:
            try:
                packet = leg.media.recv(2048)
            except (BlockingIOError, OSError):
                return
            if packet[1] & 0x7F != ALAW or leg.heard_from is None or len(leg.heard) > MAX_HEARD_BYTES:
                continue
            place = int((time.time() - leg.heard_from) * 8000)
            if place - len(leg.heard) > 5 * PACKET_SAMPLES:
                leg.heard += SILENCE[:1] * (place - len(leg.heard))
            leg.heard += packet[12:]


def main(port: str, scripts: str, folder: str) -> None:
    Callee(int(port), json.loads(Path(scripts).read_text(encoding="utf-8")), Path(folder)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
