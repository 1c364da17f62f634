"""``uuid_record`` on the virtual switch: the far end's audio in a file, while the call goes on."""

from __future__ import annotations

import time
from pathlib import Path

from tests.esl_handlers.virtual_switch.running import EVERYBODY_ANSWERS, running_switch

A = "aaaaaaaa-0000-4000-8000-000000000001"


def grows_to(path: Path, size: int) -> int:
    deadline = time.monotonic() + 30.0
    while path.stat().st_size < size and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.stat().st_size


def test_a_recording_grows_until_it_is_stopped(tmp_path: Path) -> None:
    """16 000 bytes a second, and not one more after the stop; a second start of the same file is refused."""
    path = tmp_path / "a.r8"
    with running_switch(tmp_path, EVERYBODY_ANSWERS) as switch:
        client = switch.client("CHANNEL_ANSWER")
        client.originate(A, "9", "trunkline-wait XML trunkline")
        client.events_until("CHANNEL_ANSWER")
        assert client.api(f"uuid_record {A} start {path} 60 {{RECORD_READ_ONLY=true}}") == "+OK Success\n"
        assert client.api(f"uuid_record {A} start {path}").startswith("-ERR")
        assert grows_to(path, 3200) >= 3200
        assert client.api(f"uuid_record {A} stop {path}") == "+OK Success\n"
        size = path.stat().st_size
        time.sleep(0.2)
        assert path.stat().st_size == size
        assert client.api(f"uuid_record {A} stop {path}").startswith("-ERR")
        client.close()


def test_a_recording_ends_at_its_limit(tmp_path: Path) -> None:
    """To the byte."""
    path = tmp_path / "a.r8"
    with running_switch(tmp_path, EVERYBODY_ANSWERS) as switch:
        client = switch.client("CHANNEL_ANSWER")
        client.originate(A, "9", "trunkline-wait XML trunkline")
        client.events_until("CHANNEL_ANSWER")
        client.api(f"uuid_record {A} start {path} 1")
        assert grows_to(path, 16_000) == 16_000
        time.sleep(0.2)
        assert path.stat().st_size == 16_000
        client.close()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """The recording is refused, the call unharmed; so is one before the answer or of another format."""
    with running_switch(tmp_path, EVERYBODY_ANSWERS) as switch:
        client = switch.client("CHANNEL_ANSWER")
        client.originate(A, "9", "trunkline-wait XML trunkline")
        client.events_until("CHANNEL_ANSWER")
        for path in (tmp_path / "none" / "a.r8", tmp_path / "a.mp3"):
            assert client.api(f"uuid_record {A} start {path}").startswith("-ERR")
        assert client.api(f"uuid_exists {A}") == "true"
        client.close()
