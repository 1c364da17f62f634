"""Calls at the switch, and who is told of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.events import CallEvent, DialFailed, HungUp


class SwitchListener(Protocol):
    """Who is told what the switch reports. Called from the link's own greenlet: put and return."""

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        """Something happened to a call. Calls that are not ours are not reported."""
        ...

    def link_lost(self) -> None:
        """No events come any more; calls go on without us."""
        ...

    def link_restored(self, same_core: bool) -> None:
        """Events come again. same_core: False when the switch itself was restarted, so every call it had is dead."""
        ...


@dataclass(frozen=True, slots=True)
class Missed:
    """A call that did not leave, because the switch did not take it by its moment; it may have another one. why: a sentence."""

    why: str


class Switch(Protocol):
    """FreeSWITCH over ESL · the simulator's people."""

    @property
    def ready(self) -> bool:
        """Whether calls can be placed and their events seen."""
        ...

    @property
    def backlog(self) -> int:
        """Commands that are out and unanswered: how far the switch is behind. An overloaded one falls behind, it does not
        refuse."""
        ...

    def dial(self, order: DialOrder, not_after: float = math.inf) -> DialFailed | Missed | None:
        """Place one call. not_after: monotonic seconds until which the moment holds that the rates gave it.

        Returns once the command's fate is known or its reply is late: a ``DialFailed`` with ``left=False`` when it is
        certain that nothing left the box, ``Missed`` when that is so because it could not leave in time, else None and events
        follow. Bytes that were written count as dialled.
        """
        ...

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        """Join a parked, answered call with a target; ``Connected`` or ``ConnectFailed`` follows."""
        ...

    def screen(self, attempt_id: str, detection: Detection) -> None:
        """Listen to an answered call, parked or connected.

        One ``VerdictGiven`` follows, whatever goes wrong (``unknown``, and why), at the latest about ``max_seconds`` from now.
        After it, while still listening: ``VerdictRevised``, and with ``beep`` ``BeepHeard`` or ``GreetingEnded``. Never raises;
        ends by itself, at the latest with the call.
        """
        ...

    def stop_screening(self, attempt_id: str) -> None:
        """Listen no more; nothing further is said about the call's audio. Twice, or too late, is no error."""
        ...

    def park(self, attempt_id: str, seconds: int) -> None:
        """Take the call from whatever it is joined with and hold it in silence; after ``seconds`` the switch itself hangs up.

        SwitchDown when it is certain that nothing was sent; so with the next two.
        """
        ...

    def leave_message(self, attempt_id: str, sound: str) -> None:
        """Play a sound to the far end; then ``MessagePlayed`` and, by the switch itself, the hang-up.

        ``ConnectFailed`` when the sound cannot be played. A call that is screened is listened to for somebody who picks up:
        ``VerdictRevised`` with kind person.
        """
        ...

    def stop_message(self, attempt_id: str) -> None:
        """Cut a message short: the call waits again, for the order's ``verdict_seconds``, and no ``MessagePlayed`` follows.
        ``connect`` and ``park`` cut it short as well."""
        ...

    def treat(self, attempt_id: str, treatment: Treatment) -> None:
        """Play the abandoned-call message to an answered person, whatever they hear now; then hang up. ``MessagePlayed`` at its
        end, ``KeyPressed`` when the opt-out key was pressed meanwhile (``HungUp`` names it again)."""
        ...

    def waits(self, attempt_id: str) -> bool:
        """Whether the switch holds that call answered and joined with nobody, for us to fetch it. SwitchDown when it cannot be
        asked."""
        ...

    def hang_up(self, attempt_id: str, why: str) -> None:
        """End a call; ``HungUp`` follows. A call that is already gone is no error."""
        ...

    def alive(self, attempt_id: str) -> bool:
        """Whether the switch has a call of that identity now."""
        ...

    def end_of(self, attempt_id: str) -> HungUp | None:
        """How a call ended, from the switch's own record of ended calls; None when that holds no such call. SwitchDown when
        the record cannot be read."""
        ...

    @property
    def keeps_record(self) -> bool:
        """Whether there is such a record at all."""
        ...

    @property
    def core(self) -> str:
        """Which life of the switch this is; another word after it was restarted. Empty before the first link."""
        ...
