"""Who answers, and after how long: people, drawn by share.

The first rule whose prefix or pattern fits the dialled digits (and whose gateway fits, if it names one) says which
kinds of people live there. The draw depends on the seed, the number, and how many times that number was called before,
on nothing else: a run can be replayed, and audited, whatever the order of its calls. The people file, and what the
kinds mean: ``people_file.py``.
"""

from __future__ import annotations

import math
import random
import re
import zlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from esl_handlers.virtual_switch.voice import BEEP_SECONDS, Voice

REFUSALS = {"busy": 486, "rejected": 603, "congestion": 503, "invalid": 404, "unavailable": 480, "refused": 0}
ANSWERING = ("person", "machine")
KINDS = (*ANSWERING, "no_answer", "dead", *REFUSALS)


@dataclass(frozen=True, slots=True)
class Seconds:
    """A length of time to draw. form: constant, uniform or lognormal; a and b its parameters; most: cut off there."""

    form: str
    a: float
    b: float = 0.0
    most: float = math.inf

    def draw(self, chance: random.Random) -> float:
        """Seconds."""
        if self.form == "uniform":
            drawn = chance.uniform(self.a, self.b)
        elif self.form == "lognormal":
            drawn = self.a * math.exp(chance.gauss(0.0, self.b))
        else:
            drawn = self.a
        return min(drawn, self.most)


@dataclass(frozen=True, slots=True)
class Who:
    """One kind of people at a number, and its share."""

    kind: str
    share: float = 1.0
    ring_seconds: Seconds = Seconds("uniform", 2.0, 8.0)
    ring_delay_seconds: Seconds = Seconds("constant", 0.01)
    talk_seconds: Seconds = Seconds("lognormal", 20.0, 0.5)
    greeting_seconds: Seconds = Seconds("uniform", 4.0, 9.0)
    beep_after_seconds: Seconds | None = None
    record_seconds: Seconds = Seconds("constant", 60.0)
    word_seconds: Seconds = Seconds("uniform", 0.4, 0.7)
    pause_seconds: Seconds = Seconds("uniform", 0.3, 0.6)
    after_seconds: Seconds = Seconds("constant", 0.2)
    hangs_up: bool = True
    rings: bool = False
    early_media: bool = False
    status: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What will happen to one call, drawn. Seconds from the INVITE; None = never.

    ring_after: 180 or 183. answer_after, refuse_after with sip_status. hang_up_after: from the answer. voice: what is heard
    of who answers.
    """

    kind: str
    ring_after: float | None = None
    answer_after: float | None = None
    refuse_after: float | None = None
    sip_status: int = 0
    hang_up_after: float | None = None
    early_media: bool = False
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class NumberRule:
    """Who lives at the numbers that fit."""

    who: tuple[Who, ...]
    prefix: str = ""
    pattern: re.Pattern[str] | None = None
    gateway: str = ""

    def fits(self, number: str, gateway: str) -> bool:
        """Whether this rule speaks for the number."""
        return (
            number.startswith(self.prefix)
            and (self.pattern is None or self.pattern.search(number) is not None)
            and self.gateway in ("", gateway)
        )


@dataclass(frozen=True, slots=True)
class Bot:
    """A SIP endpoint that takes answered calls. uri: user@host with ``*`` and ``?``."""

    uri: str = "*"
    answer_seconds: Seconds = Seconds("constant", 0.05)
    capacity: int = 1_000_000
    fails_share: float = 0.0
    fails_status: int = 503
    talk_seconds: Seconds | None = None


@dataclass(slots=True)
class Gateway:
    """A carrier's gateway. state: up, down, unreachable. Limits: calls in any one second, calls at once."""

    name: str
    state: str = "up"
    calls_per_second: float = math.inf
    channels: int = 1_000_000


@dataclass(slots=True)
class People:
    """Everybody out there."""

    seed: int = 0
    rules: tuple[NumberRule, ...] = ()
    bots: tuple[Bot, ...] = ()
    gateways: dict[str, Gateway] = field(default_factory=dict)
    playback_seconds: Seconds = Seconds("constant", 3.0)
    ivr_seconds: Seconds = Seconds("constant", 5.0)
    calls: dict[str, int] = field(default_factory=dict)

    def fate(self, number: str, gateway: str) -> Fate:
        """What becomes of the next call to that number; each call moves on to the number's next draw."""
        nth = self.calls.get(number, 0)
        self.calls[number] = nth + 1
        rule = next((rule for rule in self.rules if rule.fits(number, gateway)), None)
        if rule is None:
            return Fate("invalid", refuse_after=0.2, sip_status=404)
        chance = random.Random(zlib.crc32(f"{self.seed}/{number}/{nth}".encode("utf-8", "surrogateescape")))
        who = chance.choices(rule.who, [who.share for who in rule.who])[0]
        return draw_fate(who, chance)

    def bot(self, address: str) -> Bot:
        """The endpoint at ``user@host``; one that answers and stays if the file names none."""
        return next((bot for bot in self.bots if fnmatchcase(address, bot.uri)), Bot())

    def gateway(self, name: str) -> Gateway | None:
        """None: unknown to this switch."""
        if not self.gateways:
            return Gateway(name)
        return self.gateways.get(name)


def draw_fate(who: Who, chance: random.Random) -> Fate:
    """One call to such a person."""
    if who.kind == "dead":
        return Fate("dead")
    delay = who.ring_delay_seconds.draw(chance)
    if who.kind == "no_answer":
        return Fate(who.kind, ring_after=delay, early_media=who.early_media)
    if who.kind in ANSWERING:
        rings = who.ring_seconds.draw(chance)
        lasts = (who.talk_seconds if who.kind == "person" else who.greeting_seconds).draw(chance)
        voice, lasts = draw_voice(who, lasts, chance)
        return Fate(
            who.kind,
            ring_after=delay,
            answer_after=delay + rings,
            hang_up_after=lasts if who.hangs_up else None,
            early_media=who.early_media,
            voice=voice,
        )
    refuse_after = who.after_seconds.draw(chance)
    rings_first = min(delay, refuse_after) if who.rings else None
    status = who.status or REFUSALS[who.kind]
    return Fate(who.kind, ring_after=rings_first, refuse_after=refuse_after, sip_status=status, early_media=who.early_media)


def draw_voice(who: Who, lasts: float, chance: random.Random) -> tuple[Voice, float]:
    """What is heard of who answers, and how long they stay: a machine that beeps records behind that."""
    pause = who.pause_seconds.draw(chance)
    if who.kind == "person":
        return Voice(pause, pause + who.word_seconds.draw(chance)), lasts
    if who.beep_after_seconds is None:
        return Voice(pause, lasts), lasts
    beep_at = lasts + who.beep_after_seconds.draw(chance)
    return Voice(pause, lasts, beep_at), beep_at + BEEP_SECONDS + who.record_seconds.draw(chance)
