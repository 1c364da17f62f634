"""``python -m tests.amd.corpus``: writes a labelled corpus of WAV files (8 kHz, 16 bits) and ``truth.jsonl`` to a folder.

Needs the Debian packages of ``packages.py`` and says so when one is missing. The cache of utterances is kept between runs.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

from esl_handlers.recorded_audio import to_pcm
from tests.amd.corpus import packages
from tests.amd.corpus.generator import FULL, Size, stream
from tests.amd.corpus.truth import Split

QUICK = 400
"""Recordings of a quick corpus."""


def main() -> None:
    """Read the arguments, write the files."""
    parser = argparse.ArgumentParser(description="Write a labelled corpus of answered calls.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the WAV files and truth.jsonl")
    parser.add_argument("--cache", type=Path, default=packages.CACHE, help="folder of utterances kept between runs")
    parser.add_argument("--split", choices=list(Split), default=Split.TEST)
    parser.add_argument("--size", default="quick", help="quick, full, or a number of recordings")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    packages.require()
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "truth.jsonl").open("w") as truths:
        for truth, samples in stream(Split(given.split), given.cache, size_named(given.size), given.seed):
            with wave.open(str(given.out / f"{truth.name}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(to_pcm(samples))
            truths.write(truth.as_json() + "\n")


def size_named(size: str) -> Size:
    """quick, full or a number."""
    return Size(FULL) if size == "full" else Size.of(QUICK if size == "quick" else int(size))


if __name__ == "__main__":
    main()
