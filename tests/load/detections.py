"""``python -m tests.load.detections``: so many calls listened to at once on a real FreeSWITCH, by either tap, in one run.

    --calls 100     calls on the line together
    --cps 25        how fast they are answered
    --tap both      recording, unicast or both

The far end speaks G.711 (tests/freeswitch/callee.py). For each tap, two rounds: machines that talk on (all detections run all
the time; CPU is measured then, FreeSWITCH's against a round of the same calls with nobody listening), and people who say a word
and wait. Latency is from the moment the packet with the deciding audio left the far end until the verdict was in the
controller: which audio decided is known exactly, as each call's audio is kept and found again in what was spoken. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import uuid
import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gevent
import numpy as np

from controller.clock import RealClock
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection
from controller.domain.calls.events import Answered, CallEvent, HungUp, VerdictGiven
from esl_handlers.listening.ear import Ear, EarSettings
from esl_handlers.switch import FreeSwitch
from tests.esl_handlers.amd.sounds import noise, pcm, silence, talk
from tests.freeswitch.far_audio import FarAudio, Samples, found_in
from tests.freeswitch.g711 import from_alaw, to_alaw
from tests.freeswitch.harness import Gateway, RealFreeSwitch
from tests.freeswitch.ports import HOST
from tests.load.process_figures import cpu_seconds, percentile, waited_seconds

PATIENCE_SECONDS = 60.0
MACHINE = pcm(silence(0.4), talk(40.0))
PERSON = pcm(noise(0.5, 0.0005), talk(0.5) + noise(0.5, 0.0005), noise(9.0, 0.0005))
MEASURED_SECONDS = 8.0
PACKET_SECONDS = 0.02
CLEARLY_FOUND = 0.9
SKIPPED = 2400
"""Samples at the beginning that may be the tap's own start."""


@dataclass
class Round:
    """``ports.SwitchListener`` of one round. Times are UTC epoch seconds."""

    screen: Callable[[str], None] | None
    answered: int = 0
    ended: int = 0
    verdicts: dict[str, VerdictGiven] = field(default_factory=dict)

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        if isinstance(event, Answered):
            self.answered += 1
            if self.screen is not None:
                gevent.spawn(self.screen, attempt_id)
        elif isinstance(event, VerdictGiven):
            self.verdicts[attempt_id] = event
        elif isinstance(event, HungUp):
            self.ended += 1

    def link_lost(self) -> None: ...

    def link_restored(self, same_core: bool) -> None: ...


@dataclass(frozen=True)
class Cpu:
    """Shares of one core. waited: of the time in which the listener was ready to run and other programs had the processors;
    more than a few percent, and the latencies are this machine's, not ours."""

    freeswitch: float
    listener: float
    controller: float
    waited: float


class Bench:
    """A FreeSWITCH and a far end, and one controller's switch layer for each tap."""

    def __init__(self, folder: Path, calls: int, cps: float) -> None:
        self.folder = folder
        self.calls = calls
        self.cps = cps
        self.far = FarAudio(folder, [{"number": "1$", "audio": MACHINE}, {"number": "2$", "audio": PERSON}])
        self.real = RealFreeSwitch([Gateway("north", self.far.port)])
        self.real.start()

    def close(self) -> None:
        self.real.stop()
        self.far.stop()

    def run(self, tap: str, ending: str, listen: bool, measure: bool) -> tuple[Round, Cpu | None, dict[str, str]]:
        """One round: what was heard, the CPU while all were listened to, and the attempt's number."""
        evidence = self.folder / "evidence"
        ear = EarSettings(self.real.folder / "audio", evidence, tap=tap, calls=self.calls + 10, evidence_seconds=8.0)
        switch = FreeSwitch(HOST, self.real.esl_port, self.real.password, RealClock(), ear=ear)
        detection = Detection(max_seconds=30.0, beep=True, keep_audio=True)
        heard = Round((lambda attempt: switch.screen(attempt, detection)) if listen else None)
        switch.start(heard)
        assert switch.wait_ready(PATIENCE_SECONDS), switch.health()
        wait(lambda: switch.ear is not None and switch.ear.ready)
        assert switch.ear is not None
        numbers = self._dial(switch, ending)
        wait(lambda: heard.answered == self.calls)
        cpu = self._measure(switch.ear) if measure else None
        if listen:
            wait(lambda: len(heard.verdicts) == self.calls)
        for attempt in numbers:
            switch.hang_up(attempt, "over")
        wait(lambda: heard.ended == self.calls)
        switch.stop()
        return heard, cpu, numbers

    def _dial(self, switch: FreeSwitch, ending: str) -> dict[str, str]:
        numbers = {}
        began = time.monotonic()
        for place in range(self.calls):
            gevent.sleep(max(0.0, began + place / self.cps - time.monotonic()))
            attempt, number = str(uuid.uuid4()), f"{time.time_ns() // 1_000_000 % 10**9}{place:04d}{ending}"
            target = Target("bot", "bot", f"sip:bot@{HOST}")
            order = DialOrder(
                attempt, "bench", 1, "north", number, "+911140001000", 20, 90, target,
                connect_on_answer=False, verdict_seconds=60,
            )  # fmt: skip
            numbers[attempt] = number
            assert switch.dial(order) is None
        return numbers

    def _measure(self, ear: Ear) -> Cpu:
        assert ear.pid is not None
        before = self._used(ear.pid)
        gevent.sleep(MEASURED_SECONDS)
        used = [late - early for early, late in zip(before, self._used(ear.pid), strict=True)]
        return Cpu(*(seconds / used[-1] for seconds in used[:-1]))

    def _used(self, listener: int) -> tuple[float, ...]:
        """Seconds so far: as in ``Cpu``, then of the clock."""
        freeswitch, waited = self.real.cpu_seconds(), waited_seconds(listener)
        return freeswitch, cpu_seconds(listener), time.process_time(), waited, time.monotonic()

    def latencies(self, heard: Round, numbers: dict[str, str], sound: bytes) -> list[float]:
        """Milliseconds, one a call whose audio was clearly found again."""
        spoke = self.far.moments("spoke")
        line = np.frombuffer(from_alaw(to_alaw(sound)), dtype="<i2").astype(np.float64)
        found = []
        for attempt, verdict in heard.verdicts.items():
            kept = self._kept(attempt)
            begin, likeness = found_in(line, kept[SKIPPED:40_000])
            if likeness < CLEARLY_FOUND:
                continue
            deciding = begin - SKIPPED + verdict.detect_ms * 8 - 1
            left = spoke[numbers[attempt]] + deciding // 160 * PACKET_SECONDS
            found.append((verdict.at - left) * 1000.0)
        return found

    def _kept(self, attempt: str) -> Samples:
        path = self.folder / "evidence" / f"{attempt}.wav"
        wait(path.exists)
        with wave.open(str(path)) as audio:
            return np.frombuffer(audio.readframes(audio.getnframes()), dtype="<i2").astype(np.float64)


def wait(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came"
        gevent.sleep(0.02)


def figures(bench: Bench, tap: str, idle: Cpu) -> dict[str, object]:
    """Both rounds of one tap."""
    machines, cpu, numbers = bench.run(tap, "1", listen=True, measure=True)
    assert cpu is not None
    result: dict[str, object] = {
        "freeswitch_cpu_percent": round(100 * (cpu.freeswitch - idle.freeswitch), 1),
        "listener_cpu_percent": round(100 * cpu.listener, 1),
        "controller_cpu_percent": round(100 * cpu.controller, 1),
        "listener_waited_for_cpu_percent": round(100 * cpu.waited, 1),
    }
    for name, heard, of, sound in (
        ("machine", machines, numbers, MACHINE),
        ("person", *_people(bench, tap), PERSON),
    ):
        found = bench.latencies(heard, of, sound)
        result[name] = {
            "verdicts": dict(Counter(verdict.kind for verdict in heard.verdicts.values())),
            "measured": len(found),
            "latency_ms_p50": round(percentile(found, 0.5), 1),
            "latency_ms_p99": round(percentile(found, 0.99), 1),
        }
    return result


def _people(bench: Bench, tap: str) -> tuple[Round, dict[str, str]]:
    heard, _, numbers = bench.run(tap, "2", listen=True, measure=False)
    return heard, numbers


def main() -> int:
    parser = argparse.ArgumentParser(description="Calls listened to at once on a real FreeSWITCH.")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--cps", type=float, default=25.0)
    parser.add_argument("--tap", choices=["recording", "unicast", "both"], default="both")
    given = parser.parse_args()
    taps = ["recording", "unicast"] if given.tap == "both" else [given.tap]
    with tempfile.TemporaryDirectory(prefix="trunkline-detections-") as folder:
        bench = Bench(Path(folder), given.calls, given.cps)
        try:
            _, idle, _ = bench.run(taps[0], "1", listen=False, measure=True)
            assert idle is not None
            print(f"{given.calls} calls, nobody listens: FreeSWITCH {100 * idle.freeswitch:.1f} % of a core", flush=True)
            result: dict[str, object] = {"calls": given.calls, "freeswitch_idle_percent": round(100 * idle.freeswitch, 1)}
            for tap in taps:
                result[tap] = figures(bench, tap, idle)
                print(f"{tap}: {result[tap]}", flush=True)
        finally:
            bench.close()
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
