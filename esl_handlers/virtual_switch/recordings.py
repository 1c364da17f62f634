"""``uuid_record``: what the far end says, written to a file as time goes by, as FreeSWITCH does without buffering.

Read-only recordings of headerless samples (``.r8``) alone: those that detection listens to. Of a talk's recording (``.wav``)
no file is written, because nobody speaks; but that it runs is known.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from esl_handlers.virtual_switch.voice import RATE, SILENT

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

WRITE_SECONDS = 0.06
"""FreeSWITCH writes every 20 ms; three times that keeps many calls cheap."""
SUFFIX = ".r8"


class Recording:
    """From now until ``stop``, the limit (0 = none) or the channel's end. OSError when the file cannot be made."""

    def __init__(self, channel: Channel, path: Path, limit_seconds: float) -> None:
        self._channel = channel
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._first = self._written = self._answer_samples()
        self._last = self._first + round(limit_seconds * RATE) if limit_seconds else None
        channel.recordings[str(path)] = self
        channel.on_gone.append(lambda _: self.stop())
        self._write_later()

    def stop(self) -> None:
        """Twice is harmless."""
        self._channel.recordings.pop(str(self._path), None)
        self._file.close()

    def _write_later(self) -> None:
        self._channel.core.timeline.after(WRITE_SECONDS, self._write)

    def _write(self) -> None:
        if self._file.closed:
            return
        until = self._answer_samples()
        until = until if self._last is None else min(until, self._last)
        voice = self._channel.voice or SILENT
        with suppress(OSError):  # the disk is full: a recording has a gap then, and the call goes on
            self._file.write(voice.pcm(self._written, until - self._written))
        self._written = until
        if until == self._last:
            self.stop()
        else:
            self._write_later()

    def _answer_samples(self) -> int:
        """How far the call has got since its answer."""
        return (self._channel.core.now_us() - self._channel.answered) * RATE // 1_000_000


TALK_SUFFIX = ".wav"


def _record_talk(channel: Channel, action: str, path: str) -> bool:
    """Whether a talk's recording can be started, stopped, masked or unmasked now; if so, it is."""
    if (path in channel.talk_recordings) is (action == "start") or not channel.answered:
        return False
    if action == "start":
        channel.talk_recordings.add(path)
    elif action == "stop":
        channel.talk_recordings.discard(path)
    return True


def record(channel: Channel, words: list[str]) -> str:
    """``uuid_record <uuid> start|stop|mask|unmask <path> [<limit> [<variables>]]``."""
    if len(words) < 2 or words[0] not in ("start", "stop", "mask", "unmask"):
        return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
    path = words[1]
    if path.endswith(TALK_SUFFIX):
        done = _record_talk(channel, words[0], path)
        return "+OK Success\n" if done else f"-ERR Cannot {'record' if words[0] == 'start' else words[0]} record session!\n"
    if words[0] in ("mask", "unmask"):
        return f"-ERR Cannot {words[0]} recording session!\n"
    if words[0] == "stop":
        running = channel.recordings.get(path)
        if running is None:
            return "-ERR Cannot stop record session!\n"
        running.stop()
        return "+OK Success\n"
    if not path.endswith(SUFFIX) or not channel.answered or path in channel.recordings:
        return "-ERR Cannot record session!\n"
    limit = float(words[2]) if len(words) > 2 and words[2].isdigit() else 0.0
    try:
        Recording(channel, Path(path), limit)
    except OSError:
        return "-ERR Cannot record session!\n"
    return "+OK Success\n"
