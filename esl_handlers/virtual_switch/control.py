"""The ``virtual`` API command, and the faults file: what a test does to the switch while it runs.

    virtual stats                        JSON: calls, peaks, most launches in any second by gateway, faults in force
    virtual people FILE                  other people from now on
    virtual rotate                       reopen the journal after it was renamed (SIGHUP does the same)
    virtual fault clear
    virtual fault NAME key=value …       a fault of faults.py, or one of

        drop     how=close|rst|half_open   every connection that listens to events (all=true: every connection)
        garbage  bytes=N                   that many bytes that are no ESL, on the same connections
        restart  away_seconds=S            the switch dies with all its calls and comes back as another core
        gateway  name=G state=up|down|unreachable
        sps      limit=N                   sessions per second; FreeSWITCH admits N-1

A faults file holds the same, each with the seconds after the start at which it strikes::

    [[fault]]
    after_seconds = 5
    name = "swallow"
    share = 0.05
    events = "CHANNEL_ANSWER,CHANNEL_HANGUP_COMPLETE"
    for_seconds = 10
"""

from __future__ import annotations

import json
import logging
import math
import random
import time
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import gevent

from controller.errors import BadFile
from esl_handlers.virtual_switch.connection import Connection
from esl_handlers.virtual_switch.core import Core
from esl_handlers.virtual_switch.faults import EVENT_FAULTS, REPLY_FAULTS, Fault, Faults
from esl_handlers.virtual_switch.people import Gateway
from esl_handlers.virtual_switch.people_file import read_people
from esl_handlers.virtual_switch.server import Server

log = logging.getLogger(__name__)

USAGE = "-USAGE: stats|rotate|people FILE|fault clear|fault NAME key=value ...\n"


class Operator:
    """Carries out ``virtual`` commands."""

    def __init__(self, core: Core, server: Server, faults: Faults) -> None:
        self._core = core
        self._server = server
        self._faults = faults
        self._chance = random.Random(core.people.seed)
        core.more_apis["virtual"] = self.command
        self._switch_faults: dict[str, Callable[[Mapping[str, str]], str]] = {
            "drop": self._drop,
            "garbage": self._garbage,
            "restart": self._restart,
            "gateway": self._gateway,
            "sps": self._sps,
        }

    def command(self, core: Core, arguments: str) -> str:
        """One ``virtual`` command and its reply."""
        words = arguments.split()
        if words[:1] == ["stats"]:
            return json.dumps(self.stats()) + "\n"
        if words[:1] == ["rotate"]:
            self.rotate()
            return "+OK\n"
        if words[:1] == ["people"] and len(words) == 2:
            return self._people(Path(words[1]))
        if words[:2] == ["fault", "clear"]:
            self._faults.clear()
            return "+OK\n"
        if words[:1] == ["fault"] and len(words) > 1 and all("=" in word for word in words[2:]):
            return self.strike(words[1], dict(word.split("=", 1) for word in words[2:]))
        return USAGE

    def stats(self) -> dict[str, object]:
        """What the switch has seen so far."""
        core = self._core
        return {
            "core_uuid": core.uuid,
            "sessions": len(core.channels),
            "session_peak": core.session_peak,
            "sessions_since_startup": core.sessions_since_startup,
            "bots": {uri: count for uri, count in core.bot_calls.items() if count},
            "gateways": {
                name: {"calls": use.calls, "most_at_once": use.most_at_once, "most_in_a_second": use.most_in_a_second}
                for name, use in core.gateway_use.items()
            },
            "latest_ms": round(core.timeline.latest_seconds * 1000, 1),
            "faults": self._faults.in_force(),
        }

    def rotate(self) -> None:
        """Begin a new journal file if the old one was renamed."""
        if self._core.journal is not None:
            self._core.journal.reopen()

    def strike(self, name: str, given: Mapping[str, str]) -> str:
        """One fault, from now on or once."""
        try:
            if name in self._switch_faults:
                return self._switch_faults[name](given)
            if name not in (*EVENT_FAULTS, *REPLY_FAULTS):
                return f"-ERR no fault {name}\n"
            self._faults.add(
                Fault(
                    name,
                    share=float(given.get("share", 1)),
                    seconds=float(given.get("seconds", 0)),
                    events=frozenset(given["events"].split(",")) if given.get("events") else frozenset(),
                    until=time.monotonic() + float(given.get("for_seconds", math.inf)),
                )
            )
        except ValueError as error:
            return f"-ERR {error}\n"
        return "+OK\n"

    def schedule(self, path: Path) -> None:
        """Read a faults file and let each fault strike at its time. BadFile with every mistake."""
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8")).get("fault", [])
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadFile(str(path), [f"cannot be read as TOML: {error}"]) from error
        mistakes = []
        for i, entry in enumerate(entries):
            name = str(entry.get("name", ""))
            if name not in (*EVENT_FAULTS, *REPLY_FAULTS, *self._switch_faults):
                mistakes.append(f"fault[{i}]: no fault {name!r}")
            given = {key: str(value) for key, value in entry.items() if key not in ("name", "after_seconds")}
            self._core.timeline.after(float(entry.get("after_seconds", 0)), partial(self._strike_at_last, name, given))
        if mistakes:
            raise BadFile(str(path), mistakes)

    def _strike_at_last(self, name: str, given: Mapping[str, str]) -> None:
        log.info("fault %s: %s", name, self.strike(name, given).strip())

    def _people(self, path: Path) -> str:
        try:
            people = read_people(path)
        except BadFile as error:
            return f"-ERR {error}\n"
        people.calls = self._core.people.calls
        self._core.people = people
        return "+OK\n"

    def _connections(self, given: Mapping[str, str]) -> list[Connection]:
        everybody = given.get("all") == "true"
        return [one for one in self._server.connections if everybody or one.subscription]

    def _drop(self, given: Mapping[str, str]) -> str:
        how = given.get("how", "close")
        if how not in ("close", "rst", "half_open"):
            raise ValueError(f"how={how} is none of close, rst, half_open")
        dropped = self._connections(given)
        for one in dropped:
            # After the reply: the connection that asks may be among them.
            gevent.spawn_later(0.01, one.drop, how)
        return f"+OK {len(dropped)}\n"

    def _garbage(self, given: Mapping[str, str]) -> str:
        junk = self._chance.randbytes(int(given.get("bytes", 64)))
        for one in self._connections(given):
            gevent.spawn(one.garbage, junk)
        return "+OK\n"

    def _restart(self, given: Mapping[str, str]) -> str:
        gevent.spawn_later(0.01, self._server.restart, float(given.get("away_seconds", 1)))
        return "+OK\n"

    def _gateway(self, given: Mapping[str, str]) -> str:
        state, name = given.get("state", ""), given.get("name", "")
        if state not in ("up", "down", "unreachable"):
            raise ValueError(f"state={state} is none of up, down, unreachable")
        gateways = self._core.people.gateways
        if name not in gateways and gateways:
            raise ValueError(f"no gateway {name}")
        gateways.setdefault(name, Gateway(name)).state = state
        return "+OK\n"

    def _sps(self, given: Mapping[str, str]) -> str:
        self._core.sps = int(given.get("limit", 0))
        return "+OK\n"
