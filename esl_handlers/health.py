"""The stall watchdog: a thread of the operating system that watches the gevent loop.

When nothing in this process runs for long, events pile up at FreeSWITCH; after 100 000 of them its event socket module freezes
for every client, calls included (facts section 4), until our socket is closed. So after ``stall_seconds`` without a tick
the thread shuts our event link down. FreeSWITCH then goes on without us; the link comes back by itself when the loop does.

Code that holds the interpreter's lock stops this thread too: it guards against loops without a pause and blocking calls.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent import monkey

TICK_SECONDS = 0.01
LOOK_SECONDS = 0.1


class StallWatchdog:
    """alarm: told the length of a stall so far, in seconds, from the native thread; once for each stall."""

    def __init__(self, stall_seconds: float, alarm: Callable[[float], None]) -> None:
        self.stalls = 0
        self._stall_seconds = stall_seconds
        self._alarm = alarm
        self._last_tick = time.monotonic()
        self._running = False
        self._ticker: gevent.Greenlet[[], None] | None = None
        self._lock: Any = monkey.get_original("_thread", "allocate_lock")()
        self._watched = -1

    def start(self) -> None:
        self._running = True
        self._last_tick = time.monotonic()
        self._ticker = gevent.spawn(self._tick)
        self._ticker.name = "stall-ticker"
        monkey.get_original("_thread", "start_new_thread")(self._look, ())

    def stop(self) -> None:
        self._running = False
        if self._ticker is not None:
            self._ticker.kill()
        self.unwatch()

    def watch(self, descriptor: int) -> None:
        """Shut this socket down on a stall. It is duplicated: closing the original never lets a stranger be shut down."""
        self.unwatch()
        with self._lock:
            self._watched = os.dup(descriptor)

    def unwatch(self) -> None:
        with self._lock:
            watched, self._watched = self._watched, -1
        if watched >= 0:
            os.close(watched)

    def _tick(self) -> None:
        while self._running:
            self._last_tick = time.monotonic()
            gevent.sleep(TICK_SECONDS)

    def _look(self) -> None:
        sleep = monkey.get_original("time", "sleep")
        reported = False
        while self._running:
            sleep(LOOK_SECONDS)
            stalled = time.monotonic() - self._last_tick
            if stalled < self._stall_seconds:
                reported = False
            elif not reported and self._running:
                reported = True
                self.stalls += 1
                self._shut_down()
                self._alarm(stalled)

    def _shut_down(self) -> None:
        native_socket = monkey.get_original("socket", "socket")
        with self._lock:
            if self._watched < 0:
                return
            borrowed = native_socket(fileno=self._watched)
            try:
                with suppress(OSError):  # the peer may have closed it meanwhile
                    borrowed.shutdown(socket.SHUT_RDWR)
            finally:
                borrowed.detach()
