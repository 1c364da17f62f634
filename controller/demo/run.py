"""The demo: everything a campaign goes through, on this machine, in under two minutes, and an audit at the end.

A real Redis process, SQLite, the virtual switch, controller and worker as processes of their own; then, by the same doors a
user has: site and campaign files applied, the shipped list imported, the campaign started. It ends when the calling hours
do. The audit holds the virtual switch's ledger (the far end's own record) against the attempts and the leads.
"""

from __future__ import annotations

import json
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import tomli_w
from rich.console import Console
from rich.live import Live

from controller.admin import bus
from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Settings
from controller.demo.audit import Findings, Row, audit, read_ledger
from controller.demo.progress import Snapshot, line, picture
from controller.domain.campaigns.campaign import Campaign
from controller.domain.hopper.lead import LeadState
from controller.domain.site import Site
from controller.errors import Unavailable
from controller.jobs.import_contacts import ImportOrder, import_contacts
from controller.launcher import Launcher
from controller.live.board import RedisBoard
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.exports import Exports

FILES = Path(__file__).parent
WINDOW_SECONDS = 75
"""Calling hours of the demo, from its start; then the run closes and what is left becomes ``window_closed``."""
LONGEST_SECONDS = 115
LOOK_SECONDS = 0.5
LINE_SECONDS = 5.0
"""Without a terminal: one line so often."""


def run_demo(settings: Settings, as_json: bool, directory: Path | None = None) -> int:
    """The whole demo; 0 when the audit finds nothing. directory: kept afterwards; None = a temporary one that is not."""
    with _place(directory) as place:
        own = settings.model_copy(update={"data_dir": place})
        launcher = Launcher(own, people=FILES / "people.toml", log_dir=place / "log")
        console = Console(stderr=as_json)
        begun = time.monotonic()
        try:
            launcher.start()
            return _campaign(own, launcher, console, begun, as_json)
        finally:
            launcher.stop()


def _campaign(settings: Settings, launcher: Launcher, console: Console, begun: float, as_json: bool) -> int:
    database = Database(settings.database_url)
    database.upgrade()
    client = bus.connect(launcher.environment["TRUNKLINE_REDIS__URL"])
    commands = Commands(Desk(database, settings.limits, RedisBoard(client), amd=settings.amd), VERBS)

    def command(verb: str, **args: Any) -> Any:
        return commands.execute(commands.read(verb, args), "demo")

    site = (FILES / "site.toml").read_text(encoding="utf-8")
    campaign = _campaign_for_now((FILES / "campaign.toml").read_text(encoding="utf-8"))
    order = ImportOrder(list_name="demo", file=FILES / "contacts.csv", mode="import", region="US")
    imported = import_contacts(database, settings.limits, settings.data_dir / "reports", order)
    reasons = ", ".join(f"{count} {reason}" for reason, count in imported.by_reason.items())
    console.print(f"{imported.counts.accepted} contacts imported, {imported.counts.rejected} rows rejected: {reasons}")
    command("site.apply", toml=site)
    command("campaign.apply", toml=campaign)
    command("campaign.start", name="demo")
    _watch(command, launcher, console)
    findings = _audited(database, launcher, campaign, site)
    summary = {
        "contacts": imported.counts.accepted,
        "rejected": imported.counts.rejected,
        "attempts": findings.attempts,
        "ledger": findings.ledger,
        "mismatches": len(findings.mismatches) + findings.unfinished_leads,
        "doubles": len(findings.doubles),
        "outcomes": dict(sorted(findings.outcomes.items())),
        "seconds": round(time.monotonic() - begun, 1),
    }
    _print_audit(findings, console)
    print(json.dumps(summary), flush=True)
    return 0 if findings.clean else 1


def _watch(command: Any, launcher: Launcher, console: Console) -> None:
    begun = time.monotonic()
    printed = float("-inf")
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        while True:
            launcher.watch()
            shot = _snapshot(command("campaign.status", name="demo"), time.monotonic() - begun)
            if console.is_terminal:
                live.update(picture(shot))
            elif shot.seconds - printed >= LINE_SECONDS:
                printed = shot.seconds
                console.print(line(shot))
            if shot.state == "completed":
                return
            if shot.seconds > LONGEST_SECONDS:
                raise Unavailable(
                    f"the demo's campaign is still {shot.state} after {LONGEST_SECONDS} s; see {launcher.log_dir}"
                )
            time.sleep(LOOK_SECONDS)


def _snapshot(status: dict[str, Any], seconds: float) -> Snapshot:
    return Snapshot(
        name=status["campaign"],
        state=status["state"],
        seconds=seconds,
        seats=f"{status['seats']['in_use']} of {status['seats']['limit']}",
        calls_per_second=status["calls_per_second"],
        hopper=status["hopper"],
        binding=status["pace"]["binding"],
        reason=status["pace"]["reason"],
        leads=status["totals"].get("lead", {}),
        outcomes=status["totals"].get("outcome", {}),
    )


def _campaign_for_now(text: str) -> str:
    """The campaign file with calling hours that are open now and end soon."""
    data = tomllib.loads(text)
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=1), now + timedelta(seconds=WINDOW_SECONDS)
    data["window"]["open"][0]["hours"] = [f"{start:%H:%M:%S}-{end:%H:%M:%S}"]
    return tomli_w.dumps(data)


def _audited(database: Database, launcher: Launcher, campaign: str, site: str) -> Findings:
    limit = Campaign.model_validate(tomllib.loads(campaign)).retry.max_attempts
    carriers = {carrier.name: carrier for carrier in Site.model_validate(tomllib.loads(site)).carrier}
    exports = Exports(database)
    campaign_id = CampaignStore(database).get("demo").id
    rows = [
        Row(
            attempt_id=attempt.attempt_id,
            contact_id=attempt.contact_id,
            dialled=carriers[attempt.carrier].dial_number(attempt.phone),
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            max_attempts=limit,
        )
        for attempt in exports.iter_attempts(campaign_id)
    ]
    unfinished = sum(not LeadState[lead.state.upper()].final for lead in exports.iter_leads(campaign_id))
    return audit(rows, read_ledger(launcher.ledger), unfinished)


def _print_audit(findings: Findings, console: Console) -> None:
    console.print()
    console.print("audit: the virtual switch's ledger against the attempts table, call for call")
    console.print(f"  calls in the ledger      {findings.ledger}")
    console.print(f"  attempts                 {findings.attempts}")
    console.print(f"  that do not agree        {len(findings.mismatches)}")
    console.print(f"  dialled twice            {len(findings.doubles)}")
    console.print(f"  contacts without an end  {findings.unfinished_leads}")
    for sentence in (findings.mismatches + findings.doubles)[:10]:
        console.print(f"  ! {sentence}", style="red")


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)
