"""Waiting for what calls and processes bring about: looked at twice a second."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(what: str, holds: Callable[[], object], seconds: float) -> None:
    """AssertionError, with what never came, when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.5)
