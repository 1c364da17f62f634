"""The learned model: its arrays, where they come from, and what it may not forget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from esl_handlers.amd.evidence import NAMES, Evidence
from esl_handlers.amd.front_end import FRAME, FrontEnd, analysed
from esl_handlers.amd.model import MODEL_FILE, Trees, shipped
from esl_handlers.amd.speech import SpeechTracker
from tests.amd.train import evidence_of, tables, weights, write
from tests.amd.vary import varied, with_silence_suppressed
from tests.esl_handlers.amd.sounds import noise, pcm, silence, talk

TWO_TREES = {
    "tree_info": [
        {
            "tree_structure": {
                "split_feature": NAMES.index("pause"),
                "threshold": 0.5,
                "left_child": {"leaf_value": -1.0},
                "right_child": {
                    "split_feature": NAMES.index("talk"),
                    "threshold": 2.0,
                    "left_child": {"leaf_value": 3.0},
                    "right_child": {"leaf_value": 0.25},
                },
            }
        },
        {"tree_structure": {"leaf_value": 0.125}},
    ]
}


def seen(**values: float) -> np.ndarray:
    evidence = np.zeros(len(NAMES), np.float32)
    for name, value in values.items():
        evidence[NAMES.index(name)] = value
    return evidence


@pytest.mark.parametrize(
    ("evidence", "log_odds"),
    [
        (seen(pause=0.5), -0.875),
        (seen(pause=0.6, talk=2.0), 3.125),
        (seen(pause=0.6, talk=2.1), 0.375),
    ],
)
def test_trees_in_arrays_say_what_the_trees_say(evidence: np.ndarray, log_odds: float, tmp_path: Path) -> None:
    """A value goes left where it is not above the threshold, and every tree adds its leaf."""
    write(TWO_TREES, tmp_path / "model.npz")
    trees = Trees.load(tmp_path / "model.npz")
    assert trees.log_odds(evidence) == pytest.approx(log_odds)
    assert trees.chance(evidence) == pytest.approx(1 / (1 + np.exp(-log_odds)))


def test_a_model_of_other_evidence_is_refused(tmp_path: Path) -> None:
    """Numbers in another order would be weighed as something else."""
    held = tables(TWO_TREES) | {"names": np.array(NAMES[::-1])}
    np.savez(tmp_path / "model.npz", **held)
    with pytest.raises(ValueError, match="other evidence"):
        Trees.load(tmp_path / "model.npz")


def test_the_shipped_model_is_small_and_fits_the_evidence() -> None:
    """It loads without a network, and costs an installation less than half a megabyte."""
    assert MODEL_FILE.stat().st_size < 500_000
    assert 0.0 < shipped().chance(seen(pause=1.0, talk=0.5, bursts=1)) < 1.0


def test_evidence_is_finite_and_as_long_as_its_names() -> None:
    """Whatever is heard, every number has a value a model can weigh."""
    for audio in (pcm(silence(0.2), talk(1.0), silence(1.0)), pcm(noise(0.5, 0.3), talk(2.0, pitch=400)), pcm(talk(14))):
        rows = list(evidence_of(np.frombuffer(audio, "<i2")))
        assert rows
        assert all(row.shape == (len(NAMES),) and np.isfinite(row).all() for row in rows)


def test_evidence_tells_the_talk_from_the_pause() -> None:
    """Two words and the pause between them are measured to a few hundredths of a second."""
    samples = np.frombuffer(pcm(noise(0.5, 0.001), talk(0.6), noise(0.5, 0.001), talk(0.9, seed=2), noise(0.6, 0.001)), "<i2")
    front_end, speech, evidence = FrontEnd(), SpeechTracker(), Evidence()
    for start in range(0, samples.size - 3 * FRAME + 1, 3 * FRAME):
        frames = analysed(front_end.windows(samples[start : start + 3 * FRAME].tobytes()))
        evidence.hear(frames, speech.hear(frames), speech)
    told = dict(zip(NAMES, evidence.vector(speech).tolist(), strict=True))
    assert told["bursts"] == 2
    assert told["first_word"] == pytest.approx(0.5, abs=0.06)
    assert told["first_burst"] == pytest.approx(0.6, abs=0.08)
    assert told["first_pause"] == pytest.approx(0.5, abs=0.08)
    assert told["last_burst"] == pytest.approx(0.9, abs=0.08)
    assert told["pause"] == pytest.approx(0.6, abs=0.1)


def test_talk_behind_the_talker_is_no_talk() -> None:
    """A television 20 dB behind a person's word neither begins the talk nor fills the pause after it."""
    behind = talk(4.0, seed=5, level=0.015)
    word = np.concatenate((silence(1.0), talk(0.7), silence(2.3)))
    told = [dict(zip(NAMES, row.tolist(), strict=True)) for row in evidence_of(np.frombuffer(pcm(word + behind), "<i2"))]
    assert told[-1]["first_word"] == pytest.approx(1.0, abs=0.2)
    assert told[-1]["pause"] > 1.5


def test_long_waits_count_less_in_training() -> None:
    """A minute of silence after hello must not outweigh the half second that decides."""
    assert weights(np.stack([seen(pause=0.5), seen(pause=3.0)])).tolist() == pytest.approx([1.0, 0.15])


def test_silence_suppression_spares_the_talk() -> None:
    """What a network leaves out lies between the words, and the words stay as they were."""
    sound = np.concatenate((noise(1.0, 0.001), talk(1.0), noise(1.0, 0.001, seed=3))) * 32767
    sent = next(
        each
        for each in (with_silence_suppressed(sound, np.random.default_rng(seed)) for seed in range(50))
        if not each[:4000].any()
    )
    frames, kept = sound.reshape(-1, 160), sent.reshape(-1, 160)
    loud = np.abs(frames).max(axis=1) > 2000
    assert loud.sum() > 20
    assert np.array_equal(kept[loud], frames[loud])
    assert not sent[-4000:].any()


def test_lines_vary_alike_for_the_same_seed() -> None:
    """The same seed makes the same training material."""
    sound = np.frombuffer(pcm(talk(1.0)), "<i2")
    changed = [varied(sound, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5, 6)]
    assert np.array_equal(changed[0], changed[1])
    assert any(not np.array_equal(sound, each) for each in changed)
