"""Time and threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class InThread(Protocol):
    """Runs blocking work in a native thread while the calling greenlet waits."""

    def __call__(self, work: Callable[[], T]) -> T: ...


class Clock(Protocol):
    """Both of people's clocks; virtual in tests and in the simulator."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        ...
