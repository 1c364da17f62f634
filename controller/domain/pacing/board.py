"""What pacing reads, and what it answers. One :class:`Board` is one campaign at one moment.

Counts and ages only: pacing needs to know how long an agent talks or a call rings, never who they are. All ages are seconds
up to the moment of the board.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.pacing.drop_guard import NO_LIMIT, Standing
from controller.domain.pacing.estimates import Estimates
from controller.domain.pacing.formula_value import FormulaOrder


@dataclass(frozen=True, slots=True)
class Team:
    """The agents who may take this campaign's calls, whichever campaign they serve at the moment.

    pool: a name that campaigns with common agents share; tick divides a pool's agents among its campaigns.
    ready: free now. reserved: held back for calls that this campaign is dialling for them, nobody on the line yet; agents
    reserved by other campaigns are in no count. talking: seconds since each conversation began. finishing: seconds since an
    agent in conversation said that it is about to end; these are not in ``talking``. wrapping: seconds since the talk ended.
    """

    pool: str
    ready: int
    reserved: int = 0
    talking: tuple[float, ...] = ()
    finishing: tuple[float, ...] = ()
    wrapping: tuple[float, ...] = ()

    @property
    def staffed(self) -> int:
        """Agents at work for this campaign or available to it."""
        return self.ready + self.reserved + len(self.talking) + len(self.finishing) + len(self.wrapping)


@dataclass(frozen=True, slots=True)
class CallsInHand:
    """Calls that may yet need an agent.

    ringing: seconds since each was launched, nobody picked up yet. screening: seconds since each was picked up, verdict
    pending. waiting: people who wait for an agent, seconds since they began to.
    """

    ringing: tuple[float, ...] = ()
    screening: tuple[float, ...] = ()
    waiting: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        return len(self.ringing) + len(self.screening) + len(self.waiting)


@dataclass(frozen=True, slots=True)
class Rival:
    """Calls of another campaign that will ask for the same agents."""

    hand: CallsInHand
    estimates: Estimates


@dataclass(frozen=True, slots=True)
class Manner:
    """How a campaign with agents is to be paced.

    ratio: lines a reserved agent in power (features 3.7), 1 to 10. fewest_agents: for smaller teams predictive falls back to
    power (features 3.8). lines_per_agent: most calls in hand for each agent at work, whatever the estimates say.
    """

    ratio: float = 2.0
    fewest_agents: int = 10
    lines_per_agent: float = 10.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.ratio <= 10.0:
            raise ValueError(f"ratio {self.ratio:g} is not between 1 and 10")
        if self.fewest_agents < 0 or self.lines_per_agent < 1.0:
            raise ValueError(f"out of range: {self}")


@dataclass(frozen=True, slots=True)
class Board:
    """One campaign's counts.

    seats: its concurrency limit; in_progress: calls that hold one. fleet_free: free places at its bot, None without a
    bot. channels_free: free channels at its carriers together. calls_per_second: the tightest sum of rates that applies
    (campaign's dialling rate against its carriers' together). leads: waiting in the hopper or in hand. horizon_seconds: how
    far ahead calls may be given a launch time.

    The rest is for campaigns with agents: team is None without. estimates: what was learned of this campaign; None where
    nothing is learned (progressive and power need nothing). guard: its drop guard. rivals: filled by tick. formula: what its
    pacing formulas say; None without.
    """

    seats: int
    in_progress: int
    fleet_free: int | None
    channels_free: int
    calls_per_second: float
    rate_limited_by: str
    leads: int
    horizon_seconds: float
    team: Team | None = None
    hand: CallsInHand = CallsInHand()
    estimates: Estimates | None = None
    guard: Standing = NO_LIMIT
    manner: Manner = Manner()
    rivals: tuple[Rival, ...] = ()
    formula: FormulaOrder | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How many calls to start now. binding: the limit that set the number; reason: the same as a sentence.

    agents: how many ready agents to reserve for these calls; more than one call may be dialled for an agent (power), and none
    is reserved where the agent is chosen at the answer (predictive, agentless).
    """

    calls: int
    binding: str
    reason: str
    agents: int = 0
