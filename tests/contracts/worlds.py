"""The same small world in memory and in a database: runs with leads, do-not-call numbers, and eyes to look at what became of
them. The contract suites speak to a :class:`World` and never learn which one it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from controller.domain.calls.outcome import Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd
from controller.domain.campaigns.campaign import Campaign, Contactable, Hours, Pacing, Retry
from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.campaigns.plan import PlannedTarget, RunPlan
from controller.domain.hopper.lead import HopperLead, LeadMove, LeadState
from controller.ports import AttemptStore, LeadStore, RunStore
from controller.storage.attempts import SqlAttemptStore
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.driver_sql import execute, execute_each
from controller.storage.lead_preparation import LeadPreparation
from controller.storage.leads import SqlLeadStore
from controller.storage.memory import MemoryStore
from controller.storage.runs import SqlRunStore

PHONE = 919800000000
DNC_LIST = 7


@dataclass(frozen=True)
class SeenLead:
    """What a test looks at."""

    id: int
    phone: int
    state: LeadState
    attempts: int
    uncharged: int
    due_at: float | None
    reason: str
    last_outcome: str | None


class World(Protocol):
    """A fulfilment of the ports, with the means to set it up and to look at it."""

    leads: LeadStore
    attempts: AttemptStore
    runs: RunStore

    def new_run(self, phones: Sequence[int]) -> int:
        """An active run of a campaign of its own; leads in the order given, attributes ``{"name": "<phone>"}``."""
        ...

    def set_run(self, run_id: int, state: RunState, closing_reason: str | None = None) -> None: ...

    def add_dnc(self, list_id: int, phones: Sequence[int]) -> None: ...

    def seen(self, run_id: int) -> list[SeenLead]:
        """A run's leads by rank."""
        ...

    def live(self) -> list[tuple[str, int, int]]:
        """Attempt, lead and phone of every live attempt."""
        ...

    def totals(self, run_id: int) -> dict[str, dict[str, int]]: ...

    def run_ids(self) -> list[int]: ...


def phones(count: int, start: int = PHONE) -> list[int]:
    return list(range(start, start + count))


def plan(campaign: str = "spring", campaign_id: int = 1, **changes: Any) -> RunPlan:
    """A plan that is open day and night and plays a tone."""
    values: dict[str, Any] = {
        "campaign": campaign,
        "campaign_id": campaign_id,
        "mode": "agentless",
        "priority": 5,
        "list_ids": (1,),
        "dnc_list_ids": (),
        "single_day": False,
        "order": "fifo",
        "contactable": always_open(),
        "pacing": Pacing(),
        "retry": Retry(),
        "max_ring_seconds": 30,
        "max_call_seconds": 60,
        "target": PlannedTarget(kind="playback", name="playback", address="tone_stream://%(100,0,440)"),
        "numbers": (),
        "carriers": (),
    }
    return RunPlan(**{**values, **changes})


def always_open() -> Contactable:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return Contactable(timezone="Asia/Kolkata", open=(Hours(days=days, hours=("00:00-24:00",)),))


def campaign(name: str = "spring", **changes: Any) -> Campaign:
    return Campaign.model_validate({"name": name, "window": always_open().model_dump(), **changes})


def draft(lead: HopperLead, attempt_id: str, **changes: Any) -> AttemptDraft:
    """An attempt with that lead at second 100, at most three a lead."""
    values: dict[str, Any] = {
        "attempt_id": attempt_id,
        "lead_id": lead.lead_id,
        "claim": lead.claim,
        "run_id": lead.run_id,
        "campaign_id": lead.run_id,
        "contact_id": lead.contact_id,
        "phone": lead.phone,
        "caller_id": "+911140001000",
        "carrier": "airtel",
        "node": "fs1",
        "created_at": 100.0,
        "max_attempts": 3,
        "dnc_list_ids": (DNC_LIST,),
    }
    return AttemptDraft(**{**values, **changes})


def end(opened: AttemptDraft, outcome: Outcome, move: LeadMove, **changes: Any) -> AttemptEnd:
    values: dict[str, Any] = {
        "attempt_id": opened.attempt_id,
        "lead_id": opened.lead_id,
        "run_id": opened.run_id,
        "ended_at": opened.created_at + 20.0,
        "outcome": outcome,
        "cause": "NO_ANSWER",
        "move": move,
    }
    return AttemptEnd(**{**values, **changes})


RETRY = LeadMove(LeadState.WAITING, "no_answer", due_at=500.0)


def no_answer(opened: AttemptDraft, move: LeadMove = RETRY) -> AttemptEnd:
    return end(opened, Outcome.NO_ANSWER, move)


class MemoryWorld:
    """Everything in one :class:`MemoryStore`."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.leads: LeadStore = self.store
        self.attempts: AttemptStore = self.store
        self.runs: RunStore = self.store
        self._run_ids: list[int] = []

    def new_run(self, phones: Sequence[int]) -> int:
        run_id = self.store.add_run(plan(f"c{len(self._run_ids) + 1}", len(self._run_ids) + 1))
        self.store.add_leads(run_id, [(phone, f'{{"name": "{phone}"}}') for phone in phones])
        self._run_ids.append(run_id)
        return run_id

    def set_run(self, run_id: int, state: RunState, closing_reason: str | None = None) -> None:
        self.store.set_run_state(run_id, state, closing_reason)

    def add_dnc(self, list_id: int, phones: Sequence[int]) -> None:
        self.store.add_dnc(list_id, phones)

    def seen(self, run_id: int) -> list[SeenLead]:
        return [
            SeenLead(
                lead.id,
                lead.phone,
                lead.state,
                lead.attempts,
                lead.uncharged,
                lead.due_at,
                lead.reason,
                lead.last_outcome,
            )
            for lead in self.store.leads(run_id)
        ]

    def live(self) -> list[tuple[str, int, int]]:
        return [
            (attempt.draft.attempt_id, attempt.draft.lead_id, attempt.draft.phone)
            for attempt in self.store.attempts()
            if attempt.end is None
        ]

    def totals(self, run_id: int) -> dict[str, dict[str, int]]:
        return self.store.totals(run_id)

    def run_ids(self) -> list[int]:
        return self._run_ids


class SqlWorld:
    """A migrated database; leads come from contact lists as in production."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.leads: LeadStore = SqlLeadStore(database)
        self.attempts: AttemptStore = SqlAttemptStore(database)
        self.runs: SqlRunStore = SqlRunStore(database)
        self.campaigns = CampaignStore(database)

    def new_list(self, phones: Sequence[int]) -> int:
        """A contact list; contacts in the order given."""
        with self.database.write() as connection:
            list_id: int = execute(
                connection,
                "INSERT INTO contact_lists (name, region, columns, size, created_at, updated_at) "
                "VALUES ((SELECT 'list' || count(*) FROM contact_lists), 'IN', '[]', ?, 0, 0) RETURNING id",
                (len(phones),),
            ).scalar_one()
            execute_each(
                connection,
                "INSERT INTO contacts (list_id, phone, attributes, import_id, line) VALUES (?, ?, ?, 1, ?)",
                [(list_id, phone, f'{{"name": "{phone}"}}', line) for line, phone in enumerate(phones, 2)],
            )
        return list_id

    def started_run(self, **changes: Any) -> int:
        """A run in ``preparing`` of a new campaign."""
        number = len(self.campaigns.all()) + 1
        stored = self.campaigns.create(campaign(f"c{number}"), CampaignState.READY, 0.0)
        run = self.runs.start(stored.id, [CampaignState.READY], plan(f"c{number}", stored.id, **changes), 0.0)
        assert run is not None
        return run.id

    def new_run(self, phones: Sequence[int]) -> int:
        run_id = self.started_run()
        if phones:
            LeadPreparation(self.database).materialise(run_id, 0, self.new_list(phones), "fifo", ())
        assert self.runs.set_state(run_id, [RunState.PREPARING], RunState.ACTIVE, 1.0)
        return run_id

    def set_run(self, run_id: int, state: RunState, closing_reason: str | None = None) -> None:
        assert self.runs.set_state(run_id, list(RunState), state, 200.0, closing_reason=closing_reason)

    def add_dnc(self, list_id: int, phones: Sequence[int]) -> None:
        with self.database.write() as connection:
            execute(
                connection,
                "INSERT INTO dnc_lists (id, name, created_at) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                (list_id, f"dnc{list_id}"),
            )
            execute_each(
                connection,
                "INSERT INTO dnc_numbers (list_id, phone, added_at) VALUES (?, ?, 0)",
                [(list_id, phone) for phone in phones],
            )

    def seen(self, run_id: int) -> list[SeenLead]:
        with self.database.read() as connection:
            rows = execute(
                connection,
                "SELECT id, phone, state, attempts, uncharged, due_at, reason, last_outcome FROM leads "
                "WHERE run_id = ? ORDER BY rank",
                (run_id,),
            )
            return [SeenLead(row[0], row[1], LeadState(row[2]), *row[3:]) for row in rows]

    def live(self) -> list[tuple[str, int, int]]:
        with self.database.read() as connection:
            rows = execute(connection, "SELECT id, lead_id, phone FROM attempts WHERE ended_at IS NULL ORDER BY id")
            return [(row[0], row[1], row[2]) for row in rows]

    def totals(self, run_id: int) -> dict[str, dict[str, int]]:
        return self.runs.totals(run_id)

    def run_ids(self) -> list[int]:
        with self.database.read() as connection:
            return [row[0] for row in execute(connection, "SELECT id FROM runs ORDER BY id")]


def assert_sound(world: World) -> None:
    """Invariants I1 and I2 as far as the store answers for them, and the counters that nobody recounts."""
    live = world.live()
    assert len({phone for _, _, phone in live}) == len(live), "two live attempts to one number"
    dialling = set()
    for run_id in world.run_ids():
        seen = world.seen(run_id)
        dialling |= {lead.id for lead in seen if lead.state is LeadState.DIALING}
        for lead in seen:
            assert (lead.due_at is not None) >= (lead.state is LeadState.WAITING), f"waits for nothing: {lead}"
            assert (lead.reason != "") >= (lead.state is LeadState.WAITING or lead.state.final), f"no reason: {lead}"
        counted = Counter(lead.state.word for lead in seen)
        kept = {word: count for word, count in world.totals(run_id)["lead"].items() if count}
        assert kept == counted, f"counters {kept}, leads {counted}"
    assert {lead_id for _, lead_id, _ in live} == dialling, "dialling leads and live attempts differ"
