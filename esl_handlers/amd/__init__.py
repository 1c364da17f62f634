"""Answering-machine detection: who or what answered, from the call's own audio.

    detector = Detector(PRESETS["balanced"])
    verdict = detector.feed(pcm)        # any number of bytes; None while nothing is certain

Read `detector.py` first; `front_end.py` hears, `speech.py` and `tones.py` follow, `settings.py` says how sure is sure enough.
"""

from esl_handlers.amd.detector import Detector
from esl_handlers.amd.settings import PRESETS, Settings
from esl_handlers.amd.verdict import Kind, Verdict

__all__ = ["PRESETS", "Detector", "Kind", "Settings", "Verdict"]
