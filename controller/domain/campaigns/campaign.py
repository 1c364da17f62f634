"""A campaign as its owner writes it: whom, when, how fast, what on answer, what on each outcome.

The campaign file (TOML) has exactly this shape. :func:`read_campaign` reports every mistake at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from controller.domain.calls.outcome import DEFAULT_RETRYABLE, NEVER_RETRIED, Outcome
from controller.domain.campaigns.answers import SOUND_FILE, Abandoned, Amd
from controller.domain.campaigns.pacing import AGENT_MODES, FORMULA_MODES, Mode, Pacing
from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.campaigns.window import DAYS, Span, Window
from controller.domain.site import E164_TEXT, Name, Part, mistakes

MAX_LISTS = 10
"""Lists a campaign (features 1.13)."""

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
HOURS = re.compile(rf"^{_CLOCK}-({_CLOCK}|24:00)$")
EXTENSION = re.compile(r"^[A-Za-z0-9_*#+-]{1,64}$")


class ConnectTo(Part):
    """Where an answered person goes: exactly one of the four (features 4.5)."""

    bot: Name | None = None
    playback: str | None = None
    """A sound file or tone stream as FreeSWITCH knows it."""
    ivr: str | None = None
    """An extension of the dialplan context ``trunkline-ivr``."""
    queue: Name | None = None
    """The longest-idle agent of a queue of the site."""

    @model_validator(mode="after")
    def _one(self) -> ConnectTo:
        given = [key for key in ("bot", "playback", "ivr", "queue") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of bot, playback, ivr, queue (given: {', '.join(given) or 'none'})")
        if self.playback and not SOUND_FILE.fullmatch(self.playback):
            raise ValueError("playback: letters, digits and _ . / : = % , ( ) - only")
        if self.ivr and not EXTENSION.fullmatch(self.ivr):
            raise ValueError("ivr: letters, digits and _ * # + - only")
        return self

    @property
    def kind(self) -> str:
        """Which of them is given."""
        return next(key for key, value in self.model_dump().items() if value)

    @property
    def words(self) -> str:
        """For tables: ``bot collections``."""
        return f"{self.kind} {getattr(self, self.kind)}"


class NumberPool(Part):
    """The numbers shown to the people called (features 4.1). Used in turn."""

    pool: Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)]

    @field_validator("pool")
    @classmethod
    def _e164(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number in value:
            if not E164_TEXT.fullmatch(number):
                raise ValueError(f"{number!r} is not E.164 such as '+911140001000'")
        if len(set(value)) != len(value):
            raise ValueError("a number is there twice")
        return value


class Hours(Part):
    """Contactable hours on some days: ``days = ["mon", "tue"]``, ``hours = ["09:00-13:00", "14:00-18:00"]``.

    Seconds may be given (``09:00:30``); an end before the start passes midnight.
    """

    days: Annotated[tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(min_length=1)] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
    )
    hours: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("hours")
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not HOURS.fullmatch(text):
                raise ValueError(f"{text!r} is not a span such as '09:00-18:00'")
            start, end = text.split("-")
            if start == end:
                raise ValueError(f"{text!r} is empty; a whole day is '00:00-24:00'")
        return value


class Contactable(Part):
    """When people may be rung (features 3.1)."""

    timezone: str
    open: Annotated[tuple[Hours, ...], Field(min_length=1)]

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not a time zone such as 'Asia/Kolkata'") from error
        return value

    def window(self) -> Window:
        spans = []
        for entry in self.open:
            days = frozenset(DAYS.index(day) for day in entry.days)
            for text in entry.hours:
                start, end = text.split("-")
                spans.append(
                    Span(
                        days,
                        time.fromisoformat(start),
                        time(0) if end == "24:00" else time.fromisoformat(end),
                    )
                )
        return Window(self.timezone, tuple(spans))


class Retry(Part):
    """Who is called again (features 5.2)."""

    max_attempts: int = Field(default=3, ge=1, le=50)
    delay_minutes: float = Field(default=60, gt=0, le=60 * 24 * 30)
    on: tuple[Outcome, ...] = tuple(sorted(DEFAULT_RETRYABLE))
    delays: Mapping[Outcome, Annotated[float, Field(gt=0, le=60 * 24 * 30)]] = Field(default_factory=dict)
    """Minutes by outcome, over ``delay_minutes``; naming an outcome here does not make it retryable."""
    dispositions: tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...] = ()
    """Business outcomes that arrive later and trigger a retry (features 5.4)."""

    @field_validator("on")
    @classmethod
    def _sane(cls, value: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        for outcome in value:
            if outcome in NEVER_RETRIED:
                raise ValueError(f"{outcome.value} is never retried")
        return value

    def policy(self, quiet_seconds: float) -> RetryPolicy:
        """quiet_seconds: the least delay after an abandoned call."""
        return RetryPolicy(
            quiet_seconds=quiet_seconds,
            max_attempts=self.max_attempts,
            delay_seconds=self.delay_minutes * 60.0,
            retryable=frozenset(self.on),
            delays={outcome: minutes * 60.0 for outcome, minutes in self.delays.items()},
        )


class Campaign(Part):
    """The whole campaign file."""

    name: Name
    description: str = Field(default="", max_length=1000)
    notes: str = Field(default="", max_length=10_000)
    mode: Mode = "agentless"
    priority: int = Field(default=5, ge=1, le=10)
    """10 is highest; what it does is the system setting ``dialling.priority`` (features 1.11)."""
    lists: Annotated[tuple[Name, ...], Field(max_length=MAX_LISTS)] = ()
    dnc: Name | None = None
    """The campaign's own do-not-call list, besides the global one."""
    run: Literal["single_day", "continuous"] = "continuous"
    """single_day: when the window ends the run closes; continuous: contacts wait for the next window (features 1.10)."""
    order: Literal["fifo", "lifo"] = "fifo"
    """Fresh contacts in the order of the lists, or the newest first."""
    max_ring_seconds: int = Field(default=30, ge=5, le=120)
    max_call_seconds: int = Field(default=3600, ge=5, le=6 * 3600)
    callback_detection: bool = False
    """The campaign's half of the callback double gate (features 5.5)."""
    dispositions: tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...] = ()
    transfers: tuple[Literal["blind", "attended"], ...] = ()
    """How agents may hand people on (features 4.6); none unless named."""
    agent_script: str = Field(default="", max_length=10_000)
    """What agents are to say (features 4.6), shown with the contact on a card and with the call."""
    connect: ConnectTo | None = None
    numbers: NumberPool | None = None
    amd: Amd = Amd()
    abandoned: Abandoned = Abandoned()
    pacing: Pacing = Pacing()
    window: Contactable
    retry: Retry = Retry()

    @field_validator("mode", mode="before")
    @classmethod
    def _not_yet(cls, value: object) -> object:
        if value == "message":
            raise ValueError("campaigns of messages (SMS, WhatsApp) are not there yet")
        return value

    @model_validator(mode="after")
    def _paced(self) -> Campaign:
        formula = self.pacing.formula
        if formula is not None and self.mode not in FORMULA_MODES:
            raise ValueError(f"pacing.formula: mode {self.mode} has a pace of its own; a formula needs predictive or agentless")
        if formula is not None and formula.agents_to_seize is not None and self.mode not in AGENT_MODES:
            raise ValueError(f"pacing.formula.agents_to_seize: mode {self.mode} has no agents")
        return self

    @field_validator("lists")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a list is there twice")
        return value


LOCKED_AFTER_START: frozenset[str] = frozenset({"name", "mode", "lists", "connect"})
"""Identity and contacts (features 1.6): not to be changed after the first start; ``clone`` instead."""


def read_campaign(data: Mapping[str, Any]) -> Campaign | list[str]:
    """The campaign, or every mistake in it."""
    try:
        return Campaign.model_validate(data)
    except ValidationError as error:
        return mistakes(error)
