"""How likely a person is, from the cadence of the talk alone: how long they spoke, and how long they have been quiet.

A person says a word or two and waits; a machine talks on, with gaps of 0.2 to 0.6 s. The odds are those of a logistic rule set
by hand from the published behaviour of greetings (LumenVox: under 1.8 s of talk is a home, over 3 s a machine).
"""

from __future__ import annotations

import math

from esl_handlers.amd.front_end import FRAME_SECONDS
from esl_handlers.amd.speech import SpeechTracker


def chance_of_person(speech: SpeechTracker) -> float:
    """0.0 to 1.0, after what was heard so far; 0.5 before any talk."""
    if speech.last is None:
        return 0.5
    pause = speech.pause_frames * FRAME_SECONDS
    talk = speech.talk_frames * FRAME_SECONDS
    log_odds = 1.5 + 5.0 * min(pause, 1.2) - 2.0 * max(0.0, talk - 0.6) - 0.7 * (speech.bursts - 1)
    return 1 / (1 + math.exp(-max(-20.0, min(20.0, log_odds))))
