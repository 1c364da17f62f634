"""Everything that is done to a floor while it dials: one function for each kind of fault, each with the end it will have.

A fault takes its whole course from ``chance``, so that a seed repeats it. It answers whether it could strike: one aimed at a
switch that is just then down does not.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Mapping
from functools import partial
from random import Random
from time import time

from tests.chaos.floor import Floor, Node
from tests.chaos.processes import Process

Strike = Callable[[Floor, Random], bool]


def controller_killed(floor: Floor, chance: Random) -> bool:
    controller = chance.choice(floor.nodes).controller
    controller.kill(chance.uniform(0, 3))
    return True


def controller_drained(floor: Floor, chance: Random) -> bool:
    """SIGTERM, and the next life; sometimes whoever asked loses patience."""
    controller = chance.choice(floor.nodes).controller
    patience, impatient, away = chance.uniform(0.1, 2), chance.random() < 0.3, chance.uniform(0, 2)
    controller.end(away)
    if impatient:
        floor.agenda.later(patience, partial(controller.signal, signal.SIGTERM))
    return True


def controller_frozen(floor: Floor, chance: Random) -> bool:
    return _frozen(floor, chance.choice(floor.nodes).controller, chance.uniform(0.5, 4))


def worker_killed(floor: Floor, chance: Random) -> bool:
    floor.worker.kill(chance.uniform(0, 3))
    return True


def worker_child_killed(floor: Floor, chance: Random) -> bool:
    """The beat or one of the rq workers; their supervisor starts another."""
    place = chance.random()
    children = floor.worker.children()
    if children:
        os.kill(children[int(place * len(children))], signal.SIGKILL)
    return bool(children)


def redis_restarted(floor: Floor, chance: Random) -> bool:
    floor.redis.process.kill(chance.uniform(0, 3))
    return True


def redis_emptied(floor: Floor, chance: Random) -> bool:
    """Killed, and what it had on disk is gone."""
    away = chance.uniform(0.1, 3)
    floor.redis.process.kill(away)
    floor.redis.forget()
    return True


def redis_frozen(floor: Floor, chance: Random) -> bool:
    return _frozen(floor, floor.redis.process, chance.uniform(0.5, 7))


def disk_full(floor: Floor, chance: Random) -> bool:
    """No file of a controller or of the workers may grow: neither SQLite's nor the log."""
    process = chance.choice([node.controller for node in floor.nodes] + [floor.worker])
    floor.agenda.later(chance.uniform(0.5, 5), partial(process.may_write, True))
    return process.may_write(False)


def database_cut(floor: Floor, chance: Random) -> bool:
    floor.database.cut(chance.uniform(1, 5), floor.agenda)
    return True


def database_cut_long(floor: Floor, chance: Random) -> bool:
    """Longer than anybody waits for it."""
    floor.database.cut(chance.uniform(10.5, 13), floor.agenda)
    return True


def link_closed(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, "drop how=close")


def link_reset(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, "drop how=rst")


def link_half_open(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, "drop how=half_open")


def every_link_reset(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, "drop how=rst all=true")


def garbage_on_link(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"garbage bytes={chance.randint(1, 400)}")


def events_delayed(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"delay seconds={chance.uniform(0.1, 2):.2f} for_seconds=5")


def events_reordered(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"reorder share={chance.uniform(0.1, 0.8):.2f} seconds=1 for_seconds=5")


def events_doubled(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"duplicate share={chance.uniform(0.1, 0.8):.2f} for_seconds=5")


def events_lost(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"swallow share={chance.uniform(0.05, 0.5):.2f} for_seconds=4")


def replies_slow(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, f"slow_reply seconds={chance.uniform(0.1, 1):.2f} for_seconds=4")


def replies_lost(floor: Floor, chance: Random) -> bool:
    return _virtual(floor, chance, "no_reply for_seconds=3")


def switch_killed(floor: Floor, chance: Random) -> bool:
    """All its calls die with it, and the next life is another core."""
    chance.choice(floor.nodes).switch.kill(chance.uniform(0, 3))
    return True


def switch_frozen(floor: Floor, chance: Random) -> bool:
    """It stands still, and takes everything at once afterwards."""
    return _frozen(floor, chance.choice(floor.nodes).switch, chance.uniform(0.2, 3))


def journal_rotated(floor: Floor, chance: Random) -> bool:
    """Renamed, and begun anew a moment later; what ends meanwhile still goes to the old one."""
    node, later = chance.choice(floor.nodes), chance.uniform(0, 1)
    struck = node.rotate_journal()
    floor.agenda.later(later, partial(node.virtual, "rotate"))
    return struck


def switch_restarted(floor: Floor, chance: Random) -> bool:
    """The same without an end of the process, so that connections see a reset."""
    node = chance.choice(floor.nodes)
    struck = node.virtual(f"fault restart away_seconds={chance.uniform(0.2, 3):.2f}")
    if struck:
        floor.switch_restarts[node.name].append(time() + 0.5)
    return struck


def switch_refuses(floor: Floor, chance: Random) -> bool:
    """More calls a second than the switch admits."""
    node = chance.choice(floor.nodes)
    seconds = chance.uniform(1, 3)
    return _for_a_while(floor, node, f"fault sps limit={chance.randint(2, 10)}", "fault sps limit=1000", seconds)


def gateway_down(floor: Floor, chance: Random) -> bool:
    node, gateway = chance.choice(floor.nodes), chance.choice(("east", "west"))
    state, seconds = chance.choice(("down", "unreachable")), chance.uniform(0.3, 2)
    return _for_a_while(
        floor, node, f"fault gateway name={gateway} state={state}", f"fault gateway name={gateway} state=up", seconds
    )


KINDS: Mapping[Strike, float] = {
    controller_killed: 3,
    controller_drained: 1,
    controller_frozen: 1,
    worker_killed: 1,
    worker_child_killed: 1.5,
    redis_restarted: 1.5,
    redis_emptied: 1.5,
    redis_frozen: 0.7,
    disk_full: 1,
    database_cut: 2,
    database_cut_long: 0.3,
    link_closed: 1,
    link_reset: 1,
    link_half_open: 1,
    every_link_reset: 0.7,
    garbage_on_link: 0.7,
    events_delayed: 1,
    events_reordered: 1,
    events_doubled: 1,
    events_lost: 1,
    replies_slow: 0.7,
    replies_lost: 0.7,
    switch_killed: 1,
    switch_frozen: 1,
    journal_rotated: 1,
    switch_restarted: 1,
    switch_refuses: 0.7,
    gateway_down: 0.5,
}
"""Kind → how often, against the others."""
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 6.0
TWO_AT_ONCE = 0.2
"""Share of faults that come with another one."""


class Schedule:
    """Which fault strikes when: the same for the same seed. only: names of the kinds to choose from; none = all. struck: how
    many of each kind so far."""

    def __init__(self, seed: int, only: Collection[str] = ()) -> None:
        self._chance = Random(seed)
        self._kinds = {kind: weight for kind, weight in KINDS.items() if not only or kind.__name__ in only}
        self.struck: dict[str, int] = {}

    def pause(self) -> float:
        """Seconds until the next one."""
        if self._chance.random() < TWO_AT_ONCE:
            return 0.0
        return self._chance.uniform(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)

    def strike(self, floor: Floor) -> tuple[str, bool]:
        """The next fault: its name, and whether it struck."""
        kind = self._chance.choices(list(self._kinds), list(self._kinds.values()))[0]
        # However much one fault draws, the next one is the same.
        struck = kind(floor, Random(self._chance.getrandbits(64)))
        if struck:
            self.struck[kind.__name__] = self.struck.get(kind.__name__, 0) + 1
        return kind.__name__, struck


def _frozen(floor: Floor, process: Process, seconds: float) -> bool:
    process.signal(signal.SIGSTOP)
    floor.agenda.later(seconds, partial(process.signal, signal.SIGCONT))
    return process.up


def _virtual(floor: Floor, chance: Random, words: str) -> bool:
    return chance.choice(floor.nodes).virtual(f"fault {words}")


def _for_a_while(floor: Floor, node: Node, words: str, mended: str, seconds: float) -> bool:
    struck = node.virtual(words)
    if struck:
        floor.agenda.later(seconds, partial(node.virtual, mended))
    return struck
