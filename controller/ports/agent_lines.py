"""Agents' phones at the switch."""

from __future__ import annotations

from typing import Protocol

from controller.domain.agents.line import JoinOrder, LineEvent, LineOrder, LiveLine, SuperviseMode, TransferOrder


class LineListener(Protocol):
    """Who is told what happens on agents' lines. Called from the link's own greenlet: put and return."""

    def hear_line(self, agent_id: str, event: LineEvent) -> None: ...


class AgentLines(Protocol):
    """Agents' phones at the switch, and the talk on them: FreeSWITCH over ESL.

    Every method sends and returns; what comes of it is an event. A method that asks for what cannot be (no line, no talk, an
    address that is none) raises ``WrongState`` or ``Refused``, and nothing was done; ``SwitchDown`` when nothing was sent.
    A person is named by the call's attempt id, and must be answered and parked, held, or talking.
    """

    def attend(self, listener: LineListener) -> None:
        """Who hears of the lines from now on; before the first ``open``."""
        ...

    def open(self, order: LineOrder) -> None:
        """Ring the agent's phone: ``LineRinging``, then ``LineUp``, ``RingNoAnswer`` or ``LineDown``."""
        ...

    def close(self, agent_id: str) -> None:
        """Hang up the agent's phone: ``LineDown``. No line is no error. A person on it waits (``TalkEnded``)."""
        ...

    def join(self, order: JoinOrder) -> None:
        """Agent and person hear each other: ``TalkBegan`` and the call's ``Connected``, or ``JoinFailed``.

        The person may still be on the way into the wait when asked: the join follows as soon as they are there.
        """
        ...

    def part(self, agent_id: str) -> None:
        """End the talk and keep both: the line in music, the person waiting for somebody else (``TalkEnded``)."""
        ...

    def hold(self, agent_id: str) -> None:
        """The person hears music, the agent waits: ``PersonHeld``."""
        ...

    def resume(self, agent_id: str) -> None:
        """Back to the held person; a consulted third party is let go: ``TalkBegan``."""
        ...

    def mute(self, agent_id: str, muted: bool) -> None:
        """The person does not hear the agent, until told otherwise or the talk ends."""
        ...

    def send_keys(self, agent_id: str, keys: str) -> None:
        """Press keys (``0-9 * # A-D``, ``w`` half a second's pause) towards the person's end."""
        ...

    def transfer(self, agent_id: str, order: TransferOrder) -> None:
        """Blind: the person goes there alone, the line back to music: ``Transferred``. Who does not get through hears so."""
        ...

    def consult(self, agent_id: str, order: TransferOrder) -> None:
        """Attended: hold the person and call a third party: ``PersonHeld``, ``ConsultRinging``, ``ConsultUp`` or
        ``ConsultEnded``."""
        ...

    def complete(self, agent_id: str) -> None:
        """Join the held person with the third party: ``Transferred``, the line back to music."""
        ...

    def start_recording(self, attempt_id: str, file: str) -> None:
        """Both sides, stereo (left the person, right whoever they hear), into ``file``, until stopped or the call's end."""
        ...

    def pause_recording(self, attempt_id: str, paused: bool) -> None:
        """Silence in the file instead of speech, for card numbers and the like."""
        ...

    def stop_recording(self, attempt_id: str) -> None: ...

    def supervise(self, agent_id: str, supervisor: str, phone: str, mode: SuperviseMode) -> None:
        """Ring a supervisor's phone and let it hear the agent's line, over talks: ``SupervisorOn``/``SupervisorOff``. A
        supervisor who is there already changes the mode."""
        ...

    def stop_supervising(self, agent_id: str, supervisor: str) -> None: ...

    def lines(self) -> list[LiveLine]:
        """The lines that the switch has now, by its own word; those not known here are adopted: after a restart of ours."""
        ...
