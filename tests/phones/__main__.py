"""Telephones in a process of their own: people behind a carrier, and agents' phones.

    python -m tests.phones --talk-seconds 5

Prints its SIP port, and lives until it is terminated. Users named ``agent…`` and numbers that begin with 555 answer and stay;
everybody else answers and hangs up after ``--talk-seconds``.
"""

from __future__ import annotations

import argparse
import signal
import threading

from tests.phones.phone import Manner, Switchboard


def main() -> int:
    read = argparse.ArgumentParser()
    read.add_argument("--talk-seconds", type=float, default=5.0)
    talk_seconds = read.parse_args().talk_seconds
    stays, leaves = Manner(hertz=700), Manner(hertz=440, talk_seconds=talk_seconds)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with Switchboard(lambda user: stays if user.startswith(("agent", "555")) else leaves, remembers=False) as phones:
        print(phones.port, flush=True)
        over.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
