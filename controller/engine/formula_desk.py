"""The formulas of the campaigns that dial by them: evaluated every pulse, judged, and kept at hand for their boards.

The greenlet here is not the one that dials, and the evaluation itself is in a native thread: a Prometheus that is slow or
away costs the dial loop nothing; its values grow stale and give way to the safe ones (``domain/pacing/formula_value.py``).
Each change from good to bad or back is logged once and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import gevent
import structlog

from controller.domain.campaigns.pacing import Expression, FormulaPacing, Pacing
from controller.domain.pacing.board import Team
from controller.domain.pacing.formula_value import Bounds, Fault, FormulaOrder, InUse, Reading, fault_of, in_use
from controller.domain.pacing.seizing import SeizeRequests
from controller.engine.watch import Watch
from controller.ports import Clock, FormulaSource, InThread, RunningRun

log = structlog.get_logger("formula")

LOOK_SECONDS = 0.2
"""How often it is looked which formulas are due."""


def deadline(seconds: float) -> gevent.Timeout:
    """For sources that speak over gevent's sockets: ``TimeoutError`` when that long has passed."""
    return gevent.Timeout(seconds, TimeoutError(f"no answer within {seconds:g} s"))


@dataclass(slots=True)
class _Value:
    """One expression of one campaign."""

    expression: Expression
    bounds: Bounds
    last: Reading | None = None
    last_good: Reading | None = None
    told: Fault | None = None

    def take(self, reading: Reading) -> None:
        self.last = reading
        if self.fault is None:
            self.last_good = reading

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the last evaluation by itself."""
        return None if self.last is None else fault_of(self.last, self.bounds.most)

    def in_use(self, now: float) -> InUse:
        return in_use(self.last, self.last_good, self.bounds, now)


@dataclass(slots=True)
class _Sheet:
    """A run's formulas. started: calls since the present pulse began. requests: for agents that are missing."""

    campaign: str
    pacing: Pacing
    formula: FormulaPacing
    values: dict[str, _Value]
    due_at: float = float("-inf")
    started: int = 0
    requests: SeizeRequests = field(default_factory=SeizeRequests)


class FormulaDesk:
    """One for a controller. ``run`` is its lasting greenlet; the rest is called by the dial loop and returns at once."""

    def __init__(self, source: FormulaSource, in_thread: InThread, clock: Clock, watch: Watch) -> None:
        self._source = source
        self._in_thread = in_thread
        self._clock = clock
        self._watch = watch
        self._sheets: dict[int, _Sheet] = {}

    def follow(self, runs: Iterable[RunningRun]) -> None:
        """These are the runs there are now; formulas of others are forgotten, changed ones begin anew."""
        wanted = {run.run_id: run for run in runs if run.plan.pacing.formula is not None}
        self._sheets = {run_id: sheet for run_id, sheet in self._sheets.items() if run_id in wanted}
        for run_id, run in wanted.items():
            sheet, pacing = self._sheets.get(run_id), run.plan.pacing
            if sheet is None or sheet.pacing != pacing:
                self._sheets[run_id] = _sheet(run.plan.campaign, pacing)

    def order(self, run_id: int, team: Team | None = None) -> FormulaOrder | None:
        """What the run's formulas say now; None for a run without. team: its agents now, against whom seizing is reckoned."""
        sheet = self._sheets.get(run_id)
        if sheet is None:
            return None
        now = self._clock.now()
        used = {name: value.in_use(now) for name, value in sheet.values.items()}
        agents = used.get("agents_to_seize")
        if agents is not None and team is not None:
            live = sheet.formula.seize_seconds
            for outcome in sheet.requests.look(int(agents.value), team, self._clock.monotonic(), live):
                self._watch.agent_seizure(sheet.campaign, outcome.value)
        return FormulaOrder(
            calls=used["calls_to_start"].value,
            agents=None if agents is None else int(agents.value),
            per_agent=sheet.formula.per_agent,
            started=sheet.started,
            note="; ".join(_note(name, one) for name, one in used.items() if one.safe),
        )

    def started(self, run_id: int, calls: int) -> None:
        """So many calls of the run were launched just now."""
        if run_id in self._sheets:
            self._sheets[run_id].started += calls

    def run(self) -> None:
        """Evaluate what is due, for ever."""
        while True:
            self.look()
            self._clock.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Evaluate what is due, and tell what has changed since the last look."""
        for sheet in list(self._sheets.values()):
            now = self._clock.monotonic()
            if sheet.due_at <= now:
                sheet.due_at = now + sheet.formula.pulse_seconds
                for name, value in sheet.values.items():
                    value.take(self._in_thread(partial(self._source.evaluate, value.expression)))
                    if value.fault is not None:
                        self._watch.formula_fault(sheet.campaign, name, value.fault.value)
                sheet.started = 0
            for name, value in sheet.values.items():
                self._tell(sheet.campaign, name, value)

    def _tell(self, campaign: str, name: str, value: _Value) -> None:
        used = value.in_use(self._clock.now())
        self._watch.formula(campaign, name, used.value, used.safe)
        if used.fault is value.told:
            return
        if used.fault is None:
            log.info("formula", campaign=campaign, formula=name, to="good", value=used.value)
        else:
            if used.fault is Fault.STALE:
                self._watch.formula_fault(campaign, name, used.fault.value)
            log.warning(
                "formula",
                campaign=campaign,
                formula=name,
                to=used.fault.value,
                value=used.value,
                safe=used.safe,
                reason=used.detail,
            )
        value.told = used.fault


def _sheet(campaign: str, pacing: Pacing) -> _Sheet:
    formula = pacing.formula
    assert formula is not None
    values = {name: _Value(formula.expressions[name], bounds) for name, bounds in pacing.formula_bounds().items()}
    return _Sheet(campaign, pacing, formula, values)


def _note(name: str, used: InUse) -> str:
    fault = used.fault.value.replace("_", " ") if used.fault is not None else "unknown"
    return f"{name} is the safe value {used.value:g}: {fault}" + (f" ({used.detail})" if used.detail else "")
