"""Every admin verb once: its arguments, who executes it and how; reading a command, executing it, putting it on record.

Three ways of executing:

- ``change``  all its stores in one transaction with its line of the audit: neither is ever there without the other
- ``do``      opens transactions of its own, or only reads; audited afterwards
- ``act``     about a live call, by the controller that holds it; ``do`` is then the answer when nobody holds it

The same verbs serve the command line (in its own process, so they work while no controller runs) and the Redis stream
(``bus.py``). What the verbs mean lies in ``campaigns.py``, ``site.py``, ``views.py``, ``calls.py`` and ``contacts.py``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.config import Limits
from controller.domain.calls.states import Call
from controller.domain.site import mistakes
from controller.errors import Refused
from controller.live.board import RedisBoard
from controller.ports import FormulaSource
from controller.storage.audit import Audit
from controller.storage.database import Database
from controller.storage.one_transaction import one_transaction

MAX_ARGS_LENGTH = 16 * 1024 * 1024
"""Characters; a site file of the largest size fits."""
NAME_LENGTH = 128
"""Characters of who and which verb that the audit keeps."""
DETAIL_LENGTH = 500
"""Characters of a result or refusal that the audit keeps."""


class Args(BaseModel):
    """Arguments of a verb. Values that came as text (``trunkline admin VERB key=value``) are converted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoArgs(Args):
    """For verbs that take none."""


class LiveCalls(Protocol):
    """The calls that this controller holds; ``engine.call_desk.CallDesk`` fulfils it."""

    def holds(self, attempt_id: str) -> bool: ...

    def calls(self) -> list[Call]: ...

    def hang_up(self, attempt_id: str, why: str) -> bool:
        """False when the call is not held (any more)."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the verbs work with. board: None where Redis is not at hand. formulas: evaluates pacing formulas; None where only
    numbers can be. now: UTC epoch seconds."""

    database: Database
    limits: Limits
    board: RedisBoard | None = None
    formulas: FormulaSource | None = None
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb; results are JSON values. reads: changes nothing, so the command line does not audit it."""

    name: str
    args: type[Args]
    help: str
    change: Callable[[Desk, Any], Any] | None = None
    do: Callable[[Desk, Any], Any] | None = None
    act: Callable[[LiveCalls, Any], Any] | None = None
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A verb with arguments that are right. attempt_id: the live call it is about, None for all other verbs."""

    verb: Verb
    args: Args

    @property
    def attempt_id(self) -> str | None:
        return getattr(self.args, "attempt_id", None) if self.verb.act is not None else None

    @property
    def args_json(self) -> dict[str, Any]:
        return self.args.model_dump(mode="json", exclude_unset=True)


class Commands:
    """The registry at work. calls: the live calls of this process, if it has any."""

    def __init__(self, desk: Desk, verbs: Mapping[str, Verb], calls: LiveCalls | None = None) -> None:
        self.desk = desk
        self.verbs = verbs
        self._calls = calls

    def read(self, verb: str, args: str | Mapping[str, Any]) -> Command:
        """The command, or ``Refused`` with every mistake. args: a JSON object, as text or read already."""
        known = self.verbs.get(verb)
        if known is None:
            raise Refused(f"verb {verb[:80]!r} does not exist; the verbs are {', '.join(sorted(self.verbs))}")
        values = _json_object(args) if isinstance(args, str) else args
        if _storable(text := json.dumps(values, ensure_ascii=False)) != text or "\\u0000" in text:
            raise Refused("args: text with a NUL or half of a surrogate pair cannot be stored; leave it out")
        try:
            return Command(known, known.args.model_validate(values))
        except ValidationError as error:
            takes = ", ".join(known.args.model_fields) or "no arguments"
            raise Refused(*(f"args: {mistake}; {verb} takes {takes}" for mistake in mistakes(error))) from error

    def execute(self, command: Command, by: str, *, audit_reads: bool = True) -> Any:
        """Do it and put it on record, done or refused. ``Refused`` and ``Unavailable`` pass through."""
        verb = command.verb
        try:
            if verb.change is not None:
                with one_transaction(self.desk.database) as database:
                    result = verb.change(replace(self.desk, database=database), command.args)
                    self._write(database, by, verb.name, command.args_json, True, _brief(result))
                return result
            if verb.do is None:
                raise Refused(f"{verb.name} is for the controller that holds the call")
            result = verb.do(self.desk, command.args)
        except Refused as error:
            if audit_reads or not verb.reads:
                self.record_refusal(by, verb.name, command.args_json, error)
            raise
        if audit_reads or not verb.reads:
            self.record(by, command, result)
        return result

    def act_on_call(self, command: Command) -> Any:
        """Do what the holder of a call does; not audited here, as it runs where the database must not be waited for."""
        if command.verb.act is None or self._calls is None:
            raise Refused(f"{command.verb.name} is for the controller that holds the call")
        return command.verb.act(self._calls, command.args)

    def record(self, by: str, command: Command, result: Any) -> None:
        """The audit's line of something done."""
        self._write(self.desk.database, by, command.verb.name, command.args_json, True, _brief(result))

    def record_refusal(self, by: str, verb: str, args: str | Mapping[str, Any], error: Refused) -> None:
        """The audit's line of something refused; ``args`` as it came, if it could not be read."""
        kept = {"unread": args[:DETAIL_LENGTH]} if isinstance(args, str) else args
        self._write(self.desk.database, by, verb, kept, False, str(error))

    def _write(self, database: Database, by: str, verb: str, args: Mapping[str, Any], ok: bool, detail: str) -> None:
        Audit(database).write(
            self.desk.now(),
            _storable(by)[:NAME_LENGTH],
            _storable(verb)[:NAME_LENGTH],
            args,
            ok,
            _storable(detail)[:DETAIL_LENGTH],
        )


def _json_object(text: str) -> dict[str, Any]:
    if len(text) > MAX_ARGS_LENGTH:
        raise Refused(f"args: longer than {MAX_ARGS_LENGTH} characters")
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f'args: not JSON ({error}); give an object such as {{"name": "june"}}') from error
    if not isinstance(value, dict):
        raise Refused(f'args: a JSON object is wanted, such as {{"name": "june"}}; this is {type(value).__name__}')
    return value


def _brief(result: Any) -> str:
    return json.dumps(result, ensure_ascii=False)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _storable(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
