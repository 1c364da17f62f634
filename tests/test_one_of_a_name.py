"""A controller that is started twice on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.errors import Refused
from controller.one_of_a_name import one_of_a_name

HOLDER = """
import sys, time
from pathlib import Path
from controller.one_of_a_name import one_of_a_name
with one_of_a_name("dial-1", Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_of_a_name_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """The refusal says whose the name is; a kill frees it at once, and other names are free."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(Refused, match=rf"'dial-1' runs already, process {first.pid};"), one_of_a_name("dial-1", tmp_path):
            pass
        with one_of_a_name("dial-2", tmp_path):
            first.send_signal(signal.SIGKILL)
            first.wait()
    with one_of_a_name("dial-1", tmp_path):
        assert (tmp_path / "dial-1.lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """It is named, with what is needed."""
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match=r"file/dial-1\.lock: cannot be opened"), one_of_a_name("dial-1", tmp_path / "file"):
        pass
