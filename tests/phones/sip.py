"""SIP as far as a telephone needs it: a message taken apart, and the answers put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.freeswitch.ports import HOST


@dataclass(frozen=True)
class Message:
    """A request or a response. headers: in order, names in lower case."""

    first_line: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, packet: bytes) -> Message:
        head, _, body = packet.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        return cls(lines[0], headers, body)

    @property
    def method(self) -> str:
        """``INVITE`` …; ``SIP/2.0`` for a response."""
        return self.first_line.split(" ", 1)[0]

    def get(self, name: str) -> str:
        """The first header of that name; "" without one."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def user(self) -> str:
        """User part of a request's address."""
        found = re.match(r"\w+ sips?:([^@;>\s]*)@", self.first_line)
        return found[1] if found else ""

    @property
    def audio(self) -> tuple[str, int] | None:
        """Where the sender wants its sound: address and port, from the SDP."""
        address = re.search(r"^c=IN IP4 (\S+)", self.body, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", self.body, re.MULTILINE)
        return (address[1], int(port[1])) if address and port else None


def answer(request: Message, status: str, tag: str, port: int, sdp: str = "") -> bytes:
    """A response. status: code and phrase. port: ours, for Contact."""
    lines = [f"SIP/2.0 {status}"]
    for name, value in request.headers:
        if name in ("via", "record-route"):
            lines.append(f"{name}: {value}")
    to = request.get("to")
    lines += [
        f"From: {request.get('from')}",
        f"To: {to if 'tag=' in to or not tag else f'{to};tag={tag}'}",
        f"Call-ID: {request.get('call-id')}",
        f"CSeq: {request.get('cseq')}",
        f"Contact: <sip:phone@{HOST}:{port}>",
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE",
        "User-Agent: Yealink of a test",
    ]
    if sdp:
        lines.append("Content-Type: application/sdp")
    return ("\r\n".join([*lines, f"Content-Length: {len(sdp)}", ""]) + f"\r\n{sdp}").encode()


def sound_offer(port: int, direction: str = "sendrecv") -> str:
    """SDP: PCMA and telephone events at that port."""
    return "\r\n".join(
        [
            "v=0",
            f"o=phone 1 1 IN IP4 {HOST}",
            "s=-",
            f"c=IN IP4 {HOST}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            f"a={direction}",
            "",
        ]
    )
