"""Blocking work in native threads of the controller, while the calling greenlet waits (port ``InThread``).

What the work raises is raised where it was asked for, and nowhere else. Left to gevent, a thread prints it first; and where
that fails, because stderr is a file on a full disk, the thread ends and whoever waits for its answer waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gevent.threadpool import ThreadPool

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    value: T


class Threads:
    """So many at most, begun as they are needed."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPool(most)

    def __call__(self, work: Callable[[], T]) -> T:
        """Its result, or its error."""
        outcome: _Done[T] | Exception = self._pool.apply(_outcome, (work,))
        if isinstance(outcome, _Done):
            return outcome.value
        raise outcome


def _outcome(work: Callable[[], T]) -> _Done[T] | Exception:
    try:
        return _Done(work())
    except Exception as error:  # noqa: BLE001  raised again for whoever asked
        return error
