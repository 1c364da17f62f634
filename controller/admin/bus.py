"""Admin commands over Redis: the sender, and the server that every controller runs.

A command is an entry of the stream ``trunkline:admin`` with the fields ``id verb args by`` (args: a JSON object); its
answer is pushed to the list ``trunkline:reply:<id>``, which expires. Any shell can operate the system:

    redis-cli XADD trunkline:admin '*' id 1 verb campaign.pause args '{"name": "june"}' by ops
    redis-cli BLPOP trunkline:reply:1 5

Several controllers read the stream, each from a cursor of its own. One executes a command: the first to claim it
(``trunkline:admin:claim:<entry>``, set once) among those that can. A command about a live call or an agent can only be
executed by the controller that holds the call, or the agent's line; when none claims it in time, any controller answers. What
a controller claims and does not live to execute is never executed twice: the sender hears nothing and asks again.

A controller that starts looks back :data:`LOOK_BACK_SECONDS`, so a command given during a restart is not lost. What a
verb does, and its audit, lies in ``commands.py``.
"""

from __future__ import annotations

import functools
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from controller.admin.commands import Command, Commands
from controller.errors import LiveStateDown, Refused, TrunklineError, Unavailable
from controller.ports import InThread

STREAM = "trunkline:admin"
REPLY_PREFIX = "trunkline:reply:"
CLAIM_PREFIX = "trunkline:admin:claim:"

STREAM_LENGTH = 10_000
"""Entries kept, about; older ones are trimmed."""
REPLY_SECONDS = 60
"""How long an answer waits to be fetched."""
CLAIM_SECONDS = 600
"""Longer than any controller looks back, so that no command is executed twice."""
LOOK_BACK_SECONDS = 60
BLOCK_SECONDS = 1.0
"""Longest wait in Redis before the one who waits looks at its own clock (and at ``stop``) again."""
UNHELD_SECONDS = 3.0
"""A command about a live call that its holder has not claimed for this long is answered by whoever notices."""
MAX_ID_LENGTH = 128
COMMAND_TIMEOUT_SECONDS = 5.0
"""Redis answers within this, or is away."""

T = TypeVar("T")

log = structlog.get_logger("admin")


def connect(url: str, *, blocking: bool = False) -> Redis:
    """A client for this module; answers are bytes, as a command's fields may be any bytes.

    blocking: for waiting in Redis and for giving commands. It outwaits :data:`BLOCK_SECONDS`, so that a wait is not taken
    for a dead server, yet notices a link that has silently gone; and it never repeats what it sent: a command added twice
    would be executed twice. ``Refused`` for a malformed URL.
    """
    try:
        return Redis.from_url(
            url,
            socket_timeout=BLOCK_SECONDS + COMMAND_TIMEOUT_SECONDS if blocking else COMMAND_TIMEOUT_SECONDS,
            socket_connect_timeout=COMMAND_TIMEOUT_SECONDS,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 0 if blocking else 2),
            decode_responses=False,
        )
    except ValueError as error:
        raise Refused(f"redis.url is no Redis URL: {error}; redis://host:6379/0 or unix:///path/redis.sock") from error


def send(client: Redis, verb: str, args: Mapping[str, Any], by: str, timeout: float = 10.0) -> Any:
    """Give a command to whichever controller can execute it, and wait for its result (JSON values).

    client: one from :func:`connect` with ``blocking``. timeout: seconds. ``Refused`` with the controller's reasons;
    ``Unavailable`` when none answers in time, ``LiveStateDown`` when Redis does not.
    """
    identity = secrets.token_hex(12)
    fields = {"id": identity, "verb": verb, "args": json.dumps(dict(args)), "by": by}
    try:
        client.xadd(STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)  # type: ignore[arg-type]
        popped = _wait_for_reply(client, REPLY_PREFIX + identity, timeout)
    except RedisError as error:
        raise LiveStateDown(f"Redis does not answer: {error}; see redis.url in trunkline.toml") from error
    if popped is None:
        raise Unavailable(
            f"no controller answered {verb} within {timeout:g} s; is `trunkline controller` (or `trunkline run`) running?"
        )
    answer = json.loads(popped[1])
    if not answer["ok"]:
        raise Refused(*(answer.get("reasons") or [answer["error"]]))
    return answer["result"]


def _wait_for_reply(client: Redis, key: str, timeout: float) -> Any:
    """(key, reply), or None when there was none in time."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        popped = client.blpop([key], timeout=min(left, BLOCK_SECONDS))
        if popped is not None:
            return popped
    return None


def at_once(work: Callable[[], T]) -> T:
    """``in_thread`` for a process without an event loop."""
    return work()


@dataclass(frozen=True, slots=True)
class Entry:
    """One command as it came. reply_to: the list its answer goes to."""

    entry_id: str
    reply_to: bytes
    by: str
    verb: str
    args: str


@dataclass(frozen=True, slots=True)
class Unheld:
    """A command about a live call or an agent that is not held here. noticed_at: monotonic seconds."""

    entry: Entry
    command: Command
    noticed_at: float


class AdminServer:
    """Reads the stream, executes what this controller can, answers. One a controller; ``run`` is its greenlet.

    waiting: a client of its own (``connect(url, blocking=True)``). client: the usual one. node: who claims.
    in_thread: runs database work off the loop. sleep: waits without holding up others. The controller hands in gevent's
    ways of both.
    """

    def __init__(
        self,
        waiting: Redis,
        client: Redis,
        commands: Commands,
        node: str,
        in_thread: InThread = at_once,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._waiting = waiting
        self._client = client
        self._commands = commands
        self._node = node
        self._in_thread = in_thread
        self._sleep = sleep
        self._cursor: str | None = None
        self._unheld: list[Unheld] = []
        self._stopping = False

    def stop(self) -> None:
        """End ``run`` within about a second, after the command in hand."""
        self._stopping = True

    def run(self) -> None:
        """Serve until ``stop``. While Redis is away it waits and goes on where it was."""
        away = False
        while not self._stopping:
            try:
                self.serve_once()
                if away:
                    log.info("commands", to="read", reason="Redis is back")
                away = False
            except RedisError as error:
                if not away:
                    log.warning("commands", to="not read", reason=str(error))
                away = True
                self._sleep(BLOCK_SECONDS)

    def serve_once(self, block_seconds: float = BLOCK_SECONDS) -> int:
        """Wait for commands at most that long, handle those that came. How many came. Redis' errors pass through."""
        if self._cursor is None:
            self._cursor = self._look_back()
        answer: Any = self._waiting.xread({STREAM: self._cursor}, count=100, block=int(block_seconds * 1000))
        entries = answer[0][1] if answer else []
        for entry_id, fields in entries:
            self._handle(_entry(entry_id.decode(), fields or {}))
            self._cursor = entry_id.decode()
        if entries:
            self._client.xtrim(STREAM, maxlen=STREAM_LENGTH, approximate=True)
        self._answer_unheld(time.monotonic())
        return len(entries)

    def _look_back(self) -> str:
        seconds, microseconds = self._client.time()
        return f"{(int(seconds) - LOOK_BACK_SECONDS) * 1000 + int(microseconds) // 1000}-0"

    def _handle(self, entry: Entry) -> None:
        try:
            command = self._commands.read(entry.verb, entry.args)
        except Refused as error:
            self._refuse(entry, error)
            return
        ours = self._commands.is_for(command, self._node)
        if ours is None:
            self._execute(entry, command)
        elif not ours:
            self._unheld.append(Unheld(entry, command, time.monotonic()))
        elif self._claim(entry):
            self._reply(entry, self._answer(entry, functools.partial(self._act, command, entry.by)))

    def _execute(self, entry: Entry, command: Command) -> None:
        if self._claim(entry):
            work = functools.partial(self._commands.execute, command, entry.by)
            self._reply(entry, self._answer(entry, functools.partial(self._in_thread, work)))

    def _act(self, command: Command, by: str) -> Any:
        """The call's or the agent's own desk is touched from the loop; only the audit goes to a thread."""
        try:
            result = self._commands.act(command)
        except Refused as error:
            self._audit(functools.partial(self._commands.record_refusal, by, command.verb.name, command.args_json, error))
            raise
        self._audit(functools.partial(self._commands.record, by, command, result))
        return result

    def _answer(self, entry: Entry, work: Callable[[], Any]) -> dict[str, Any]:
        try:
            return {"ok": True, "result": work()}
        except Refused as error:
            return _refusal(error)
        except TrunklineError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            log.exception("command failed", verb=entry.verb, by=entry.by)
            return {"ok": False, "error": f"{entry.verb} failed inside the controller: {error!r}; see its log"}

    def _refuse(self, entry: Entry, error: Refused) -> None:
        if self._claim(entry):
            self._audit(functools.partial(self._commands.record_refusal, entry.by, entry.verb, entry.args, error))
            self._reply(entry, _refusal(error))

    def _audit(self, record: Callable[[], None]) -> None:
        """What has happened has happened: a database that is away is logged and takes nothing back."""
        try:
            self._in_thread(record)
        except Unavailable as error:
            log.error("command not audited", error=str(error))

    def _answer_unheld(self, now: float) -> None:
        late = [unheld for unheld in self._unheld if now - unheld.noticed_at >= UNHELD_SECONDS]
        self._unheld = [unheld for unheld in self._unheld if now - unheld.noticed_at < UNHELD_SECONDS]
        for unheld in late:
            self._execute(unheld.entry, unheld.command)

    def _claim(self, entry: Entry) -> bool:
        return bool(self._client.set(CLAIM_PREFIX + entry.entry_id, self._node, nx=True, ex=CLAIM_SECONDS))

    def _reply(self, entry: Entry, answer: Mapping[str, Any]) -> None:
        text = json.dumps(answer)  # ASCII: what came from outside may hold text that UTF-8 cannot carry
        pipe = self._client.pipeline(transaction=True)
        pipe.rpush(entry.reply_to, text)
        pipe.expire(entry.reply_to, REPLY_SECONDS)
        try:
            pipe.execute()
        except ResponseError as error:  # the key is there and no list: somebody else's, not to be touched
            log.warning("answer not left", verb=entry.verb, key=repr(entry.reply_to), error=str(error))


def _refusal(error: Refused) -> dict[str, Any]:
    return {"ok": False, "error": str(error), "reasons": list(error.reasons)}


def _entry(entry_id: str, fields: Mapping[bytes, bytes]) -> Entry:
    """Bytes that are not UTF-8 are shown as such; an id that is empty or overlong is replaced by the entry's own."""
    text = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in fields.items()}
    identity = fields.get(b"id", b"")
    if not 0 < len(identity) <= MAX_ID_LENGTH:
        identity = entry_id.encode()
    return Entry(
        entry_id=entry_id,
        reply_to=REPLY_PREFIX.encode() + identity,
        by=text.get("by") or "redis",
        verb=text.get("verb", ""),
        args=text.get("args") or "{}",
    )
