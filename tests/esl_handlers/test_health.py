"""The stall watchdog, in processes of its own: patched by gevent as the controller is, and not."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

STALL = """
    import sys
    if sys.argv[1] == "patched":
        from gevent import monkey
        monkey.patch_all()
    import gevent
    from gevent import monkey, socket
    from esl_handlers.health import StallWatchdog

    near, far = socket.socketpair()
    other_near, other_far = socket.socketpair()
    alarms = []
    watchdog = StallWatchdog(1.0, alarms.append)
    watchdog.start()
    watchdog.watch(other_near.fileno())
    watchdog.watch(near.fileno())
    gevent.sleep(0.6)
    print("calm", watchdog.stalls, alarms)

    # The loop stands still, as under a call that blocks, until the other end sees the link go.
    native = monkey.get_original("socket", "socket")(fileno=far.detach())
    native.setblocking(True)
    print("far end read", native.recv(10))
    monkey.get_original("time", "sleep")(0.3)
    print("stalled", watchdog.stalls, len(alarms), alarms[0] >= 1.0)

    gevent.sleep(0.5)
    print("again calm", watchdog.stalls)
    other_near.sendall(b"alive")
    print("other link", other_far.recv(10))
    watchdog.unwatch()
    monkey.get_original("time", "sleep")(1.6)
    print("nothing watched", watchdog.stalls)
    watchdog.stop()
    watchdog.stop()
"""


@pytest.mark.parametrize("how", ["patched", "plain"])
def test_a_stalled_loop_loses_its_event_link(how: str) -> None:
    """FreeSWITCH sees our socket close while our loop still stands; an idle loop is no stall; each stall counts once."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(STALL), how]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "calm 0 []",
        "far end read b''",
        "stalled 1 1 True",
        "again calm 1",
        "other link b'alive'",
        "nothing watched 2",
    ]


WHOLE = """
    import time
    from gevent import monkey
    monkey.patch_all()
    import gevent
    from esl_handlers import links
    from esl_handlers.switch import FreeSwitch
    from tests.esl_handlers.test_switch import Desk, RealClock, Scripted, eventually, peer

    links.WATCH_SECONDS = links.FIRST_PAUSE_SECONDS = 0.02
    scripted = Scripted()
    with peer(scripted) as server:
        address = server.address
        switch = FreeSwitch(address.host, address.port, address.password, RealClock(), stall_seconds=1.0)
        desk = Desk()
        switch.start(desk)
        assert switch.wait_ready(30.0)
        monkey.get_original("time", "sleep")(2.0)
        assert eventually(lambda: len(desk.links) == 2)
        assert eventually(lambda: switch.ready)
        print(desk.links, switch.health()["stalls"])
        switch.stop()
"""


def test_after_a_stall_the_link_comes_back() -> None:
    """The controller goes on: link lost, link restored, calls asked for."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(WHOLE)],
        timeout=90,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['lost', 'restored, same core True'] 1"
    assert "stands still" in done.stderr
