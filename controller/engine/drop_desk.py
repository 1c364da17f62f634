"""The drop guard at work: what storage counted of each run's campaign, judged every second and kept at hand for its board.

Counting is done in a thread, so a slow database costs the dial loop nothing; while it is away the last standing holds (and
nothing is dialled without a write-ahead anyway). Before the first count a campaign with agents stands at its hard limit: one
call an agent abandons nobody, whatever happened before this process began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from controller.domain.pacing.drop_guard import NO_LIMIT, Level, Reviewed, Standing, Tally, machine_error, stand
from controller.engine.watch import Watch
from controller.errors import StoreDown
from controller.ports import Clock, DropCounts, InThread, RunningRun

log = structlog.get_logger("drop_guard")

LOOK_SECONDS = 1.0
WORDS_SECONDS = 60.0
"""How often it is asked which dispositions speak of machines, and what was heard on reviewed recordings."""

NOT_COUNTED = Standing(Level.HARD, (), "the abandoned calls have not been counted yet")


@dataclass(slots=True)
class _Guarded:
    """standing: None before the first count. reviewed: what is known of detection's mistakes there."""

    run: RunningRun
    standing: Standing | None = None
    reviewed: Reviewed = field(default_factory=Reviewed)


class DropDesk:
    """One for a controller. ``run`` is its lasting greenlet; ``follow`` and ``standing`` are the dial loop's.

    in_progress: the people in a run's calls at this moment, at any controller. They have ended nowhere yet, so storage does not
    count them; left out, a shift that begins with long talks would look worse than it is, and one in which people hear the
    abandoned-call message better. machine_dispositions: as ``DropCounts``.
    """

    def __init__(
        self,
        counts: DropCounts,
        in_thread: InThread,
        clock: Clock,
        watch: Watch,
        in_progress: Callable[[RunningRun], Tally],
        machine_dispositions: Callable[[], frozenset[str]],
    ) -> None:
        self._counts = counts
        self._in_thread = in_thread
        self._clock = clock
        self._watch = watch
        self._in_progress = in_progress
        self._machine_dispositions = machine_dispositions
        self._guarded: dict[int, _Guarded] = {}
        self._words: frozenset[str] = frozenset()
        self._words_at = float("-inf")

    def follow(self, runs: Iterable[RunningRun]) -> None:
        """These are the runs there are now."""
        before = self._guarded
        self._guarded = {run.run_id: replace(before.get(run.run_id) or _Guarded(run), run=run) for run in runs}

    def standing(self, run_id: int) -> Standing:
        """Where the run's campaign stands."""
        guarded = self._guarded.get(run_id)
        if guarded is None or guarded.standing is None:
            return NOT_COUNTED
        return guarded.standing

    def run(self) -> None:
        """Count and judge, for ever."""
        while True:
            self.look()
            self._clock.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Count and judge every run once."""
        try:
            now = self._clock.monotonic()
            due = bool(self._guarded) and now - self._words_at >= WORDS_SECONDS
            if due:
                self._words, self._words_at = self._in_thread(self._machine_dispositions), now
            for guarded in list(self._guarded.values()):
                if due or guarded.standing is None:
                    campaign_id = guarded.run.plan.campaign_id
                    guarded.reviewed = self._in_thread(partial(self._counts.reviewed, campaign_id, self._clock.now()))
                self._judge(guarded)
        except StoreDown as error:
            log.debug("not counted", reason=str(error))

    def _judge(self, guarded: _Guarded) -> None:
        plan, run_id = guarded.run.plan, guarded.run.run_id
        zone, now = plan.contactable.timezone, self._clock.now()
        tallies = self._in_thread(partial(self._counts.tallies, plan.campaign_id, run_id, zone, now, self._words))
        guard = plan.pacing.drop_guard
        before = guarded.standing
        in_progress = self._in_progress(guarded.run)
        people = {window: tally + in_progress for window, tally in tallies.items()}
        error = machine_error(guarded.reviewed, guard.machine_error)
        standing = stand(guard.limits(), people, error, before or NO_LIMIT)
        guarded.standing = standing
        for one in standing.windows:
            self._watch.abandoned(plan.campaign, one.window.value, one.rate, one.limit)
        if before is None or before.level is not standing.level:
            tell = log.warning if standing.level is Level.HARD else log.info
            tell("drop guard", campaign=plan.campaign, run=run_id, to=standing.level.value, reason=standing.reason)
