"""What the ESL layer tells to whoever counts: the service puts its metrics behind this, so that nothing here knows them.

Every call must return at once and never raise. All come from the gevent loop's thread, except ``loop_stalled``.
"""

from __future__ import annotations

from typing import Protocol

from esl_handlers.errors import Stage


class Observer(Protocol):
    def event_handled(self, name: str, lag_seconds: float) -> None:
        """lag_seconds: from FreeSWITCH's making of the event to our handling of it; the two clocks differ by some ms."""
        ...

    def command_done(self, stage: Stage, seconds: float) -> None:
        """A command reached its end: accepted, or lost at ``stage``. seconds: from asking to knowing."""
        ...

    def link_changed(self, link: str, up: bool) -> None: ...

    def verdict(self, campaign: str, kind: str, seconds: float) -> None:
        """Detection's first word on a call. campaign: empty for one that was adopted. seconds: of audio until then."""
        ...

    def taps_open(self, count: int) -> None:
        """How many calls are listened to now."""
        ...

    def tap_failed(self, tap: str) -> None:
        """A call's audio was not to be had this way."""
        ...

    def loop_stalled(self, seconds: float) -> None:
        """The gevent loop stood still this long. Called from a native thread."""
        ...


class NoObserver:
    """Counts nothing."""

    def event_handled(self, name: str, lag_seconds: float) -> None:
        return

    def command_done(self, stage: Stage, seconds: float) -> None:
        return

    def link_changed(self, link: str, up: bool) -> None:
        return

    def loop_stalled(self, seconds: float) -> None:
        return

    def verdict(self, campaign: str, kind: str, seconds: float) -> None:
        return

    def taps_open(self, count: int) -> None:
        return

    def tap_failed(self, tap: str) -> None:
        return
