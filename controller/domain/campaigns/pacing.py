"""How fast a campaign dials, as its owner writes it: the table ``[pacing]`` of the campaign file, for every dialling mode.

Keys and their bounds only. What they lead to is decided in ``domain/pacing/``, one file a method, and in
``domain/agents/preview.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from controller.domain.pacing.board import Manner
from controller.domain.pacing.drop_guard import DropLimit, Formula, WindowName
from controller.domain.pacing.formula_value import Bounds
from controller.domain.site import Part

Mode = Literal["agentless", "progressive", "power", "predictive", "preview"]
"""Dialling modes (features 1.2)."""

AGENT_MODES: frozenset[str] = frozenset({"progressive", "power", "predictive", "preview"})
"""Modes in which people of a queue take the calls."""
RESERVING_MODES: frozenset[str] = AGENT_MODES - {"predictive"}
"""Modes in which an agent is reserved before the call leaves (features 3.6, 3.7, 3.10)."""
FORMULA_MODES: frozenset[str] = frozenset({"agentless", "predictive"})
"""Modes whose number of calls a formula may set; progressive is one call an agent, power has its ratio."""

LEGAL_PERCENT: dict[Formula, float] = {Formula.US: 3.0, Formula.UK: 3.0, Formula.CANADA: 5.0}
"""Most abandoned calls in a hundred: 47 CFR 64.1200(a)(7); Ofcom's 3 % of before 2017, kept as our bound; CRTC."""
MOST_CALLS_PER_AGENT = 10.0
"""Highest power ratio (features 3.7), and what a formula may ask for each agent."""

Expression = (
    Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
    | Annotated[str, StringConstraints(min_length=1, max_length=4000)]
)


class DropGuard(Part):
    """How many abandoned calls there may be (invariant I7). At ``hard_percent`` in any of the windows pacing falls to one call
    an agent, until the rate is at ``release_percent`` or below."""

    rule: Formula = Formula.US
    """Whose formula: what counts as abandoned, and of what."""
    hard_percent: float = Field(default=3.0, gt=0)
    soft_percent: float | None = Field(default=None, ge=0)
    """From here on pacing holds back; left out: 95 hundredths of ``hard_percent``."""
    release_percent: float | None = Field(default=None, ge=0)
    """Left out: 59 sixtieths of ``hard_percent``, 2.95 for 3."""
    windows: Annotated[tuple[WindowName, ...], Field(min_length=1)] = (
        WindowName.THIRTY_DAYS,
        WindowName.DAY,
        WindowName.MONTH,
        WindowName.RUN,
    )
    """30 days and 24 hours back from now; the calendar month of the campaign's zone; the present run."""
    machine_error_percent: float = Field(default=1.0, ge=0, le=100)
    """Of a hundred calls that detection took for machines, how many were people: hung up on, so abandoned. It holds until
    fifty such calls of the campaign were reviewed (``trunkline amd score --as-called``); from then on what was found does."""
    quiet_hours: float = Field(default=72.0, ge=0, le=24 * 365)
    """How long nobody rings a number after an abandoned call to it, unless an agent is reserved first (features 5.7)."""

    @field_validator("windows")
    @classmethod
    def _once(cls, value: tuple[WindowName, ...]) -> tuple[WindowName, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a window is there twice")
        return value

    @model_validator(mode="after")
    def _in_order(self) -> DropGuard:
        legal = LEGAL_PERCENT[self.rule]
        if self.hard_percent > legal:
            raise ValueError(f"hard_percent is {self.hard_percent:g}; the rule {self.rule.value!r} allows at most {legal:g}")
        if max(self.soft_percent or 0.0, self.release_percent or 0.0) > self.hard_percent:
            raise ValueError("soft_percent and release_percent must not be above hard_percent")
        return self

    def limits(self) -> tuple[DropLimit, ...]:
        """One rule a window, as ``drop_guard.stand`` wants them."""
        soft = self.hard_percent * 0.95 if self.soft_percent is None else self.soft_percent
        release = self.hard_percent * 59 / 60 if self.release_percent is None else self.release_percent
        return tuple(
            DropLimit(window, self.rule, self.hard_percent / 100.0, soft / 100.0, release / 100.0) for window in self.windows
        )

    @property
    def machine_error(self) -> float:
        """Share, 0.0 to 1.0, as ``drop_guard.stand`` wants it."""
        return self.machine_error_percent / 100.0


class Preview(Part):
    """Contacts shown to agents before they are rung (features 3.10)."""

    seconds: float = Field(default=30.0, ge=5, le=1200)
    """The agent's time to dial or skip."""
    on_timeout: Literal["dial", "skip"] = "dial"
    """``skip`` where the law wants every call to be begun by a human hand: the contact goes to another agent, and the one who
    let the time pass is away."""
    most_skips: int = Field(default=10, ge=0, le=10_000)
    """Skips an agent has in one run; when they are used up, every contact is dialled."""
    skipped: Literal["another_agent", "retry"] = "another_agent"
    """Who gets a skipped contact: an agent that has not skipped it, or nobody until ``retry.delay_minutes`` are over."""


class FormulaPacing(Part):
    """Pacing by numbers or PromQL in place of the mode's own method (features 3.9). Evaluated every ``pulse_seconds``."""

    calls_to_start: Expression
    agents_to_seize: Expression | None = None
    """How many agents to hold reserved; left out: none is reserved before a call leaves."""
    calls_for: Literal["agent", "pulse"] | None = None
    """Whether ``calls_to_start`` is for each seized agent or for each pulse; left out: agent where agents are seized."""
    pulse_seconds: float = Field(default=10.0, ge=1, le=3600)
    seize_seconds: float = Field(default=20.0, ge=1, le=3600)
    """How long an agent is waited for before the request is given up and counted as ``timeout``."""
    stale_seconds: float = Field(default=60.0, ge=2, le=3600)
    """A value older than this is not used."""
    safe_calls: float = Field(default=1.0, ge=0, le=MOST_CALLS_PER_AGENT)
    """In place of a value that is missing, stale or absurd."""
    safe_agents: int = Field(default=1, ge=0, le=100_000)
    most_calls: float | None = Field(default=None, gt=0, le=100_000)
    """A value above is absurd; left out: 10 for an agent, the campaign's seats for a pulse."""
    most_agents: int = Field(default=1000, ge=1, le=100_000)

    @field_validator("calls_to_start", "agents_to_seize", mode="before")
    @classmethod
    def _number_or_query(cls, value: object) -> object:
        """A number in quotes is a number: no server is needed for it."""
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value

    @model_validator(mode="after")
    def _consistent(self) -> FormulaPacing:
        if self.calls_for == "agent" and self.agents_to_seize is None:
            raise ValueError('calls_for = "agent" needs agents_to_seize')
        if self.per_agent and self.most_calls is not None and self.most_calls > MOST_CALLS_PER_AGENT:
            raise ValueError(f"most_calls is {self.most_calls:g}; at most {MOST_CALLS_PER_AGENT:g} calls for an agent")
        if self.stale_seconds < self.pulse_seconds:
            raise ValueError("stale_seconds must not be below pulse_seconds: every value would be stale before the next comes")
        return self

    @property
    def per_agent(self) -> bool:
        """Whether ``calls_to_start`` is for each seized agent."""
        return self.agents_to_seize is not None if self.calls_for is None else self.calls_for == "agent"

    @property
    def expressions(self) -> dict[str, Expression]:
        """Those that are given, by key."""
        both = {"calls_to_start": self.calls_to_start, "agents_to_seize": self.agents_to_seize}
        return {name: expression for name, expression in both.items() if expression is not None}

    @property
    def queries(self) -> tuple[str, ...]:
        """The texts that only Prometheus can evaluate."""
        return tuple(text for text in self.expressions.values() if isinstance(text, str))


class Pacing(Part):
    """How fast (features 3.4 to 3.11)."""

    seats: int = Field(default=50, ge=1, le=100_000)
    """Calls in progress at once, ringing ones included: whoever picks up must have a seat."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """Dialling rate of this campaign; none = as fast as seats, fleet and carriers allow."""
    ratio: float = Field(default=2.0, ge=1, le=MOST_CALLS_PER_AGENT)
    """Power: calls for each reserved agent. Predictive with few agents uses it, too."""
    min_agents: int = Field(default=10, ge=1, le=10_000)
    """Predictive: with fewer agents logged in it is power (features 3.8)."""
    drop_guard: DropGuard = DropGuard()
    preview: Preview = Preview()
    formula: FormulaPacing | None = None

    @model_validator(mode="after")
    def _within_seats(self) -> Pacing:
        formula = self.formula
        if formula is not None and not formula.per_agent and formula.most_calls is not None and formula.most_calls > self.seats:
            raise ValueError(f"formula.most_calls is {formula.most_calls:g}, but there are {self.seats} seats")
        return self

    def formula_bounds(self) -> dict[str, Bounds]:
        """By the formula's key; empty for a campaign without formulas."""
        formula = self.formula
        if formula is None:
            return {}
        most = formula.most_calls or (MOST_CALLS_PER_AGENT if formula.per_agent else float(self.seats))
        found = {"calls_to_start": Bounds(most, formula.safe_calls, formula.stale_seconds)}
        if formula.agents_to_seize is not None:
            found["agents_to_seize"] = Bounds(formula.most_agents, formula.safe_agents, formula.stale_seconds)
        return found

    def manner(self) -> Manner:
        """The part that ratio and team size play in a decision."""
        return Manner(ratio=self.ratio, fewest_agents=self.min_agents)

    def reserves_first(self, mode: str) -> bool:
        """Whether an agent is reserved before a call leaves, rather than at the answer."""
        return mode in RESERVING_MODES or (self.formula is not None and self.formula.agents_to_seize is not None)
