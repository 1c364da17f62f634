"""What a chaos run dials with: a site, two campaigns that share carriers, a bot and some contacts, and hurried people.

With agents, the second campaign is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.load.bench import AREA_CODES

CALLER_IDS = ("+16175550100", "+14155550100")
BOT = "collections"
SHARED = 0.1
"""Share of the second campaign's contacts that the first one calls too."""
MAX_ATTEMPTS = 3
MODES = ("progressive", "power", "predictive")
RING_SECONDS = 5

PEOPLE = """
seed = {seed}

[[number]]
prefix = "1"
who = [
  {{ kind = "person", share = 0.45, ring_seconds = {{ uniform = [0.3, 2] }}, talk_seconds = {{ uniform = [0.5, 5] }} }},
  {{ kind = "machine", share = 0.08, ring_seconds = {{ uniform = [0.5, 2] }}, greeting_seconds = {{ uniform = [1, 3] }} }},
  {{ kind = "no_answer", share = 0.14 }},
  {{ kind = "dead", share = 0.02 }},
  {{ kind = "busy", share = 0.15, after_seconds = {{ uniform = [0.2, 1] }} }},
  {{ kind = "rejected", share = 0.06, after_seconds = {{ uniform = [0.3, 2] }}, rings = true }},
  {{ kind = "unavailable", share = 0.05 }},
  {{ kind = "invalid", share = 0.04 }},
]

[[bot]]
uri = "{bot}@*"
answer_seconds = 0.05
capacity = 100000

[gateway.east]
[gateway.west]
"""

CARRIER = """
[[carrier]]
name = "{name}"
gateway = "{name}"
calls_per_second = {calls_per_second}
channels = {channels}

[[number]]
number = "{number}"
carrier = "{name}"
"""

SITE_BOT = """
[[bot]]
name = "{bot}"
uri = "sip:{bot}@127.0.0.1:5070"
capacity = {capacity}
tested = true
"""

SITE_AGENTS = """
[[queue]]
name = "sales"
wrap_up_seconds = 0.5
"""

SITE_AGENT = """
[[agent]]
name = "{name}"
phone = "sip:{name}@127.0.0.1:5070"
queues = ["sales"]
"""

APOLOGY = """
[abandoned]
message = "tone_stream://%(300,0,500)"
"""

CAMPAIGN = """
name = "{name}"
{mode}
lists = ["{name}"]
max_ring_seconds = {ring}
max_call_seconds = 30

[connect]
{connect}

[numbers]
pool = {pool}

[pacing]
seats = {seats}
drop_guard = {{ quiet_hours = 0 }}

[window]
timezone = "UTC"
open = [{{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], hours = ["00:00-24:00"] }}]

[retry]
max_attempts = {max_attempts}
delay_minutes = 0.05
on = ["no_answer", "busy", "rejected", "rnr", "error", "timeout"]
"""


@dataclass(frozen=True)
class Limits:
    """What must never be exceeded. calls_per_second and channels by carrier (which is also the gateway's name), seats by
    campaign, fleet: calls at once that the bot may have."""

    calls_per_second: dict[str, int]
    channels: dict[str, int]
    seats: dict[str, int]
    fleet: int


@dataclass(frozen=True)
class Material:
    """Files as texts, phones by campaign (E.164 digits with the plus), and the agents' names."""

    people: str
    site: str
    campaigns: dict[str, str]
    phones: dict[str, list[str]]
    limits: Limits
    agents: tuple[str, ...] = ()


def material(seed: int, contacts: int, calls_per_second: int, agents: int = 0) -> Material:
    """For one run. contacts: over both campaigns. calls_per_second: of both carriers together; with calls of about
    three seconds every limit binds now and then. agents: how many take the people of the second campaign, which dials in one
    of their three modes; none = a bot does."""
    each = calls_per_second // 2
    limits = Limits(
        calls_per_second={"east": each, "west": each},
        channels={"east": calls_per_second * 3 // 2, "west": calls_per_second * 7 // 5},
        seats={"june": calls_per_second * 8 // 5, "july": calls_per_second * 6 // 5},
        fleet=calls_per_second * 5 // 2,
    )
    carriers = [
        CARRIER.format(name=name, calls_per_second=rate, channels=limits.channels[name], number=number)
        for (name, rate), number in zip(limits.calls_per_second.items(), CALLER_IDS, strict=True)
    ]
    staff = tuple(f"agent{number:03d}" for number in range(1, agents + 1))
    modes = {"july": f'mode = "{MODES[seed % len(MODES)]}"'} if agents else {}
    campaigns = {
        name: CAMPAIGN.format(
            name=name,
            mode=modes.get(name, ""),
            ring=RING_SECONDS,
            connect='queue = "sales"' if name in modes else f'bot = "{BOT}"',
            pool=list(CALLER_IDS),
            seats=seats,
            max_attempts=MAX_ATTEMPTS,
        )
        + (APOLOGY if name in modes else "")
        for name, seats in limits.seats.items()
    }
    floor = SITE_AGENTS + "".join(SITE_AGENT.format(name=name) for name in staff) if agents else ""
    first = contacts * 3 // 5
    second = contacts - first
    shared = int(second * SHARED)
    numbers = [phone(number) for number in range(contacts)]
    return Material(
        people=PEOPLE.format(seed=seed, bot=BOT),
        site="".join(carriers) + SITE_BOT.format(bot=BOT, capacity=limits.fleet) + floor,
        campaigns=campaigns,
        phones={"june": numbers[:first], "july": numbers[first - shared : first - shared + second]},
        limits=limits,
        agents=staff,
    )


def phone(number: int) -> str:
    """The ``number``-th valid number."""
    area = AREA_CODES[number // 100_000 % len(AREA_CODES)]
    return f"+1{area}{200 + number // 10_000 % 10 * 50 + 34}{number % 10_000:04d}"


def write_contacts(path: Path, phones: list[str]) -> None:
    """A CSV file as an operator would bring it."""
    with path.open("w", encoding="utf-8") as out:
        out.write("phone_number,name\n")
        out.writelines(f"{digits},Person {place}\n" for place, digits in enumerate(phones))
