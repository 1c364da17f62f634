"""``python -m esl_handlers.virtual_switch``: a FreeSWITCH with people at the other end, for demos, tests and benchmarks.

    python -m esl_handlers.virtual_switch --port 8021 --people people.toml --ledger ledger.csv

The people file is described in ``people_file.py``, the ledger in ``ledger.py``, faults in ``control.py``. ``--port 0``
takes a free port; the line ``listening HOST PORT`` on stdout says which, once connections are accepted. SIGTERM and
SIGINT end it; kill -9 loses nothing that the ledger or the journal should hold.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

import gevent
from gevent.event import Event

from controller.errors import BadFile
from esl_handlers.virtual_switch.control import Operator
from esl_handlers.virtual_switch.core import Core
from esl_handlers.virtual_switch.faults import Faults
from esl_handlers.virtual_switch.journal import Journal
from esl_handlers.virtual_switch.ledger import Ledger
from esl_handlers.virtual_switch.people_file import read_people
from esl_handlers.virtual_switch.server import Server


def read_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m esl_handlers.virtual_switch", description="A virtual FreeSWITCH.")
    parser.add_argument("--port", type=int, required=True, help="ESL port; 0 = a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--password", default="ClueCon", help="ESL password (default ClueCon)")
    parser.add_argument("--people", type=Path, required=True, help="people file: who answers")
    parser.add_argument("--ledger", type=Path, required=True, help="CSV of every call that left")
    parser.add_argument("--journal", type=Path, help="CDR journal, as mod_cdr_csv writes it")
    parser.add_argument("--faults", type=Path, help="faults file: what goes wrong and when")
    parser.add_argument("--seed", type=int, help="overrides the people file's seed")
    parser.add_argument("--sps", type=int, default=1000, help="sessions per second (default 1000)")
    parser.add_argument("--max-sessions", type=int, default=20_000, help="legs at once (default 20000)")
    parser.add_argument("--heartbeat", type=float, default=2.0, help="seconds between HEARTBEATs (default 2)")
    parser.add_argument("--event-queue", type=int, default=100_000, help="events a listener may be behind (default 100000)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop. 1 when a file is wrong."""
    given = read_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s virtual_switch %(message)s", stream=sys.stderr)
    try:
        people = read_people(given.people)
        if given.seed is not None:
            people.seed = given.seed
        journal = Journal(given.journal) if given.journal else None
        core = Core(people, Ledger(given.ledger), journal, given.sps, given.max_sessions, given.heartbeat)
        faults = Faults(people.seed)
        server = Server(core, faults, given.host, given.port, given.password, given.event_queue)
        operator = Operator(core, server, faults)
        if given.faults:
            operator.schedule(given.faults)
    except (BadFile, OSError) as error:
        print(f"virtual switch: {error}", file=sys.stderr)
        return 1
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    gevent.signal_handler(signal.SIGHUP, operator.rotate)

    core.timeline.after(given.heartbeat, core.heartbeat)
    calls = gevent.spawn(core.timeline.run)
    calls.link_exception(lambda _: stop.set())
    print(f"listening {given.host} {server.port}", flush=True)
    stop.wait()
    server.stop()
    if calls.dead:
        calls.get()
    calls.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
