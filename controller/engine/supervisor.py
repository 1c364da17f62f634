"""Owns every lasting greenlet: named, watched, stopped in order.

An error in a lasting greenlet ends the service loudly: a dialler that limps is worse than one that restarts and resyncs.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event

log = structlog.get_logger("supervisor")


class Supervisor:
    """``failed`` is set when a lasting greenlet died; the service then stops with an error."""

    def __init__(self) -> None:
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self.failed = Event()
        self.failure: str = ""

    def lasting(self, name: str, work: Callable[[], None]) -> gevent.Greenlet[..., None]:
        """Start ``work``; it is expected to return only when asked to stop."""
        greenlet: gevent.Greenlet[..., None] = gevent.spawn(work)
        greenlet.name = name
        greenlet.link_exception(self._died)
        self._greenlets.append(greenlet)
        return greenlet

    def every(self, name: str, seconds: float, work: Callable[[], None]) -> gevent.Greenlet[..., None]:
        """Run ``work`` again and again, ``seconds`` apart."""

        def loop() -> None:
            while True:
                gevent.sleep(seconds)
                work()

        return self.lasting(name, loop)

    def stop(self, seconds: float = 5.0) -> None:
        """Kill what is left, newest first."""
        for greenlet in reversed(self._greenlets):
            greenlet.unlink(self._died)
        gevent.killall(list(reversed(self._greenlets)), timeout=seconds)

    def _died(self, greenlet: gevent.Greenlet[..., None]) -> None:
        self.failure = f"{greenlet.name}: {greenlet.exception!r}"
        log.error("greenlet died", name=greenlet.name, error=repr(greenlet.exception))
        self.failed.set()
