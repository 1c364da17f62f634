"""A call leaves: at the moment that the rates gave it, if it still may, or not at all.

Its slots are held and its row is written; what comes of it afterwards is the call desk's business.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from controller.domain.calls.events import DialFailed
from controller.domain.calls.outcome import Outcome
from controller.engine.lessons import Lessons
from controller.engine.live_call import LiveCall
from controller.engine.slots import SlotDesk
from controller.engine.watch import Watch
from controller.errors import LiveStateDown, SwitchDown
from controller.ports import Clock, Missed, Switch

log = structlog.get_logger("call")

LATE_SECONDS = 0.01
"""A call that is later than this for its launch time asks for a new one: a stalled loop must not turn into a burst."""


class Launches:
    """may_dial: whether a run may still place calls."""

    def __init__(
        self,
        switch: Switch,
        slots: SlotDesk,
        clock: Clock,
        watch: Watch,
        lessons: Lessons,
        may_dial: Callable[[int], bool],
    ) -> None:
        self._switch = switch
        self._slots = slots
        self._clock = clock
        self._watch = watch
        self._lessons = lessons
        self._may_dial = may_dial

    def launch(self, live: LiveCall) -> DialFailed | None:
        """Wait for the launch time, look once more whether the call may leave, and let it go; why not, if it did not."""
        while True:
            answer = self._launch_once(live)
            if not isinstance(answer, Missed):
                return answer

    def _launch_once(self, live: LiveCall) -> DialFailed | Missed | None:
        """Wait for the launch time and dial; Missed when it passed meanwhile, and the call has another one."""
        wait = live.launch_at - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(wait)
        now = self._clock.now()
        if not self._may_dial(live.run_id) or now >= live.not_after:
            return DialFailed(now, Outcome.NOT_DIALLED, "run_or_window_closed")
        live.call.placed_at = live.call.launched_at = now
        live.core = self._switch.core
        try:
            answer = self._switch.dial(live.call.order, live.launch_at + LATE_SECONDS)
        except SwitchDown as error:
            answer = DialFailed(self._clock.now(), Outcome.NOT_DIALLED, f"switch_down: {error}")
        if answer is None:
            self._watch.call_placed(live.call.order.campaign, live.use.carrier)
            log.info(
                "call",
                attempt=live.attempt_id,
                campaign=live.call.order.campaign,
                phone=live.use.phone,
                frm="reserved",
                to="dialing",
                launched_at=round(now, 3),
            )
            self._lessons.launched(live)
            return None
        live.call.launched_at = None
        if isinstance(answer, Missed):
            try:
                self._give_another_launch(live)
            except LiveStateDown as error:
                return DialFailed(self._clock.now(), Outcome.NOT_DIALLED, f"limits unknown: {error}")
        return answer

    def _give_another_launch(self, live: LiveCall) -> None:
        assert live.launch is not None, "only calls that have not left wait for it"
        self._watch.launched_late(live.use.carrier)
        live.launch_at, live.launch = self._slots.relaunch(live.launch)
