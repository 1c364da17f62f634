"""How long taking 1 000 leads takes from ten thousand and from two million, and what an attempt costs. A script, not a test:

    python -m tests.contracts.bench_claim [--engine sqlite|postgresql] [--few 10000] [--many 2000000]

Both lists lie in one database, so both claims work under the same cache and file; rounds alternate and medians are compared.
Measured are fresh leads, leads due in about the order they were dialled in, and leads due in no order at all. The last line is
one JSON object; pairs are milliseconds from the short and from the long list, CPU is this process's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.domain.campaigns.lifecycle import RunState
from controller.domain.hopper.lead import LeadState
from controller.storage.database import Database
from controller.storage.driver_sql import execute
from controller.storage.lead_preparation import LeadPreparation
from tests.contracts.worlds import SqlWorld, draft, no_answer, phones
from tests.servers import running_postgres

TAKE = 1000
ROUNDS = 15
NOW = 1_000_000.0
BATCHES = (1, 10, 50)
ATTEMPTS = 2000

# Calls leave in list order and end some seconds apart, so retries fall due nearly in that order …
AS_DIALLED = "rank * 0.02 + (rank * 7919) % 60"
# … and the worst there could be: each due lead on a page of its own.
SCATTERED = "(rank * 7919) % 900001"

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "


@contextmanager
def empty_database(engine: str) -> Iterator[tuple[Database, Callable[[], None]]]:
    """A database, and what it needs after a mass change: PostgreSQL's autovacuum would come within a minute."""
    if engine == "postgresql":
        with running_postgres() as server:
            database = Database(server.url("postgres"))
            yield database, lambda: server.run("VACUUM ANALYZE")
            database.dispose()
    else:
        with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
            database = Database(f"sqlite:///{folder}/bench.db", durable=True)
            yield database, lambda: None
            database.dispose()
            print(f"database file: {sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6:.0f} MB")


def run_with_leads(world: SqlWorld, count: int) -> int:
    """An active run with a list of its own, phones in no order, leads made as in production."""
    run_id = world.started_run()
    list_id = world.new_list([])
    with world.database.write() as connection:
        execute(
            connection,
            f"INSERT INTO contacts (list_id, phone, attributes, import_id, line) {NUMBERS}"
            'SELECT ?, 910000000000 + (CAST(i AS BIGINT) * 7919) % 100000007, \'{"name": "somebody", "city": "Pune"}\', 1, i '
            "FROM n WHERE 1 = 1",
            (count, list_id),
        )
    assert LeadPreparation(world.database).materialise(run_id, 0, list_id, "fifo", ()) == count
    assert world.runs.set_state(run_id, [RunState.PREPARING], RunState.ACTIVE, 1.0)
    return run_id


def make_waiting(world: SqlWorld, run_id: int, due_at: str) -> None:
    """Everybody has been tried once and waits; ``due_at`` as SQL."""
    with world.database.write() as connection:
        execute(
            connection,
            f"UPDATE leads SET state = {LeadState.WAITING:d}, reason = 'no_answer', due_at = {due_at} WHERE run_id = ?",
            (run_id,),
        )


def take(world: SqlWorld, run_id: int) -> float:
    """Milliseconds for one claim; the leads go back afterwards, outside the measurement."""
    started = time.perf_counter()
    leads = world.leads.claim(run_id, TAKE, NOW, NOW + 60.0)
    taken = (time.perf_counter() - started) * 1000.0
    assert len(leads) == TAKE
    world.leads.give_back(leads)
    return taken


def compare(world: SqlWorld, few: int, many: int) -> tuple[float, float]:
    """Medians from the short and from the long list, in turns."""
    times: dict[int, list[float]] = {few: [], many: []}
    for _ in range(ROUNDS + 2):
        for run_id in (few, many):
            times[run_id].append(take(world, run_id))
    return statistics.median(times[few][2:]), statistics.median(times[many][2:])


def attempt_costs(world: SqlWorld) -> dict[str, dict[str, float]]:
    """Opening and closing together, by batch size: CPU microseconds an attempt, attempts a second."""
    costs = {}
    for size in BATCHES:
        run_id = world.new_run(phones(ATTEMPTS, 918000000000 + size * 10**6))
        leads = world.leads.claim(run_id, ATTEMPTS, NOW, NOW + 600.0)
        wall, cpu = time.perf_counter(), time.process_time()
        for start in range(0, ATTEMPTS, size):
            calls = [draft(lead, f"{run_id}-{lead.lead_id}") for lead in leads[start : start + size]]
            world.attempts.open_attempts(calls)
            world.attempts.close_attempts([no_answer(call) for call in calls])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        costs[str(size)] = {"cpu_us": round(cpu / ATTEMPTS * 1e6, 1), "per_s": round(ATTEMPTS / wall)}
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=2_000_000)
    options = parser.parse_args()
    with empty_database(options.engine) as (database, settle):
        database.upgrade()
        world = SqlWorld(database)
        few, many = run_with_leads(world, options.few), run_with_leads(world, options.many)
        settle()
        found = {"fresh": compare(world, few, many)}
        for kind, due_at in (("dialled", AS_DIALLED), ("scattered", SCATTERED)):
            for run_id in (few, many):
                make_waiting(world, run_id, due_at)
            settle()
            found[kind] = compare(world, few, many)
        result = {
            "engine": options.engine,
            "take": TAKE,
            "few": options.few,
            "many": options.many,
            **{f"{kind}_ms": [round(median, 2) for median in medians] for kind, medians in found.items()},
            **{f"{kind}_ratio": round(medians[1] / medians[0], 2) for kind, medians in found.items()},
            "attempt": attempt_costs(world),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
