"""How long importing 500 000 rows takes, and how much memory: ``python tests/jobs/bench_import.py [--rows N]``.

Makes a file (names, amounts, 5 % junk and repeated numbers), imports it into a new SQLite database in a directory of its own
and prints one JSON line: rows, accepted, rejected, seconds, peak_rss_mb (this process and its children together, sampled).
``--database URL`` imports into that database instead.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import tempfile
import threading
from pathlib import Path

from controller.config import Limits
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.storage.database import Database

SAMPLE_SECONDS = 0.05
JUNK = ("", "n/a", "12345", "+91 11", "not a number", "9" * 40)


def write_file(path: Path, rows: int, seed: int = 1) -> None:
    """``rows`` Indian mobile numbers as people write them; 2.5 % junk, 2.5 % numbers that came before."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("phone_number", "first_name", "amount", "city"))
        earlier = ["9000000000"]
        for row in range(rows):
            draw = chance.random()
            if draw < 0.025:
                phone = chance.choice(JUNK)
            elif draw < 0.05:
                phone = chance.choice(earlier)
            else:
                phone = f"{chance.choice('6789')}{chance.randrange(10**9):09d}"
                if row % 500 == 0:
                    earlier.append(phone)
            phone = chance.choice(("{}", "+91{}", "91{}", "0{}")).format(phone) if phone.isdigit() else phone
            writer.writerow((phone, f"Asha {row}", chance.randrange(100, 99999), "Pune"))


class PeakMemory:
    """The most resident memory of this process and its children at one moment, MiB."""

    def __init__(self) -> None:
        self.mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.mib = max(self.mib, sum(_resident_kib(pid) for pid in (os.getpid(), *_children())) / 1024)


def _children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended between two looks
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--processes", type=int, default=None)
    parser.add_argument("--database", default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as place:
        folder = Path(place)
        file = folder / "contacts.csv"
        write_file(file, arguments.rows)
        database = Database(arguments.database or f"sqlite:///{folder / 'bench.db'}")
        database.upgrade()
        order = ImportOrder("bench", file, region="IN")
        with PeakMemory() as memory:
            result = import_contacts(database, Limits(), folder / "reports", order, processes=arguments.processes)
        database.dispose()
    print(
        json.dumps(
            {
                "rows": result.counts.rows,
                "accepted": result.counts.accepted,
                "rejected": result.counts.rejected,
                "seconds": round(result.seconds, 2),
                "peak_rss_mb": round(memory.mib, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
