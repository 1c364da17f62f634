"""Real threads and real primitives, also in the controller, where gevent has put greenlets in the place of threads.

What must go on while the loop stands still (the log writer, the metrics endpoint, the stall watchdog) runs in a thread of
the operating system. What such a thread does is its owner's affair; here lies only how it is had. gevent is not imported:
a process that never patched anything has the real ones already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def original(module: str, name: str) -> Any:
    """``module.name`` as Python made it, whether or not gevent has replaced it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original(module, name)
    return getattr(import_module(module), name)


def start_thread(body: Callable[[], None]) -> None:
    """Run ``body`` in a thread of the operating system that never keeps the process alive.

    ``body`` must end its own errors: nobody waits for it.
    """
    original("_thread", "start_new_thread")(body, ())


def new_lock() -> Any:
    """A lock that blocks the thread, not the greenlet. Hold it for moments only."""
    return original("_thread", "allocate_lock")()
