"""Figures of the metrics that only the database knows: leads by state, rows of imports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from controller.errors import StoreDown
from controller.metrics import Metrics
from controller.ports import InThread
from controller.storage.database import Database
from controller.storage.import_history import import_totals
from controller.storage.runs import SqlRunStore

log = structlog.get_logger("service")


class Survey:
    """dropped_lines: log lines lost so far, which nobody else counts."""

    def __init__(
        self, database: Database, runs: SqlRunStore, in_thread: InThread, metrics: Metrics, dropped_lines: Callable[[], int]
    ) -> None:
        self._database = database
        self._runs = runs
        self._in_thread = in_thread
        self._metrics = metrics
        self._dropped_lines = dropped_lines
        self._campaigns: set[str] = set()

    def look(self) -> None:
        """Figures of the metrics that only the database knows."""
        try:
            totals = self._in_thread(self._lead_totals)
            rows = self._in_thread(partial(import_totals, self._database))
        except StoreDown as error:
            log.debug("not surveyed", reason=str(error))
            return
        for campaign in self._campaigns - set(totals):
            self._metrics.forget(campaign)
        self._campaigns = set(totals)
        for campaign, states in totals.items():
            for state, leads in states.items():
                self._metrics.leads(campaign, state, leads)
        self._metrics.import_rows(rows.accepted, rows.rejected)
        self._metrics.log_lines_dropped(self._dropped_lines())

    def _lead_totals(self) -> dict[str, dict[str, int]]:
        return {run.plan.campaign: self._runs.totals(run.run_id).get("lead", {}) for run in self._runs.running()}
