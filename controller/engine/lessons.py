"""What calls teach about a campaign, told to its learner as soon as it is known: who picked up, who did not, how long talks
lasted.

One learner a run; its estimates go on the board. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.calls.states import BEFORE_ANSWER, CallState
from controller.domain.pacing.estimates import Estimates, Learner
from controller.engine.live_call import LiveCall
from controller.ports import Clock, RunningRun

NOT_PEOPLE = ("machine", "fax", "sit")


class Lessons:
    """One for a controller. ``follow`` and ``estimates`` are the dial loop's, the rest the call desk's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learners: dict[int, Learner] = {}

    def follow(self, runs: Iterable[RunningRun]) -> None:
        """These are the runs there are now."""
        before = self._learners
        self._learners = {
            run.run_id: before.get(run.run_id) or Learner(float(run.plan.max_ring_seconds), run.plan.abandoned.patience_seconds)
            for run in runs
            if run.plan.target.kind == "queue"
        }

    def estimates(self, run_id: int, talking: tuple[float, ...], wrapping: tuple[float, ...]) -> Estimates | None:
        """What is believed of the run now; None where nobody learns. talking, wrapping: seconds, of what has not ended."""
        learner = self._learners.get(run_id)
        return learner.estimates(self._clock.monotonic(), talking, wrapping) if learner is not None else None

    def launched(self, live: LiveCall) -> None:
        """The call left."""
        learner = self._learners.get(live.run_id)
        if learner is not None:
            learner.call_launched(live.launch_at)

    def heard(self, live: LiveCall) -> None:
        """Something was heard of the call; what it teaches is taken once."""
        call = live.call
        learner = self._learners.get(live.run_id)
        if learner is None or call.launched_at is None:
            return
        if not live.learned and call.answered_at is not None and call.state not in (*BEFORE_ANSWER, CallState.SCREENING):
            live.learned = True
            evidence = call.evidence
            learner.call_picked_up(
                live.launch_at,
                max(0.0, call.answered_at - call.launched_at),
                evidence.verdict not in NOT_PEOPLE,
                (evidence.verdict_ms or 0) / 1000.0,
            )
        if call.state is not CallState.ENDED or call.ended_at is None:
            return
        if not live.learned:
            live.learned = True
            learner.call_failed(live.launch_at, max(0.0, call.ended_at - call.launched_at))
        if call.connected_at is not None:
            learner.talk_ended(max(0.0, call.ended_at - call.connected_at))
