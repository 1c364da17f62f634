"""Predictive pacing (features 3.8): dial before agents are free, as far as the drop limits leave room.

One more call is launched while the risk that *it* finds nobody (``look_ahead.py``) lies under a threshold. Every call is
launched at about that risk, so the share of people abandoned settles near it; the threshold starts from the limit and follows
what each window of the drop guard still allows:

    threshold = 1.2 · limit · exp((spare - gap) / 5)     spare = limit · answered - abandoned, in people

Spare is kept at a gap of some people, wide enough that a clump of abandoned calls does not use it up: √(limit · answered),
and as much again for every hundred agents, whose clumps are larger; at most 8 people and 6 for every hundred agents. Whatever
the model gets wrong, the answer rate most of all, moves spare and so the threshold: it is the integral of all errors since the
window began. Much spare raises the threshold to four limits at most, because a window that slept is no licence for an hour of
silence.

One call an agent, as progressive, is dialled

- until the first calls have been decided, because nothing is known before;
- at the guard's hard mark, and, while few people have answered, as long as the next abandoned person would exceed a limit.

In the first 200 calls of a run there are never more calls in hand than agents free for them and people that may be abandoned
still, one more than the limit allows: even if all are picked up, the limit is exceeded by one person at most.

Smaller teams than ``Manner.fewest_agents`` are dialled as power: lines for free agents only, as many as one person is
expected from (four at 25 % answers), at least the campaign's ratio and at most ten. The look-ahead goes on bounding them,
because power by itself knows no drop limit: five agents at ratio 2 and 25 % answers abandon 7 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from controller.domain.pacing.board import Board, CallsInHand, Decision, Team
from controller.domain.pacing.bounds import Bound, tightest
from controller.domain.pacing.drop_guard import Level, WindowStanding
from controller.domain.pacing.estimates import Estimates
from controller.domain.pacing.look_ahead import LookAhead
from controller.domain.pacing.progressive import one_to_one

COLD_CALLS = 200
"""Calls at the start of a run in which no statistics are trusted with more than one person."""
FEW_ANSWERS = 100
"""Under so many answered, one person is more than a hundredth."""
START = 1.2
"""The threshold over the limit at the gap; with it the running rate of teams of 5 to 50 stays near the gap by itself."""
GAIN = 0.2
"""By how much of itself the threshold moves for a person of spare."""
GAP_PEOPLE = 8.0
GAP_PEOPLE_PER_AGENT = 0.06
BIG_TEAM = 100.0
MOST_LIMITS = 4.0
"""The threshold is never above so many times the limit."""
EXPECTED_PER_AGENT = 1.0
MOST_RATIO = 10.0
"""Few agents: people expected from the lines of a free agent, and the most lines (features 3.7)."""
UNLIMITED = 0.03
"""The threshold where no drop limit is set: the strictest of the common ones."""


def decide(board: Board) -> Decision:
    """Calls to start now; the agents are chosen at the answer, so none is reserved.

    ``binding`` is abandon_risk, few_agents, drop_guard, estimates, cold_start, lines_per_agent or one of the common bounds.
    ValueError without a team.
    """
    team, estimates, guard = board.team, board.estimates, board.guard
    if team is None:
        raise ValueError("a campaign with agents needs a team on its board")
    if guard.level is Level.HARD or _next_would_exceed(guard.windows):
        return _one_to_one(board, "drop_guard", f"one call an agent, because {guard.reason}: ")
    if estimates is None or not estimates.warm:
        return _one_to_one(board, "estimates", "one call an agent until the first calls are decided: ")
    few = team.staffed < board.manner.fewest_agents
    power = f"power, because {team.staffed} agents are fewer than {board.manner.fewest_agents}: " if few else ""
    bounds = _bounds(board, team, estimates, power)
    allowed = threshold(guard.windows, team.staffed)
    most = min(bound[0] for bound in bounds)
    ahead = LookAhead(team, board.hand, estimates, board.rivals).calls(allowed, most) if most > 0 else 0
    risk = f"{power}{board.hand.count} calls are out, the next is launched while it finds an agent but for {allowed:.1%}"
    return tightest(board, [*bounds, (ahead, "abandon_risk", risk)] if most > 0 else bounds)


def threshold(windows: Sequence[WindowStanding], agents: int) -> float:
    """The risk up to which calls are launched, 0.0 to 1.0: the lowest that any window allows."""
    allowed = [UNLIMITED] if not windows else []
    for window in windows:
        root = (1.0 + agents / BIG_TEAM) * math.sqrt(window.limit * window.answered)
        gap = min(root, GAP_PEOPLE + GAP_PEOPLE_PER_AGENT * agents)
        over = min(GAIN * (window.spare - gap), math.log(MOST_LIMITS))
        allowed.append(window.limit * min(START * math.exp(over), MOST_LIMITS))
    return min(allowed)


def _bounds(board: Board, team: Team, estimates: Estimates, power: str) -> list[Bound]:
    """What holds whatever the look-ahead says. power: why a small team is dialled as power, empty for others."""
    out = board.hand.count
    free = team.ready + team.reserved - sum(rival.hand.count for rival in board.rivals)
    lines = math.floor(board.manner.lines_per_agent * team.staffed)
    bounds = [(lines - out, "lines_per_agent", f"{out} of {lines} lines are out")]
    if estimates.launched < COLD_CALLS and board.guard.windows:
        spare = min(window.spare for window in board.guard.windows)
        covered = free + math.floor(max(spare, 0.0)) + 1
        why = f"{estimates.launched} of the first {COLD_CALLS} calls are out: no more than {covered} in hand"
        bounds.append((covered - out, "cold_start", why))
    if power:
        ratio = max(board.manner.ratio, min(MOST_RATIO, EXPECTED_PER_AGENT / estimates.answer_rate))
        lines = math.floor(ratio * max(free, 0))
        bounds.append((lines - out, "few_agents", f"{power}{out} of {lines} lines are out"))
    return bounds


def _next_would_exceed(windows: Sequence[WindowStanding]) -> bool:
    return any(window.abandoned > 0 and window.spare < 1.0 and window.answered < FEW_ANSWERS for window in windows)


def _one_to_one(board: Board, binding: str, why: str) -> Decision:
    """As progressive, with the calls of rivals as well: no agent is reserved, so theirs may take any."""
    hands = [board.hand, *(rival.hand for rival in board.rivals)]
    everything = CallsInHand(
        tuple(age for hand in hands for age in hand.ringing),
        tuple(age for hand in hands for age in hand.screening),
        tuple(age for hand in hands for age in hand.waiting),
    )
    return replace(one_to_one(replace(board, hand=everything), binding, why), agents=0)
