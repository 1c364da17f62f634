"""``make bench``: the controller alone on the virtual switch, full pipeline: hopper, limits and leases in a real Redis,
write-ahead and ends in a real database, every ESL event parsed.

Everybody answers and talks for a second; calls are offered at ``--cps``. Printed: answered calls a second between the first and
the last launch, the outcomes (an overloaded machine shows as others than answered), the controller's own CPU for a thousand
calls, the time from answer to bot as stored with the attempts (it contains the virtual switch's 20 ms poll, as the real one
has), and the controller's peak memory. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from controller import logs
from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Database as DatabaseSettings
from controller.config import Logging, Settings
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.launcher import Launcher
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.exports import AttemptRow, Exports
from tests.load.process_figures import cpu_seconds, peak_rss_mb, percentile

PEOPLE = """
[[number]]
prefix = "1"
who = [{ kind = "person", ring_seconds = { uniform = [0.2, 0.6] }, talk_seconds = { uniform = [0.6, 1.4] } }]

[[bot]]
uri = "bench@*"
answer_seconds = 0.01
capacity = 100000

[gateway.bench]
"""

SITE = """
[[carrier]]
name = "bench"
gateway = "bench"
calls_per_second = {cps}
channels = 5000

[[number]]
number = "+16175550100"
carrier = "bench"

[[bot]]
name = "bench"
uri = "sip:bench@127.0.0.1:5070"
capacity = 5000
tested = true
"""

CAMPAIGN = """
name = "bench"
lists = ["bench"]
max_ring_seconds = 20

[connect]
bot = "bench"

[numbers]
pool = ["+16175550100"]

[pacing]
seats = 5000

[window]
timezone = "UTC"

[[window.open]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
"""

AREA_CODES = [str(code) for code in (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219)]


def write_contacts(path: Path, count: int) -> None:
    """``count`` different valid numbers."""
    with path.open("w", encoding="utf-8") as out:
        out.write("phone_number,name,due_amount\n")
        for number in range(count):
            area = AREA_CODES[number // 100_000 % len(AREA_CODES)]
            out.write(
                f"+1{area}{200 + number // 10_000 % 10 * 50 + 34}{number % 10_000:04d},Person {number},{number * 7 % 90_000}\n"
            )


def run(calls: int, cps: int, database_url: str) -> dict[str, Any]:
    """One measured campaign; the figures."""
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-", ignore_cleanup_errors=True) as made:
        place = Path(made)
        (place / "people.toml").write_text(PEOPLE, encoding="utf-8")
        write_contacts(place / "contacts.csv", calls)
        settings = Settings(data_dir=place, database=DatabaseSettings(url=database_url))
        launcher = Launcher(settings, people=place / "people.toml", log_dir=place / "log")
        launcher.environment |= {"TRUNKLINE_METRICS__PORT": "0", "TRUNKLINE_DATABASE__URL": database_url}
        try:
            launcher.start()
            return measured(settings, launcher, place, calls, cps)
        finally:
            launcher.stop()


def measured(settings: Settings, launcher: Launcher, place: Path, calls: int, cps: int) -> dict[str, Any]:
    database = Database(settings.database_url)
    database.upgrade()
    order = ImportOrder(list_name="bench", file=place / "contacts.csv", mode="import", region="US")
    imported = import_contacts(database, settings.limits, place / "reports", order)
    commands = Commands(Desk(database, settings.limits), VERBS)
    for verb, args in (
        ("site.apply", {"toml": SITE.format(cps=cps)}),
        ("campaign.apply", {"toml": CAMPAIGN}),
        ("campaign.start", {"name": "bench"}),
    ):
        commands.execute(commands.read(verb, args), "bench")
    pid = next(child.process.pid for child in launcher.children if child.name == "controller" and child.process)
    idle = cpu_seconds(pid)
    store = CampaignStore(database)
    deadline = time.monotonic() + 60.0 + calls / 20.0
    while store.get("bench").state != "completed":
        if time.monotonic() > deadline:
            raise SystemExit(f"the campaign did not end; {launcher.log_dir} says why")
        time.sleep(0.25)
    used = cpu_seconds(pid) - idle
    rows = list(Exports(database).iter_attempts(store.get("bench").id))
    return figures(rows, used, peak_rss_mb(pid)) | {"contacts": imported.counts.accepted}


def figures(rows: list[AttemptRow], cpu: float, rss: float) -> dict[str, Any]:
    answered = [row for row in rows if row.outcome == "answered" and row.answered_at and row.connected_at]
    launches = sorted(row.created_at for row in answered)
    span = launches[-1] - launches[0] if len(launches) > 1 else 0.0
    waits = [(row.connected_at - row.answered_at) * 1000.0 for row in answered if row.connected_at and row.answered_at]
    return {
        "calls": len(rows),
        "outcomes": dict(Counter(row.outcome for row in rows)),
        "answered": len(answered),
        "calls_per_s": round(len(answered) / span, 1) if span else 0.0,
        "cpu_s_per_1000_calls": round(cpu / len(rows) * 1000.0, 3) if rows else 0.0,
        "answer_to_bridge_p50_ms": round(percentile(waits, 0.5), 1),
        "answer_to_bridge_p99_ms": round(percentile(waits, 0.99), 1),
        "peak_rss_mb": round(rss, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--cps", type=int, default=300, help="calls offered a second")
    parser.add_argument("--database", default="", help="SQLAlchemy URL; SQLite in a temporary directory by default")
    asked = parser.parse_args()
    writer = logs.configure(Logging(level="warning", format="text"))
    try:
        found = run(asked.calls, asked.cps, asked.database)
    finally:
        writer.close()
    for name, value in found.items():
        print(f"{name:26s} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
