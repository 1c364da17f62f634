"""``python -m tests.amd.train``: trains the detector's model on the corpus's training voices and writes ``model.npz``.

Every 60 ms of a recording, from the first word on, is one row: the evidence at that moment, and whether a person spoke. The
model is a sum of shallow trees (LightGBM, logistic loss), so its output is the calibrated logarithm of the odds; both kinds
weigh the same. The recordings come from the training split alone; the test split's voices and wordings are never read here.
Needs the extra ``training``. One process, one thread: the same seeds give the same model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esl_handlers.amd.evidence import NAMES, Evidence
from esl_handlers.amd.front_end import FRAME, FrontEnd, analysed
from esl_handlers.amd.model import MODEL_FILE
from esl_handlers.amd.speech import SpeechTracker
from esl_handlers.recorded_audio import to_pcm
from tests.amd.corpus import packages
from tests.amd.corpus.generator import Size, stream
from tests.amd.corpus.truth import Kind, Split
from tests.amd.vary import varied

Rows = NDArray[np.float32]

STEP_FRAMES = 3
LISTENED_FRAMES = 1000
AFTER_FIRST_WORD_FRAMES = 450

PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.07,
    "num_leaves": 31,
    "max_depth": 6,
    "min_data_in_leaf": 1500,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 100,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "seed": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class Lessons:
    """Rows of evidence, whether each is of a person (1.0) or a machine (0.0), and how much it counts."""

    evidence: Rows
    person: Rows
    weight: Rows


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description="Train the answering-machine detector's model.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 4, 5, 6, 7], help="one training corpus each")
    parser.add_argument("--size", type=int, default=3000, help="recordings in each corpus")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--cache", type=Path, default=packages.CACHE, help="folder of utterances kept between runs")
    parser.add_argument("--out", type=Path, default=MODEL_FILE)
    given = parser.parse_args()
    packages.require()
    write(trained(lessons(given.seeds, given.size, given.cache), given.trees), given.out)


def lessons(seeds: list[int], size: int, cache: Path) -> Lessons:
    """Everything the model is to learn from."""
    rows, marks = [], []
    for seed in seeds:
        spoken = stream(Split.TRAIN, cache, Size.of(size), seed, only=(Kind.PERSON, Kind.MACHINE))
        for index, (truth, samples) in enumerate(spoken):
            if index % 500 == 0:
                print(f"seed {seed}: {index} recordings, {len(rows)} moments", file=sys.stderr)
            pcm = varied(np.frombuffer(to_pcm(samples), "<i2"), np.random.default_rng([seed, index]))
            found = list(evidence_of(pcm))
            rows += found
            marks += [truth.kind is Kind.PERSON] * len(found)
    evidence, person = np.array(rows, np.float32), np.array(marks, np.float32)
    weight = weights(evidence)
    weight[person == 1] *= weight[person == 0].sum() / weight[person == 1].sum()
    return Lessons(evidence, person, weight)


def evidence_of(pcm: NDArray[np.int16]) -> Iterator[Rows]:
    """The evidence of one recording: every 60 ms in the 1.5 s after the first word, then every 120 ms, 9 s in all."""
    speech, evidence = SpeechTracker(), Evidence()
    heard = analysed(FrontEnd().windows(pcm[: LISTENED_FRAMES * FRAME].tobytes()))
    for count, start in enumerate(range(0, len(heard) - STEP_FRAMES + 1, STEP_FRAMES)):
        frames = heard.part(start, start + STEP_FRAMES)
        evidence.hear(frames, speech.hear(frames), speech)
        if speech.first is None:
            continue
        since = speech.frame - speech.first.first
        if since > AFTER_FIRST_WORD_FRAMES:
            return
        if since < 75 or count % 2 == 0:
            yield evidence.vector(speech)


def weights(evidence: Rows) -> Rows:
    """Long waits and late moments are many and alike: they count less."""
    pause, since = evidence[:, NAMES.index("pause")], evidence[:, NAMES.index("since_first_word")]
    return (np.where(pause > 2, 0.15, 1.0) * np.where(since > 6, 0.3, 1.0)).astype(np.float32)


def trained(learned: Lessons, trees: int) -> dict[str, Any]:
    """LightGBM's own description of the trees."""
    import lightgbm  # the extra ``training``: the detector itself does without

    data = lightgbm.Dataset(learned.evidence, learned.person, weight=learned.weight)
    description: dict[str, Any] = lightgbm.train(PARAMETERS, data, trees).dump_model()
    return description


def tables(description: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of `esl_handlers.amd.model.Trees` from LightGBM's nested nodes; a leaf is its own child."""
    nodes: list[list[float]] = []
    deepest = 0

    def place(node: dict[str, Any], depth: int) -> int:
        nonlocal deepest
        at = len(nodes)
        nodes.append([0, 0.0, at, at, 0.0])
        if "split_feature" not in node:
            nodes[at][4] = node["leaf_value"]
            deepest = max(deepest, depth)
            return at
        left, right = place(node["left_child"], depth + 1), place(node["right_child"], depth + 1)
        nodes[at][:4] = [node["split_feature"], node["threshold"], left, right]
        return at

    roots = [place(tree["tree_structure"], 0) for tree in description["tree_info"]]
    feature, threshold, left, right, value = zip(*nodes, strict=True)
    return {
        "feature": np.array(feature, np.uint8),
        "threshold": np.array(threshold, np.float32),
        "left": np.array(left, np.uint16),
        "right": np.array(right, np.uint16),
        "value": np.array(value, np.float32),
        "roots": np.array(roots, np.uint16),
        "depth": np.array(deepest),
        "names": np.array(NAMES),
    }


def write(description: dict[str, Any], file: Path) -> None:
    """The model file, compressed."""
    np.savez_compressed(file, **tables(description))


if __name__ == "__main__":
    main()
