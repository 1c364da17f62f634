"""A round of calls from its slots to the call desk: the write-ahead, then the launch.

Both go on in a greenlet of their own, so that a slow commit never holds up the next pulse of the dial loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import structlog

from controller.domain.calls.record import Opening
from controller.domain.pacing.priority import Turns
from controller.engine.call_desk import CallDesk
from controller.engine.floor import Asked
from controller.engine.formula_desk import FormulaDesk
from controller.engine.keeping import Keeping
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.orders import attempt_draft, live_call, slot_use
from controller.engine.preview_desk import PreviewDesk
from controller.engine.returns import Returns
from controller.engine.slots import SlotDesk
from controller.engine.watch import Watch
from controller.errors import StoreDown
from controller.ports import Clock, Granted, NoSlot

log = structlog.get_logger("dial")

NEVER = 0.0


class Rounds:
    """For one controller's dial loop. number_busy_seconds: for how long a number that is on the line is left alone."""

    def __init__(
        self,
        node: str,
        ledger: LedgerDesk,
        slots: SlotDesk,
        desk: CallDesk,
        keeping: Keeping,
        previews: PreviewDesk,
        returns: Returns,
        turns: Turns,
        formulas: FormulaDesk,
        clock: Clock,
        watch: Watch,
        number_busy_seconds: float,
    ) -> None:
        self._node = node
        self._ledger = ledger
        self._slots = slots
        self._desk = desk
        self._keeping = keeping
        self._previews = previews
        self._returns = returns
        self._turns = turns
        self._formulas = formulas
        self._clock = clock
        self._watch = watch
        self._number_busy_seconds = number_busy_seconds
        self._under_way: set[gevent.Greenlet[..., None]] = set()

    def wait(self, seconds: float) -> None:
        """Until every round under way has left, no longer than this."""
        gevent.joinall(list(self._under_way), timeout=seconds)

    def launch(self, asked: Sequence[Asked], answers: Sequence[Granted | NoSlot]) -> None:
        """Those that have their slots leave; the others go back where they came from, each with its reason."""
        launches: list[tuple[Asked, Granted]] = []
        refused: list[Asked] = []
        for one, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Granted):
                launches.append((one, answer))
                one.floor.leaving += 1
                self._turns.granted(one.floor.key)
                self._formulas.started(one.lead.run_id, 1)
                one.floor.launched.append(self._clock.now())
                continue
            self._watch.not_launched(one.floor.key, answer.limit)
            if answer.limit == "number_busy":
                self._keeping.let_go(one)
                self._returns.defer(one.lead, answer.limit, self._number_busy_seconds)
                continue
            one.floor.binding = answer.limit
            one.floor.reason = f"no slot: {answer.limit.replace('_', ' ')}"
            if one.chosen is not None:
                self._previews.put_back(one.chosen)
            else:
                self._keeping.let_go(one)
                refused.append(one)
        for one in reversed(refused):
            one.floor.in_hand.appendleft(one.lead)
        if launches:
            round_ = gevent.spawn(self._write_ahead_and_place, launches)
            self._under_way.add(round_)
            round_.link(self._under_way.discard)

    def _write_ahead_and_place(self, launches: Sequence[tuple[Asked, Granted]]) -> None:
        now = self._clock.now()
        drafts = [
            attempt_draft(one.request, granted, one.lead, one.floor.run.plan, self._node, now) for one, granted in launches
        ]
        try:
            openings = self._ledger.open(drafts)
        except StoreDown as error:
            log.warning("round not launched", calls=len(drafts), reason=str(error))
            for one, granted in launches:
                one.floor.leaving -= 1
                self._keeping.let_go(one)
                self._slots.release(slot_use(one.request, granted))
            return
        for (one, granted), opening in zip(launches, openings, strict=True):
            one.floor.leaving -= 1
            if opening is Opening.OPENED:
                # When the gate shut during the write-ahead, the desk refuses the call and closes it on record.
                not_after = one.floor.opened.not_after if one.floor.opened is not None else NEVER
                plan, now, agent = one.floor.run.plan, self._clock.now(), one.agent
                if one.chosen is not None:
                    self._previews.count_on(one.chosen, one.request.attempt_id)
                    agent = one.chosen.seizure.agent
                self._desk.place(live_call(one.request, granted, one.lead, plan, one.floor.policy, now, not_after, agent))
            else:
                log.info("lead not dialled", lead=one.lead.lead_id, campaign=one.floor.key, reason=opening.value)
                self._keeping.let_go(one)
                self._slots.release(slot_use(one.request, granted))
