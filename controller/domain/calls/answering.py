"""What is done with whoever, or whatever, picks up: detection, machines, queues, people whom no agent takes in time.

Compiled from the campaign (``domain/campaigns/plan.py``) and carried by each call; ``machine.py`` decides by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PATIENCE_SECONDS = 2.0
"""A person left without an agent, bot or message for longer counts as abandoned (47 CFR 64.1200(a)(7): within two seconds
of the completed greeting)."""

QUIET_SECONDS = 72 * 3600.0
"""After an abandoned call the number is left alone for so long, unless an agent is guaranteed (Ofcom, persistent misuse)."""


class OnMachine(StrEnum):
    """What a machine's verdict leads to (features 4.3, 4.4)."""

    TEARDOWN = "teardown"
    CONTINUE = "continue"
    LEAVE_MESSAGE = "leave_message"


class OnUnknown(StrEnum):
    """What it leads to when detection cannot tell."""

    CONTINUE = "continue"
    TEARDOWN = "teardown"


class Attach(StrEnum):
    """When bot or agent is joined: once a person is likely, or at the answer while detection still listens."""

    AFTER_VERDICT = "after_verdict"
    AT_ONCE = "at_once"


class Preset(StrEnum):
    """What detection is more afraid of: hanging up on a person, or letting one wait."""

    CAREFUL = "careful"
    BALANCED = "balanced"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Detection:
    """How answering-machine detection listens.

    max_seconds: from the answer to ``unknown`` at the latest. keep_audio:
    whether the first seconds of the call's audio are kept for review. beep: whether it goes on listening for a voicemail's beep
    after the verdict ``machine``.
    """

    preset: Preset = Preset.BALANCED
    max_seconds: float = 5.0
    keep_audio: bool = False
    beep: bool = False


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a person hears whom no agent takes in time (features 4.8).

    message: sound as FreeSWITCH knows it: says who called, why, and how to opt out. opt_out_key: pressed meanwhile, it puts the
    number on the do-not-call list; empty = none.
    """

    message: str
    opt_out_key: str = ""


@dataclass(frozen=True, slots=True)
class Answering:
    """One campaign's ways with an answered call.

    detection: None = off, whoever answers is a person. message: what is left on a machine, if ``on_machine`` leaves one.
    beep_seconds: after the verdict ``machine``, the longest wait for the beep before the message is left all the same.
    treatment: None = silence is all we have; refused by pre-flight for queues. patience_seconds: from the end of the person's
    greeting to somebody on the line.
    """

    detection: Detection | None = None
    on_machine: OnMachine = OnMachine.TEARDOWN
    on_unknown: OnUnknown = OnUnknown.CONTINUE
    attach: Attach = Attach.AFTER_VERDICT
    message: str | None = None
    beep_seconds: float = 30.0
    treatment: Treatment | None = None
    patience_seconds: float = PATIENCE_SECONDS
