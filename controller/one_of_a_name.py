"""One controller of a name on one machine: a second one would take the first one's calls for those of an earlier life.

The lock is the kernel's, on a file: it is gone with the process, however that ends, so that a killed controller's next life
need not wait. Names that are given twice on different machines are not found out here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.errors import Refused


@contextmanager
def one_of_a_name(node: str, directory: Path) -> Iterator[None]:
    """Hold ``<directory>/<node>.lock`` meanwhile. Refused while another process has it, or when it cannot be written."""
    path = directory / f"{node}.lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Refused(f"{path}: cannot be opened: {error.strerror}; this user must be able to write data_dir") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            raise Refused(f"node: a controller named {node!r} runs already, process {holder}; stop it or set `node`") from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)
