"""The site: what this installation can dial with. Carriers, numbers, bots, queues, agents, dispositions; the site file's own
shape.

Every mistake is reported at once by :func:`read_site`, with its place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""Names of things: letters, digits, ``_ . -``; at most 64; they appear in commands, keys and labels."""

E164_TEXT = re.compile(r"^\+[1-9][0-9]{6,14}$")
SIP_URI = re.compile(r"^sips?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]+@[A-Za-z0-9.-]+(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?$")
HEADER_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
REGISTERED = re.compile(r"^[A-Za-z0-9_.+-]{1,64}(@[A-Za-z0-9.-]{1,253})?$")
SOUND = re.compile(r"^[A-Za-z0-9_./:=%,();-]{0,255}$")
HEADER_VALUE = re.compile(r"^[\x20-\x7e]{0,256}$")


class Part(BaseModel):
    """Base of everything read from a file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Carrier(Part):
    """A SIP carrier, reached by one FreeSWITCH gateway."""

    name: Name
    gateway: Name
    calls_per_second: float = Field(gt=0, le=1000)
    """Launches in any one-second window, over all controllers (carrier protection, features 3.4)."""
    channels: int = Field(ge=1, le=100_000)
    """Simultaneous calls, over all controllers."""
    allowed: tuple[str, ...] = ()
    """Destinations as E.164 prefixes (``+91``); empty = everywhere. The longest match over all carriers wins."""
    strip: str = ""
    """Leading digits taken off the E.164 digits before dialling (``91``); nothing is taken where they are not there."""
    prefix: str = ""
    """Put in front of what is left (``0``, ``9``, ``+`` …)."""
    preference: int = Field(default=100, ge=0, le=10_000)
    """Among carriers that match equally well, the lower goes first; the others are for failover."""

    @field_validator("allowed")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not re.fullmatch(r"\+[1-9][0-9]{0,14}", prefix):
                raise ValueError(f"{prefix!r} is not an E.164 prefix such as '+91'")
        return value

    @field_validator("strip")
    @classmethod
    def _digits(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9]{0,15}", value):
            raise ValueError("digits only, such as '91'")
        return value

    @field_validator("prefix")
    @classmethod
    def _dialable(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9*#+]{0,15}", value):
            raise ValueError("digits, '+', '*' and '#' only")
        return value

    def dial_number(self, phone: int) -> str:
        """The number as this carrier wants it: E.164 digits, ``strip`` taken off, ``prefix`` put in front."""
        return self.prefix + str(phone).removeprefix(self.strip)


class Number(Part):
    """A number that can be shown to the people we call."""

    number: str
    direction: Literal["outbound", "inbound", "both"] = "outbound"
    carrier: Name
    """The carrier it belongs to: only calls through it may show it."""

    @field_validator("number")
    @classmethod
    def _e164(cls, value: str) -> str:
        if not E164_TEXT.fullmatch(value):
            raise ValueError(f"{value!r} is not E.164 such as '+911140001000'")
        return value

    @property
    def outbound(self) -> bool:
        return self.direction != "inbound"


class Bot(Part):
    """A voice bot: a SIP endpoint that takes answered calls."""

    name: Name
    uri: str
    capacity: int = Field(ge=1, le=100_000)
    """Calls it can take at the same time, over all campaigns (fleet, features 3.4)."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Sent with every call, besides the contact's attributes."""
    callbacks: bool = False
    """The bot's half of the callback double gate (features 5.5)."""
    tested: bool = False
    """Has passed a test call; a campaign does not start without (features 1.9)."""

    @field_validator("uri")
    @classmethod
    def _sip(cls, value: str) -> str:
        if not SIP_URI.fullmatch(value):
            raise ValueError(f"{value!r} is not a SIP URI such as 'sip:collections@10.0.0.5:5070'")
        return value

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            if not HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a header name")
            if not HEADER_VALUE.fullmatch(text):
                raise ValueError(f"the value of {name} must be printable ASCII, at most 256 characters")
        return value


class Queue(Part):
    """Agents who take the same calls (features 4.5). Who is in it, each agent says."""

    name: Name
    wrap_up_seconds: float = Field(default=15, ge=0, le=3600)
    """Time after a call before the next one; the agent may end it early or ask for more."""
    rona_seconds: int = Field(default=15, ge=3, le=120)
    """On-hook phones ring so long; who does not pick up is paused (features 4.7)."""
    skills: tuple[Name, ...] = ()
    """Every agent who is to take its calls needs all of them."""
    music: str = ""
    """What nailed-up agents hear between calls; empty = the switch's own."""
    cue: str = "tone_stream://%(120,40,880);%(120,0,1320)"
    """What the agent alone hears as a person comes; empty = nothing."""

    @field_validator("music", "cue")
    @classmethod
    def _sound(cls, value: str) -> str:
        if not SOUND.fullmatch(value):
            raise ValueError("a sound as FreeSWITCH names it: letters, digits and _ . / : = % , ( ) ; - only")
        return value


class SiteAgent(Part):
    """A person who takes calls, and the phone to reach them by."""

    name: Name
    """What the agent logs in as."""
    phone: str
    """A user registered at the switch or an extension (``1001``, ``1001@example.org``), a SIP URI, or any number (E.164)."""
    carrier: Name | None = None
    """Through whom a number is rung; for numbers alone."""
    method: Literal["nailed_up", "on_hook"] = "nailed_up"
    """nailed_up: one call is held open from login to logout; on_hook: the phone rings for each call."""
    queues: Annotated[tuple[Name, ...], Field(min_length=1)]
    skills: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _reachable(self) -> SiteAgent:
        refuse_phone(self.phone, self.carrier)
        if len(set(self.queues)) != len(self.queues):
            raise ValueError("a queue is there twice")
        return self

    def address(self, carriers: Iterable[Carrier]) -> str:
        """The phone as a line is ordered."""
        return phone_address(self.phone, self.carrier, carriers)


def staff(queues: Iterable[Queue], agents: Iterable[SiteAgent]) -> dict[str, int]:
    """Queue → agents who are in it and have all its skills."""
    everybody = list(agents)
    return {
        queue.name: sum(queue.name in agent.queues and set(queue.skills) <= set(agent.skills) for agent in everybody)
        for queue in queues
    }


def refuse_phone(phone: str, carrier: str | None) -> None:
    """ValueError: neither a user, a SIP URI nor a number; a number nobody is named to ring, or a carrier for no number."""
    by_number = E164_TEXT.fullmatch(phone) is not None
    if not by_number and not SIP_URI.fullmatch(phone) and not REGISTERED.fullmatch(phone):
        raise ValueError(f"phone {phone!r} is no user ('1001'), SIP URI ('sip:1001@10.0.0.5') or number ('+9111…')")
    if by_number and carrier is None:
        raise ValueError(f"phone {phone} is a number: name the carrier that rings it")
    if not by_number and carrier is not None:
        raise ValueError("carrier is for phones that are numbers")


def phone_address(phone: str, carrier: str | None, carriers: Iterable[Carrier]) -> str:
    """A phone as a line to it is ordered: ``user/…``, ``sip:…`` or ``gateway/NAME/NUMBER``. ValueError as ``refuse_phone``."""
    refuse_phone(phone, carrier)
    if carrier is None:
        return phone if SIP_URI.fullmatch(phone) else f"user/{phone}"
    ringing = next(one for one in carriers if one.name == carrier)
    return f"gateway/{ringing.gateway}/{ringing.dial_number(int(phone))}"


class Disposition(Part):
    """A business result of a conversation (features 5.3)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    positive: bool = False
    """Counts as conversion."""
    retry: bool = False
    """The contact is called again (features 5.4)."""
    dnc: bool = False
    """The number goes on the campaign's do-not-call list."""
    machine: bool = False
    """The agent had an answering machine on the line: counted by the drop guard's UK formula."""


PREDEFINED_DISPOSITIONS: tuple[Disposition, ...] = (
    Disposition(name="DO NOT CALL", dnc=True),
    Disposition(name="NOT INTERESTED"),
    Disposition(name="SALE MADE", positive=True),
    Disposition(name="CALL TRANSFERRED"),
    Disposition(name="BUSY", retry=True),
    Disposition(name="CALL BACK", retry=True),
    Disposition(name="DISCONNECTED NUMBER"),
    Disposition(name="DECLINED SALE"),
    Disposition(name="WRONG DETAILS"),
    Disposition(name="ANSWERING MACHINE", retry=True, machine=True),
)


class Site(Part):
    """The whole site file."""

    carrier: tuple[Carrier, ...] = ()
    number: tuple[Number, ...] = ()
    bot: tuple[Bot, ...] = ()
    queue: tuple[Queue, ...] = ()
    agent: tuple[SiteAgent, ...] = ()
    disposition: tuple[Disposition, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Site:
        problems = []
        for kind, names in (
            ("carrier", [c.name for c in self.carrier]),
            ("number", [n.number for n in self.number]),
            ("bot", [b.name for b in self.bot]),
            ("queue", [q.name for q in self.queue]),
            ("agent", [a.name for a in self.agent]),
            ("disposition", [d.name for d in self.disposition]),
        ):
            problems += [f"{kind} {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
        carriers = {c.name for c in self.carrier}
        problems += [
            f"number {n.number} names carrier {n.carrier!r}, which is not in the file"
            for n in self.number
            if n.carrier not in carriers
        ]
        queues = {q.name for q in self.queue}
        problems += [
            f"agent {a.name} names queue {queue!r}, which is not in the file"
            for a in self.agent
            for queue in a.queues
            if queue not in queues
        ]
        problems += [
            f"agent {a.name} names carrier {a.carrier!r}, which is not in the file"
            for a in self.agent
            if a.carrier is not None and a.carrier not in carriers
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def mistakes(error: ValidationError) -> list[str]:
    """pydantic's findings as sentences that begin with the place."""
    found = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"]) or "file"
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = "no such key; see README for the keys that exist"
        if item["type"] == "missing":
            text = "is missing"
        found.append(f"{place}: {text}")
    return found


def read_site(data: Mapping[str, Any]) -> Site | list[str]:
    """The site, or every mistake in it."""
    try:
        return Site.model_validate(data)
    except ValidationError as error:
        return mistakes(error)
