"""What a log line shows and hides, and that a log nobody reads holds up no call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from controller.logs import LineWriter, json_line, mask_numbers, text_line

CALL = "12345678-0000-4000-8000-123456789012"


def masked(**fields: object) -> dict[str, object]:
    return dict(mask_numbers(None, "info", fields))


def run_logging(body: str, *, patched: bool = False, **logging_keys: object) -> list[str]:
    """Lines written by a process of its own that configures logging and then does ``body``."""
    first = "from gevent import monkey; monkey.patch_all()\n" if patched else ""
    code = (
        f"{first}from controller.config import Logging\nfrom controller import logs\nimport structlog\n"
        f"writer = logs.configure(Logging(**{logging_keys!r}))\n{body}\nwriter.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_numbers_are_masked_by_field_name_and_by_look():
    """Nobody who reads the log learns a number: not from its field, not from a sentence, not from a nested value."""
    line = masked(
        event="dialling 919888888888 now",
        phone=919888888888,
        caller_id="+911140001000",
        detail={"to": "sip:+919888888888@10.0.0.5", "numbers": [919888888888]},
    )
    assert "9888888" not in json.dumps(line)
    assert "1140001" not in json.dumps(line)
    assert line["phone"] == "91*******888"


def test_identities_are_left_alone():
    """A call is found by its id and a lead by its number in the table, even where these look like phone numbers."""
    line = masked(call=CALL, event=f"call {CALL} ended", lead=12345678, run=7, seconds=1763717446.25)
    assert line == {
        "call": CALL,
        "event": f"call {CALL} ended",
        "lead": 12345678,
        "run": 7,
        "seconds": 1763717446.25,
    }


def test_a_change_of_state_is_one_line():
    """What changed, from, to and why, with what the process says of itself in every line."""
    (line,) = run_logging(
        "logs.bind(node='n1')\nlogs.changed('run', 7, 'active', 'closing', 'window closed', phone=919888888888)"
    )
    fields = json.loads(line)
    assert fields.pop("timestamp").endswith("Z")
    assert fields == {
        "node": "n1",
        "level": "info",
        "event": "run closing",
        "run": 7,
        "from": "active",
        "to": "closing",
        "reason": "window closed",
        "phone": "91*******888",
    }


def test_numbers_are_shown_where_the_owner_asked_for_it():
    """``logging.show_numbers`` writes them in full."""
    (line,) = run_logging("structlog.get_logger().info('dialled', phone=919888888888)", show_numbers=True)
    assert json.loads(line)["phone"] == 919888888888


def test_the_level_leaves_out_what_is_below_it():
    """At ``warning`` the changes of state are not written; libraries' warnings are, in the same form."""
    lines = run_logging(
        "logs.changed('call', 'a', 'ringing', 'answered', '')\nimport logging\nlogging.getLogger('rq').warning('slow')",
        level="warning",
    )
    assert [(json.loads(line)["event"], json.loads(line)["logger"]) for line in lines] == [("slow", "rq")]


def test_an_error_shows_where_it_happened():
    """A failure's traceback is in its line, numbers in it masked."""
    (line,) = run_logging(
        "try:\n    raise ValueError('no route to 919888888888')\n"
        "except ValueError:\n    structlog.get_logger().exception('failed')"
    )
    assert "ValueError: no route to 91*******888" in json.loads(line)["exception"]


def test_text_cannot_be_forged_by_a_value():
    """A value with line breaks stays inside its own line."""
    line = text_line(None, "info", {"timestamp": "T", "level": "info", "event": "import", "name": "a\nT error b"})
    assert line == b'T info    import name="a\\nT error b"\n'


@pytest.mark.parametrize("value", [2**70, "\ud800", {1: 2}, object])
def test_no_value_can_break_the_line(value):
    """Whatever is logged, logging it does not raise in the middle of a call."""
    assert json.loads(json_line(None, "info", {"event": "x", "value": value}))["event"] == "x"


def test_a_log_nobody_reads_stops_nothing_and_says_what_it_lost():
    """With a full pipe, lines beyond the queue are dropped at once; when reading resumes the loss is told."""
    reader, fd = os.pipe()
    writer = LineWriter(fd, limit=50, dropped_line=lambda count: b"dropped %d\n" % count)
    line = b"x" * 4095 + b"\n"
    for _ in range(200):
        writer.put(line)
    assert writer.dropped >= 200 - 50 - 64 // 4 - 1  # the pipe itself holds 64 kB
    chunks: list[bytes] = []

    def read_all() -> None:
        while more := os.read(reader, 65536):
            chunks.append(more)

    reading = threading.Thread(target=read_all)
    reading.start()
    writer.close(seconds=30.0)
    os.close(fd)
    reading.join(30.0)
    os.close(reader)
    text = b"".join(chunks)
    told = [int(part.split()[0]) for part in text.split(b"dropped ")[1:]]
    assert sum(told) == writer.dropped
    assert text.count(b"x\n") + writer.dropped == 200


def test_the_loop_turns_while_the_log_is_blocked():
    """In the patched controller a stderr that nobody reads does not stop other greenlets."""
    code = (
        "from gevent import monkey; monkey.patch_all()\nimport gevent\n"
        "from controller.config import Logging\nfrom controller import logs\n"
        "writer = logs.configure(Logging())\n"
        "turns = []\nticker = gevent.spawn(lambda: [turns.append(gevent.sleep(0.001)) for _ in range(50)])\n"
        "for i in range(3000):\n    logs.changed('call', i, 'a', 'b', 'c' * 100)\n    gevent.sleep(0)\n"
        "ticker.join()\nprint(len(turns), flush=True)\nimport os; os._exit(0)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"50"  # its stderr (300 kB) has not been read
    finally:
        process.kill()
        process.communicate()


def test_a_forked_job_writes_its_own_lines_and_not_its_parents():
    """rq's work horse is a fork: its lines appear once, and so do those that waited in the parent."""
    lines = run_logging(
        "import os\nlog = structlog.get_logger()\nlog.info('parent')\npid = os.fork()\n"
        "if pid == 0:\n    log.info('child')\n    os._exit(0)\nos.waitpid(pid, 0)"
    )
    assert sorted(json.loads(line)["event"] for line in lines) == ["child", "parent"]


def test_lines_of_a_closed_log_are_still_written():
    """What the last steps of stopping say is not lost."""
    reader, fd = os.pipe()
    writer = LineWriter(fd)
    writer.put(b"one\n")
    writer.close()
    writer.put(b"two\n")
    assert os.read(reader, 100) == b"one\ntwo\n"
    os.close(fd)
    os.close(reader)
