"""Labels of the corpus: written and read back, splits that do not meet, and scenes whose truth is what they play."""

from __future__ import annotations

import numpy as np
import pytest

from tests.amd.corpus import packages, recordings, synthesizers
from tests.amd.corpus.generator import FULL, SCENES, Size
from tests.amd.corpus.signals import fax, sit
from tests.amd.corpus.tape import Tape
from tests.amd.corpus.texts import TEST_ONLY, texts_of
from tests.amd.corpus.truth import Kind, Span, Split, Truth


def test_a_truth_survives_its_line_of_json():
    """What is written of a recording is what is read."""
    truth = Truth(
        "test-1", Kind.MACHINE, "personal", Split.TEST, "de", ("espeak-ng:de+m2",), Span(0.5, 3.0), (Span(3.5, 4.0),), "none",
        None, "alaw", 0.0, -21.5, 1.2, 8.0,
    )  # fmt: skip
    assert Truth.from_json(truth.as_json()) == truth


def test_training_and_test_share_no_voice():
    """No synthetic voice, no volunteer, no studio voice and no tune of training is heard in the test."""
    languages = set(texts_of(Split.TEST))
    heard = {split: {voice.label for voice in synthesizers.voices(split, languages)} for split in Split}
    assert heard[Split.TRAIN]
    assert not heard[Split.TRAIN] & heard[Split.TEST]
    for table in (
        recordings.WORD_LANGUAGES,
        recordings.LETTER_LANGUAGES,
        recordings.SENTENCE_LANGUAGES,
        recordings.STUDIO,
        recordings.TUNES,
    ):
        assert not set(table[Split.TRAIN]) & set(table[Split.TEST])


def test_training_and_test_share_no_sentence():
    """Every wording belongs to one of the two; at least thirty languages are heard in the test."""
    train, test = texts_of(Split.TRAIN), texts_of(Split.TEST)
    assert len(test) >= 30
    assert not TEST_ONLY & set(train)
    for language, texts in train.items():
        for manner in ("hello", "name", "company", "talk", "personal", "carrier"):
            ours, theirs = getattr(texts, manner), getattr(test[language], manner)
            assert ours, (language, manner)
            assert theirs, (language, manner)
            assert not set(ours) & set(theirs), (language, manner)


def test_every_language_counts_to_ten():
    """Digits-only announcements need ten digits in each language."""
    assert {language: len(texts.digits) for language, texts in texts_of(Split.TEST).items() if len(texts.digits) != 10} == {}


def test_a_size_keeps_the_proportions_of_the_full_corpus():
    """A quick corpus holds every kind, people and machines in the proportion of the full one."""
    size = Size.of(400)
    assert set(size.counts) == set(FULL)
    assert size.counts[Kind.PERSON] / size.counts[Kind.MACHINE] == pytest.approx(860 / 920, rel=0.03)
    assert sum(size.counts.values()) == pytest.approx(400, abs=10)
    assert sorted(size.order(np.random.default_rng(1))) == sorted(
        kind for kind, count in size.counts.items() for _ in range(count)
    )


def test_every_kind_has_scenes_in_traffic():
    """Each scene has a share of the corpus and of campaign traffic: no weight is infinite or nothing."""
    assert set(SCENES) == set(Kind)
    assert all(share.corpus > 0 and share.traffic > 0 for shares in SCENES.values() for share in shares)


def test_a_tape_knows_when_its_sounds_were():
    """Greeting and beep are written down where they were recorded."""
    tape = Tape(Kind.MACHINE, "personal")
    tape.quiet(0.5)
    tape.beep(np.ones(800))
    tape.quiet(0.25)
    assert tape.beeps == [Span(0.5, 0.6)]
    assert np.flatnonzero(tape.wave()).tolist() == list(range(4000, 4800))
    assert tape.now == 0.85


class Announcer:
    """A cast of which only the announcement after a signal is asked."""

    split = Split.TEST

    def announces(self, rng):
        from tests.amd.corpus.cast import Speech

        return Speech([rng.normal(size=8000) * 0.05], "nobody", "en")


@pytest.mark.parametrize("scene", [fax, sit])
def test_signals_are_heard_and_the_recording_outlasts_every_deadline(scene):
    """Fax and network announcements sound within three seconds and the file lasts twelve."""
    for seed in range(20):
        tape = scene(Announcer(), np.random.default_rng(seed))
        samples = tape.wave()
        assert samples.size >= 12 * 8000 - 1
        assert np.max(np.abs(samples[: 3 * 8000])) > 0.01
        assert tape.greeting is None
        assert tape.beeps == []


def test_missing_packages_are_named_with_the_command(monkeypatch):
    """A machine without a synthesizer is told what to install."""
    monkeypatch.setitem(packages.NEEDED, "espeak-ng", "no-such-program")
    with pytest.raises(SystemExit, match=r"apt-get install .*espeak-ng"):
        packages.require()


def test_a_voices_hiss_around_a_word_is_no_part_of_it():
    """A word that hisses 30 dB down for 0.3 s before and after is trimmed to itself; a click does not set its level."""
    rng = np.random.default_rng(1)
    word = np.concatenate([rng.normal(size=2400) * 0.003, rng.normal(size=4000) * 0.1, rng.normal(size=2400) * 0.003])
    assert synthesizers.trimmed(word).size == pytest.approx(4000, abs=320)
    clicked = word.copy()
    clicked[5000:5010] = 1.0
    levels = [np.std(synthesizers.levelled(synthesizers.trimmed(sound))[200:1500]) for sound in (word, clicked)]
    assert levels[1] == pytest.approx(levels[0], rel=0.15)
    with pytest.raises(synthesizers.Silent):
        synthesizers.trimmed(np.zeros(8000))
