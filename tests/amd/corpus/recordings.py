"""Recorded voices and music from Debian packages: volunteers (letters, words and sentences), studio prompts, hold music.

Volunteers stand for people and for personal greetings, studio prompts for carriers' announcements. A speaker or a tune
belongs to training or to test, never to both.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform, read, resample
from tests.amd.corpus.synthesizers import keep, levelled, trimmed
from tests.amd.corpus.truth import Split

WORDS = Path("/usr/share/ktuberling/sounds")
LETTERS = Path("/usr/share/klettres")
SENTENCES = Path("/usr/share/tuxpaint/stamps")
PROMPTS = Path("/usr/share/asterisk/sounds")
MUSIC = Path("/usr/share/asterisk/moh")

WORD_LANGUAGES = {
    Split.TRAIN: ("fr", "ca", "en", "es", "gl", "it", "sv", "ga", "nds", "pt", "wa", "fi"),
    Split.TEST: ("ru", "uk", "da", "de", "el", "lt", "sl", "nl", "sr", "ro"),
}
LETTER_LANGUAGES = {
    Split.TRAIN: ("ar", "cs", "en", "en_GB", "es", "fr", "it", "ml", "nds", "pt_BR"),
    Split.TEST: ("da", "de", "he", "hu", "lt", "nb", "nl", "ru", "tn", "uk"),
}
SENTENCE_LANGUAGES = {Split.TRAIN: ("fr", "ca", "es", "be"), Split.TEST: ("ru", "bg", "el", "da", "ro", "nl", "lt")}
STUDIO = {
    Split.TRAIN: {"en_US_f_Allison": "en", "es_MX_f_Allison": "es", "it_IT_f_Menardi": "it"},
    Split.TEST: {"it_IT_m_Carlo": "it", "ru_RU_f_IvrvoiceRU": "ru", "fr_CA_f_June": "fr"},
}
TUNES = {
    Split.TRAIN: ("macroform-cold_day", "macroform-robot_dity", "reno_project-system"),
    Split.TEST: ("macroform-the_simplicity", "manolo_camp-morning_coffee"),
}

MAILBOXES = (
    ("vm-theperson", "#digits", "vm-isunavail", "vm-intro"),
    ("vm-theperson", "#digits", "vm-isonphone", "vm-intro"),
    ("vm-nobodyavail", "vm-intro"),
    ("vm-nobodyavail", "vm-leavemsg"),
    ("vm-intro",),
    ("vm-leavemsg",),
    ("#digits", "vm-isunavail"),
    ("vm-mailboxfull", "vm-goodbye"),
    ("all-circuits-busy-now", "please-try-call-later"),
    ("cannot-complete-as-dialed", "check-number-dial-again"),
    ("ss-noservice",),
    ("privacy-unident",),
    ("im-sorry", "number-not-answering"),
    ("feature-not-avail-line",),
    ("tt-allbusy",),
    ("invalid",),
    ("queue-thankyou", "pls-hold-while-try"),
    ("priv-recordintro",),
)
"""Announcements by prompt names; ``#digits`` is a number read digit by digit."""


class Volunteers:
    """One language's recorded letters, words or sentences, decoded on demand into the cache.

    letters: too little is said on each to stand for more than a word on lifting the handset.
    """

    def __init__(self, label: str, language: str, files: list[Path], cache: Path, letters: bool = False) -> None:
        self.label = label
        self.language = language
        self.letters = letters
        self._files = files
        self._cache = cache / "recorded"
        self._cache.mkdir(parents=True, exist_ok=True)
        self._lengths: dict[Path, float] = {}

    def clip(self, rng: np.random.Generator, shortest: float, longest: float) -> Waveform | None:
        """A recording of between ``shortest`` and ``longest`` seconds; None when forty draws found none."""
        for _ in range(40):
            file = self._files[int(rng.integers(len(self._files)))]
            if not shortest <= self._lengths.get(file, shortest) <= longest:
                continue
            wave = self._decoded(file)
            self._lengths[file] = wave.size / TELEPHONE_RATE
            if shortest <= self._lengths[file] <= longest:
                return wave
        return None

    def _decoded(self, file: Path) -> Waveform:
        kept = self._cache / f"{hashlib.sha1(str(file).encode()).hexdigest()}.npy"
        if not kept.exists():
            keep(kept, self._read(file, kept.with_suffix(f".{os.getpid()}.wav")))
        return levelled(trimmed(np.load(kept).astype(np.float64) / 32768))

    def _read(self, file: Path, scratch: Path) -> Waveform:
        if file.suffix == ".wav":
            samples, rate = read(file, channel=1)
        else:
            subprocess.run(
                ["oggdec", "--quiet", "--output", str(scratch), str(file)], capture_output=True, timeout=60, check=True
            )
            samples, rate = read(scratch, channel=1)
            scratch.unlink()
        return resample(samples, rate, TELEPHONE_RATE)


def volunteers(split: Split, cache: Path) -> list[Volunteers]:
    """Every recorded volunteer of the split."""
    found = []
    for language in WORD_LANGUAGES[split]:
        files = sorted(file for file in (WORDS / language).iterdir() if file.suffix in (".ogg", ".wav"))
        found.append(Volunteers(f"ktuberling:{language}", language, files, cache))
    for language in LETTER_LANGUAGES[split]:
        files = sorted((LETTERS / language).glob("*/*.ogg"))
        found.append(Volunteers(f"klettres:{language}", language, files, cache, letters=True))
    stamps = sorted(SENTENCES.rglob("*_desc_*.ogg"))
    for language in SENTENCE_LANGUAGES[split]:
        files = [file for file in stamps if file.stem.endswith(f"_desc_{language}")]
        found.append(Volunteers(f"tuxpaint:{language}", language, files, cache))
    return found


class Studio:
    """One professional voice's prompts."""

    def __init__(self, folder: str, language: str) -> None:
        self.label = f"asterisk:{folder}"
        self.language = language
        self._folder = PROMPTS / folder

    def announcement(self, rng: np.random.Generator) -> list[Waveform]:
        """The prompts of one announcement, in order."""
        for _ in range(20):
            names = MAILBOXES[int(rng.integers(len(MAILBOXES)))]
            files = [file for name in names for file in self._files(name, rng)]
            if all(file.exists() for file in files):
                return [self._prompt(file) for file in files]
        raise FileNotFoundError(f"{self._folder} lacks the prompts of every announcement drawn")

    def number(self, rng: np.random.Generator) -> list[Waveform]:
        """Digits alone."""
        return [self._prompt(file) for file in self._files("#digits", rng)]

    def _files(self, name: str, rng: np.random.Generator) -> list[Path]:
        if name != "#digits":
            return [self._folder / f"{name}.wav"]
        return [self._folder / "digits" / f"{digit}.wav" for digit in rng.integers(0, 10, int(rng.integers(4, 11)))]

    def _prompt(self, file: Path) -> Waveform:
        samples, rate = read(file, channel=1)
        return levelled(trimmed(resample(samples, rate, TELEPHONE_RATE)))


def studios(split: Split) -> list[Studio]:
    """Every studio voice of the split."""
    return [Studio(folder, language) for folder, language in STUDIO[split].items()]


def tune(split: Split, seconds: float, rng: np.random.Generator) -> Waveform:
    """A piece of hold music, at the level of speech."""
    samples, rate = read(MUSIC / f"{rng.choice(TUNES[split])}.wav", channel=1)
    length = round(seconds * rate)
    start = int(rng.integers(0, max(1, samples.size - length)))
    return levelled(resample(samples[start : start + length], rate, TELEPHONE_RATE))
