"""Keeps the first seconds of calls for review, and forgets them when their time is over.

A file is named by its attempt alone, so that no number stands on the disk; what was decided lies in the attempt's record. It
is written by a thread of its own: a slow disk must not keep the ear waiting. A full disk loses samples, nothing else.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import wave
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread

WAITING_FILES = 200
LEAST_FREE_BYTES = 512 * 1024 * 1024
SWEEP_SECONDS = 3600.0
DAY_SECONDS = 86_400.0


class KeptAudio:
    """folder: made when the first sample comes. days: files older than this are removed, hourly; 0 = never."""

    def __init__(self, folder: Path, days: float) -> None:
        self.lost = 0
        self._folder = folder
        self._days = days
        self._waiting: Queue[tuple[str, bytes] | None] = Queue(WAITING_FILES)
        self._thread = Thread(target=self._write, name="kept-audio", daemon=True)
        self._thread.start()

    def keep(self, name: str, pcm: bytes) -> None:
        """16-bit samples at 8 kHz → ``<folder>/<name>.wav``, soon."""
        try:
            self._waiting.put_nowait((name, pcm))
        except Full:
            self.lost += 1

    def close(self) -> None:
        """Write what waits."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        sweep_at = 0.0
        while True:
            if time.monotonic() >= sweep_at:
                sweep_at = time.monotonic() + SWEEP_SECONDS
                sweep(self._folder, self._days, time.time())
            try:
                item = self._waiting.get(timeout=SWEEP_SECONDS)
            except Empty:
                continue
            if item is None:
                return
            try:
                self._write_one(*item)
            except OSError as error:
                self.lost += 1
                print(f"audio for review not kept: {error}", file=sys.stderr, flush=True)

    def _write_one(self, name: str, pcm: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self._folder).free < LEAST_FREE_BYTES:
            raise OSError(f"less than {LEAST_FREE_BYTES >> 20} MiB free at {self._folder}")
        path = self._folder / f"{name}.wav"
        part = path.with_suffix(".part")
        with part.open("wb") as file, wave.open(file, "wb") as audio:
            audio.setnchannels(1)
            audio.setsampwidth(2)
            audio.setframerate(8000)
            audio.writeframes(pcm)
        os.replace(part, path)


def sweep(folder: Path, days: float, now: float) -> int:
    """Remove samples older than ``days`` (0 = none). How many. now: UTC epoch seconds."""
    if not days or not folder.is_dir():
        return 0
    removed = 0
    for path in (*folder.glob("*.wav"), *folder.glob("*.part")):
        try:
            if path.stat().st_mtime < now - days * DAY_SECONDS:
                path.unlink()
                removed += 1
        except FileNotFoundError:  # the review removed it meanwhile
            continue
    return removed
