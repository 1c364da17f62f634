"""Where a call's audio is read from: a recording that grows in memory, or datagrams. Neither ever waits.

A recording's name is removed as soon as the file is open: what is left of it goes with the last who has it open, whatever dies
first. What has been read is given back to the memory in pieces, so that a long call holds no more than a short one.
"""

from __future__ import annotations

import ctypes
import os
import socket
from contextlib import suppress
from pathlib import Path

READ_BYTES = 8 * 1024
"""Half a second: a reader that was held up catches up within a few turns."""
GIVE_BACK_BYTES = 64 * 1024
SOCKET_BYTES = 4 * 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True)
_KEEP_SIZE, _PUNCH_HOLE = 1, 2


class Recording:
    """A file of 16-bit samples to which FreeSWITCH appends. OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR)
            self._ours = True
        except PermissionError:  # FreeSWITCH under another user: what was read stays until the recording ends
            self._file = os.open(path, os.O_RDONLY)
            self._ours = False
        self.read_bytes = 0
        self._given_back = 0
        with suppress(OSError):  # swept at the next start
            path.unlink()

    def read(self) -> bytes:
        """What has come since the last time."""
        data = os.pread(self._file, READ_BYTES, self.read_bytes)
        self.read_bytes += len(data)
        if self._ours and self.read_bytes - self._given_back >= GIVE_BACK_BYTES:
            length = self.read_bytes - self._given_back
            give_back = _libc.fallocate(
                self._file, _KEEP_SIZE | _PUNCH_HOLE, ctypes.c_long(self._given_back), ctypes.c_long(length)
            )
            self._ours = give_back == 0  # not every file system can
            self._given_back = self.read_bytes
        return data

    def close(self) -> None:
        os.close(self._file)


class Datagrams:
    """One UDP socket for the audio of all calls; which call, says the port at FreeSWITCH that it comes from."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self._calls: dict[int, _Stream] = {}

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def open(self, port: int) -> _Stream:
        """The audio that comes from ``port`` from now on."""
        stream = self._calls[port] = _Stream(self, port)
        return stream

    def collect(self) -> None:
        """Take in what has arrived; what belongs to no call is dropped."""
        while True:
            try:
                data, (_, port) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            stream = self._calls.get(port)
            if stream is not None:
                stream.waiting += data

    def forget(self, port: int) -> None:
        self._calls.pop(port, None)


class _Stream:
    """One call's datagrams."""

    def __init__(self, owner: Datagrams, port: int) -> None:
        self.waiting = b""
        self.read_bytes = 0
        self._owner = owner
        self._port = port

    def read(self) -> bytes:
        data, self.waiting = self.waiting, b""
        self.read_bytes += len(data)
        return data

    def close(self) -> None:
        self._owner.forget(self._port)
