"""Each event to its call: which channel is a call of ours, and who is told.

A call is ours when we dialled it or adopted it; its attempt id is its channel's identity. Events of other channels (the bots'
legs, somebody else's calls) cost one look at their identity. Nothing here waits or asks: the listener puts what it hears into
the call's own queue, where order is kept to the end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from controller.domain.calls.events import CallEvent, DialFailed
from controller.ports import SwitchListener
from esl_handlers import progress
from esl_handlers.links import Hurry
from esl_handlers.observer import Observer
from esl_handlers.progress import Reading, TrackedCall
from esl_handlers.wire import Event

CONNECT_SUBCLASS = "trunkline::connect"
OPT_OUT_SUBCLASS = "trunkline::opt-out"
AGENT_SUBCLASS = "trunkline::agent"
"""Events of dialplan/trunkline.xml and trunkline-agents.xml."""

SUBSCRIPTION = (
    "event plain CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE"
    f" CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB DTMF HEARTBEAT CUSTOM {CONNECT_SUBCLASS} {OPT_OUT_SUBCLASS} {AGENT_SUBCLASS}"
)
"""As narrow as can be: all CHANNEL_* would cost FreeSWITCH a fifth of its capacity (baseline section 0)."""

GRACE_SECONDS = 60.0
"""A call that the switch does not know is kept this long, in case its last events are still on their way."""

NOT_HEARD_FROM_THE_BEGINNING = -1
"""Link age of an adopted call: that of no link."""


class Router:
    """kill: called, and must return at once, when a call appears whose end was asked for before the switch knew it. ended: told
    of each hang-up before the listener. hurry: holds while a call that is to wait rings, or waits."""

    def __init__(
        self,
        listener: SwitchListener,
        observer: Observer,
        kill: Callable[[str], None],
        ended: Callable[[str], None] = lambda _: None,
        hurry: Hurry | None = None,
    ) -> None:
        self._listener = listener
        self._observer = observer
        self._kill = kill
        self._ended = ended
        self._hurry = hurry or Hurry()
        self._calls: dict[str, TrackedCall] = {}
        self._leaving: deque[tuple[float, str]] = deque()
        self._link_age = 0

    def __len__(self) -> int:
        return len(self._calls)

    def handlers(self) -> dict[str, Callable[[Event], None]]:
        """For the event link: event name or subclass → handler."""
        return {
            "CHANNEL_CREATE": self._created,
            "CHANNEL_PROGRESS": self._reader(progress.ringing),
            "CHANNEL_PROGRESS_MEDIA": self._reader(progress.ringing),
            "CHANNEL_ANSWER": self._reader(progress.answered),
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "BACKGROUND_JOB": self._job_done,
            "HEARTBEAT": self._beat,
            CONNECT_SUBCLASS: self._reader(progress.connecting),
            OPT_OUT_SUBCLASS: self._reader(progress.opted_out),
        }

    def track(
        self,
        attempt_id: str,
        target_name: str = "",
        campaign: str | None = None,
        run_id: int | None = None,
        is_to_wait: bool = False,
    ) -> None:
        """Events of this identity are ours from now on; a call that is known keeps what is known of it. is_to_wait: once it is
        answered, for an agent or a verdict."""
        call = self._calls.get(attempt_id)
        if call is None:
            self._calls[attempt_id] = TrackedCall(attempt_id, target_name, campaign, run_id, self._link_age, is_to_wait)
        else:
            call.gone = False

    def adopt(self, attempt_id: str) -> None:
        """Track a call that may have been dialled by somebody else, or before the last link: what was not heard of it proves
        nothing."""
        if attempt_id not in self._calls:
            self._calls[attempt_id] = TrackedCall(attempt_id, "", None, None, NOT_HEARD_FROM_THE_BEGINNING)

    def call(self, attempt_id: str) -> TrackedCall | None:
        return self._calls.get(attempt_id)

    def forget(self, attempt_id: str) -> None:
        """The call never was."""
        self._calls.pop(attempt_id, None)
        self._hurry.end(attempt_id)

    def keep(self, attempt_id: str) -> None:
        """The switch knows the call; unless its end was heard meanwhile, it stays."""
        call = self._calls.get(attempt_id)
        if call is not None:
            call.gone = False

    def forget_later(self, attempt_id: str) -> None:
        """The switch does not know the call: forget it unless something is heard of it meanwhile."""
        call = self._calls.get(attempt_id)
        if call is not None and not call.gone:
            call.gone = True
            self._leaving.append((time.monotonic() + GRACE_SECONDS, attempt_id))

    def link_broke(self) -> None:
        """Events may be missing from here on: what did not come proves nothing any more."""
        self._link_age += 1

    def _reader(self, read: Reading) -> Callable[[Event], None]:
        def handle(event: Event) -> None:
            call = self._calls.get(event.get("Unique-ID"))
            if call is not None:
                self._tell(call, event, read(call, event))

        return handle

    def _created(self, event: Event) -> None:
        call = self._calls.get(event.get("Unique-ID"))
        if call is None:
            return
        self._tell(call, event, progress.created(call, event))
        if call.kill_wanted:
            call.kill_wanted = False
            self._kill(call.attempt_id)

    def _bridged(self, event: Event) -> None:
        call = self._calls.get(event.get("Unique-ID")) or self._calls.get(event.get("Bridge-B-Unique-ID"))
        if call is not None:
            self._tell(call, event, progress.bridged(call, event))

    def _hung_up(self, event: Event) -> None:
        call = self._calls.pop(event.get("Unique-ID"), None)
        if call is not None:
            self._ended(call.attempt_id)
            self._tell(call, event, progress.hung_up(call, event))
            self._hurry.end(call.attempt_id)

    def _job_done(self, event: Event) -> None:
        call = self._calls.get(event.get("Job-UUID"))
        if call is None:
            return
        happened = progress.job_done(call, event, link_unbroken=call.link_age == self._link_age)
        if isinstance(happened, DialFailed) and not happened.left:
            self.forget(call.attempt_id)
        self._tell(call, event, happened)

    def _beat(self, event: Event) -> None:
        self._observe(event)
        now = time.monotonic()
        while self._leaving and self._leaving[0][0] <= now:
            attempt_id = self._leaving.popleft()[1]
            call = self._calls.get(attempt_id)
            if call is not None and call.gone:
                self.forget(attempt_id)

    def _tell(self, call: TrackedCall, event: Event, happened: CallEvent | None) -> None:
        self._observe(event)
        call.gone = False
        if call.is_to_wait and (call.rang or call.answered):
            self._mind(call)
        if happened is not None:
            self._listener.hear(call.attempt_id, happened)

    def _mind(self, call: TrackedCall) -> None:
        """Somebody picks up at any moment, or waits already: until they are joined."""
        if call.connected or call.failed:
            call.is_to_wait = False
            self._hurry.end(call.attempt_id)
        else:
            self._hurry.begin(call.attempt_id)

    def _observe(self, event: Event) -> None:
        stamp = event.get("Event-Date-Timestamp")
        lag = event.received_at - int(stamp) / 1_000_000 if stamp.isdigit() else 0.0
        self._observer.event_handled(event.name, max(lag, 0.0))
