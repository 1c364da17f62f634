"""The floor of a chaos run: Redis, database, one or two nodes (a virtual switch with its controller beside it), a worker."""

from __future__ import annotations

import csv
import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from controller.demo.audit import FarCall, read_ledger
from tests.chaos.processes import Agenda, Process
from tests.chaos.stores import DatabaseStore, PostgresStore, RedisStore, SqliteStore
from tests.freeswitch.esl import Link
from tests.servers import free_port

REPOSITORY = Path(__file__).parents[2]
SLOT_LEASE_SECONDS = 10.0
"""Longer than a killed controller is away, its start included."""
SETTINGS = {
    "DIALLING__SLOT_LEASE_SECONDS": SLOT_LEASE_SECONDS,
    "DIALLING__LEAD_LEASE_SECONDS": 8,
    "DIALLING__HOPPER_SECONDS": 2,
    "DIALLING__DRAIN_SECONDS": 4,
    "DIALLING__NUMBER_BUSY_SECONDS": 2,
    "FREESWITCH__HEARTBEAT_SECONDS": 6,
    "FREESWITCH__REPLY_SECONDS": 2,
    "WORKER__BEAT_SECONDS": 0.5,
    "METRICS__PORT": 0,
}
"""In a hurry, so that a run sees in minutes what a site sees in hours."""
API_SECONDS = 5.0
ANSWER_FIELD, BRIDGE_FIELD, END_FIELD = 6, 7, 8
"""Places in a line of the journal."""


@dataclass(frozen=True)
class Node:
    """A controller and its switch."""

    name: str
    port: int
    switch: Process
    controller: Process
    ledger: Path
    journal: Path

    def rotate_journal(self) -> bool:
        """Give the journal another name, as logrotate does; False when there is none just now."""
        try:
            self.journal.rename(self.journal.with_name(f"{self.journal.name}.{time.time_ns()}"))
        except FileNotFoundError:
            return False
        return True

    def virtual(self, words: str) -> bool:
        """Give the switch a ``virtual`` command; False when it is down itself."""
        try:
            link = Link(self.port, timeout=API_SECONDS)
        except OSError:
            return False
        try:
            reply = link.api(f"virtual {words}")
        except OSError:
            return False
        finally:
            link.close()
        if not reply.startswith("+OK"):
            raise ValueError(f"virtual {words}: {reply}")
        return True


class Floor:
    """folder: the run's own. people: text of the people file."""

    def __init__(self, folder: Path, people: str, nodes: int, postgres: bool) -> None:
        self.agenda = Agenda()
        self.folder = folder
        (folder / "people.toml").write_text(people, encoding="utf-8")
        self.redis = RedisStore(folder)
        self.database: DatabaseStore = PostgresStore(folder) if postgres else SqliteStore(folder)
        self.nodes = [self._node(f"node{number}") for number in range(1, nodes + 1)]
        self.worker = self._ours("worker", "worker", {"NODE": "workers"})
        self.switch_restarts: dict[str, list[float]] = {node.name: [] for node in self.nodes}

    @property
    def processes(self) -> list[Process]:
        """In the order in which they are ended."""
        found = [node.controller for node in self.nodes]
        found += [self.worker]
        found += [node.switch for node in self.nodes]
        found += [self.redis.process]
        if self.database.process is not None:
            found.append(self.database.process)
        return found

    def _node(self, name: str) -> Node:
        port = free_port()
        ledger, journal = self.folder / f"{name}_ledger.csv", self.folder / f"{name}_journal.csv"
        command = [sys.executable, "-m", "esl_handlers.virtual_switch", "--port", str(port)]
        command += ["--people", str(self.folder / "people.toml"), "--ledger", str(ledger), "--journal", str(journal)]
        switch = Process(f"{name}_switch", command, self.folder, {"PYTHONPATH": str(REPOSITORY)})
        settings = {"NODE": name, "FREESWITCH__HOST": "127.0.0.1", "FREESWITCH__PORT": port, "FREESWITCH__CDR_JOURNAL": journal}
        controller = self._ours(f"{name}_controller", "controller", settings)
        return Node(name, port, switch, controller, ledger, journal)

    def _ours(self, name: str, verb: str, settings: dict[str, object]) -> Process:
        stores = {"DATA_DIR": self.folder, "DATABASE__URL": self.database.url, "REDIS__URL": self.redis.url}
        environment = {f"TRUNKLINE_{key}": str(value) for key, value in {**SETTINGS, **stores, **settings}.items()}
        return Process(
            name, [sys.executable, "-m", "controller", verb], self.folder, {**environment, "PYTHONPATH": str(REPOSITORY)}
        )

    def watch(self) -> None:
        """One look: what is due on the agenda, and who must be started."""
        self.agenda.run_due()
        for process in self.processes:
            process.watch()

    def mend(self) -> None:
        """No fault is left in force."""
        deadline = time.monotonic() + 60.0
        while len(self.agenda) or not all(process.up for process in self.processes):
            self.watch()
            time.sleep(0.1)
            if time.monotonic() > deadline:
                raise RuntimeError("the floor does not come up again after its last fault")
        for node in self.nodes:
            while not all(node.virtual(words) for words in ("fault clear", "fault sps limit=1000")):
                time.sleep(0.1)
                self.watch()

    def stop(self) -> None:
        for process in self.processes:
            process.stop(15.0)

    def launches(self) -> dict[str, float]:
        """Attempt → when its command left its controller."""
        found: dict[str, float] = {}
        for node in self.nodes:
            found |= _launches(self.folder / "log" / f"{node.controller.name}.log")
        return found

    def far_calls(self) -> list[FarCall]:
        """Every call as the far end saw it: from the ledgers; when each ended, from the journals, or from the death of its
        switch."""
        calls: list[FarCall] = []
        for node in self.nodes:
            ends = _ends(node.journal)
            deaths = sorted(node.switch.deaths + self.switch_restarts[node.name])
            for call in read_ledger(node.ledger):
                connected, ended = ends.get(call.uuid, (False, None))
                if ended is None:
                    ended = next((death for death in deaths if death > call.time), None)
                calls.append(FarCall(call.time, call.uuid, call.number, call.end, call.gateway, ended, connected))
        return calls


def _launches(log: Path) -> dict[str, float]:
    """Attempt → when it left, by a controller's log (UTC epoch seconds). A line cut off by a kill or a full disk is none."""
    found = {}
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                words = json.loads(line) if '"launched_at"' in line else {}
                if words.get("to") == "dialing":
                    found[words["attempt"]] = float(words["launched_at"])
    return found


def _ends(journal: Path) -> dict[str, tuple[bool, float]]:
    """Attempt → whether it was bridged, and when it ended (UTC epoch seconds); rotated files included."""
    ends = {}
    for path in journal.parent.glob(journal.name + "*"):
        with path.open(newline="", encoding="utf-8") as file:
            for line in csv.reader(file):
                ends[line[1]] = line[BRIDGE_FIELD] not in ("", "0"), int(line[END_FIELD]) / 1e6
    return ends
