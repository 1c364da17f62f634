"""How a log line looks, and how it leaves the process without ever holding up a call.

One line a change of state: what changed, from, to, why, so that one search for a call's id tells the call's story
(:func:`changed`). Numbers are masked unless ``logging.show_numbers``. What is worth a line is each room's own affair; rooms
take a logger from :func:`structlog.get_logger` and need nothing else from here.

Lines go through a bounded queue to a thread of the operating system: a log that nobody reads (a full pipe, a stopped
terminal) would stop the loop in the middle of a call. When the queue is full lines are dropped, and the next line that gets
through says how many.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from controller.config import Logging
from controller.domain.contacts.phone import masked
from controller.native import new_lock, original, start_thread

QUEUE_LINES = 10_000
"""Lines that may wait for the writer; about 2 MB."""

NUMBER_KEYS = frozenset({"phone", "phones", "number", "numbers", "caller_id", "caller_ids", "destination", "dialled"})
"""Fields that hold phone numbers whatever they look like."""

PLAIN_KEYS = frozenset(
    {
        *("timestamp", "level", "node", "process", "pid", "call", "attempt", "lead", "run", "campaign", "list", "contact"),
        *("rows", "lines", "line", "bytes"),
    }
)
"""Fields that never hold phone numbers: their digits identify or count other things."""

DIGITS = re.compile(r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|[0-9]{7,}")
"""A run of digits that may be a phone number; identities of calls (UUIDs) are recognised and left alone."""

_common: dict[str, object] = {}
_log = structlog.get_logger("trunkline")


def bind(**fields: object) -> None:
    """Fields that every line of this process carries from now on (``node``, ``process``).

    Kept for the process, not in contextvars: a greenlet does not inherit those from the one that spawned it.
    """
    _common.update(fields)


def changed(what: str, name: object, before: object, after: object, reason: str, **more: object) -> None:
    """The one line of a change of state: ``changed("run", 7, "active", "closing", "window closed", campaign="spring")``."""
    _log.info(f"{what} {after}", **{what: name}, **{"from": before, "to": after}, reason=reason, **more)


class LineWriter:
    """Takes lines at once and writes them when it can. fd: where to; limit: lines that may wait."""

    def __init__(self, fd: int, limit: int = QUEUE_LINES, dropped_line: Callable[[int], bytes] | None = None) -> None:
        self._fd = fd
        self._limit = limit
        self._dropped_line = dropped_line or (lambda count: b"%d log lines dropped\n" % count)
        self._lost = 0  # counted by those who log
        self._told = 0  # counted by the writer; two counters, because each has one thread that writes it
        self._direct = False
        self._begin()
        os.register_at_fork(after_in_child=self._write_directly)
        start_thread(self._run)

    @property
    def dropped(self) -> int:
        """Lines lost so far."""
        return self._lost

    def put(self, line: bytes) -> None:
        """Hand over one line, newline included; never waits."""
        if self._direct:
            _write_all(self._fd, line)
        elif self._queue.qsize() < self._limit:
            self._queue.put(line)
        else:
            self._lost += 1

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, for at most that long; later lines are written at once."""
        if not self._direct:
            self._direct = True
            self._queue.put(None)
            self._finished.acquire(timeout=seconds)

    def _begin(self) -> None:
        self._queue = original("queue", "SimpleQueue")()
        self._finished = new_lock()
        self._finished.acquire()

    def _write_directly(self) -> None:
        """A forked child (rq's work horse) has no writer thread, and the lines that wait are its parent's to write."""
        self._begin()
        self._direct = True

    def _run(self) -> None:
        queue, finished = self._queue, self._finished
        try:
            while (line := queue.get()) is not None:
                _write_all(self._fd, line)
                if self._lost > self._told and queue.qsize() <= self._limit // 2:
                    count = self._lost - self._told
                    self._told += count
                    _write_all(self._fd, self._dropped_line(count))
        finally:
            finished.release()


def _write_all(fd: int, line: bytes) -> None:
    """The whole line. A reader that has gone for good (closed pipe) costs the line, not the process."""
    while line:
        try:
            line = line[os.write(fd, line) :]
        except BlockingIOError:
            original("select", "select")([], [fd], [], 1.0)
        except OSError:
            return


class LineLogger:
    """What structlog calls with a finished line."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def msg(self, line: bytes) -> None:
        self._writer.put(line)

    debug = info = warning = error = critical = msg


class StandardLines(logging.Handler):
    """Lines of libraries that use Python's own logging (rq, alembic), in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        getattr(_log, level, _log.info)(record.getMessage(), **fields)


def configure(settings: Logging, fd: int = 2) -> LineWriter:
    """Set the form of every log line of this process and start the writer. ``close`` it last of all."""
    render = json_line if settings.format == "json" else text_line
    writer = LineWriter(fd, dropped_line=lambda count: render(None, "warning", _dropped(count)))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            _add_common,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            *([] if settings.show_numbers else [mask_numbers]),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: LineLogger(writer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[StandardLines()], force=True)
    return writer


def _dropped(count: int) -> EventDict:
    return {"timestamp": _now(), "level": "warning", **_common, "event": "log lines dropped", "lines": count}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _add_common(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {"timestamp": _now(), **_common, **event}


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide the middle of every phone number, by the field's name and by the look of the value."""
    return {key: _mask(key, value) for key, value in event.items()}


def _mask(key: str, value: Any) -> Any:
    if key in PLAIN_KEYS:
        return value
    if isinstance(value, Mapping):
        return {str(inner): _mask(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask(key, item) for item in value]
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return masked(value) if key in NUMBER_KEYS or 7 <= len(str(abs(value))) <= 15 else value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if key in NUMBER_KEYS:
        return masked(text)
    return DIGITS.sub(lambda found: found[0] if found["id"] else masked(found[0]), text)


def json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """One JSON object a line."""
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # integers past 64 bits, lone surrogates: slower, but a log line must never end a call
        return json.dumps(event, default=str).encode() + b"\n"


def text_line(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """``time level event key=value …`` for people; values that could break the line are quoted as in JSON."""
    fields = dict(event)
    head = f"{fields.pop('timestamp', '')} {fields.pop('level', ''):<7} {_plain(str(fields.pop('event', '')))}"
    exception = fields.pop("exception", None)
    tail = "".join(f" {key}={_quoted(value)}" for key, value in fields.items())
    trace = f"\n{exception}" if exception else ""
    return f"{head}{tail}{trace}\n".encode("utf-8", "replace")


def _plain(text: str) -> str:
    return text if text.isprintable() else _quoted(text)


def _quoted(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and " " not in value:
        return value
    return json.dumps(value, default=str)
