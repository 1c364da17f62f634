"""``make bench-amd``: the detector's presets and the well-known rule on the same held-out recordings, in one run.

The recordings are made while they are listened to (voices, wordings and noises that no model was trained on); nothing but the
cache of utterances is written. A detector that raises ends the run with the recording's name. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from esl_handlers.amd import PRESETS, Detector, Settings
from esl_handlers.recorded_audio import to_pcm
from esl_handlers.rehearing import Listener, rehear
from tests.amd.corpus import packages
from tests.amd.corpus.__main__ import size_named
from tests.amd.corpus.generator import stream
from tests.amd.corpus.truth import Split
from tests.amd.figures import Result, by_scene, confusion, figures
from tests.amd.rule_based import RuleBased

BASELINE = "app_amd defaults"

COLUMNS: tuple[tuple[str, str, float], ...] = (
    ("H>H %", "H>H", 100),
    ("H>M %", "H>M", 100),
    ("H>? %", "H>?", 100),
    ("M>M %", "M>M", 100),
    ("M>H %", "M>H", 100),
    ("M>? %", "M>?", 100),
    ("M>M final %", "M>M final", 100),
    ("M>H final %", "M>H final", 100),
    ("H>M traffic %", "H>M traffic", 100),
    ("M>M traffic %", "M>M traffic", 100),
    ("M>M final, traffic %", "M>M final traffic", 100),
    ("person decided s", "person decided", 1),
    ("dead air s", "dead air", 1),
    ("machine decided s", "machine decided", 1),
    ("known within 2 s %", "known within 2 s", 100),
    ("cost", "cost", 1),
    ("fax named %", "fax named", 100),
    ("SIT named %", "sit named", 100),
    ("silence called machine %", "silence called machine", 100),
    ("beeps found %", "beeps found", 100),
    ("false beeps per 100", "false beeps per 100", 1),
    ("beep reported after s", "beep reported after", 1),
    ("CPU ms per 20 ms", "cpu ms per frame", 1),
)
"""Row of the printed table, the figure's name, its factor."""


def listeners(presets: Mapping[str, Settings]) -> dict[str, Callable[[], Listener]]:
    """Name → how a fresh one is made for each recording."""
    return {BASELINE: RuleBased} | {name: partial(Detector, settings) for name, settings in presets.items()}


def listen(makers: Mapping[str, Callable[[], Listener]], given: argparse.Namespace) -> dict[str, list[Result]]:
    """Every listener's results on the same recordings."""
    results: dict[str, list[Result]] = {name: [] for name in makers}
    size = size_named(given.size)
    for done, (truth, samples) in enumerate(stream(Split(given.split), given.cache, size, given.seed), start=1):
        pcm = to_pcm(samples)
        for name, make in makers.items():
            try:
                heard = rehear(make(), pcm)
            except Exception as error:
                raise RuntimeError(f"{name} failed on recording {truth.name}: {error}") from error
            results[name].append(Result(truth, heard))
        if done % 100 == 0:
            print(f"{done} of {sum(size.counts.values())} recordings", file=sys.stderr)
    return results


def shown(value: Any, factor: float) -> str:
    """A figure as the table shows it: a number, p50/p95, or a dash."""
    if isinstance(value, dict):
        return "/".join(shown(value[name], factor) for name in ("p50", "p95"))
    return "-" if value is None else f"{value * factor:.2f}"


def print_table(measured: Mapping[str, dict[str, Any]]) -> None:
    """A row for each figure, a column for each listener."""
    names = list(measured)
    print(f"{'':26}" + "".join(f"{name:>20}" for name in names))
    for title, figure, factor in COLUMNS:
        print(f"{title:26}" + "".join(f"{shown(measured[name][figure], factor):>20}" for name in names))
    print("cost = 20 H>M + 2 H>? + M>H + 0.5 M>?, shares of people and of machines; times p50/p95 from the answer;")
    print("dead air: from the greeting's end to the verdict, of people not hung up on; final: after a revision within 5 s.")


def print_confusion(name: str, results: list[Result]) -> None:
    """First verdicts by what answered, and the scenes behind the errors."""
    print(f"\n{name}: first verdict by what answered")
    for kind, counts in confusion(results).items():
        print(f"  {kind:10}" + "  ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items())))
    print(f"{name}: errors by scene, noise, voice and language (recordings, taken for the other %, unknown %)")
    for scene, row in by_scene(results).items():
        if ": language " in scene and not row["taken for the other"] + row["unknown"]:
            continue  # thirty languages twice: only those with errors
        print(f"  {scene:32}{row['recordings']:5.0f}{100 * row['taken for the other']:8.1f}{100 * row['unknown']:8.1f}")


def main() -> None:
    """Read the arguments, listen, print."""
    parser = argparse.ArgumentParser(description="Compare the detector with the well-known rule on a labelled corpus.")
    parser.add_argument("--size", default="quick", help="quick, full, or a number of recordings")
    parser.add_argument("--split", choices=list(Split), default=Split.TEST)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=packages.CACHE, help="folder of utterances kept between runs")
    given = parser.parse_args()
    packages.require()
    results = listen(listeners(PRESETS), given)
    measured = {name: figures(of_one) for name, of_one in results.items()}
    print_table(measured)
    for name in (BASELINE, "balanced"):
        print_confusion(name, results[name])
    by = {name: by_scene(of_one) for name, of_one in results.items()}
    print(json.dumps({"size": given.size, "split": given.split, "seed": given.seed, "figures": measured, "by": by}))


if __name__ == "__main__":
    main()
