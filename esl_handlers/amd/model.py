"""The learned weight of the evidence: gradient-boosted trees in plain arrays, which need no library but NumPy.

`model.npz` is made by ``python -m tests.amd.train``; MODEL.md says from what and how well. The sum of the trees' leaves is the
logarithm of the odds of a person against a machine, half and half before anything is heard.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esl_handlers.amd.evidence import NAMES
from esl_handlers.amd.front_end import Array

MODEL_FILE = Path(__file__).with_name("model.npz")


class Trees:
    """Every tree as rows of one table. A leaf is its own child, so that all trees take the same number of steps.

    feature, threshold, left, right, value: one entry a node, all trees together; roots: each tree's first node; a value goes
    left where it is not above the threshold. depth: steps to the deepest leaf.
    """

    def __init__(
        self,
        feature: NDArray[np.intp],
        threshold: Array,
        left: NDArray[np.intp],
        right: NDArray[np.intp],
        value: Array,
        roots: NDArray[np.intp],
        depth: int,
    ) -> None:
        self._feature = feature
        self._threshold = threshold
        self._children = np.stack((left, right), axis=1).ravel()
        self._value = value
        self._roots = roots
        self._depth = depth

    @classmethod
    def load(cls, file: Path) -> Trees:
        """The trees of a file; ValueError where it was trained on other evidence than ours."""
        with np.load(file, allow_pickle=False) as held:
            names = tuple(str(name) for name in held["names"])
            if names != NAMES:
                raise ValueError(f"{file} was trained on other evidence: run python -m tests.amd.train")
            nodes = [held[name].astype(np.intp) for name in ("feature", "left", "right", "roots")]
            feature, left, right, roots = nodes
            return cls(
                feature,
                held["threshold"].astype(np.float32),
                left,
                right,
                held["value"].astype(np.float32),
                roots,
                int(held["depth"]),
            )

    def log_odds(self, evidence: Array) -> float:
        """Of a person, from one vector in the order of NAMES."""
        at = self._roots
        for _ in range(self._depth):
            above = evidence[self._feature[at]] > self._threshold[at]
            at = self._children[2 * at + above]
        return float(self._value[at].sum())

    def chance(self, evidence: Array) -> float:
        """Of a person, 0.0 to 1.0."""
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.log_odds(evidence)))))


@cache
def shipped() -> Trees:
    """The model that comes with the package, read once."""
    return Trees.load(MODEL_FILE)
