"""Bytes ⇄ messages of FreeSWITCH's event socket. Knows the protocol's frames, no sockets.

A frame is a block of header lines, a blank line, and ``Content-Length`` bytes of body:

    Content-Length: 1828                 Content-Type: command/reply
    Content-Type: text/event-plain       Reply-Text: +OK accepted

    Event-Name: CHANNEL_CREATE …

The body of a ``text/event-plain`` frame is itself headers, a blank line, and for some events a body of its own. Values in it
are percent-encoded, and a far end can choose some of them. So lines are told apart first, and only then the one value that
was asked for is decoded: an encoded newline can never become a header.

Events are large (5-10 kB, 150-250 headers) and readers want a few headers of each. :class:`Event` therefore keeps the bytes
and searches; :meth:`Event.pick` takes several headers in one pass when they are asked for in the order in which FreeSWITCH
writes them (measured: a quarter of the cost of building a dictionary, facts section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from esl_handlers.errors import WireError

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Larger than anything FreeSWITCH sends us; a length beyond it means that we read in the wrong place."""

MAX_HEAD_BYTES = 64 * 1024
"""A frame's own headers are a few hundred bytes."""

UNDEFINED = "_undef_"
ARRAY_MARK = "ARRAY::"


class Frame:
    """One message as framed: ``content_type``, the frame's own ``head`` lines and ``body``, all undecoded."""

    __slots__ = ("body", "content_type", "head")

    def __init__(self, content_type: bytes, head: bytes, body: bytes) -> None:
        self.content_type = content_type
        self.head = head
        self.body = body

    def header(self, name: bytes) -> str:
        """A header of the frame itself, "" when absent. Replies are not percent-encoded."""
        return _field(self.head, name).decode("utf-8", "replace")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class FrameReader:
    """Cuts a byte stream into frames, however it was torn into pieces on the way."""

    __slots__ = ("_chunks", "_needed", "_size", "fault")

    def __init__(self) -> None:
        self.fault: WireError | None = None
        """Why the stream cannot be read any further; what came before is still given out."""
        self._chunks: list[bytes] = []
        self._size = 0
        self._needed = 0

    @property
    def holds_part(self) -> bool:
        """Whether a message has begun and not ended: at the end of a stream it was cut off."""
        return self._size > 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes.

        When the stream cannot be the event socket's, ``fault`` is set: where the next frame begins is unknown, and feeding
        more raises it.
        """
        if self.fault is not None:
            raise self.fault
        self._chunks.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return []
        buffer = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        frames: list[Frame] = []
        position = 0
        try:
            position = self._cut(buffer, frames)
        except WireError as error:
            self.fault = error
        rest = buffer[position:] if position else buffer
        self._chunks = [rest] if rest else []
        self._size = len(rest)
        return frames

    def _cut(self, buffer: bytes, frames: list[Frame]) -> int:
        """Append the whole frames of ``buffer``; where the rest begins. Notes how many bytes the next one needs."""
        position, size = 0, len(buffer)
        self._needed = 0
        while position < size:
            if buffer[position] == 10:
                position += 1  # replies to bgapi end in one newline too many
                continue
            head_end = buffer.find(b"\n\n", position, position + MAX_HEAD_BYTES)
            if head_end < 0:
                if size - position >= MAX_HEAD_BYTES:
                    raise WireError(f"no end of headers within {MAX_HEAD_BYTES} bytes")
                break
            head = buffer[position:head_end]
            content_type, length = _frame_fields(head)
            body_start = head_end + 2
            body_end = body_start + length
            if body_end > size:
                self._needed = body_end - position
                break
            frames.append(Frame(content_type, head, buffer[body_start:body_end]))
            position = body_end
        return position


def _field(head: bytes, name: bytes) -> bytes:
    """Value of the first line of ``head`` with that name, b"" when there is none."""
    for line in head.split(b"\n"):
        key, _, value = line.partition(b": ")
        if key == name:
            return value
    return b""


def _frame_fields(head: bytes) -> tuple[bytes, int]:
    """Content-Type and Content-Length, the first of each; the length is 0 when not given."""
    content_type = text = b""
    for line in head.split(b"\n"):
        if line.startswith(b"Content-Length: ") and not text:
            text = line[16:]
        elif line.startswith(b"Content-Type: ") and not content_type:
            content_type = line[14:]
    if not content_type:
        raise WireError("a message without Content-Type")
    if not text:
        return content_type, 0
    if not text.isdigit() or len(text) > 10:
        raise WireError(f"Content-Length is {text[:20]!r}")
    length = int(text)
    if length > MAX_MESSAGE_BYTES:
        raise WireError(f"a message of {length} bytes, more than {MAX_MESSAGE_BYTES}")
    return content_type, length


@lru_cache(maxsize=1024)
def _needle(name: str) -> bytes:
    return b"\n" + name.encode("ascii") + b": "


def in_wire_order(*names: str) -> tuple[bytes, ...]:
    """Prepare header names for :meth:`Event.pick`; give them in the order in which FreeSWITCH writes them."""
    return tuple(_needle(name) for name in names)


class Event:
    """One event; headers are looked up when asked for. received_at: UTC epoch seconds when its bytes arrived."""

    __slots__ = ("_block", "_end", "name", "received_at")

    def __init__(self, body: bytes, received_at: float = 0.0) -> None:
        self._block = block = b"\n" + body
        # The blank line is looked for only behind the header that announces a body: 200 line ends make it a slow search.
        length = block.find(b"\nContent-Length: ")
        end = block.find(b"\n\n", length) if length >= 0 else -1
        self._end = end + 1 if end >= 0 else len(block)
        self.received_at = received_at
        # The name comes first; asked for elsewhere only when it does not.
        self.name = self._value(13) if block.startswith(b"\nEvent-Name: ") else self.get("Event-Name")

    def get(self, name: str) -> str:
        """Value of the first header of that name, percent-decoded; "" when absent or undefined."""
        needle = _needle(name)
        at = self._block.find(needle, 0, self._end)
        return self._value(at + len(needle)) if at >= 0 else ""

    def pick(self, needles: Sequence[bytes]) -> list[str]:
        """Values for names prepared by :func:`in_wire_order`, in one pass over the event.

        Names out of order are found too, only slower.
        """
        block, end = self._block, self._end
        values: list[str] = []
        position = 0
        for needle in needles:
            at = block.find(needle, position, end)
            if at < 0 and position:
                at = block.find(needle, 0, position)
            if at < 0:
                values.append("")
                continue
            position = at + len(needle)
            values.append(self._value(position))
        return values

    def _value(self, start: int) -> str:
        stop = self._block.find(b"\n", start)
        raw = self._block[start:stop] if stop >= 0 else self._block[start:]
        if b"%" in raw:
            raw = unquote_to_bytes(raw)
        text = raw.decode("utf-8", "replace")
        return "" if text == UNDEFINED else text

    @property
    def body(self) -> str:
        """The event's own body (a background job's result), "" when it has none."""
        return self._block[self._end + 1 :].decode("utf-8", "replace")

    def headers(self) -> list[tuple[str, str]]:
        """All headers in order, duplicates too; for diagnosis, not for handlers."""
        pairs = []
        for line in self._block[1 : self._end].split(b"\n"):
            name, separator, _ = line.partition(b": ")
            if separator:
                raw = unquote_to_bytes(line[len(name) + 2 :])
                pairs.append((name.decode("ascii", "replace"), raw.decode("utf-8", "replace")))
        return pairs


def array_values(value: str) -> list[str]:
    """``ARRAY::a|:b`` → ``["a", "b"]``; any other value is the one element of its list, "" is none."""
    if value.startswith(ARRAY_MARK):
        return value[len(ARRAY_MARK) :].split("|:")
    return [value] if value else []


def encode_command(*lines: str) -> bytes:
    """A command, and its header lines if it has any, as bytes.

    ValueError when one is empty or holds a line break or NUL: what follows it would become a command of its own.
    """
    for text in lines:
        if not text or any(breaker in text for breaker in "\n\r\0"):
            raise ValueError("each part of a command must be one line of text")
    return ("\n".join(lines) + "\n\n").encode("utf-8")
