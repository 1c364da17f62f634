"""What people and machines say first, by language; a file each in ``texts/``, written by hand.

Every other line of a list belongs to training, the rest to test; some languages are heard in test only.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.amd.corpus.truth import Split

FOLDER = Path(__file__).parent / "texts"
TEST_ONLY = frozenset({"fi", "pt", "tr", "el", "id", "hu", "ta", "te"})
"""Languages whose rhythm no detector was trained on."""


@dataclass(frozen=True)
class Texts:
    """One language's lines of one split.

    hello: a word or two. name: a person gives a name. company: whoever answers for a company, long. talk: a person who
    talks on at once. personal: a mailbox greeting of its owner. carrier: an announcement. digits: one to zero.
    """

    language: str
    hello: tuple[str, ...]
    name: tuple[str, ...]
    company: tuple[str, ...]
    talk: tuple[str, ...]
    personal: tuple[str, ...]
    carrier: tuple[str, ...]
    digits: tuple[str, ...]


def texts_of(split: Split) -> dict[str, Texts]:
    """Language code → its lines. A test-only language gives all its lines to test, none to training."""
    return {file.stem: read(file, split) for file in sorted(FOLDER.glob("*.toml")) if speaks(file.stem, split)}


def speaks(language: str, split: Split) -> bool:
    """Whether the language is heard in this split."""
    return split is Split.TEST or language not in TEST_ONLY


def read(file: Path, split: Split) -> Texts:
    """One file's lines of one split."""
    lists = tomllib.loads(file.read_text())
    digits = tuple(lists.pop("digits"))
    first = 0 if split is Split.TRAIN else 1
    step = 1 if file.stem in TEST_ONLY else 2
    start = 0 if file.stem in TEST_ONLY else first
    return Texts(language=file.stem, digits=digits, **{name: tuple(lines[start::step]) for name, lines in lists.items()})
