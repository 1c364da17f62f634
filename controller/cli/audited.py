"""What the command line changes by itself, without an admin verb, is put on record like everything else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from controller.cli.common import who
from controller.errors import Refused
from controller.storage.audit import Audit
from controller.storage.database import Database


class Note:
    """detail: what came of the command, in a few words."""

    detail = ""


@contextmanager
def audited(database: Database, verb: str, args: Mapping[str, Any]) -> Iterator[Note]:
    """Audit the block: done with the note's detail, or refused with the reasons. Unavailable leaves no line; there is
    nothing to write it to."""
    note = Note()
    try:
        yield note
    except Refused as refused:
        Audit(database).write(time.time(), who(), verb, args, False, str(refused))
        raise
    Audit(database).write(time.time(), who(), verb, args, True, note.detail)
