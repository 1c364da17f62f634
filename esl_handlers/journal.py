"""The CDR journal, read: how calls ended while nobody listened.

FreeSWITCH appends one line for every call of ours that ends, before the hang-up event goes out (mod_cdr_csv with the template
of ``freeswitch_conf/autoload_configs/cdr_csv.conf.xml``, which says what each field is). This file follows it from a saved
place: through rotation (the old file is read to its end, found by its inode), truncation, a torn last line (left until it
is whole), and lines of others. It only reads; whether a line still matters is decided by the ledger, which ends an attempt
once.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controller.domain.calls.events import HungUp
from controller.domain.calls.outcome import Outcome
from esl_handlers.causes import CallEnd, outcome_of
from esl_handlers.progress import CONNECTED_WORDS, FAILED_WORDS, OPTED_OUT_WORD, TREATED_WORDS, seconds_of, status_of

MARK = b"trunkline1"
FIELD_COUNT = 17
CHUNK = 1 << 20
FIRST_LOOK_BYTES = 64 << 20
"""Without a saved place only the end of a long journal is read: about 400 000 calls."""
MOST_ENDS = 200_000
"""Ends kept in memory; older ones have long been written."""
LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """How far the journal has been read. inode: of the file that ``offset`` (bytes) belongs to."""

    inode: int
    offset: int


class Journal:
    """Follows one journal file. damaged: lines that are not in our layout, so far."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self._place = place
        self._ends: OrderedDict[str, HungUp] = OrderedDict()
        self.damaged = 0

    @property
    def readable(self) -> bool:
        """Whether there is a journal at all."""
        return os.access(self._path, os.R_OK)

    @property
    def place(self) -> Place | None:
        """Where the next reading begins: always just behind a whole line."""
        return self._place

    def end_of(self, attempt_id: str) -> HungUp | None:
        """How that call ended, if the journal says so."""
        self.read_on()
        return self._ends.get(attempt_id)

    def known_end(self, attempt_id: str) -> HungUp | None:
        """The same, by what has been read so far."""
        return self._ends.get(attempt_id)

    def read_on(self) -> int:
        """Read what is new; how many ends that were ours."""
        found = 0
        for line in self._lines():
            end = parse(line)
            if isinstance(end, tuple):
                attempt_id, hung_up = end
                self._ends[attempt_id] = hung_up
                self._ends.move_to_end(attempt_id)
                found += 1
            elif end is False:
                self.damaged += 1
        while len(self._ends) > MOST_ENDS:
            self._ends.popitem(last=False)
        return found

    def _lines(self) -> Iterator[bytes]:
        for path, start in self._unread_files():
            yield from self._lines_of(path, start)

    def _unread_files(self) -> list[tuple[Path, Place]]:
        """The files to read and from where, oldest first: the one the saved place is in, those after it, the present one."""
        try:
            present = self._path.stat()
        except FileNotFoundError:
            present = None  # renamed, and not begun anew yet: FreeSWITCH goes on with the old one
        place = self._place
        if place is None:
            first = None if present is None else Place(present.st_ino, max(0, present.st_size - FIRST_LOOK_BYTES))
            return [] if first is None else [(self._path, first)]
        if present is not None and place.inode == present.st_ino:
            # A shorter file than before has been emptied and begun anew.
            return [(self._path, Place(place.inode, place.offset if place.offset <= present.st_size else 0))]
        rotated = _rotated(self._path)
        inodes = [inode for _, inode, _ in rotated]
        begin = inodes.index(place.inode) if place.inode in inodes else len(rotated)
        old = [(path, Place(inode, place.offset if inode == place.inode else 0)) for _, inode, path in rotated[begin:]]
        return old if present is None else [*old, (self._path, Place(present.st_ino, 0))]

    def _lines_of(self, path: Path, begin: Place) -> Iterator[bytes]:
        start = begin.offset
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != begin.inode:
                return  # rotated since we looked; the next reading finds it under its other name
            file.seek(start)
            # From the middle of a file (no saved place) the first line is a piece.
            offset = start if start == 0 or self._place is not None else start + len(file.readline())
            rest = b""
            while chunk := file.read(CHUNK):
                whole, newline, rest = (rest + chunk).rpartition(b"\n")
                if newline:
                    yield from whole.split(b"\n")
                    offset += len(whole) + 1
                elif len(rest) > LONGEST_LINE:
                    # No line of ours is so long: a hole from a crash or another's file. Skip it.
                    self.damaged += 1
                    offset += len(rest)
                    rest = b""
            self._place = Place(inode, offset)


def every_end(path: Path) -> Iterator[tuple[str, HungUp]]:
    """The ends of our calls, from the first rotated file to the last whole line of the present one; lines in no layout of ours
    are passed over. Raises OSError when the journal cannot be read."""
    for file_path in (*(rotated for _, _, rotated in _rotated(path)), path):
        with file_path.open("rb") as file:
            while line := file.readline(LONGEST_LINE):
                end = parse(line[:-1]) if line.endswith(b"\n") else True
                if isinstance(end, tuple):
                    yield end


def _rotated(path: Path) -> list[tuple[float, int, Path]]:
    """The older files of a journal, oldest first: when last written, inode, path."""
    found = []
    for sibling in path.parent.glob(path.name + "*"):
        if sibling == path:
            continue
        try:
            status = sibling.stat()
        except FileNotFoundError:
            continue  # deleted since it was listed
        if stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime, status.st_ino, sibling))
    return sorted(found)


def parse(line: bytes) -> tuple[str, HungUp] | bool:
    """One line → (attempt id, end). True: a whole line that is not about a call of ours. False: not in our layout."""
    fields = line.decode("utf-8", "replace").split(",")
    if fields[0] != MARK.decode() or len(fields) != FIELD_COUNT:
        return not line
    _, attempt_id, _, _, ring, media, answer, bridge, end, cause, _, term, failure, _, word, _, network_ip = fields
    if not attempt_id:
        return True
    ended_at = seconds_of(end)
    if ended_at is None or not cause:
        return False
    answered_at = seconds_of(answer)
    rings = [at for at in (seconds_of(ring), seconds_of(media)) if at is not None]
    connected_at = seconds_of(bridge)
    if connected_at is None and answered_at is not None and word in CONNECTED_WORDS:
        connected_at = answered_at
    call_end = CallEnd(cause=cause, sip_status=status_of(term), replied=bool(network_ip), rang=bool(rings))
    return attempt_id, HungUp(
        at=ended_at,
        outcome=outcome_of(call_end) if answered_at is None else Outcome.ANSWERED,
        cause=cause,
        sip_status=status_of(term) or status_of(failure),
        answered_at=answered_at,
        ringing_at=min(rings, default=None),
        connected_at=connected_at,
        connect_failed=word if answered_at is not None and word in (*FAILED_WORDS, *TREATED_WORDS) else None,
        opted_out=word == OPTED_OUT_WORD,
    )
