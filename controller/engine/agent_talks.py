"""What an agent, or a supervisor, does with a talk: hang up, hand on, record. Who is logged in is ``agent_desk.py``'s, how two
legs are joined ``agent_calls.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.agents.line import TransferOrder
from controller.engine.agent_calls import AgentCalls
from controller.errors import Refused, WrongState
from controller.ports import AgentLines, AgentRecords, InThread


class AgentTalks:
    """hang_up: end a call, False when there is none. recordings: the folder, as the switch sees it, into which talks are
    recorded. Hold, mute and the like are asked of ``lines`` directly."""

    def __init__(
        self,
        calls: AgentCalls,
        lines: AgentLines,
        records: AgentRecords,
        in_thread: InThread,
        hang_up: Callable[[str, str], bool],
        recordings: str,
    ) -> None:
        self.calls = calls
        self.lines = lines
        self._records = records
        self._in_thread = in_thread
        self._hang_up = hang_up
        self._recordings = recordings

    def talk(self, agent: str) -> str:
        """The attempt that the agent talks to. WrongState: to nobody."""
        seizure = self.calls.talk_of(agent)
        if seizure is None:
            raise WrongState(f"agent {agent} is not on a call")
        return seizure.holder

    def hang_up(self, agent: str) -> str:
        """End the agent's talk; its attempt. WrongState: there is none."""
        attempt_id = self.talk(agent)
        if not self._hang_up(attempt_id, "agent"):
            raise WrongState(f"call {attempt_id} has just ended")
        return attempt_id

    def transfer(self, agent: str, to: str, carrier: str | None, attended: bool) -> str:
        """Hand the person on; the attempt. Refused: the campaign does not allow it, or ``to`` is no phone. StoreDown."""
        attempt_id = self.talk(agent)
        seizure = self.calls.talk_of(agent)
        campaign = seizure.campaign if seizure is not None else ""
        allowed, address = self._in_thread(lambda: (self._records.transfers(campaign), self._records.address(to, carrier)))
        kind = "attended" if attended else "blind"
        if kind not in allowed:
            raise Refused(f"campaign {campaign} allows no {kind} transfer; add it to transfers in the campaign file")
        order = TransferOrder(address)
        (self.lines.consult if attended else self.lines.transfer)(agent, order)
        return attempt_id

    def record(self, agent: str) -> str:
        """Record the talk; into which file. StoreDown: it is recorded, but not on record."""
        attempt_id = self.talk(agent)
        file = f"{self._recordings}/{attempt_id}.wav"
        self.lines.start_recording(attempt_id, file)
        self._in_thread(lambda: self._records.recorded(attempt_id, file))
        return file

    def address(self, phone: str, carrier: str | None) -> str:
        """Where a line to that phone goes. Refused, StoreDown."""
        return self._in_thread(lambda: self._records.address(phone, carrier))
