"""What the ESL layer tells of links, commands, events and taps, in the words of the metrics."""

from __future__ import annotations

from controller.metrics import Metrics
from esl_handlers.errors import Stage


class LinkWatch:
    """Fulfils the observer that ``esl_handlers`` asks for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def event_handled(self, name: str, lag_seconds: float) -> None:
        self._metrics.event_handled(name, lag_seconds)

    def command_done(self, stage: Stage, seconds: float) -> None:
        self._metrics.command(stage.value)

    def link_changed(self, link: str, up: bool) -> None:
        self._metrics.link_up(link, up)

    def verdict(self, campaign: str, kind: str, seconds: float) -> None:
        self._metrics.verdict(campaign, kind, seconds)

    def taps_open(self, count: int) -> None:
        self._metrics.taps_open(count)

    def tap_failed(self, tap: str) -> None:
        self._metrics.tap_failed(tap)

    def loop_stalled(self, seconds: float) -> None:
        self._metrics.loop_stalled(seconds)
