"""Numbers normalised by several processes at once, the order of the file kept.

Nearly all the work of an import is libphonenumber's, so its share goes to processes of their own while the importing process
reads and stores. Each has one batch at a time and is asked for its result before it gets the next, so nobody waits for a full
pipe and the memory in use does not depend on the file. Started as ``python -m controller.jobs.normalise``; forking a process
that has a database open, or gevent's loop, would not be safe.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO, cast

import controller
from controller.domain.contacts.columns import Columns
from controller.domain.contacts.csv_import import Contact, Rejected, Row, read_rows
from controller.errors import Unavailable

Batch = list[Row]
Result = tuple[list[Contact], list[Rejected]]


def normalised(batches: Iterable[Batch], columns: Columns, region: str, processes: int) -> Generator[Result]:
    """One result a batch, in the order of the batches. processes: 0 = here, in this one.

    Unavailable when a process dies (killed, out of memory): the import can be run again.
    """
    if processes == 0:
        for batch in batches:
            yield read_rows(batch, columns, region)
        return
    helpers = [_Helper(columns, region) for _ in range(processes)]
    try:
        idle = deque(helpers)
        busy: deque[_Helper] = deque()
        for batch in batches:
            result = None
            if not idle:
                first = busy.popleft()
                result = first.result()
                idle.append(first)
            helper = idle.popleft()
            helper.give(batch)
            busy.append(helper)
            if result is not None:
                yield result
        while busy:
            yield busy.popleft().result()
    finally:
        for helper in helpers:
            helper.close()


class _Helper:
    """One process, and the pipes to it."""

    def __init__(self, columns: Columns, region: str) -> None:
        root = str(Path(controller.__file__).parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "controller.jobs.normalise"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the importing process; the end of its input is for this one
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))},
        )
        self._send((columns, region))

    def give(self, batch: Batch) -> None:
        self._send(batch)

    def result(self) -> Result:
        try:
            return cast(Result, pickle.load(cast(BinaryIO, self._process.stdout)))
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._died() from error

    def close(self) -> None:
        """End the process: at the end of its input it leaves by itself, in the middle of a batch it is killed."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what it had not read yet goes with it

    def _send(self, value: object) -> None:
        pipe = cast(BinaryIO, self._process.stdin)
        try:
            pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except BrokenPipeError as error:
            raise self._died() from error

    def _died(self) -> Unavailable:
        code = self._process.wait()
        return Unavailable(f"a process that normalises numbers ended with status {code}; import the file again")


def main() -> None:
    """Read columns and region, then batches, from standard input; write results to standard output; end with the input."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    columns, region = pickle.load(source)
    while True:
        try:
            batch = pickle.load(source)
            pickle.dump(read_rows(batch, columns, region), sink, pickle.HIGHEST_PROTOCOL)
            sink.flush()
        except (EOFError, pickle.UnpicklingError, BrokenPipeError):
            return  # the importing process has ended, perhaps in the middle of a batch


if __name__ == "__main__":
    main()
