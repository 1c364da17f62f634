"""What calls teach about a campaign, told to its learner as soon as it is known: who picked up, who did not, how long talks
and wrap-ups lasted.

One learner a run; its estimates go on the board. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.domain.calls.states import BEFORE_ANSWER, CallState
from controller.domain.pacing.estimates import Estimates, Learner
from controller.engine.live_call import LiveCall
from controller.engine.wrap_ups import WrapUps
from controller.ports import AgentView, Clock, RunningRun

NOT_PEOPLE = ("machine", "fax", "sit")


class Lessons:
    """One for a controller. ``follow``, ``look`` and ``estimates`` are the dial loop's, the rest the call desk's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learners: dict[int, Learner] = {}
        self._queues: dict[int, str] = {}
        self._wrap_ups = WrapUps()

    def follow(self, runs: Iterable[RunningRun]) -> None:
        """These are the runs there are now."""
        before, plans = self._learners, {run.run_id: run.plan for run in runs if run.plan.target.kind == "queue"}
        self._queues = {run_id: plan.target.address for run_id, plan in plans.items()}
        self._learners = {
            run_id: before.get(run_id) or Learner(float(plan.max_ring_seconds), plan.abandoned.patience_seconds)
            for run_id, plan in plans.items()
        }

    def look(self, agents: Sequence[AgentView]) -> None:
        """These are the agents now; a wrap-up that ended teaches every run of the agent's queues."""
        for ended in self._wrap_ups.look(agents, self._clock.monotonic()):
            for run_id, queue in self._queues.items():
                if queue in ended.queues:
                    self._learners[run_id].wrap_up_ended(ended.seconds, ended.back)

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
