"""The dial loop: every pulse, or as soon as a call ends, place as many calls as the limits allow.

One greenlet decides for all running campaigns, because they share carriers and bots and priority is a matter between them
(``domain/pacing/priority.py``). A pulse reads the board, asks ``tick`` how many and in which order, takes leads from the
hopper, keeps agents where the method wants it (``keeping.py``), and reserves slots for the whole round in one script; what
has its slots leaves (``rounds.py``).

Leads taken but not launched stay in hand for the next pulse; their leases bring them back if we die.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog
from gevent.event import Event

from controller.domain.hopper.lead import HopperLead
from controller.domain.pacing.drop_guard import NOBODY
from controller.domain.pacing.priority import Turns
from controller.engine.boards import NO_CALLS, board_of, in_hand
from controller.engine.call_desk import CallDesk
from controller.engine.crews import Crew, ages, team_of
from controller.engine.drop_desk import DropDesk
from controller.engine.floor import Asked, Floor
from controller.engine.formula_desk import FormulaDesk
from controller.engine.gate import Shut, Surroundings, gate
from controller.engine.keeping import Keeping
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.lessons import Lessons
from controller.engine.orders import slot_request
from controller.engine.preview_desk import Chosen, PreviewDesk
from controller.engine.returns import Returns
from controller.engine.rounds import Rounds
from controller.engine.slots import SlotDesk
from controller.engine.tick import Tick, Wish, tick
from controller.engine.watch import Watch
from controller.errors import LiveStateDown, StoreDown
from controller.ports import (
    Clock,
    Granted,
    Hopper,
    InThread,
    LeadStore,
    Limits,
    NoSlot,
    RunStore,
    Usage,
)

log = structlog.get_logger("dial")

BREATH_SECONDS = 0.01
"""Least time between two pulses, so that a hundred ends in a row make one pulse."""
REFRESH_SECONDS = 0.5
"""How often the list of running runs is read again; a nudge makes it at once."""
MOST_BACKLOG = 100
"""Commands the switch may be behind with before no more calls are launched: half a second at its full pace. Dialling on would
ring people later than the calling hours, the rates and the agents were asked for."""
PREVIEW = "preview"
LEAST_LEASE_SECONDS = 3.0
"""A lead whose lease ends sooner is not dialled: the write-ahead might come too late."""


class DialLoop:
    """One for a controller. ``run`` is its lasting greenlet; ``wake`` may be called from anywhere on the loop."""

    def __init__(
        self,
        node: str,
        runs: RunStore,
        leads: LeadStore,
        hopper: Hopper,
        limits: Limits,
        ledger: LedgerDesk,
        slots: SlotDesk,
        desk: CallDesk,
        switch_ready: Callable[[], bool],
        switch_backlog: Callable[[], int],
        in_thread: InThread,
        clock: Clock,
        watch: Watch,
        turns: Turns,
        formulas: FormulaDesk,
        drops: DropDesk,
        crew: Crew,
        lessons: Lessons,
        previews: PreviewDesk,
        pulse_seconds: float,
        number_busy_seconds: float,
    ) -> None:
        self._runs = runs
        self._hopper = hopper
        self._limits = limits
        self._ledger = ledger
        self._desk = desk
        self._switch_ready = switch_ready
        self._switch_backlog = switch_backlog
        self._in_thread = in_thread
        self._clock = clock
        self._watch = watch
        self._turns = turns
        self._formulas = formulas
        self._drops = drops
        self._crew = crew
        self._lessons = lessons
        self._previews = previews
        self._returns = Returns(leads, in_thread, clock)
        self._keeping = Keeping(crew, previews, self._returns)
        self._rounds = Rounds(
            node=node,
            ledger=ledger,
            slots=slots,
            desk=desk,
            keeping=self._keeping,
            previews=previews,
            returns=self._returns,
            turns=turns,
            formulas=formulas,
            clock=clock,
            watch=watch,
            number_busy_seconds=number_busy_seconds,
        )
        self._pulse_seconds = pulse_seconds
        self._wake = Event()
        self._floors: dict[int, Floor] = {}
        self._refreshed_at = float("-inf")
        self._usage = Usage({}, {}, {})
        self.draining = False

    # ------------------------------------------------------------------ asked from outside

    def wake(self) -> None:
        """A call ended, slots went back: look again."""
        self._wake.set()

    def nudge(self) -> None:
        """Campaigns changed: read them again and look."""
        self._refreshed_at = float("-inf")
        self._wake.set()

    def may_dial(self, run_id: int) -> bool:
        """Whether a call of this run may still leave."""
        floor = self._floors.get(run_id)
        return floor is not None and floor.opened is not None and not self.draining

    def drain(self) -> None:
        """No more calls begin; what is in hand goes back."""
        self.draining = True
        self.wake()

    def standing(self) -> dict[str, dict[str, object]]:
        """Campaign → what it does now and why, for the live board."""
        now, people = self._clock.now(), self._desk.people()
        return {
            floor.key: {
                "run": floor.run.number,
                "state": floor.run.state,
                "binding": floor.binding,
                "reason": floor.reason,
                "until": floor.until,
                "seats": self._usage.seats.get(floor.key, 0),
                "seat_limit": floor.run.plan.pacing.seats,
                "hopper": floor.depth + len(floor.in_hand),
                "calls_per_second": floor.launch_rate(now),
                "talking": people.get(floor.run.run_id, NOBODY).connected,
                "apologising": people.get(floor.run.run_id, NOBODY).abandoned,
                "at": now,
            }
            for floor in self._floors.values()
        }

    # ------------------------------------------------------------------ the greenlet

    def run(self) -> None:
        while True:
            self._wake.wait(self._pulse_seconds)
            self._wake.clear()
            try:
                self._pulse()
            except LiveStateDown as error:
                self._shut_all(f"Redis is away: {error}")
                self._clock.sleep(self._pulse_seconds)
            except StoreDown as error:
                self._shut_all(f"the database is away: {error}")
                self._clock.sleep(self._pulse_seconds)
            self._clock.sleep(BREATH_SECONDS)

    def stop(self, seconds: float) -> None:
        """Wait for rounds under way, then hand back what is in hand."""
        self._rounds.wait(seconds)
        try:
            self._previews.stop()
        except LiveStateDown as error:
            log.warning("cards left to lapse", reason=str(error))
        for floor in self._floors.values():
            self._returns.hand_back(floor)

    def _pulse(self) -> None:
        self._refresh()
        self._lessons.look(self._crew.views())
        open_floors = self._look()
        self._previews.look({floor.run.run_id: floor.run for floor in open_floors if floor.run.plan.mode == PREVIEW})
        if not open_floors:
            return
        behind = self._switch_backlog()
        if behind > MOST_BACKLOG:
            for floor in open_floors:
                floor.binding, floor.reason = "switch", f"FreeSWITCH is {behind} commands behind"
            return
        self._usage = self._limits.usage(*_names(open_floors))
        for floor in open_floors:
            floor.depth = self._hopper.depth(floor.run.run_id)
            self._watch.hopper(floor.key, floor.depth + len(floor.in_hand))
            self._watch.seats(floor.key, self._usage.seats[floor.key], floor.run.plan.pacing.seats)
        by_key = {floor.key: floor for floor in open_floors}
        decided = tick({key: self._wish(floor) for key, floor in by_key.items()}, self._turns)
        for key, decision in decided.decisions.items():
            by_key[key].binding, by_key[key].reason, by_key[key].until = decision.binding, decision.reason, None
        asked = self._keeping.with_agents(self._ask_for(decided, by_key), decided)
        if asked:
            self._rounds.launch(asked, self._reserve(asked))

    def _refresh(self) -> None:
        now = self._clock.monotonic()
        if now - self._refreshed_at < REFRESH_SECONDS:
            return
        found = {run.run_id: run for run in self._in_thread(self._runs.running)}
        self._refreshed_at = now
        self._formulas.follow(found.values())
        self._drops.follow(found.values())
        self._lessons.follow(found.values())
        for run_id in [run_id for run_id in self._floors if run_id not in found]:
            self._returns.hand_back(self._floors.pop(run_id))
        for run_id, run in found.items():
            floor = self._floors.get(run_id)
            if floor is None:
                self._floors[run_id] = Floor(run, run.plan.retry_policy)
            elif floor.run != run:
                floor.run, floor.policy = run, run.plan.retry_policy

    def _look(self) -> list[Floor]:
        """Which runs may dial now; the others hand back what they have in hand."""
        around = Surroundings(self._switch_ready(), self._ledger.healthy, self.draining)
        now = self._clock.now()
        open_floors = []
        for floor in self._floors.values():
            verdict = gate(floor.run, around, now)
            if isinstance(verdict, Shut):
                floor.opened, floor.binding, floor.reason, floor.until = None, "gate", verdict.reason, verdict.until
                floor.depth = 0  # the refill sweep empties the hopper of a run that may not dial
                self._returns.hand_back(floor)
            else:
                floor.opened = verdict
                open_floors.append(floor)
        return open_floors

    def _wish(self, floor: Floor) -> Wish:
        run_id, plan = floor.run.run_id, floor.run.plan
        views = self._crew.views()
        hand = (
            in_hand(self._desk.calls_of(run_id), floor.leaving, self._clock.now()) if plan.target.kind == "queue" else NO_CALLS
        )
        estimates = self._lessons.estimates(run_id, *ages(views, plan.target.address))
        by_formula = plan.pacing.formula is not None and plan.target.kind == "queue"
        formula = self._formulas.order(run_id, team_of(plan, views) if by_formula else None)
        board = board_of(floor, self._usage, hand, views, estimates, self._drops.standing(run_id), formula)
        if plan.mode == PREVIEW:  # its agents are kept already, since they were shown the contacts
            board = replace(board, leads=self._previews.chosen(run_id), team=None)
        return Wish(plan.method, plan.priority, board)

    def _ask_for(self, decided: Tick, floors: Mapping[str, Floor]) -> list[Asked]:
        """A lead and a slot request for each call, in the order of priority."""
        soon = self._clock.now() + LEAST_LEASE_SECONDS
        for key, decision in decided.decisions.items():
            floor = floors[key]
            if floor.run.plan.mode == PREVIEW:
                continue  # its contacts come from the agents' cards
            while floor.in_hand and floor.in_hand[0].leased_until < soon:
                floor.in_hand.popleft()
            missing = decision.calls - len(floor.in_hand)
            if missing > 0 and floor.depth:
                taken = self._hopper.take(floor.run.run_id, missing)
                floor.in_hand += [lead for lead in taken if lead.leased_until >= soon]
        asked: list[Asked] = []
        for key in decided.order:
            floor = floors[key]
            lead, chosen = self._next(floor)
            if lead is not None:
                one = Asked(floor, lead, slot_request(lead, floor.run.plan), chosen=chosen)
                if one.request.carriers:
                    asked.append(one)
                else:
                    self._returns.defer(lead, "no_route", 3600.0)
                    self._keeping.let_go(one)
        return asked

    def _next(self, floor: Floor) -> tuple[HopperLead | None, Chosen | None]:
        """The next contact of a run; in preview the next that was chosen."""
        if floor.run.plan.mode != PREVIEW:
            return (floor.in_hand.popleft() if floor.in_hand else None), None
        chosen = next(iter(self._previews.take(floor.run.run_id, 1)), None)
        return (chosen.lead if chosen is not None else None), chosen

    def _reserve(self, asked: Sequence[Asked]) -> Sequence[Granted | NoSlot]:
        try:
            return self._limits.reserve([one.request for one in asked])
        except LiveStateDown:
            for one in asked:
                self._keeping.let_go(one)
            raise

    def _shut_all(self, reason: str) -> None:
        for floor in self._floors.values():
            floor.binding, floor.reason, floor.until = "gate", reason, None


def _names(floors: Sequence[Floor]) -> tuple[list[str], list[str], list[str]]:
    """Campaigns, bots and carriers that the floors use."""
    campaigns = [floor.key for floor in floors]
    bots = {floor.run.plan.target.name for floor in floors if floor.run.plan.target.capacity is not None}
    carriers = {carrier.name for floor in floors for carrier in floor.run.plan.carriers}
    return campaigns, sorted(bots), sorted(carriers)
