"""Looking ahead over every agent and every call in hand: if one more call is launched now and a person picks it up, how
likely is it that they find nobody in time?

At the last moment that person would wait there will be F agents free (those free now, and each busy one with a chance that
depends on how long they have been at it), and X people will have asked for an agent before (each call in hand with a chance
that depends on how long it has rung). The person finds nobody when F - X ≤ 0. F - X is a sum of many independent
yes-or-no events of different chances, so a normal distribution with a correction for skewness (one Edgeworth term) is close to
exact at the price of three sums. That the answer rate itself is only estimated widens it: all ringing calls err together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from controller.domain.pacing.board import CallsInHand, Rival, Team
from controller.domain.pacing.estimates import Estimates
from controller.domain.pacing.outlook import Outlook, Row

_ROOT_TWO = math.sqrt(2.0)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


class LookAhead:
    """The sums over what is in hand; :meth:`risk` adds calls to them. Made for one decision."""

    __slots__ = ("_error", "_fresh", "_in_the_end", "_mean", "_rings", "_room", "_third", "_variance")

    def __init__(self, team: Team, hand: CallsInHand, estimates: Estimates, rivals: Sequence[Rival] = ()) -> None:
        outlook, agents = estimates.outlook, estimates.outlook.agents
        mean, variance, third = _added(agents.talking, team.talking)
        for rows, ages in ((agents.wrapping, team.wrapping), (agents.finishing, team.finishing)):
            more = _added(rows, ages)
            mean, variance, third = mean + more[0], variance + more[1], third + more[2]
        free = team.ready + team.reserved
        self._mean = mean + free * (1.0 + agents.ready[0])
        self._variance, self._third = variance + free * agents.ready[1], third + free * agents.ready[2]
        self._error = estimates.answer_rate_error / estimates.answer_rate
        self._room = self._mean / (1.0 + 2.0 * self._error)
        self._in_the_end = outlook.in_the_end[0]
        self._rings = self._expect(hand, outlook)
        for rival in rivals:
            self._rings += self._expect(rival.hand, rival.estimates.outlook)
        self._fresh = outlook.ringing[0]

    def risk(self, more: int) -> float:
        """The chance that the next call, if picked up, finds nobody, when ``more`` others are launched with it."""
        chance, variance, third = self._fresh
        return not_above_zero(
            self._mean - more * chance,
            self._variance + more * variance + ((self._rings + more * chance) * self._error) ** 2,
            self._third - more * third,
        )

    def _expect(self, hand: CallsInHand, outlook: Outlook) -> float:
        """Take off the people who will have asked before; how many of them are expected from ringing calls."""
        ringing, variance, third = _added(outlook.ringing, hand.ringing)
        screening = len(hand.screening)
        self._mean -= ringing + screening * outlook.screening[0] + len(hand.waiting)
        self._variance += variance + screening * outlook.screening[1]
        self._third -= third + screening * outlook.screening[2]
        chances, oldest = outlook.in_the_end, len(outlook.in_the_end) - 1
        self._room -= sum([chances[int(age) if age < oldest else oldest] for age in hand.ringing])
        self._room -= screening * outlook.screening[0] + len(hand.waiting)
        return ringing

    def calls(self, threshold: float, most: int) -> int:
        """How many calls may be launched before the risk of the next reaches ``threshold``; at most ``most``.

        And no more than people are expected from, in the end and two standard errors up, as agents will be free by then. In a
        steady flow the risk is reached long before; after a burst, such as the first of a morning, those who pick up last
        would otherwise find that nobody had counted them.
        """
        most = min(most, math.floor(self._room / self._in_the_end)) if self._in_the_end > 0 else most
        if most <= 0 or self.risk(0) >= threshold:
            return 0
        low, high = 0, 1  # the risk of low is below the threshold
        while high < most and self.risk(high) < threshold:
            low, high = high, high * 2
        high = min(high, most)
        while high - low > 1:
            middle = (low + high) // 2
            if self.risk(middle) < threshold:
                low = middle
            else:
                high = middle
        return high


def _added(rows: Sequence[Row], ages: Sequence[float]) -> Row:
    """The sums of the rows of these ages."""
    if not ages:
        return 0.0, 0.0, 0.0
    oldest = len(rows) - 1
    means, variances, thirds = zip(*[rows[int(age) if age < oldest else oldest] for age in ages], strict=True)
    return sum(means), sum(variances), sum(thirds)


def not_above_zero(mean: float, variance: float, third: float) -> float:
    """The chance that a whole number of these cumulants is 0 or less."""
    if variance < 1e-6:
        return 1.0 if mean < 0.5 else 0.0
    deviation = math.sqrt(variance)
    at = (0.5 - mean) / deviation
    if at > 6.0 or at < -6.0:
        return 1.0 if at > 0 else 0.0
    density = math.exp(-at * at / 2.0) / _ROOT_TWO_PI
    below = 0.5 * math.erfc(-at / _ROOT_TWO) - density * third / (6.0 * variance * deviation) * (at * at - 1.0)
    return min(max(below, 0.0), 1.0)
