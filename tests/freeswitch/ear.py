"""What a person hears: the far end's RTP, looked at for sound.

A socket in the place of the phone's audio. Every packet that is not silence leaves its time; who spoke is not known.
"""

from __future__ import annotations

import socket
import time
from threading import Thread

from tests.freeswitch.ports import HOST

RTP_HEADER_BYTES = 12
SILENCE = frozenset(b"\xd5\x55")
"""A-law's two smallest samples."""
LOUD_SAMPLES = 40
"""A quarter of a packet of 20 ms."""


class Ear:
    """Listens on ``port`` until ``close``. heard: when sound came, UTC epoch seconds."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.2)
        self.port = int(self._socket.getsockname()[1])
        self.heard: list[float] = []
        self._open = True
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while self._open:
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                continue
            if sum(sample not in SILENCE for sample in packet[RTP_HEADER_BYTES:]) >= LOUD_SAMPLES:
                self.heard.append(time.time())

    def first_after(self, moment: float) -> float | None:
        """When sound came first at or after ``moment``."""
        return next((at for at in self.heard if at >= moment), None)

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()
