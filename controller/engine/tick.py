"""One dialling decision: boards in; how many calls each campaign may start, who asks first, and why, out.

Nothing here touches the world: the dial loop runs it against Redis and FreeSWITCH, a simulator against a virtual clock.

Campaigns that share agents (``Team.pool``) must not each count the same free agent as theirs. Each is first asked what it would
start alone, looking ahead over the others' calls in hand as well; then, in the order of priority, each call takes its part
of what its campaign had been allowed, until the pool's whole is used up.

A predictive campaign cannot count on agents whom others reserve before their calls leave: its people would find nobody. Beside
such a campaign it reserves, too, as power does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from controller.domain.pacing import agentless, formula, power, predictive, preview, progressive
from controller.domain.pacing.board import Board, CallsInHand, Decision, Rival
from controller.domain.pacing.priority import Turns

PACING: dict[str, Callable[[Board], Decision]] = {
    "agentless": agentless.decide,
    "progressive": progressive.decide,
    "power": power.decide,
    "predictive": predictive.decide,
    "preview": preview.decide,
    "formula": formula.decide,
}
"""One method a dialling mode, and one for campaigns that are paced by formulas (``RunPlan.method``)."""

AGENT_AT_THE_ANSWER = frozenset({"predictive"})
"""Methods whose calls are meant for an agent though none is reserved."""
BESIDE_RESERVING = "power"
"""How these are paced where a campaign that reserves has the same agents."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A campaign that may dial now."""

    mode: str
    priority: int
    board: Board


@dataclass(frozen=True, slots=True)
class Tick:
    """decisions: by campaign. order: campaigns, one entry a call, in the order in which they may ask for slots."""

    decisions: dict[str, Decision]
    order: list[str]


def tick(wishes: Mapping[str, Wish], turns: Turns) -> Tick:
    """Decide for all campaigns at once, because they share carriers, bots and agents."""
    pools: dict[str, list[str]] = defaultdict(list)
    for key, wish in wishes.items():
        if wish.board.team is not None:
            pools[wish.board.team.pool].append(key)
    shared = {key for keys in pools.values() if len(keys) > 1 for key in keys}
    modes = {key: wish.mode for key, wish in wishes.items()}
    for keys in pools.values():
        if len({modes[key] in AGENT_AT_THE_ANSWER for key in keys}) > 1:
            modes |= {key: BESIDE_RESERVING for key in keys if modes[key] in AGENT_AT_THE_ANSWER}
    asking = {pool: [key for key in keys if modes[key] in AGENT_AT_THE_ANSWER] for pool, keys in pools.items()}
    first = {turns.first({key: wishes[key].priority for key in keys}) for keys in asking.values() if len(keys) > 1}
    decisions = {}
    for key, wish in wishes.items():
        board = wish.board
        if key in shared and board.team is not None:
            others = [wishes[other].board for other in asking[board.team.pool] if other != key]
            board = replace(board, rivals=_rivals(board, others, makes_room=bool(others) and key not in first))
        decisions[key] = PACING[modes[key]](board)
        if modes[key] != wish.mode:
            reason = f"power, because campaigns that reserve agents first share them: {decisions[key].reason}"
            decisions[key] = replace(decisions[key], reason=reason)
    order = turns.order({key: (wish.priority, decisions[key].calls) for key, wish in wishes.items()})
    return _divide(wishes, modes, shared, decisions, order) if shared else Tick(decisions, order)


def _rivals(board: Board, others: list[Board], makes_room: bool) -> tuple[Rival, ...]:
    """Calls of others that will ask for an agent at the answer; those with a reserved one ask nobody.

    Whoever sees the least risk would always dial first and leave no room for the others. So only the campaign whose turn it is
    uses the whole room; the others (makes_room) leave as much as one expected person needs.
    """
    rivals = [Rival(other.hand, other.estimates) for other in others if other.estimates is not None]
    own = board.estimates
    if makes_room and own is not None and own.warm:
        rivals.append(Rival(CallsInHand(ringing=(0.0,) * math.ceil(1.0 / own.answer_rate)), own))
    return tuple(rivals)


def _divide(
    wishes: Mapping[str, Wish], modes: Mapping[str, str], shared: set[str], decisions: dict[str, Decision], order: list[str]
) -> Tick:
    """Give each call its part of the pool, in order; leave out those for which nothing is left. modes: how each was paced."""
    used: dict[str, float] = defaultdict(float)
    granted: dict[str, int] = defaultdict(int)
    kept = []
    for key in order:
        team = wishes[key].board.team
        if key in shared and team is not None:
            part = _part(modes[key], decisions[key], team.ready)
            if used[team.pool] + part > 1.0 + 1e-9:
                continue
            used[team.pool] += part
        granted[key] += 1
        kept.append(key)
    for key in shared:
        whole = decisions[key]
        if granted[key] < whole.calls:
            agents = math.ceil(whole.agents * granted[key] / whole.calls)
            reason = f"{granted[key]} of {whole.calls} calls: the agents are shared with campaigns that go first"
            decisions[key] = Decision(granted[key], "priority", reason, agents)
    return Tick(decisions, kept)


def _part(mode: str, decision: Decision, ready: int) -> float:
    """What one call takes of a pool: its share of the agents it needs, or of the risk that the pool may take."""
    if mode in AGENT_AT_THE_ANSWER:
        return 1.0 / decision.calls
    return decision.agents / (decision.calls * ready) if ready else 0.0
