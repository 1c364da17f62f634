"""What became of a campaign whose processes were killed: the far end's record against the attempts table.

Decides what counts as a double dial, a lost call, a talk cut short, a person left alone. SIPp's records (as carrier and as bot)
are the truth; who was killed when is told by ``crash.py``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.freeswitch.sipp import FarCall
from tests.load.campaign import Row
from tests.load.load import percentile

NEVER_LEFT = ("not_dialled",)
CLOCK_SECONDS = 0.1
"""Between SIPp's and our reading of one moment, on a busy machine."""
JOINED_SECONDS = 3.0
"""A person who has no bot after this was left alone: two seconds for the bot, one for a busy machine."""


@dataclass
class Faults:
    """What was done, when (UTC epoch seconds). kills: of the controller. drains: SIGTERM to it. starts: of its next lives.
    outages: FreeSWITCH from its kill until it took commands again."""

    kills: list[float] = field(default_factory=list)
    drains: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)

    def end_of(self, call: FarCall) -> float:
        """When the call was over for sure: its own end, or that of the FreeSWITCH that carried it."""
        last = call.ended_at if call.ended_at is not None else float("inf")
        return min([last, *(began for began, _ in self.outages if began > call.invite.at)])

    def struck(self, call: FarCall) -> bool:
        """Whether the FreeSWITCH that carried the call was killed meanwhile."""
        last = call.ended_at if call.ended_at is not None else float("inf")
        return any(call.invite.at < began < last + CLOCK_SECONDS for began, _ in self.outages)


def books(calls: Sequence[FarCall], rows: Sequence[Row], max_attempts: int) -> dict[str, int]:
    """Call for call: doubles (INVITEs without a row), lost (rows that say a call was made, and no INVITE; ``unknown`` says
    nothing), numbers over their limit of attempts, rows without an end, rows whose fate is unknown."""
    seen = Counter(call.invite.user for call in calls)
    made = Counter(str(row.phone) for row in rows if row.outcome not in NEVER_LEFT)
    sure = Counter(str(row.phone) for row in rows if row.outcome not in (*NEVER_LEFT, "unknown"))
    return {
        "doubles": (seen - made).total(),
        "lost": (sure - seen).total(),
        "over_attempts": sum(count > max_attempts for count in seen.values()),
        "open": sum(row.outcome is None for row in rows),
        "unknown": sum(row.outcome == "unknown" for row in rows),
    }


def called_wrongly(calls: Sequence[FarCall], faults: Faults) -> dict[str, int]:
    """overlapping: a number was called while a call to it lived. called_again: after it had been spoken to."""
    by_number: dict[str, list[FarCall]] = defaultdict(list)
    for call in calls:
        by_number[call.invite.user].append(call)
    pairs = [pair for own in by_number.values() for pair in pairwise(own)]
    return {
        "overlapping": sum(later.invite.at < faults.end_of(earlier) - CLOCK_SECONDS for earlier, later in pairs),
        "called_again": sum(earlier.answered_at is not None for earlier, _ in pairs),
    }


def talks(
    calls: Sequence[FarCall], bots: Sequence[FarCall], rows: Sequence[Row], faults: Faults, seconds: float
) -> dict[str, int]:
    """Conversations that the people end themselves after ``seconds``. cut: it ended before, and no kill of FreeSWITCH explains
    it. alone: nobody joined the person in time, likewise. struck: FreeSWITCH was killed meanwhile."""
    phones = {row.attempt_id: str(row.phone) for row in rows}
    joined: dict[str, list[float]] = defaultdict(list)
    for bot in bots:
        if bot.answered_at is not None:
            joined[phones.get(bot.invite.note, "")].append(bot.answered_at)
    found = {"talks": 0, "talks_cut": 0, "alone": 0, "struck": 0}
    for call in calls:
        if call.answered_at is None:
            continue
        found["talks"] += 1
        if faults.struck(call):
            found["struck"] += 1
            continue
        length = call.talk_seconds
        found["talks_cut"] += call.ended_by != "far end" or length is None or length < seconds - CLOCK_SECONDS
        waits = (at - call.answered_at for at in joined[call.invite.user])
        found["alone"] += not any(-CLOCK_SECONDS <= wait <= JOINED_SECONDS for wait in waits)
    return found


def most_at_once(calls: Iterable[FarCall], faults: Faults) -> int:
    """The most calls that lived at one moment at the far end."""
    steps = sorted(step for call in calls for step in ((call.invite.at, 1), (faults.end_of(call), -1)))
    live = most = 0
    for _, step in steps:
        live += step
        most = max(most, live)
    return most


def live_at(calls: Iterable[FarCall], moment: float, faults: Faults) -> int:
    """How many calls lived then at the far end."""
    return sum(call.invite.at <= moment < faults.end_of(call) for call in calls)


def most_in_a_second(calls: Iterable[FarCall]) -> int:
    """The most INVITEs in any one second, wherever it begins."""
    times = sorted(call.invite.at for call in calls)
    most = first = 0
    for place, at in enumerate(times):
        while times[first] <= at - 1.0:
            first += 1
        most = max(most, place - first + 1)
    return most


def restart_seconds(calls: Sequence[FarCall], rows: Sequence[Row], faults: Faults) -> list[float]:
    """For each life of the controller after the first, from the start of its process to the first INVITE that it sent; lives
    that were ended before they had dialled are left out."""
    found = []
    ends = [*sorted([*faults.kills, *faults.drains]), float("inf")]
    for start in faults.starts:
        end = next(end for end in ends if end > start)
        own = {str(row.phone): row.created_at for row in rows if start < row.created_at < end}
        sent = [call.invite.at for call in calls if call.invite.at > own.get(call.invite.user, float("inf"))]
        if sent:
            found.append(min(sent) - start)
    return found


def report(
    calls: Sequence[FarCall],
    bots: Sequence[FarCall],
    rows: Sequence[Row],
    faults: Faults,
    limits: Mapping[str, float],
) -> dict[str, object]:
    """limits: ``attempts`` of a contact, ``channels``, ``calls_per_second``, ``talk_seconds``."""
    restarts = restart_seconds(calls, rows, faults)
    p50, p99 = percentile(restarts, 0.50), percentile(restarts, 0.99)
    return {
        "kills": len(faults.kills),
        "drains": len(faults.drains),
        "freeswitch_kills": len(faults.outages),
        "invites": len(calls),
        "rows": len(rows),
        **books(calls, rows, int(limits["attempts"])),
        **called_wrongly(calls, faults),
        **talks(calls, bots, rows, faults, limits["talk_seconds"]),
        "live_at_kills": [live_at(calls, moment, faults) for moment in faults.kills],
        "most_at_once": most_at_once(calls, faults),
        "channels": int(limits["channels"]),
        "most_in_a_second": most_in_a_second(calls),
        "calls_per_second": limits["calls_per_second"],
        "restarts": len(restarts),
        "restart_p50_s": None if p50 is None else round(p50, 2),
        "restart_p99_s": None if p99 is None else round(p99, 2),
        "outcomes": dict(Counter(row.outcome or "open" for row in rows).most_common()),
    }


MUST_BE_NONE = ("doubles", "lost", "over_attempts", "open", "overlapping", "called_again", "talks_cut", "alone")


def faultless(result: Mapping[str, object]) -> bool:
    """Whether nothing happened that must never happen."""
    at_once, channels = result["most_at_once"], result["channels"]
    assert isinstance(at_once, int)
    assert isinstance(channels, int)
    return all(result[key] == 0 for key in (*MUST_BE_NONE, "unfinished_leads", "leaked_slots")) and at_once <= channels
