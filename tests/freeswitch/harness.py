"""A real FreeSWITCH with our configuration: found, given a run folder and ports of its own, started, ended by its pid.

What it is configured to do is freeswitch_conf/ and dialplan/, copied unchanged but for the values of vars.xml that every site
sets, and one gateway file a carrier.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.freeswitch.esl import Link
from tests.freeswitch.ports import HOST, free_port
from tests.freeswitch.process import Child

REPOSITORY = Path(__file__).parents[2]
PASSWORD = "of-this-test-only"
RTP_PORTS = 4000
PLACES = (
    "/usr/local/bin/freeswitch",
    "/usr/local/freeswitch/bin/freeswitch",
    "/usr/bin/freeswitch",
    "/opt/freeswitch/bin/freeswitch",
)


@dataclass(frozen=True)
class Gateway:
    """A carrier's gateway. ping_seconds: ask with OPTIONS, 5 at least; None = believed up."""

    name: str
    port: int
    ping_seconds: int | None = None


def freeswitch_binary() -> str | None:
    """``$TRUNKLINE_FREESWITCH`` of the environment, else PATH, else the usual places."""
    named = os.environ.get("TRUNKLINE_FREESWITCH")
    if named:
        return named
    return shutil.which("freeswitch") or next((place for place in PLACES if os.access(place, os.X_OK)), None)


def run_folder() -> Path:
    """A new folder in memory where there is such a place: FreeSWITCH's core database is busy on every call."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="trunkline-fs-", dir=memory if os.access(memory, os.W_OK) else None))


class RealFreeSwitch:
    """One FreeSWITCH. ``start`` returns when it takes commands; ``stop`` ends it and removes its folder."""

    def __init__(self, gateways: Sequence[Gateway], *, loglevel: str = "notice", max_sessions: int = 10_000) -> None:
        self.folder = run_folder()
        self.esl_port = free_port()
        self.sip_port = free_port()
        self.password = PASSWORD
        self.journal = self.folder / "log" / "cdr-csv" / "Master.csv"
        self.log = self.folder / "log" / "freeswitch.log"
        self._child: Child | None = None
        for name in ("log", "db", "run", "storage", "tmp", "recordings", "cache"):
            (self.folder / name).mkdir()
        self._configure(gateways, loglevel, max_sessions)

    def _configure(self, gateways: Sequence[Gateway], loglevel: str, max_sessions: int) -> None:
        conf = self.folder / "conf"
        shutil.copytree(REPOSITORY / "freeswitch_conf", conf)
        for file in (REPOSITORY / "dialplan").glob("*.xml"):
            shutil.copy(file, conf / "dialplan")
        rtp_start = 10_000 + self.esl_port % 4 * RTP_PORTS
        values = {
            "trunkline_switchname": f"test-{self.esl_port}",
            "trunkline_esl_port": self.esl_port,
            "trunkline_esl_password": self.password,
            "trunkline_sip_port": self.sip_port,
            "trunkline_rtp_start": rtp_start,
            "trunkline_rtp_end": rtp_start + RTP_PORTS,
            "trunkline_max_sessions": max_sessions,
            "trunkline_loglevel": loglevel,
        }
        text = (conf / "vars.xml").read_text(encoding="utf-8")
        for name, value in values.items():
            text, count = re.subn(rf'data="{name}=[^"]*"', f'data="{name}={value}"', text)
            if count != 1:
                raise RuntimeError(f"vars.xml sets {name} {count} times")
        (conf / "vars.xml").write_text(text, encoding="utf-8")
        for gateway in gateways:
            ping = ""
            if gateway.ping_seconds is not None:
                ping = f'<param name="ping" value="{gateway.ping_seconds}"/><param name="ping-max" value="1"/>'
            (conf / "sip_profiles" / "trunkline" / f"{gateway.name}.xml").write_text(
                f'<include>\n<gateway name="{gateway.name}"><param name="proxy" value="{HOST}:{gateway.port}"/>'
                '<param name="register" value="false"/><param name="username" value="trunkline"/>'
                f'<param name="password" value="unused"/><param name="caller-id-in-from" value="true"/>{ping}'
                "</gateway>\n</include>\n",
                encoding="utf-8",
            )

    def start(self) -> None:
        binary = freeswitch_binary()
        if binary is None:
            raise RuntimeError("no freeswitch binary")
        folder = self.folder
        command = [
            binary, "-nonat", "-nf", "-nc", "-conf", f"{folder}/conf", "-log", f"{folder}/log", "-db", f"{folder}/db",
            "-run", f"{folder}/run", "-storage", f"{folder}/storage", "-temp", f"{folder}/tmp",
            "-recordings", f"{folder}/recordings", "-cache", f"{folder}/cache",
        ]  # fmt: skip
        self._child = Child("freeswitch", command, folder)
        deadline = time.monotonic() + 60.0
        while True:
            try:
                link = self.link()
                if "is ready" in link.api("status") and "RUNNING" in link.api("sofia status"):
                    link.close()
                    return
                link.close()
            except OSError:
                if not self._child.alive():
                    raise RuntimeError(f"FreeSWITCH ended: {self._child.tail()}") from None
            if time.monotonic() > deadline:
                raise RuntimeError(f"FreeSWITCH does not take commands: {self._child.tail()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it without warning (SIGKILL). ``start`` gives it a new life in the same folder, on the same ports."""
        if self._child is not None:
            self._child.stop(signal.SIGKILL)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stopped as long as the block lasts: what is sent to it waits in its sockets."""
        assert self._child is not None, "it runs"
        self._child.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._child.process.send_signal(signal.SIGCONT)

    def link(self) -> Link:
        """A new, logged-in connection to its event socket."""
        return Link(self.esl_port, self.password)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu_seconds(self) -> float:
        return self._child.cpu_seconds() if self._child is not None else 0.0

    def complaints(self) -> list[str]:
        """Lines of its log at level ERR or worse."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if re.search(r"\[(ERR|CRIT|ALERT|EMERG)", line)]

    def journal_lines(self) -> list[list[str]]:
        """The journal's lines, each as its fields."""
        if not self.journal.exists():
            return []
        return [line.split(",") for line in self.journal.read_text(encoding="utf-8").splitlines()]
