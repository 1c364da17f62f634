"""The far end with a voice: starts ``callee.py`` on a port of its own and reads what it heard."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.freeswitch.harness import REPOSITORY
from tests.freeswitch.ports import free_port, udp_taken
from tests.freeswitch.process import Child

Samples = npt.NDArray[np.float64]


class FarAudio:
    """scripts: as told at the head of ``callee.py``; an ``audio`` of bytes (16-bit samples at 8 kHz) is put into a file."""

    def __init__(self, folder: Path, scripts: Sequence[Mapping[str, Any]]) -> None:
        self.port = free_port()
        self._folder = folder
        listed = []
        for place, script in enumerate(scripts):
            sound = script.get("audio", "")
            if isinstance(sound, bytes):
                (folder / f"sound-{place}.raw").write_bytes(sound)
                sound = str(folder / f"sound-{place}.raw")
            listed.append({**script, "audio": sound})
        (folder / "scripts.json").write_text(json.dumps(listed), encoding="utf-8")
        command = [sys.executable, "-m", "tests.freeswitch.callee", str(self.port), str(folder / "scripts.json"), str(folder)]
        self._child = Child("callee", command, folder, {**os.environ, "PYTHONPATH": str(REPOSITORY)})
        deadline = time.monotonic() + 20.0
        while not udp_taken(self.port):
            if not self._child.alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the callee did not start: {self._child.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._child.stop()

    def cpu_seconds(self) -> float:
        return self._child.cpu_seconds()

    def moments(self, what: str) -> dict[str, float]:
        """number → when it ``answered``, ``spoke`` or ``ended``, UTC epoch seconds; of several calls the last."""
        file = self._folder / "calls.jsonl"
        if not file.exists():
            return {}
        events = [
            json.loads(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
        ]
        return {event["number"]: event["at"] for event in events if event["what"] == what}

    def heard(self, number: str) -> Samples:
        """What the far end heard from its answer on, once the call has ended: 8 000 samples a second."""
        return np.frombuffer((self._folder / f"{number}.raw").read_bytes(), dtype="<i2").astype(np.float64)


def found_in(heard: Samples, sound: Samples) -> tuple[int, float]:
    """Where ``sound`` begins in what was heard, in samples, and how alike the two are there, 1.0 = the same."""
    size = 1 << (len(heard) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)[
        : max(1, len(heard) - len(sound) + 1)
    ]
    at = int(np.argmax(product))
    piece = heard[at : at + len(sound)]
    norm = float(np.linalg.norm(piece) * np.linalg.norm(sound[: len(piece)]))
    return at, float(product[at]) / norm if norm else 0.0
