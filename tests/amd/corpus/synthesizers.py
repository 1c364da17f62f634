"""Debian's speech synthesizers as voices: espeak-ng, flite, festival. Each utterance is made once and kept in the cache.

A voice belongs to training or to test, never to both; festival's kal and flite's kal16 are one speaker, as are both slt.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esl_handlers.recorded_audio import TELEPHONE_RATE, Waveform, read, resample
from tests.amd.corpus.texts import speaks
from tests.amd.corpus.truth import Split

SPEECH_RMS = 0.05
"""Active level of every utterance before it goes on the line (−26 dBFS); noise and tones are set against it."""

ESPEAK_LANGUAGES = {
    "en": ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc"),
    "es": ("es", "es-419"),
    "fr": ("fr-fr", "fr-be", "fr-ch"),
    "pt": ("pt", "pt-br"),
    "zh": ("cmn",),
    "no": ("nb",),
    "vi": ("vi", "vi-vn-x-south"),
}
"""Our language code → espeak-ng's, where they differ."""

ESPEAK_VARIANTS = {
    Split.TRAIN: (
        "m1", "m3", "m4", "m6", "m8", "f2", "f3", "klatt", "klatt3", "Alex", "Alicia", "Annie", "belinda", "caleb",
        "Denis", "ed", "Gene", "Hugo", "Jacky", "kaukovalta", "linda", "Marco", "max", "michel", "Mike", "Nguyen",
        "paul", "quincy", "robert", "shelby", "Storm", "victor", "anika", "grandpa",
    ),
    Split.TEST: (
        "m2", "m5", "m7", "f1", "f4", "f5", "klatt2", "klatt4", "adam", "Andrea", "aunty", "benjamin", "david",
        "Diogo", "edward", "iven", "john", "Lee", "marcelo", "Mario", "Michael", "miguel", "Mr", "pablo", "pedro",
        "rob", "sandro", "steph", "travis", "zac", "norbert",
    ),
}  # fmt: skip

FESTIVAL = {
    Split.TRAIN: (
        ("ked_diphone", "en", "latin-1"), ("cmu_us_slt_arctic_hts", "en", "latin-1"), ("pc_diphone", "it", "latin-1"),
        ("czech_machac", "cs", "iso-8859-2"), ("czech_krb", "cs", "iso-8859-2"), ("hindi_NSK_diphone", "hi", "utf-8"),
        ("msu_ru_nsh_clunits", "ru", "utf-8"), ("marathi_NSK_diphone", "mr", "utf-8"),
    ),
    Split.TEST: (
        ("kal_diphone", "en", "latin-1"), ("lp_diphone", "it", "latin-1"), ("czech_dita", "cs", "iso-8859-2"),
        ("czech_ph", "cs", "iso-8859-2"), ("suo_fi_lj_diphone", "fi", "latin-1"), ("hy_fi_mv_diphone", "fi", "latin-1"),
        ("telugu_NSK_diphone", "te", "utf-8"), ("upc_ca_ona_hts", "ca", "latin-1"),
    ),
}  # fmt: skip
"""Voice, language, the encoding its rules read."""

FLITE = {Split.TRAIN: ("slt", "awb"), Split.TEST: ("kal16", "rms")}  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker. pitch: espeak-ng's 0 to 99; words_per_minute: espeak-ng's; the others have their own."""

    engine: str
    name: str
    language: str
    encoding: str = "utf-8"
    pitch: int = 50
    words_per_minute: int = 175

    @property
    def label(self) -> str:
        """Synthesizer and voice, for the truth."""
        return f"{self.engine}:{self.name}"


class Silent(Exception):
    """A synthesizer made no sound of a text."""


def voices(split: Split, languages: set[str]) -> list[Voice]:
    """Every voice of the split that speaks one of ``languages``; the same ones in each run."""
    found = []
    for language in sorted(languages):
        for dialect in ESPEAK_LANGUAGES.get(language, (language,)):
            for variant in ESPEAK_VARIANTS[split]:
                nature = random.Random(f"{dialect}+{variant}")
                if nature.random() < 0.2:  # a fifth of the variants in each dialect: enough, and the cache stays small
                    pitch, speed = nature.randint(25, 80), nature.randint(130, 215)
                    found.append(Voice("espeak-ng", f"{dialect}+{variant}", language, "utf-8", pitch, speed))
    found += [Voice("flite", name, "en") for name in FLITE[split] for _ in range(2)]
    found += [Voice("festival", name, language, code) for name, language, code in FESTIVAL[split] if language in languages]
    return [voice for voice in found if speaks(voice.language, split)]


class Booth:
    """Speaks texts, from the cache where it can. cache: a folder outside the project; made when it is not there."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache / "utterances"
        self._cache.mkdir(parents=True, exist_ok=True)

    def speak(self, voice: Voice, text: str) -> Waveform:
        """The text without silence around it, at SPEECH_RMS. Silent when the synthesizer made nothing of it."""
        key = hashlib.sha1(f"{voice}|{text}".encode()).hexdigest()
        kept = self._cache / f"{key}.npy"
        if not kept.exists():
            keep(kept, self._synthesized(voice, text))
        return levelled(trimmed(np.load(kept).astype(np.float64) / 32768))

    def _synthesized(self, voice: Voice, text: str) -> Waveform:
        with tempfile.TemporaryDirectory() as folder:
            spoken, script = Path(folder, "spoken.wav"), Path(folder, "say.scm")
            if voice.engine == "espeak-ng":
                manner = ["-p", str(voice.pitch), "-s", str(voice.words_per_minute)]
                command = ["espeak-ng", "-v", voice.name, *manner, "-w", str(spoken), "--", text]
            elif voice.engine == "flite":
                command = ["flite", "-voice", voice.name, "-t", text, "-o", str(spoken)]
            else:
                quoted = text.replace("\\", " ").replace('"', " ").encode(voice.encoding, "replace")
                save = f'(voice_{voice.name})\n(utt.save.wave (utt.synth (Utterance Text "%b")) "{spoken}" \'riff)\n'
                script.write_bytes(save.encode() % quoted)
                command = ["festival", "-b", str(script)]
            done = subprocess.run(command, capture_output=True, timeout=60, check=False)
            if done.returncode or not spoken.exists() or spoken.stat().st_size < 2000:
                raise Silent(f"{voice.label} made no sound of {text!r}: {done.stderr.decode(errors='replace').strip()[-200:]}")
            samples, rate = read(spoken)
        return resample(samples, rate, TELEPHONE_RATE)


def keep(file: Path, wave: Waveform) -> None:
    """Write ``wave`` to the cache, whole or not at all."""
    partial = file.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, np.rint(np.clip(wave, -1, 32767 / 32768) * 32768).astype(np.int16))
    partial.replace(file)


def frame_power(wave: Waveform) -> Waveform:
    """Mean square of each whole frame of 10 ms. Silent when there are none."""
    if wave.size < 80:
        raise Silent("nothing is heard")
    power: Waveform = np.mean(wave[: wave.size // 80 * 80].reshape(-1, 80) ** 2, axis=1)
    return power


def trimmed(wave: Waveform) -> Waveform:
    """Without the silence before and after: up to where two frames of 10 ms in a row are within 24 dB of the loudest tenth.

    Some voices breathe or hiss for 0.3 s before and after each word. Silent when nothing else is there.
    """
    power = frame_power(wave)
    loud = power > max(0.004 * float(np.quantile(power, 0.9)), 1e-10)
    steady = np.flatnonzero(loud[1:] & loud[:-1])
    if steady.size < 3:
        raise Silent("nothing is heard")
    return wave[max(0, steady[0] - 1) * 80 : (steady[-1] + 3) * 80]


def levelled(wave: Waveform) -> Waveform:
    """At SPEECH_RMS over its active frames, those within 20 dB of the loudest tenth: a click does not count for speech."""
    power = frame_power(wave)
    active = power[power >= 0.01 * np.quantile(power, 0.9)]
    rms = math.sqrt(float(np.mean(np.minimum(active, 10 * np.median(active)))))
    return np.clip(wave * (SPEECH_RMS / rms), -1.0, 1.0)
