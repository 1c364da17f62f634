"""One chaos run: two campaigns dial while a seeded schedule breaks things; the faults stop, the campaigns end by themselves,
and the reckoning follows.

The seed decides everything that can be decided: how many nodes, which database, who answers, which faults and when. What the
processes make of it depends on the machine as well, so a replay meets the same faults at the same moments, not the same bytes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Limits as ListLimits
from controller.domain.hopper.lead import LeadState
from controller.errors import Unavailable
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.runs import SqlRunStore
from tests.chaos.agents import at_work
from tests.chaos.faults import Schedule
from tests.chaos.files import Material, material, write_contacts
from tests.chaos.floor import SLOT_LEASE_SECONDS, Floor
from tests.chaos.reckoning import Reckoning, reckon
from tests.chaos.stores import wait_until

LOOK_SECONDS = 0.1
ASK_SECONDS = 1.0
"""How often the database is asked how far the campaigns are."""
FAULTS_UNTIL_SHARE = 0.85
"""Faults stop when this share of the leads is final, so that the end of a campaign is reached in peace as well as in war."""
LONGEST_END_SECONDS = 420.0
"""The longest wait for the end after the last fault: a contact that carriers refused four times in a row waits for minutes."""
FINAL = frozenset(state.word for state in LeadState if state.final)


@dataclass(frozen=True)
class Result:
    """What a run came to. struck: faults by kind. folder: where everything of a failed run lies; None after a clean one."""

    seed: int
    reckoning: Reckoning
    struck: dict[str, int]
    seconds: float
    folder: Path | None

    @property
    def clean(self) -> bool:
        return not self.reckoning.wrong


def run(
    seed: int,
    contacts: int,
    calls_per_second: int,
    postgres: bool,
    say: Callable[[str], object],
    only: Collection[str] = (),
    keep: bool = False,
    agents: int = 0,
) -> Result:
    """postgres: whether there is one on this machine; the seed decides whether it is used. say: told how it goes. only: kinds
    of faults, all when empty. keep: the folder of a clean run too. agents: how many take the second campaign's people."""
    chance = Random(seed)
    nodes, wants_postgres = 1 + (chance.random() < 0.5), chance.random() < 0.5
    given = material(seed, contacts, calls_per_second, agents)
    folder = Path(tempfile.mkdtemp(prefix=f"tl-chaos-{seed}-", dir="/tmp"))
    begun = time.monotonic()
    floor = Floor(folder, given.people, nodes, postgres and wants_postgres)
    try:
        database = Database(floor.database.url)
        say(f"seed {seed}: {nodes} node(s), {database.url.get_backend_name()}, {contacts} contacts, in {folder}")
        _begin(floor, database, given)
        schedule = Schedule(seed, only)
        with at_work(floor, given.agents):
            ended = _dial(floor, database, schedule, given, say)
            reckoning = _reckon(floor, database, given)
        if not ended:
            reckoning.lost.append(f"the campaigns did not end within {LONGEST_END_SECONDS:g} s after the last fault")
    finally:
        floor.stop()
        database.dispose()
    unasked = {process.name: process.unasked for process in floor.processes if process.unasked}
    say(f"seed {seed}: {reckoning.attempts} attempts, {reckoning.unknown} unknown; ended by themselves: {unasked or 'none'}")
    if not reckoning.wrong and not keep:
        shutil.rmtree(folder, ignore_errors=True)
        return Result(seed, reckoning, schedule.struck, time.monotonic() - begun, None)
    (folder / "findings.json").write_text(json.dumps(reckoning.wrong, indent=1), encoding="utf-8")
    return Result(seed, reckoning, schedule.struck, time.monotonic() - begun, folder)


def _begin(floor: Floor, database: Database, given: Material) -> None:
    """By the same doors a user has: lists imported, site and campaigns applied, campaigns started."""
    database.upgrade()
    limits = ListLimits()
    commands = Commands(Desk(database, limits), VERBS)
    for name, phones in given.phones.items():
        write_contacts(floor.folder / f"{name}.csv", phones)
        order = ImportOrder(list_name=name, file=floor.folder / f"{name}.csv", mode="import", region="US")
        imported = import_contacts(database, limits, floor.folder / "reports", order)
        if imported.counts.accepted != len(phones):
            raise RuntimeError(f"only {imported.counts.accepted} of {len(phones)} contacts were imported")
    floor.watch()
    orders = [("site.apply", {"toml": given.site})]
    orders += [("campaign.apply", {"toml": text}) for text in given.campaigns.values()]
    orders += [("campaign.start", {"name": name}) for name in given.campaigns]
    for verb, args in orders:
        commands.execute(commands.read(verb, args), "chaos")


def _dial(floor: Floor, database: Database, schedule: Schedule, given: Material, say: Callable[[str], object]) -> bool:
    """Until both campaigns have ended; False when that took too long after the last fault."""
    journal = (floor.folder / "faults.jsonl").open("w", encoding="utf-8", buffering=1)
    total = sum(len(phones) for phones in given.phones.values())
    begun = time.monotonic()
    next_fault, next_question = begun + schedule.pause(), begun
    deadline: float | None = None
    with journal:
        while deadline is None or time.monotonic() < deadline:
            floor.watch()
            now = time.monotonic()
            if deadline is None and now >= next_fault:
                name, struck = schedule.strike(floor)
                journal.write(json.dumps({"at": time.time(), "second": round(now - begun, 2), "fault": name, "struck": struck}))
                journal.write("\n")
                next_fault = now + schedule.pause()
            if now >= next_question:
                next_question = now + ASK_SECONDS
                states = _states(database, list(given.phones))
                if states is not None:
                    running, final = states
                    if not running:
                        if deadline is None:
                            floor.mend()
                        return True
                    if deadline is None and final >= FAULTS_UNTIL_SHARE * total:
                        say(
                            f"{sum(schedule.struck.values())} faults in {now - begun:.0f} s; {final} of {total} leads are final"
                        )
                        floor.mend()
                        deadline = time.monotonic() + LONGEST_END_SECONDS
            time.sleep(LOOK_SECONDS)
    return False


def _states(database: Database, campaigns: Sequence[str]) -> tuple[int, int] | None:
    """Runs that have not ended, and leads that are final; None while the database is away."""
    try:
        store, runs = CampaignStore(database), SqlRunStore(database)
        running = final = 0
        for name in campaigns:
            (run_,) = runs.of(store.get(name).id)
            running += run_.ended_at is None
            final += sum(value for state, value in runs.totals(run_.id).get("lead", {}).items() if state in FINAL)
    except Unavailable:
        return None
    return running, final


def _reckon(floor: Floor, database: Database, given: Material) -> Reckoning:
    """When every lease has lapsed that nobody renews."""
    wait_until(database.ping, (Unavailable,), "the database")
    until = time.monotonic() + SLOT_LEASE_SECONDS + 1.0
    while time.monotonic() < until:
        floor.watch()
        time.sleep(LOOK_SECONDS)
    return reckon(database, floor.redis.client, floor.far_calls(), floor.launches(), given.limits, given.phones, given.agents)
