"""Formulas where no Prometheus is configured: numbers are themselves, queries a fault that says what is missing
(port ``FormulaSource``)."""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.pacing.formula_value import Fault, Reading


class Constants:
    """now: UTC epoch seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def evaluate(self, expression: float | str) -> Reading:
        """See the port."""
        if isinstance(expression, float):
            return Reading(self._now(), expression)
        return Reading(self._now(), fault=Fault.REFUSED, detail="no Prometheus is configured; set formula.prometheus_url")
