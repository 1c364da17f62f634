"""A long random walk through both stores at once: the database and the memory store must give the same answers at every step,
stay sound, and end with every lead final (invariants I1 and I2).
"""

from __future__ import annotations

import random

import pytest

from controller.domain.calls.outcome import RULES, Outcome
from controller.domain.calls.record import AttemptDraft, AttemptEnd, Opening
from controller.domain.campaigns.lifecycle import RunState
from controller.domain.campaigns.retry import RetryPolicy
from controller.domain.hopper.lead import HopperLead, LeadState
from tests.contracts.worlds import DNC_LIST, PHONE, MemoryWorld, SqlWorld, World, assert_sound, draft, end, phones

MAX_ATTEMPTS = 3
POLICY = RetryPolicy(max_attempts=MAX_ATTEMPTS, delay_seconds=40.0)


class Walker:
    """One hand on two worlds. Leads and runs have the same ids in both; only the claims differ."""

    def __init__(self, first: World, second: World, seed: int) -> None:
        self.worlds = (first, second)
        self.random = random.Random(seed)
        self.now = 1000.0
        self.runs = [
            self.both(lambda world, numbers=numbers: world.new_run(numbers)) for numbers in (phones(24), phones(24, PHONE + 12))
        ]
        self.both(lambda world: world.add_dnc(DNC_LIST, [PHONE + 3, PHONE + 30]))
        self.held: list[tuple[HopperLead, HopperLead]] = []
        self.calls: dict[str, AttemptDraft] = {}

    def both(self, act):
        """The answer that both worlds gave."""
        first, second = (act(world) for world in self.worlds)
        assert first == second
        return first

    def claim(self) -> None:
        run_id, limit = self.random.choice(self.runs), self.random.randint(1, 6)
        leads = [world.leads.claim(run_id, limit, self.now, self.now + 30.0) for world in self.worlds]
        mine, theirs = ([(x.lead_id, x.phone, x.attempts, x.uncharged, x.attributes) for x in side] for side in leads)
        assert [lead[1:] for lead in mine] == [lead[1:] for lead in theirs]
        self.held += zip(*leads, strict=True)

    def some_held(self) -> list[tuple[HopperLead, HopperLead]]:
        """Some that were claimed lately: many of those claims are over."""
        lately = self.held[-16:]
        return self.random.sample(lately, min(len(lately), self.random.randint(0, 5)))

    def open(self) -> None:
        pairs = self.some_held()
        ids = [f"{self.now}-{place}" for place in range(len(pairs))]
        batches = [
            [
                draft(pair[side], name, created_at=self.at(pair[side].lead_id), max_attempts=MAX_ATTEMPTS)
                for pair, name in zip(pairs, ids, strict=True)
            ]
            for side in (0, 1)
        ]
        answers = [world.attempts.open_attempts(batch) for world, batch in zip(self.worlds, batches, strict=True)]
        assert answers[0] == answers[1]
        for side, (name, answer) in enumerate(zip(ids, answers[0], strict=True)):
            if answer is Opening.OPENED:
                self.calls[name] = batches[0][side]

    def at(self, lead_id: int) -> float:
        """Now, but never for two leads at once: among equal due times the order is nobody's promise."""
        return self.now + lead_id / 1000.0

    def close(self) -> None:
        lately = list(self.calls)[-16:]
        chosen = self.random.sample(lately, min(len(lately), self.random.randint(0, 5)))
        ends = [self.ended(self.calls[name]) for name in chosen for _ in range(self.random.choice((1, 1, 2)))]
        self.both(lambda world: world.attempts.close_attempts(ends))

    def ended(self, call: AttemptDraft) -> AttemptEnd:
        """As the engine would say it; the lead's own figures are looked up as they stood when the call was opened."""
        lead = next(lead for lead in self.worlds[0].seen(call.run_id) if lead.id == call.lead_id)
        outcome = self.random.choice([Outcome.NO_ANSWER] * 4 + [Outcome.CONGESTION, Outcome.ANSWERED, Outcome.BUSY])
        move = POLICY.after(outcome, lead.attempts, lead.uncharged, self.at(lead.id))
        assert move.charged == RULES[outcome].charged
        return end(call, outcome, move, ended_at=self.now)

    def give_back(self) -> None:
        pairs = self.some_held()
        counts = [world.leads.give_back([pair[side] for pair in pairs]) for side, world in enumerate(self.worlds)]
        assert counts[0] == counts[1]

    def defer(self) -> None:
        for pair in self.some_held()[:1]:
            done = [world.leads.defer(pair[side], self.now + 20.0, "window") for side, world in enumerate(self.worlds)]
            assert done[0] == done[1]

    def reap(self) -> None:
        self.both(lambda world: world.leads.reap(self.now))

    def pause_or_resume(self) -> None:
        run_id, state = self.random.choice(self.runs), self.random.choice((RunState.PAUSED, RunState.ACTIVE, RunState.ACTIVE))
        self.both(lambda world: world.set_run(run_id, state))

    def step(self) -> None:
        often = [self.claim, self.open, self.close]
        self.random.choice([*often, *often, self.give_back, self.defer, self.reap, self.pause_or_resume])()
        self.now += self.random.choice((0.5, 3.0, 15.0))

    def look(self) -> None:
        """Leads, counters and what is due are the same in both."""
        for run_id in self.runs:
            self.both(lambda world, run_id=run_id: world.seen(run_id))
            self.both(lambda world, run_id=run_id: (world.leads.unfinished(run_id), world.leads.next_due(run_id)))
            assert all(lead.attempts <= MAX_ATTEMPTS for lead in self.worlds[0].seen(run_id))
        for world in self.worlds:
            assert_sound(world)

    def finish(self) -> None:
        """Stop one run, let the window of the other close; whatever still talks ends afterwards."""
        for run_id, reason, into in zip(
            self.runs, ("stopped", "window_closed"), (LeadState.STOPPED, LeadState.WINDOW_CLOSED), strict=True
        ):
            self.both(lambda world, run_id=run_id, reason=reason: world.set_run(run_id, RunState.CLOSING, reason))
            while self.both(lambda world, run_id=run_id, into=into: world.leads.close_waiting(run_id, into, 5)):
                pass
        self.both(lambda world: world.attempts.close_attempts([self.ended_busy(call) for call in self.calls.values()]))

    def ended_busy(self, call: AttemptDraft) -> AttemptEnd:
        return end(call, Outcome.NO_ANSWER, POLICY.after(Outcome.NO_ANSWER, 0, 0, self.now), ended_at=self.now)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_memory_and_database_walk_in_step(sql_world: SqlWorld, seed: int):
    """Claims, openings, ends, lapses and pauses in any order: same answers, nothing lost, nobody rung twice."""
    walker = Walker(MemoryWorld(), sql_world, seed)
    for step in range(800):
        walker.step()
        if step % 10 == 0:
            walker.look()
    assert len(walker.calls) > 20
    walker.finish()
    walker.look()
    for run_id in walker.runs:
        assert all(lead.state.final for lead in sql_world.seen(run_id))
