"""What transfers, supervision, recordings and resync need of the lines to do their work: fulfilled by ``agent_lines.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from esl_handlers.connection import Reply
from esl_handlers.lines.book import LineBook
from esl_handlers.lines.tracked import Standing, TrackedLine


class Asking(Protocol):
    """Commands to the switch about lines, and the book of what is known of them."""

    @property
    def book(self) -> LineBook: ...

    def api(self, command: str) -> Reply | None:
        """One api command; None when its fate is not known. SwitchDown when it was not sent."""
        ...

    def background(self, command: str, job: str) -> Reply | None:
        """The same for what takes as long as a phone rings. job: its identity, in the event of its end."""
        ...

    def fit(self, check: Callable[[], object]) -> None:
        """Refused where ``check`` finds a text that is not fit for a command."""
        ...

    def send_person(self, line: TrackedLine, standing: Standing, extension: str) -> None:
        """Move the person of a line, talking or held, to an extension; the line comes free by itself."""
        ...

    def meet(self, line: TrackedLine) -> None:
        """Join the line with the third party that it consults."""
        ...
