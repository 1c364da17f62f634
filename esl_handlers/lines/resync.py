"""After a restart of ours, or a gap in the events: which lines the switch has, and who is on them.

The switch's list of channels shows a line by its ``presence_data``; the line's own variables say whose it is and with whom it
was joined last, and that person's say whether they still belong together. What is known here and not there is told as lost,
what is there and not known here is adopted: lines, the third parties whom agents consult, and supervisors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from controller.domain.agents.line import (
    ConsultUp,
    LineKind,
    LineUp,
    PersonHeld,
    SuperviseMode,
    SupervisorOn,
    TalkBegan,
    TalkEnded,
)
from controller.errors import SwitchDown
from esl_handlers.escaping import ID
from esl_handlers.lines.asking import Asking
from esl_handlers.lines.commands import CONSULT_MARK, LINE_MARK, SUPERVISOR_MARK
from esl_handlers.lines.tracked import Consult, Standing, Supervisor, TrackedLine


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


@dataclass(frozen=True, slots=True)
class Found:
    """What the switch shows. consults, supervisors: by the agent whose line they belong to."""

    lines: list[FoundLine]
    consults: list[tuple[str, Consult]]
    supervisors: list[tuple[str, Supervisor]]


def found(lines: Asking) -> Found:
    """All lines of the switch, and who belongs to them. SwitchDown when it does not say."""
    rows = _json(lines, "show channels as json").get("rows", [])
    marks = [(str(row["uuid"]), str(row.get("presence_data", "")).split(":")) for row in rows]
    seen = [_line(lines, leg_id) for leg_id, mark in marks if mark[0] == LINE_MARK and len(mark) == 2]
    there = Found([line for line in seen if line is not None], [], [])
    for leg_id, mark in marks:
        if mark[0] == CONSULT_MARK and len(mark) == 2:
            there.consults.append((mark[1], _consult(leg_id, _json(lines, f"uuid_dump {leg_id} json"))))
        elif mark[0] == SUPERVISOR_MARK and len(mark) == 3:
            there.supervisors.append((mark[1], _supervisor(leg_id, mark[2], _json(lines, f"uuid_dump {leg_id} json"))))
    return there


def _consult(leg_id: str, dump: dict[str, Any]) -> Consult:
    answered, joined = "variable_trunkline_line" in dump, bool(dump.get("variable_bridge_uuid"))
    return Consult(leg_id, str(dump.get("variable_trunkline_third", "")), True, answered, meeting=joined, up=joined)


def _supervisor(leg_id: str, name: str, dump: dict[str, Any]) -> Supervisor:
    word = str(dump.get("variable_trunkline_mode", ""))
    mode = SuperviseMode(word) if word in set(SuperviseMode) else SuperviseMode.LISTEN
    return Supervisor(name, leg_id, mode, created=True, on="variable_trunkline_line" in dump)


def _line(lines: Asking, line_id: str) -> FoundLine | None:
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


def _json(lines: Asking, command: str) -> dict[str, Any]:
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


def reconcile(lines: Asking, there: Found, now: float) -> None:
    """Bring the book in line with what was found, and tell what was missed."""
    book = lines.book
    by_id = {line.line_id: line for line in there.lines}
    book.lost([line for line in book.lines() if line.created and line.line_id not in by_id], "unseen")
    for seen in there.lines:
        known = book.line(seen.agent_id)
        if known is None:
            known = TrackedLine(seen.agent_id, seen.line_id, seen.kind, created=True, rang=True)
            book.add(known)
        if known.line_id == seen.line_id:
            _correct(lines, known, seen, now)
    for agent_id, third in there.consults:
        line = book.line(agent_id)
        if line is not None and line.consult is None and line.standing is Standing.HELD:
            _adopt_consult(lines, line, third, now)
    for agent_id, supervisor in there.supervisors:
        line = book.line(agent_id)
        if line is not None and supervisor.name not in line.supervisors:
            book.add_supervisor(line, supervisor)
            if supervisor.on:
                book.tell(line, SupervisorOn(now, supervisor.name, supervisor.mode))


def _adopt_consult(lines: Asking, line: TrackedLine, third: Consult, now: float) -> None:
    """The agent's third party, who talks to the agent, waits for that, or is still rung."""
    lines.book.add_consult(line, third)
    line.bridged = third.up
    if third.up:
        lines.book.tell(line, ConsultUp(now))
    elif third.answered:
        lines.meet(line)


def _correct(lines: Asking, line: TrackedLine, seen: FoundLine, now: float) -> None:
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
