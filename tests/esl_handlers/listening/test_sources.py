"""Where audio comes from: files that grow, datagrams, and what is kept of them."""

from __future__ import annotations

import os
import socket
import time
import wave
from pathlib import Path

import pytest

from esl_handlers.listening.kept_audio import KeptAudio, sweep
from esl_handlers.listening.sources import GIVE_BACK_BYTES, READ_BYTES, Datagrams, Recording


def test_a_recording_is_read_as_it_grows(tmp_path: Path) -> None:
    """Every byte once; the name is gone at once, so that nothing is left whoever dies."""
    path = tmp_path / "a.r8"
    with path.open("wb", buffering=0) as writer:
        source = Recording(path)
        assert not path.exists()
        assert source.read() == b""
        writer.write(b"12")
        assert source.read() == b"12"
        writer.write(b"345")
        assert source.read() == b"345"
        assert source.read_bytes == 5
        source.close()


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    """FreeSWITCH did not write what it said it would."""
    with pytest.raises(FileNotFoundError):
        Recording(tmp_path / "none.r8")


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no folder in memory on this machine")
def test_what_was_read_is_given_back() -> None:
    """A call that lasts long takes no more memory than a short one, and not a byte is lost for that."""
    path = Path(f"/dev/shm/trunkline-test-{os.getpid()}.r8")
    with path.open("wb", buffering=0) as writer:
        source = Recording(path)
        sent = os.urandom(10 * GIVE_BACK_BYTES)
        got = b""
        for place in range(0, len(sent), READ_BYTES):
            writer.write(sent[place : place + READ_BYTES])
            got += source.read()
        assert got == sent
        held = os.fstat(writer.fileno()).st_blocks * 512
        source.close()
    assert held <= 2 * GIVE_BACK_BYTES


def test_datagrams_go_to_their_call() -> None:
    """The port they come from tells; a stranger's are dropped, and so are those of a call that has ended."""
    datagrams = Datagrams()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for sender in (ours, other):
            sender.bind(("127.0.0.1", 0))
        stream = datagrams.open(ours.getsockname()[1])
        for sender, data in ((ours, b"1"), (other, b"x"), (ours, b"2")):
            sender.sendto(data, ("127.0.0.1", datagrams.port))
        got = b""
        deadline = time.monotonic() + 10.0
        while got != b"12" and time.monotonic() < deadline:
            datagrams.collect()
            got += stream.read()
        assert got == b"12"
        stream.close()
        ours.sendto(b"3", ("127.0.0.1", datagrams.port))
        datagrams.collect()
        assert stream.read() == b""
    datagrams.socket.close()


def test_audio_is_kept_under_the_attempts_name(tmp_path: Path) -> None:
    """A WAV file that any player opens, whole or not there."""
    kept = KeptAudio(tmp_path / "evidence", 30.0)
    kept.keep("4711", bytes(16_000))
    kept.close()
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == ["4711.wav"]
    with wave.open(str(tmp_path / "evidence" / "4711.wav")) as audio:
        assert (audio.getnchannels(), audio.getsampwidth(), audio.getframerate(), audio.getnframes()) == (1, 2, 8000, 8000)


def test_a_place_that_takes_no_files(tmp_path: Path) -> None:
    """A sample is lost and counted; nothing else happens."""
    (tmp_path / "evidence").write_text("in the way")
    kept = KeptAudio(tmp_path / "evidence", 30.0)
    kept.keep("4711", bytes(160))
    kept.close()
    assert kept.lost == 1


def test_samples_are_forgotten_in_time(tmp_path: Path) -> None:
    """Older than the days that are set, and not before; for 0 never."""
    for name, age in (("old", 31), ("new", 29)):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(b"")
        os.utime(path, (1e9 - age * 86_400, 1e9 - age * 86_400))
    assert sweep(tmp_path, 0.0, 1e9) == 0
    assert sweep(tmp_path, 30.0, 1e9) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["new.wav"]
