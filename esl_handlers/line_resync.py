"""After a restart of ours, or a gap in the events: which lines the switch has, and who is on them.

The switch's list of channels shows a line by its ``presence_data``; the line's own variables say whose it is and with whom it
was joined last, and that person's say whether they still belong together. What is known here and not there is told as lost,
what is there and not known here is adopted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controller.domain.agents.line import LineKind, LineUp, PersonHeld, TalkBegan, TalkEnded
from controller.errors import SwitchDown
from esl_handlers.agent_line import Standing, TrackedLine
from esl_handlers.escaping import ID
from esl_handlers.line_commands import LINE_MARK

if TYPE_CHECKING:
    from esl_handlers.agent_lines import FreeSwitchLines


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line as the switch shows it. person: with whom it talks, or whom it holds. waits: an earlier person of it waits for
    somebody else."""

    agent_id: str
    line_id: str
    kind: LineKind
    up: bool
    person: str | None = None
    held: bool = False
    waits: str | None = None


def found(lines: FreeSwitchLines) -> list[FoundLine]:
    """All lines of the switch. SwitchDown when it does not say."""
    rows = _json(lines, "show channels as json").get("rows", [])
    marked = [str(row["uuid"]) for row in rows if str(row.get("presence_data", "")).startswith(f"{LINE_MARK}:")]
    return [line for line in (_line(lines, line_id) for line_id in marked) if line is not None]


def _line(lines: FreeSwitchLines, line_id: str) -> FoundLine | None:
    """One line; None when it has just ended."""
    dump = _json(lines, f"uuid_dump {line_id} json")
    agent, kind = str(dump.get("variable_trunkline_agent", "")), str(dump.get("variable_trunkline_kind", ""))
    if not agent or kind not in {kind.value for kind in LineKind}:
        return None
    up = "variable_trunkline_line" in dump
    line = FoundLine(agent, line_id, LineKind(kind), up)
    person = str(dump.get("variable_trunkline_person", ""))
    if not ID.fullmatch(person):
        return line
    theirs = _json(lines, f"uuid_dump {person} json")
    word = theirs.get("variable_trunkline_connect")
    if theirs.get("variable_trunkline_to") != agent:
        return line
    if word == "held":
        return FoundLine(agent, line_id, line.kind, up, person, held=True)
    if word == "agent" and theirs.get("variable_bridge_uuid") == line_id:
        return FoundLine(agent, line_id, line.kind, up, person)
    return FoundLine(agent, line_id, line.kind, up, waits=person if word == "agent_lost" else None)


def _json(lines: FreeSwitchLines, command: str) -> dict[str, Any]:
    """What an api command answers in JSON; empty for a channel that is gone."""
    reply = lines.api(command)
    if reply is None:
        raise SwitchDown(f"no answer to {command.split()[0]}")
    if reply.text.startswith("-ERR"):
        return {}
    try:
        answer = json.loads(reply.text)
    except ValueError as error:
        raise SwitchDown(f"{command.split()[0]} answers {reply.text[:80]!r}") from error
    return answer if isinstance(answer, dict) else {}


def reconcile(lines: FreeSwitchLines, there: list[FoundLine], now: float) -> None:
    """Bring the book in line with what was found, and tell what was missed."""
    book = lines.book
    by_id = {line.line_id: line for line in there}
    book.lost([line for line in book.lines() if line.created and line.line_id not in by_id], "unseen")
    for seen in there:
        known = book.line(seen.agent_id)
        if known is None:
            known = TrackedLine(seen.agent_id, seen.line_id, seen.kind, created=True, rang=True)
            book.add(known)
        if known.line_id == seen.line_id:
            _correct(lines, known, seen, now)


def _correct(lines: FreeSwitchLines, line: TrackedLine, seen: FoundLine, now: float) -> None:
    """One line that both know. What is on its way is left to its events."""
    book = lines.book
    if seen.up and not line.up:
        line.up = True
        book.tell(line, LineUp(now))
    if line.standing not in (Standing.FREE, Standing.TALKING, Standing.HELD) or line.pending:
        return
    if line.person is not None and line.person != seen.person:
        person = line.person
        book.detach(line)
        line.bridged = False
        book.tell(line, TalkEnded(now, person, person_waits=seen.waits == person))
    standing = Standing.HELD if seen.held else Standing.TALKING
    if seen.person is not None and (line.person, line.standing) != (seen.person, standing):
        book.attach(line, seen.person, standing)
        line.talked, line.bridged = True, not seen.held
        book.tell(line, PersonHeld(now, seen.person) if seen.held else TalkBegan(now, seen.person))
