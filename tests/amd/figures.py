"""From what a listener said of labelled recordings to the figures by which detectors are compared.

H is a person, M a machine, ? unknown or no verdict; ``H>M`` reads "person taken for machine" and includes people taken for a
fax or a network announcement, for they are hung up on alike. Shares are 0.0 to 1.0, times seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from esl_handlers.amd import Kind as Verdict
from esl_handlers.rehearing import FRAME_SECONDS, Heard
from tests.amd.corpus.truth import Kind, Span, Truth

BEEP_GRACE_SECONDS = 1.0
"""A report up to so long after a beep's end is of that beep; one at any other time is false."""

SAME_BEEP_SECONDS = 0.4
"""Beeps closer than that are one signal: "speak now"."""

KNOWN_WITHIN_SECONDS = 2.0
"""United States telemarketing rule: an agent within two seconds of the completed greeting."""

QUIET_DB = 14
"""Speech over noise from which on speech is understood without effort."""

HUNG_UP_ON = frozenset({Verdict.MACHINE, Verdict.FAX, Verdict.SIT})


@dataclass(frozen=True)
class Result:
    """One recording and what was made of it."""

    truth: Truth
    heard: Heard


def cost(people: Mapping[str, float | None], machines: Mapping[str, float | None]) -> float | None:
    """20 H>M + 2 H>? + M>H + 0.5 M>?: a person lost is twenty times worse than an agent who meets a machine."""
    weighed = ((20.0, people["M"]), (2.0, people["?"]), (1.0, machines["H"]), (0.5, machines["?"]))
    terms = [weight * share for weight, share in weighed if share is not None]
    return sum(terms) if len(terms) == len(weighed) else None


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """Every figure of one listener, JSON values; None where the corpus holds nothing to measure it by."""
    people = [result for result in results if result.truth.kind is Kind.PERSON]
    machines = [result for result in results if result.truth.kind is Kind.MACHINE]
    person_first, machine_first = verdict_shares(people), verdict_shares(machines)
    person_traffic, machine_traffic = verdict_shares(people, weighted=True), verdict_shares(machines, weighted=True)
    machine_final, final_traffic = verdict_shares(machines, final=True), verdict_shares(machines, final=True, weighted=True)
    return {
        "recordings": len(results),
        "H>H": person_first["H"],
        "H>M": person_first["M"],
        "H>?": person_first["?"],
        "M>M": machine_first["M"],
        "M>H": machine_first["H"],
        "M>?": machine_first["?"],
        "H>M final": verdict_shares(people, final=True)["M"],
        "M>M final": machine_final["M"],
        "M>H final": machine_final["H"],
        "H>M traffic": person_traffic["M"],
        "H>? traffic": person_traffic["?"],
        "M>M traffic": machine_traffic["M"],
        "M>M final traffic": final_traffic["M"],
        "cost": cost(person_first, machine_first),
        "cost traffic": cost(person_traffic, machine_traffic),
        "person decided": quantiles(decided_at(result) for result in people),
        "machine decided": quantiles(decided_at(result) for result in machines),
        "dead air": quantiles(dead_air(result) for result in people if result.heard.first not in HUNG_UP_ON),
        "known within 2 s": share(known_in_time(result) for result in people),
        "fax named": share(r.heard.first is Verdict.FAX for r in results if r.truth.kind is Kind.FAX),
        "sit named": share(r.heard.first is Verdict.SIT for r in results if r.truth.kind is Kind.SIT),
        "silence called machine": share(r.heard.first is Verdict.MACHINE for r in results if r.truth.kind is Kind.SILENCE),
        **beep_figures(results),
        "cpu ms per frame": 1000 * sum(r.heard.cpu_seconds for r in results) / max(1, sum(r.heard.frames for r in results)),
    }


def side(verdict: Verdict | None, kind: Kind) -> str:
    """H, M or ? for a verdict. A machine taken for a fax or SIT is lost to its message, so it counts as unknown."""
    if verdict is Verdict.PERSON:
        return "H"
    if verdict is Verdict.MACHINE or (verdict in HUNG_UP_ON and kind is Kind.PERSON):
        return "M"
    return "?"


def verdict_shares(results: Iterable[Result], final: bool = False, weighted: bool = False) -> dict[str, float | None]:
    """The share of each side among the recordings. final: after revisions; weighted: as in campaign traffic."""
    sums = dict.fromkeys("HM?", 0.0)
    for result in results:
        verdict = result.heard.final if final else result.heard.first
        sums[side(verdict, result.truth.kind)] += result.truth.weight if weighted else 1.0
    whole = sum(sums.values())
    return {name: value / whole if whole else None for name, value in sums.items()}


def share(facts: Iterable[bool]) -> float | None:
    """How many are true."""
    held = list(facts)
    return sum(held) / len(held) if held else None


def quantiles(seconds: Iterable[float]) -> dict[str, float | None]:
    """p50 and p95."""
    values = list(seconds)
    if not values:
        return {"p50": None, "p95": None}
    middle, high = np.quantile(values, [0.5, 0.95])
    return {"p50": round(float(middle), 3), "p95": round(float(high), 3)}


def decided_at(result: Result) -> float:
    """When the first verdict came; the recording's end where none did."""
    at = result.heard.decided_at
    return result.heard.frames * FRAME_SECONDS if at is None else at


def dead_air(result: Result) -> float:
    """What the person waits after the greeting for the verdict."""
    greeting = result.truth.greeting
    return max(0.0, decided_at(result) - (greeting.end if greeting else 0.0))


def known_in_time(result: Result) -> bool:
    """A person known for one within two seconds of the greeting's end."""
    return result.heard.first is Verdict.PERSON and dead_air(result) <= KNOWN_WITHIN_SECONDS


def beep_figures(results: Sequence[Result]) -> dict[str, Any]:
    """Beeps found, false reports for a hundred recordings, and how long after the end they were reported."""
    found: list[bool] = []
    delays: list[float] = []
    false = 0
    for result in results:
        signals = joined(result.truth.beeps)
        for span in signals:
            reports = [at for at in result.heard.beeps if belongs(at, span)]
            found.append(bool(reports))
            if reports:
                delays.append(reports[-1] - span.end)
        false += sum(not any(belongs(at, span) for span in signals) for at in result.heard.beeps)
    return {
        "beeps": len(found),
        "beeps found": share(found),
        "false beeps per 100": 100 * false / max(1, len(results)),
        "beep reported after": quantiles(delays),
    }


def belongs(at: float, span: Span) -> bool:
    """Whether a report at this moment is of that beep."""
    return span.start <= at <= span.end + BEEP_GRACE_SECONDS


def joined(beeps: Sequence[Span]) -> list[Span]:
    """Beeps in quick succession as one."""
    signals: list[Span] = []
    for beep in beeps:
        if signals and beep.start - signals[-1].end < SAME_BEEP_SECONDS:
            signals[-1] = Span(signals[-1].start, beep.end)
        else:
            signals.append(beep)
    return signals


def confusion(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """What answered → first verdict (``none`` where none came) → recordings."""
    table: dict[str, Counter[str]] = {}
    for result in results:
        table.setdefault(str(result.truth.kind), Counter())[str(result.heard.first or "none")] += 1
    return {kind: dict(counts) for kind, counts in table.items()}


def loudness(truth: Truth) -> str:
    """How loud the noise is."""
    if truth.snr_db is None:
        return "none"
    return "under 14 dB" if truth.snr_db < QUIET_DB else "over 14 dB"


def by_scene(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Scene of people and machines → recordings, share taken for the other, share unknown: where errors come from.

    Beside the scenes, and in the same form: the noise, the synthesizer or source of the recording, the language.
    """
    scenes: dict[str, list[Result]] = {}
    for result in results:
        truth = result.truth
        if truth.kind in (Kind.PERSON, Kind.MACHINE):
            source = truth.voices[0].split(":")[0] if truth.voices else "none"
            for name in (truth.scene, f"noise {loudness(truth)}", f"voice {source}", f"language {truth.language or 'none'}"):
                scenes.setdefault(f"{truth.kind}: {name}", []).append(result)
    rows = {}
    for name, members in sorted(scenes.items()):
        sides = Counter(side(member.heard.first, member.truth.kind) for member in members)
        other = "M" if members[0].truth.kind is Kind.PERSON else "H"
        rows[name] = {
            "recordings": len(members),
            "taken for the other": sides[other] / len(members),
            "unknown": sides["?"] / len(members),
        }
    return rows
