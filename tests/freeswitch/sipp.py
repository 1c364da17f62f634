"""SIPp as the far end: the carrier with everybody behind it, and the voice bots. What they do is in scenarios/*.xml.

Their logs are the far end's own record of who was called: independent of FreeSWITCH and of us.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.freeswitch.ports import HOST, free_port, udp_taken
from tests.freeswitch.process import Child

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Invite:
    """One INVITE as SIPp saw it. at: UTC epoch seconds. user: the number dialled, or the bot's user part.

    note: at the carrier the first X-Trunkline header that came (none should); at a bot the value of X-Trunkline-Attempt.
    """

    at: float
    user: str
    caller_id: str
    call_id: str
    note: str


@dataclass(frozen=True)
class FarCall:
    """One call from its INVITE to its end, as SIPp saw it. Times are UTC epoch seconds; None: not (yet). ended_by: ``far end``,
    ``switch`` (a BYE came), ``refused`` (never answered, our CANCEL included), or empty."""

    invite: Invite
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""

    @property
    def talk_seconds(self) -> float | None:
        """From the answer to the end."""
        return None if self.answered_at is None or self.ended_at is None else self.ended_at - self.answered_at


def sipp_binary() -> str | None:
    return shutil.which("sipp")


class FarEnd:
    """SIPp answering by one scenario (``carrier`` or ``bot``) on a port of its own.

    ring_ms, talk_ms: how long those ring who answer, and talk who hang up themselves. media_port: where the far end wants its
    RTP sent; SIPp itself does not look at it. trace: keep every SIP message, for ``messages``.
    """

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *,
        ring_ms: int = 200,
        talk_ms: int = 1000,
        media_port: int | None = None,
        trace: bool = False,
    ) -> None:
        self.scenario = scenario
        self.port = free_port()
        self._log = folder / f"{scenario}.log"
        self._messages = folder / f"{scenario}.messages"
        script = folder / f"{scenario}.xml"
        text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
        text = text.replace('"RING_MS"', f'"{ring_ms}"').replace('"TALK_MS"', f'"{talk_ms}"')
        if media_port is not None:
            text = text.replace("[media_port]", str(media_port))
        script.write_text(text, encoding="utf-8")
        self._command = [
            "sipp", "-sf", str(script), "-i", HOST, "-p", str(self.port), "-mi", HOST, "-mp", str(free_port()),
            "-nostdin", "-aa", "-trace_logs", "-log_file", str(self._log),
        ]  # fmt: skip
        if trace:
            self._command += ["-trace_msg", "-message_file", str(self._messages)]
        self._folder = folder
        self._child: Child | None = None

    def start(self) -> None:
        self._child = Child(f"sipp-{self.scenario}", self._command, self._folder)
        deadline = time.monotonic() + 20.0
        while not udp_taken(self.port):
            if not self._child.alive() or time.monotonic() > deadline:
                raise RuntimeError(f"SIPp did not start: {self._child.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    def cpu_seconds(self) -> float:
        return self._child.cpu_seconds() if self._child is not None else 0.0

    def invites(self) -> list[Invite]:
        """Every INVITE so far, in order; retransmissions are one."""
        return [call.invite for call in self.calls()]

    def calls(self) -> list[FarCall]:
        """Every call so far, in the order of their INVITEs."""
        calls: dict[str, FarCall] = {}
        for kind, at, fields in self._lines():
            if kind == "INVITE" and len(fields) == 4:
                user, caller_id, call_id, note = fields
                calls[call_id] = FarCall(Invite(at, user, caller_id, call_id, note))
            elif kind == "ANSWERED" and fields[0] in calls:
                calls[fields[0]] = replace(calls[fields[0]], answered_at=at)
            elif kind == "ENDED" and fields[0] in calls:
                calls[fields[0]] = replace(calls[fields[0]], ended_at=at, ended_by=fields[1])
        return list(calls.values())

    def _lines(self) -> Iterator[tuple[str, float, list[str]]]:
        if not self._log.exists():
            return
        for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
            kind, _, rest = line.partition("|")
            stamp, *fields = rest.split("|")
            if fields:
                yield kind, float(stamp.split("\t")[-1]), fields

    def messages(self) -> str:
        """All SIP messages of a traced far end, as text."""
        return self._messages.read_text(encoding="utf-8", errors="replace")
