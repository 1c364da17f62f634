"""What runs on an answered channel: an application, or a dialplan extension that is a row of them.

A script is a generator. It yields how long it waits (seconds, None = until woken), and is sent what woke it. When the
channel hangs up or is fetched away the generator is closed, so that an application's ``finally`` tells how it ended, as
FreeSWITCH's does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel
    from esl_handlers.virtual_switch.timeline import Timer


class Woken(Enum):
    """Why a wait is over."""

    TIME = "time"  # it lasted as long as it was to
    MESSAGE = "message"  # something lies in the channel's inbox
    CHANGE = "change"  # what was waited for has happened


Steps = Generator[float | None, Woken, None]


class Over(Exception):
    """Raised by an application that hung the channel up itself: nothing after it runs."""


class Script:
    """Drives one generator on one channel. ended: what to do when it has run to its end with the channel still up."""

    def __init__(self, channel: Channel, steps: Steps, ended: Callable[[], None]) -> None:
        self._channel = channel
        self._steps = steps
        self._ended = ended
        self._timer: Timer | None = None
        self._polling = False
        self._stopped = False

    def start(self) -> None:
        """Run until the first wait."""
        self._channel.script = self
        self._advance(None)

    def wake(self, why: Woken) -> None:
        """End the present wait."""
        if self._timer is not None:
            self._timer.cancel()
        self._advance(why)

    def look_at_inbox(self) -> None:
        """A message came; a channel that waits looks when its next 20 ms frame is due."""
        if not self._polling:
            self._polling = True
            self._channel.core.timeline.after(self._channel.core.chance.uniform(0, 0.02), self._poll)

    def _poll(self) -> None:
        self._polling = False
        if not self._stopped and self._channel.inbox:
            self.wake(Woken.MESSAGE)

    def abandon(self) -> None:
        """Forget it where it stands: the switch itself has died, and nothing is told any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def stop(self) -> None:
        """Close it; its applications say that they ended."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._steps.close()

    def _advance(self, why: Woken | None) -> None:
        self._timer = None
        try:
            seconds = self._steps.send(why) if why is not None else next(self._steps)
        except Over:
            self._stopped = True
            if self._channel.script is self:
                self._channel.script = None
            self._channel.finish_hangup()
        except StopIteration:
            self._stopped = True
            if self._channel.script is self:
                self._channel.script = None
            if self._channel.alive:
                self._ended()
        else:
            if seconds is not None and not self._stopped:
                self._timer = self._channel.core.timeline.after(seconds, lambda: self._advance(Woken.TIME))
