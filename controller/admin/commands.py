"""Every admin verb once: its arguments, who executes it and how; reading a command, executing it, putting it on record.

Three ways of executing:

- ``change``  all its stores in one transaction with its line of the audit: neither is ever there without the other
- ``do``      opens transactions of its own, or only reads; audited afterwards
- ``act``     about a live call, by the controller that holds it; ``do`` is then the answer when nobody holds it
- ``act_on_agent``  about an agent, by the controller that has the agent's line (or is to have it); ``do`` as above

The same verbs serve the command line (in its own process, so they work while no controller runs) and the Redis stream
(``bus.py``). What the verbs mean lies in the other files of this room, one a subject.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.config import Limits
from controller.domain.calls.states import Call
from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.site import mistakes
from controller.errors import Refused
from controller.live.board import RedisBoard
from controller.ports import AgentLines, AgentPool, FormulaSource, Previews
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


class LiveAgents(Protocol):
    """The agents logged in at this controller; ``engine.agent_desk.AgentDesk``, which documents the methods."""

    lines: AgentLines

    def holds(self, agent: str) -> bool: ...

    def login(self, agent: str, ready: bool) -> str: ...

    def logout(self, agent: str) -> None: ...

    def talk(self, agent: str) -> str: ...

    def hang_up(self, agent: str) -> str: ...

    def transfer(self, agent: str, to: str, carrier: str | None, attended: bool) -> str: ...

    def record(self, agent: str) -> str: ...

    def address(self, phone: str, carrier: str | None) -> str: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the verbs work with. board: None where Redis is not at hand. formulas: evaluates pacing formulas; None where only
    numbers can be. amd: the system's defaults for campaigns. open_agents, open_previews: the agent pool, and the cards, for the
    time of a block; None where Redis is not at hand. now: UTC epoch seconds."""

    database: Database
    limits: Limits
    board: RedisBoard | None = None
    formulas: FormulaSource | None = None
    amd: AmdDefaults = field(default_factory=AmdDefaults)
    now: Callable[[], float] = time.time
    open_agents: Callable[[], AbstractContextManager[AgentPool]] | None = None
    open_previews: Callable[[], AbstractContextManager[Previews]] | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb; results are JSON values. reads: changes nothing, so the command line does not audit it. begins: the agent it is
    about is not logged in anywhere yet; any controller may act, or the one that ``node`` names."""

    name: str
    args: type[Args]
    help: str
    change: Callable[[Desk, Any], Any] | None = None
    do: Callable[[Desk, Any], Any] | None = None
    act: Callable[[LiveCalls, Any], Any] | None = None
    act_on_agent: Callable[[LiveAgents, Any], Any] | None = None
    reads: bool = False
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A verb with arguments that are right. attempt_id: the live call it is about, None for all other verbs."""

    verb: Verb
    args: Args

    @property
    def attempt_id(self) -> str | None:
        return getattr(self.args, "attempt_id", None) if self.verb.act is not None else None

    @property
    def agent(self) -> str | None:
        """The agent it is about, where only the controller with the agent's line can act."""
        return getattr(self.args, "agent", None) if self.verb.act_on_agent is not None else None

    @property
    def args_json(self) -> dict[str, Any]:
        return self.args.model_dump(mode="json", exclude_unset=True)


class Commands:
    """The registry at work. calls, agents: those of this process, if it has any."""

    def __init__(
        self, desk: Desk, verbs: Mapping[str, Verb], calls: LiveCalls | None = None, agents: LiveAgents | None = None
    ) -> None:
        self.desk = desk
        self.verbs = verbs
        self._calls = calls
        self._agents = agents

    def is_for(self, command: Command, node: str) -> bool | None:
        """Whether this process, being ``node``, can act on the call or agent that the command is about; None where that is no
        matter, as any process can execute it."""
        if command.attempt_id is not None:
            return self._calls is not None and self._calls.holds(command.attempt_id)
        if command.agent is None:
            return None
        if command.verb.begins:
            return self._agents is not None and getattr(command.args, "node", None) in (None, node)
        return self._agents is not None and self._agents.holds(command.agent)

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
                raise Refused(f"{verb.name} is for the controller that holds the call or the agent's line")
            result = verb.do(self.desk, command.args)
        except Refused as error:
            if audit_reads or not verb.reads:
                self.record_refusal(by, verb.name, command.args_json, error)
            raise
        if audit_reads or not verb.reads:
            self.record(by, command, result)
        return result

    def act(self, command: Command) -> Any:
        """Do what the holder of a call or of an agent's line does; not audited here, as it runs where the database must not be
        waited for."""
        if command.verb.act is not None and self._calls is not None:
            return command.verb.act(self._calls, command.args)
        if command.verb.act_on_agent is not None and self._agents is not None:
            return command.verb.act_on_agent(self._agents, command.args)
        raise Refused(f"{command.verb.name} is for the controller that holds the call or the agent's line")

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
