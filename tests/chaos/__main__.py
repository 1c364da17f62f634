"""``make soak``: chaos runs with one seed after another. Every wrong thing is a sentence; the last line is one JSON object.

    python -m tests.chaos --runs 50 --contacts 20000 --seed 1

A run that fails keeps its folder, with the faults' times, every process' log, database and ledgers, and can be replayed:
``make soak RUNS=1 SEED=…``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from functools import partial

from controller import logs
from controller.config import Logging
from tests.chaos.run import Result, run
from tests.servers import Missing, postgres_programs

CALLS_PER_SECOND = 100


def main() -> int:
    """0 when nothing was wrong in any run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--contacts", type=int, default=20_000, help="in each run")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next one's is higher by one")
    parser.add_argument("--cps", type=int, default=CALLS_PER_SECOND, help="calls a second over both carriers")
    parser.add_argument("--only", default="", help="kinds of faults, comma-separated; all by default")
    parser.add_argument("--agents", type=int, default=0, help="who take the second campaign's people, by a mode of the seed's")
    parser.add_argument("--keep", action="store_true", help="keep the folders of clean runs too")
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    try:
        postgres = bool(postgres_programs())
    except Missing as error:
        postgres = False
        print(f"SQLite only: {error}")
    say = partial(print, flush=True)
    writer = logs.configure(Logging(level="error", format="text"))
    try:
        results = [
            told(run(asked.seed + turn, asked.contacts, asked.cps, postgres, say, only, asked.keep, asked.agents))
            for turn in range(asked.runs)
        ]
    finally:
        writer.close()
    print(json.dumps(summary(results)), flush=True)
    return 0 if all(result.clean for result in results) else 1


def told(result: Result) -> Result:
    """The run's result, printed."""
    print(f"seed {result.seed}: {'clean' if result.clean else 'WRONG'} in {result.seconds:.0f} s", flush=True)
    for kind, sentences in result.reckoning.wrong.items():
        for sentence in sentences[:10]:
            print(f"  {kind}: {sentence}", flush=True)
    for sentence in result.reckoning.bunched:
        print(f"  on the way: {sentence}", flush=True)
    if result.folder is not None:
        print(f"  kept: {result.folder}", flush=True)
    return result


def summary(results: list[Result]) -> dict[str, object]:
    """The figures over all runs."""
    faults: Counter[str] = Counter()
    for result in results:
        faults.update(result.struck)
    found = [result.reckoning for result in results]
    return {
        "runs": len(results),
        "contacts": sum(one.contacts for one in found),
        "attempts": sum(one.attempts for one in found),
        "doubles": sum(len(one.doubles) for one in found),
        "lost": sum(len(one.lost) for one in found),
        "leaked": sum(len(one.leaked) for one in found),
        "over_limit": sum(len(one.over_limit) for one in found),
        "mismatches": sum(len(one.mismatches) for one in found),
        "agents": sum(len(one.agents) for one in found),
        "unknown": sum(one.unknown for one in found),
        "bunched": sum(len(one.bunched) for one in found),
        "faults": dict(sorted(faults.items())),
        "seconds": round(sum(result.seconds for result in results), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
