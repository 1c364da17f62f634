"""``trunkline amd score``: a user's own labelled recordings, heard and judged; mistakes named by line."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from controller.cli import build


def record(file: Path, samples: np.ndarray, rate: int = 8000, channels: int = 1) -> None:
    """Write a WAV; samples: 1.0 = full scale, interleaved."""
    with wave.open(str(file), "wb") as target:
        target.setparams((channels, 2, rate, 0, "NONE", ""))
        target.writeframes((samples * 32767).astype("<i2").tobytes())


def answer_tone(rate: int) -> np.ndarray:
    """A fax that answers: half a second of silence, three of 2100 Hz, a second of silence."""
    at = np.arange(rate * 3) / rate
    return np.concatenate([np.zeros(rate // 2), 0.2 * np.sin(2 * np.pi * 2100 * at), np.zeros(rate)])


def score(table: Path, *options: str):
    return CliRunner().invoke(build(), ["amd", "score", str(table), *options])


@pytest.fixture
def table(tmp_path):
    """A fax at 8 kHz, one at 44.1 kHz, ten seconds of nothing, and silence labelled as a person."""
    record(tmp_path / "fax.wav", answer_tone(8000))
    record(tmp_path / "fax-44k.wav", answer_tone(44100), rate=44100)
    (tmp_path / "nothing.raw").write_bytes(bytes(16000 * 10))
    file = tmp_path / "files.csv"
    file.write_text("File, Label\nfax.wav,fax\nfax-44k.wav,FAX\n\nnothing.raw,silence\nnothing.raw,human\n")
    return file


def test_recordings_are_scored_as_json(table):
    """Fax is named at both rates, silence is unknown for both labels, and nobody is let go."""
    shown = score(table, "--json")
    assert shown.exit_code == 0, shown.output
    result = json.loads(shown.stdout)
    assert result["recordings"] == 4
    assert result["confusion"] == {"person": {"unknown": 1}, "fax": {"fax": 2}, "other": {"unknown": 1}}
    assert (result["recall"]["fax"]["hits"], result["recall"]["fax"]["of"]) == (2, 2)
    assert result["recall"]["fax"]["low"] == pytest.approx(0.342, abs=0.001)
    assert result["people_let_go"]["hits"] == 0
    assert result["precision"]["person"] is None
    assert 0.5 < result["decided_seconds"]["fax"]["p50"] < 3.5


def test_the_page_shows_shares_with_their_intervals(table):
    """A person at a desk reads the confusion, recall with its interval, and people let go."""
    shown = score(table, "--preset", "fast")
    assert shown.exit_code == 0, shown.output
    assert "4 recordings, preset fast" in shown.stdout
    assert "100.0% (34.2% to 100.0%; 2 of 2)" in shown.stdout
    assert "people let go (called machine, fax or sit): 0.0% (0.0% to 79.3%; 0 of 1)" in shown.stdout


def test_every_mistaken_line_is_named_with_its_mend(table):
    """All lines that are not right are shown at once, each with what and how to mend, and nothing is scored."""
    table.write_text("file,label\nfax.wav,faks\nmissing.wav,person\n,person\nfax.wav\nfax.wav,fax\n")
    shown = score(table)
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr.splitlines() == [
        f"trunkline: {table}: line 2: label 'faks' is not known; write one of person, machine, fax, sit, other",
        f"trunkline: {table}: line 3: missing.wav is not there; write its path, from the folder of this CSV",
        f"trunkline: {table}: line 4: names no file; write its path, from the folder of this CSV",
        f"trunkline: {table}: line 5: label '' is not known; write one of person, machine, fax, sit, other",
    ]


def test_a_recording_that_cannot_be_heard_is_named(table):
    """A file that is no audio, and one of two channels of which none was chosen, are named by their lines."""
    (table.parent / "letter.txt").write_text("Dear Sir")
    record(table.parent / "both.wav", np.zeros(1600), channels=2)
    table.write_text("file,label\nletter.txt,person\nboth.wav,person\n")
    shown = score(table)
    assert shown.exit_code == 2
    assert "line 2: letter.txt is neither WAV nor raw samples" in shown.stderr
    assert "line 3: both.wav has 2 channels; say which one holds the callee, as with --channel 1" in shown.stderr


def test_the_callees_channel_is_heard(table):
    """With --channel 2 only the second channel decides: the fax is there."""
    right = answer_tone(8000)
    record(table.parent / "both.wav", np.column_stack([np.zeros(right.size), right]).reshape(-1), channels=2)
    table.write_text("file,label\nboth.wav,fax\n")
    assert json.loads(score(table, "--channel", "2", "--json").stdout)["confusion"] == {"fax": {"fax": 1}}
    assert json.loads(score(table, "--channel", "1", "--json").stdout)["confusion"] == {"fax": {"none": 1}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1: does not name the columns; write: file,label"),
        (b"name,kind\na.wav,person\n", "line 1: does not name the columns; write: file,label"),
        (b"file,label\n", "names no recording; add a line such as: call-1.wav,person"),
        (b"file,label\n\xff\xfe,person\n", "is not CSV in UTF-8"),
        (b'file,label\n"a.wav,person\n', "is not CSV in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, content, reason):
    """An empty file, other columns, no lines, no text: each is said with its mend."""
    table = tmp_path / "files.csv"
    table.write_bytes(content)
    shown = score(table)
    assert shown.exit_code == 2
    assert reason in shown.stderr


def test_an_unknown_preset_is_refused(table):
    """The three presets are named."""
    shown = score(table, "--preset", "daring")
    assert shown.exit_code == 1
    assert "no preset 'daring'; --preset; write one of careful, balanced, fast" in shown.stderr


def test_hundreds_of_mistakes_are_shown_in_part(table):
    """Fifty lines say what is wrong; the rest is counted."""
    table.write_text("file,label\n" + "missing.wav,person\n" * 120)
    shown = score(table)
    assert len(shown.stderr.splitlines()) == 51
    assert "70 more lines have mistakes" in shown.stderr
