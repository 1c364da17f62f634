"""What the write-ahead costs: calls a second with it and without it, in one run.

    .venv/bin/python -m tests.load.bench_write_ahead [--calls 3000] [--rounds 3]

One process, the production engine and a switch whose people are busy at once. *With*: attempts go to SQLite, every commit on
the disk before its calls leave, as in a controller. *Without*: the same ledger desk over a store in memory. Leads are in memory
both times. Rounds alternate, so that whatever else the machine does meets both; the figure of each is its median. All of it
shares one process, so the cost includes the CPU of the SQL. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog
from gevent.threadpool import ThreadPool

from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.campaigns.campaign import Pacing, Retry
from controller.domain.campaigns.plan import PlannedTarget
from controller.domain.hopper.lead import HopperLead
from controller.domain.site import Carrier, Number
from controller.storage.attempts import SqlAttemptStore
from controller.storage.database import Database
from controller.storage.memory import MemoryStore
from tests.contracts.worlds import SqlWorld
from tests.stories.floor import Floor, busy

T = TypeVar("T")
SEATS = 200
CARRIERS = tuple(Carrier(name=f"c{n}", gateway=f"gw{n}", calls_per_second=1000, channels=SEATS) for n in range(1, 6))
NUMBERS = tuple(Number(number=f"+91114000100{n}", carrier=f"c{n}") for n in range(1, 6))
"""Five carriers at the most a site file allows, so that no rate binds."""
FIRST_PHONE = 919_999_000_000


class OnDisk(MemoryStore):
    """Leads in memory, attempts written to the ledger on disk as well, batch for batch. claims: the disk's leads, by number."""

    def __init__(self, ledger: SqlAttemptStore, claims: Mapping[int, HopperLead]) -> None:
        super().__init__()
        self._ledger = ledger
        self._disk = claims
        self.commits = 0

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        assert self._ledger.open_attempts([self._for_disk(draft) for draft in drafts]) == [Opening.OPENED] * len(drafts)
        self.commits += 1
        return super().open_attempts(drafts)

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        assert all(self._ledger.close_attempts(ends))
        self.commits += 1
        return super().close_attempts(ends)

    def _for_disk(self, draft: AttemptDraft) -> AttemptDraft:
        lead = self._disk[draft.phone]
        return replace(draft, lead_id=lead.lead_id, claim=lead.claim, run_id=lead.run_id, campaign_id=lead.run_id)


class ThreadedFloor(Floor):
    """As in the controller, the stores work in a native thread of their own, and the loop goes on meanwhile."""

    def __init__(self, store: MemoryStore) -> None:
        self.thread = ThreadPool(1)
        super().__init__(busy, store=store)

    def in_thread(self, work: Callable[[], T]) -> T:
        result: T = self.thread.apply(work)
        return result


def calls_per_second(store: MemoryStore, phones: Sequence[int]) -> float:
    """Dial those numbers, once each."""
    floor = ThreadedFloor(store)
    begun = time.monotonic()
    with floor:
        run_id = floor.campaign(
            0,
            phones=phones,
            carriers=CARRIERS,
            numbers=NUMBERS,
            pacing=Pacing(seats=SEATS),
            target=PlannedTarget(kind="bot", name="bot", address="sip:bot@127.0.0.1:5070", capacity=SEATS),
            retry=Retry(max_attempts=1),
        )
        floor.wait(floor.finished(run_id), seconds=600.0)
        seconds = time.monotonic() - begun
    assert len(floor.switch.dialled) == len(phones)
    floor.thread.kill()
    return len(phones) / seconds


def with_write_ahead(phones: Sequence[int], folder: Path) -> tuple[float, float]:
    """Calls a second with the ledger in a fresh database, and calls for each commit."""
    database = Database(f"sqlite:///{folder / 'ledger.db'}", durable=True, pool_size=2)
    database.upgrade()
    world = SqlWorld(database)
    run_id = world.new_run(phones)
    claims = {lead.phone: lead for lead in world.leads.claim(run_id, len(phones), 0.0, 1e12)}
    store = OnDisk(SqlAttemptStore(database), claims)
    pace = calls_per_second(store, phones)
    assert world.totals(run_id)["attempt"]["made"] == len(phones)
    database.dispose()
    return pace, 2 * len(phones) / store.commits


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    phones = range(FIRST_PHONE, FIRST_PHONE + args.calls)
    paces: dict[str, list[float]] = {"with": [], "without": []}
    batches: list[float] = []
    for number in range(1, args.rounds + 1):
        with tempfile.TemporaryDirectory(prefix="trunkline-write-ahead-") as made:
            pace, batch = with_write_ahead(phones, Path(made))
        paces["with"].append(pace)
        batches.append(batch)
        paces["without"].append(calls_per_second(MemoryStore(), phones))
        print(f"round {number}: {paces['with'][-1]:.0f} calls/s with, {paces['without'][-1]:.0f} without", flush=True)
    with_it, without = (statistics.median(paces[which]) for which in ("with", "without"))
    figures = {
        "calls": args.calls,
        "rounds": args.rounds,
        "with_write_ahead": round(with_it),
        "without": round(without),
        "cost_percent": round(100.0 * (1.0 - with_it / without), 1),
        "rows_a_commit": round(statistics.median(batches), 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
