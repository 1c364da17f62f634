"""What the load run dials with, written as an operator would write it: site file, campaign file, list of contacts."""

from __future__ import annotations

import csv
from pathlib import Path

CALLER_ID = "+911140001000"
ATTRIBUTES = (("name", "A. Contact"), ("city", "New Delhi"), ("due", "1200.50"))

ANSWERING = tuple(range(50))
"""Last two digits of people who answer, talk and hang up (tests/freeswitch/scenarios/carrier.xml)."""
EVERYBODY = (*range(85), *range(89, 95))
"""All of the carrier's behaviours but two: those who never hang up, and those for whom it is always full, whose retries are
not charged and would hold the run up for minutes."""


def numbers(count: int, start: int, endings: tuple[int, ...]) -> list[str]:
    """So many E.164 numbers without the plus, all different; the endings take turns. start: hundreds into a mobile range."""
    return [f"9198{start + place // len(endings):06d}{endings[place % len(endings)]:02d}" for place in range(count)]


def write(
    folder: Path,
    phones: list[str],
    calls_per_second: float,
    seats: int,
    bot: str,
    max_attempts: int,
    connect: str = 'bot = "bot"',
    ring_seconds: int = 5,
) -> None:
    """``site.toml``, ``campaign.toml`` and ``contacts.csv`` in ``folder``. connect: the campaign's way with who answers."""
    (folder / "site.toml").write_text(
        f"""
[[carrier]]
name = "north"
gateway = "north"
calls_per_second = {calls_per_second}
channels = {seats}

[[number]]
number = "{CALLER_ID}"
carrier = "north"

[[bot]]
name = "bot"
uri = "{bot}"
capacity = {seats}
tested = true
""",
        encoding="utf-8",
    )
    (folder / "campaign.toml").write_text(
        f"""
name = "load"
lists = ["load"]
max_ring_seconds = {ring_seconds}
max_call_seconds = 600

[connect]
{connect}

[numbers]
pool = ["{CALLER_ID}"]

[pacing]
seats = {seats}

[window]
timezone = "Asia/Kolkata"
open = [{{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], hours = ["00:00-24:00"] }}]

[retry]
max_attempts = {max_attempts}
delay_minutes = 0.05
""",
        encoding="utf-8",
    )
    with (folder / "contacts.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["phone_number", *(name for name, _ in ATTRIBUTES)])
        rows.writerows([f"+{phone}", *(value for _, value in ATTRIBUTES)] for phone in phones)
