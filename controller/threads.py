"""Blocking work in native threads of the controller, while the calling greenlet waits (port ``InThread``).

A world that is away (``Unavailable``) is told to whoever asked, and to nobody else: it is an ordinary thing, and not worth a
stack trace for every question that was put to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gevent.threadpool import ThreadPool

from controller.errors import Unavailable

T = TypeVar("T")


class Threads:
    """So many at most, begun as they are needed."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPool(most)

    def __call__(self, work: Callable[[], T]) -> T:
        """Its result, or its error."""
        result: T | Unavailable = self._pool.apply(_outcome, (work,))
        if isinstance(result, Unavailable):
            raise result
        return result


def _outcome(work: Callable[[], T]) -> T | Unavailable:
    try:
        return work()
    except Unavailable as error:
        return error
