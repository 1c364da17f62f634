"""A bulk job for tests: it notes who does it and stays at it until it is allowed to end."""

from __future__ import annotations

import os
import time
from pathlib import Path


def slow_job(folder: str) -> None:
    """Notes its pid in ``begun``; waits for ``go``; notes it in ``done``."""
    place = Path(folder)
    with (place / "begun").open("a") as begun:
        begun.write(f"{os.getpid()}\n")
    deadline = time.monotonic() + 60
    while not (place / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with (place / "done").open("a") as done:
        done.write(f"{os.getpid()}\n")
