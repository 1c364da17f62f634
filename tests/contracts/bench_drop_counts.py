"""How long the drop guard's counts take over two million attempts, first and then every second. A script, not a test:

    python -m tests.contracts.bench_drop_counts [--engine sqlite|postgresql] [--attempts 2000000]

One campaign of twenty made all attempts of the last forty days but for every second one; a quarter of them were answered. The
last line is one JSON object, milliseconds; rows counted are those of the campaign's 30 days.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from controller.domain.pacing.drop_guard import WindowName
from controller.storage.attempts import SqlAttemptStore
from controller.storage.driver_sql import execute
from controller.storage.drop_counts import WHOLE_SECONDS, SqlDropCounts
from tests.contracts.bench_claim import NUMBERS, empty_database
from tests.contracts.worlds import SqlWorld, draft, phones

NOW = 1_795_000_000.0
DAYS = 40
ROUNDS = 20


def fill(world: SqlWorld, campaigns: list[int], attempts: int) -> None:
    """Attempts in the order of time, as they are in life; the first campaign's are half of them."""
    others = len(campaigns) - 1
    with world.database.write() as connection:
        execute(
            connection,
            "INSERT INTO attempts (id, run_id, campaign_id, lead_id, contact_id, phone, caller_id, carrier, node, created_at, "
            "answered_at, connected_at, ended_at, outcome, cause, charged) "
            f"{NUMBERS} SELECT 'attempt-' || i, c, c, i, i, 910000000000 + i, '+911140001000', 'north', 'fs1', at, "
            "CASE WHEN i % 4 = 0 THEN at + 10 END, CASE WHEN i % 4 = 0 AND i % 200 <> 0 THEN at + 11 END, at + 60, "
            "CASE WHEN i % 200 = 0 THEN 'abandoned' WHEN i % 16 = 0 THEN 'machine' WHEN i % 4 = 0 THEN 'answered' "
            "ELSE 'no_answer' END, 'NORMAL_CLEARING', TRUE FROM (SELECT i, "
            "CASE WHEN (i / 4) % 2 = 0 THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) + (i / 8) % ? END AS c, "
            "? - (? - i) * (86400.0 * ? / ?) AS at FROM n) AS made",
            (attempts, campaigns[0], campaigns[1], others, NOW - 61.0, attempts, DAYS, attempts),
        )


def measure(engine: str, attempts: int) -> dict[str, object]:
    with empty_database(engine) as (database, settle):
        database.upgrade()
        world = SqlWorld(database)
        campaigns = [world.new_run([]) for _ in range(19)]
        live = world.new_run(phones(ROUNDS))
        fill(world, [*campaigns, live], attempts)
        settle()
        whole, again, busy = [], [], []
        for place in range(5):
            counts = SqlDropCounts(database)
            began = time.perf_counter()
            tallies = counts.tallies(campaigns[0], campaigns[0], "Asia/Kolkata", NOW + place)
            whole.append(time.perf_counter() - began)
        for place in range(ROUNDS):
            at = time.thread_time()
            began = time.perf_counter()
            counts.tallies(campaigns[0], campaigns[0], "Asia/Kolkata", NOW + 10 + place * WHOLE_SECONDS / ROUNDS / 2)
            again.append(time.perf_counter() - began)
            busy.append(time.thread_time() - at)
        quiet = []
        store = SqlAttemptStore(database)
        for lead in world.leads.claim(live, ROUNDS, 100.0, NOW):
            opening = draft(lead, f"new {lead.lead_id}", created_at=NOW, quiet_seconds=72 * 3600.0)
            began = time.perf_counter()
            store.open_attempts([opening])
            quiet.append(time.perf_counter() - began)
        thirty = tallies[WindowName.THIRTY_DAYS]
        return {
            "engine": engine,
            "attempts": attempts,
            "counted": thirty.connected + thirty.abandoned + thirty.machines_hung_up,
            "whole_count_ms": round(statistics.median(whole) * 1000, 1),
            "each_second_ms": round(statistics.median(again) * 1000, 2),
            "each_second_cpu_ms": round(statistics.median(busy) * 1000, 2),
            "open_one_with_quiet_period_ms": round(statistics.median(quiet) * 1000, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"))
    parser.add_argument("--attempts", type=int, default=2_000_000)
    given = parser.parse_args()
    engines = [given.engine] if given.engine else ["sqlite", "postgresql"]
    print(json.dumps([measure(engine, given.attempts) for engine in engines]))


if __name__ == "__main__":
    main()
