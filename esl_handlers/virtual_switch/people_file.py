"""The people file: who answers, and after how long.

The first ``[[number]]`` whose prefix or pattern fits the dialled digits (and whose gateway fits, if it names one) says
which kinds of people live there; one is drawn by share. The draw depends on the seed, the number, and how many times
that number was called before, on nothing else: a run can be replayed, and audited, whatever the order of its calls.

A complete example::

    seed = 7                                 # overridden by --seed
    playback_seconds = 3.0                   # how long a sound plays
    ivr_seconds = { uniform = [4, 20] }      # how long an IVR keeps a call

    [[number]]                               # anything that begins with 91999: never there
    prefix = "91999"
    who = [{ kind = "no_answer" }]

    [[number]]                               # digits that end in 13, on one carrier only
    pattern = "13$"
    gateway = "carrier-b"
    who = [{ kind = "congestion" }]

    [[number]]                               # everybody else
    [[number.who]]
    kind = "person"
    share = 0.45
    ring_seconds = { uniform = [2, 8] }
    talk_seconds = { lognormal = [20.0, 0.6], most = 120 }
    hangs_up = true                          # false: talks until somebody else ends the call
    [[number.who]]
    kind = "machine"
    share = 0.15
    ring_seconds = 12
    greeting_seconds = { uniform = [4, 9] }  # talks so long; hangs up then, unless it beeps
    beep_after_seconds = 0.4                 # silence between greeting and beep
    record_seconds = 60                      # and hangs up after recording for so long
    [[number.who]]
    kind = "busy"
    share = 0.15
    after_seconds = { uniform = [0.3, 2] }
    [[number.who]]
    kind = "no_answer"
    share = 0.20
    [[number.who]]
    kind = "refused"
    share = 0.05
    status = 484

    [[bot]]                                  # SIP endpoints; the first whose uri (with * and ?) fits user@host
    uri = "collections@*"
    answer_seconds = 0.05
    capacity = 20                            # then 486
    fails = { share = 0.02, status = 503 }
    talk_seconds = { uniform = [5, 15] }     # then the bot hangs up; without it, it talks as long as the person stays

    [gateway.carrier-a]                      # name gateways and others are unknown; name none and any is good
    calls_per_second = 30                    # more in any one second: 503
    channels = 500                           # more at once: 503
    [gateway.carrier-b]
    state = "up"                             # "down": GATEWAY_DOWN · "unreachable": a 503 that the switch makes up

Seconds are a number, ``{ uniform = [least, most] }`` or ``{ lognormal = [median, sigma] }``, the latter two with
``most`` if wanted. Kinds: ``person`` and ``machine`` answer; ``no_answer`` rings until the caller gives up; ``dead``
never replies; ``busy`` 486, ``rejected`` 603, ``congestion`` 503, ``invalid`` 404, ``unavailable`` 480 and ``refused``
(any ``status``) end without an answer, ``after_seconds`` (default 0.2), ringing first when ``rings = true`` (busy does
unless told otherwise). ``ring_delay_seconds`` is the time until the 180; ``early_media = true`` sends a 183 in its
place. Who answers is heard by recordings: after ``pause_seconds`` (default 0.3 to 0.6) a person says a word of
``word_seconds`` (0.4 to 0.7) and waits, a machine talks until its greeting is over.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from controller.errors import BadFile
from esl_handlers.virtual_switch.people import KINDS, Bot, Gateway, NumberRule, People, Seconds, Who


def read_people(path: Path) -> People:
    """The people file. BadFile with every mistake found."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFile(str(path), [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFile(str(path), [f"is not TOML: {error}"]) from error
    return people_from(data, str(path))


def people_from(data: Mapping[str, Any], source: str) -> People:
    """People from parsed TOML; source: its name, for the mistakes."""
    reader = _Reader()
    people = People(
        seed=reader.take(data, "seed", int, 0, "seed"),
        rules=tuple(reader.rule(entry, f"number[{i}]") for i, entry in enumerate(reader.tables(data, "number"))),
        bots=tuple(reader.bot(entry, f"bot[{i}]") for i, entry in enumerate(reader.tables(data, "bot"))),
        gateways={
            name: reader.gateway(name, entry, f"gateway.{name}")
            for name, entry in reader.take(data, "gateway", dict, {}, "gateway").items()
        },
    )
    for sound in ("playback_seconds", "ivr_seconds"):
        if sound in data:
            setattr(people, sound, reader.seconds(data[sound], sound))
    reader.known(data, {"seed", "playback_seconds", "ivr_seconds", "number", "bot", "gateway"}, "file")
    if reader.mistakes:
        raise BadFile(source, reader.mistakes)
    return people


class _Reader:
    """Turns tables into people and collects what is wrong with them."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def known(self, table: Mapping[str, Any], keys: set[str], place: str) -> None:
        self.mistakes += [f"{place}: no such key {key!r}" for key in table if key not in keys]

    def take(self, table: Mapping[str, Any], key: str, kind: type, default: Any, place: str) -> Any:
        value = table.get(key, default)
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            self.mistakes.append(f"{place}: {key} must be a {kind.__name__}")
            return default
        return value

    def tables(self, data: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
        value = data.get(key, [])
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return value
        self.mistakes.append(f"{key} must be tables, [[{key}]]")
        return []

    def seconds(self, value: Any, place: str) -> Seconds:
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return Seconds("constant", float(value))
        if isinstance(value, dict):
            for form in ("uniform", "lognormal"):
                pair = value.get(form)
                if isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, int | float) and n >= 0 for n in pair):
                    self.known(value, {form, "most"}, place)
                    return Seconds(form, float(pair[0]), float(pair[1]), self.take(value, "most", float, math.inf, place))
        self.mistakes.append(f"{place} must be seconds, {{ uniform = [least, most] }} or {{ lognormal = [median, sigma] }}")
        return Seconds("constant", 0.0)

    def rule(self, entry: Mapping[str, Any], place: str) -> NumberRule:
        self.known(entry, {"prefix", "pattern", "gateway", "who"}, place)
        pattern = None
        if "pattern" in entry:
            try:
                pattern = re.compile(self.take(entry, "pattern", str, "", place))
            except re.error as error:
                self.mistakes.append(f"{place}: pattern is no regular expression: {error}")
        who = tuple(self.who(one, f"{place}.who[{i}]") for i, one in enumerate(self.tables(entry, "who")))
        if not who or sum(one.share for one in who) <= 0:
            self.mistakes.append(f"{place}: who must name somebody with a share above 0")
        prefix = self.take(entry, "prefix", str, "", place)
        return NumberRule(who, prefix, pattern, self.take(entry, "gateway", str, "", place))

    def who(self, entry: Mapping[str, Any], place: str) -> Who:
        kind = self.take(entry, "kind", str, "", place)
        if kind not in KINDS:
            self.mistakes.append(f"{place}: kind {kind!r} is none of {', '.join(KINDS)}")
            return Who("dead")
        values: dict[str, Any] = {"rings": kind == "busy"}
        for key, value in entry.items():
            if key.endswith("_seconds") and key in Who.__slots__:
                values[key] = self.seconds(value, f"{place}.{key}")
            elif key in ("hangs_up", "rings", "early_media"):
                values[key] = self.take(entry, key, bool, False, place)
            elif key == "share":
                values[key] = self.take(entry, key, float, 1.0, place)
            elif key == "status":
                values[key] = self.take(entry, key, int, 0, place)
        self.known(entry, {"kind", *values, *(key for key in entry if key in values)}, place)
        if kind == "refused" and not 300 <= values.get("status", 0) <= 699:
            self.mistakes.append(f"{place}: refused needs a status from 300 to 699")
        return Who(kind, **values)

    def bot(self, entry: Mapping[str, Any], place: str) -> Bot:
        self.known(entry, {"uri", "answer_seconds", "capacity", "fails", "talk_seconds"}, place)
        fails = self.take(entry, "fails", dict, {}, place)
        talk = self.seconds(entry["talk_seconds"], f"{place}.talk_seconds") if "talk_seconds" in entry else None
        return Bot(
            uri=self.take(entry, "uri", str, "*", place).removeprefix("sip:"),
            answer_seconds=self.seconds(entry.get("answer_seconds", 0.05), f"{place}.answer_seconds"),
            capacity=self.take(entry, "capacity", int, 1_000_000, place),
            fails_share=self.take(fails, "share", float, 0.0, f"{place}.fails"),
            fails_status=self.take(fails, "status", int, 503, f"{place}.fails"),
            talk_seconds=talk,
        )

    def gateway(self, name: str, entry: Any, place: str) -> Gateway:
        if not isinstance(entry, dict):
            self.mistakes.append(f"{place} must be a table")
            return Gateway(name)
        self.known(entry, {"state", "calls_per_second", "channels"}, place)
        state = self.take(entry, "state", str, "up", place)
        if state not in ("up", "down", "unreachable"):
            self.mistakes.append(f"{place}: state {state!r} is none of up, down, unreachable")
        rate = self.take(entry, "calls_per_second", float, math.inf, place)
        return Gateway(name, state, rate, self.take(entry, "channels", int, 1_000_000, place))
