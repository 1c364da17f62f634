"""What a campaign's owner writes about answered calls: the tables ``[amd]`` and ``[abandoned]`` of the campaign file.

Keys, bounds, and how the system's defaults stand in for what a campaign leaves out. What they lead to is decided in
``domain/calls``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from controller.domain.calls.answering import (
    PATIENCE_SECONDS,
    Answering,
    Attach,
    Detection,
    OnMachine,
    OnUnknown,
    Preset,
    Treatment,
)
from controller.domain.site import Part

SOUND_FILE = re.compile(r"^[A-Za-z0-9_./:=%,()-]{1,255}$")


def _sound(value: str) -> str:
    if value and not SOUND_FILE.fullmatch(value):
        raise ValueError("a sound as FreeSWITCH names it: letters, digits and _ . / : = % , ( ) - only")
    return value


Sound = Annotated[str, AfterValidator(_sound)]
"""A sound file or tone stream; may be empty."""


class AmdDefaults(Part):
    """Answering-machine detection for campaigns that do not say otherwise: the section ``[amd]`` of ``trunkline.toml``."""

    enabled: bool = False
    """Listen to every answered call before, or while, it is connected (features 4.3)."""
    preset: Preset = Preset.BALANCED
    """``careful`` would rather pass a machine on than hang up on a person; ``fast`` decides earlier."""
    max_seconds: float = Field(default=5.0, ge=1.0, le=30.0)
    """From the answer; who is not recognised by then is ``unknown``."""
    action_on_machine: OnMachine = OnMachine.TEARDOWN
    action_on_unknown: OnUnknown = OnUnknown.CONTINUE
    message: Sound = ""
    """Left on machines by ``leave_message``."""
    beep_seconds: float = Field(default=30.0, ge=1.0, le=120.0)
    """After this the message is left without a beep."""
    attach: Attach = Attach.AFTER_VERDICT
    """``at_once``: bot or agent is connected at the answer while detection still listens."""
    keep_audio: bool = False
    """Keep the first seconds of audio for review."""


class Amd(Part):
    """The same keys for one campaign; what is left out is as in ``trunkline.toml``."""

    enabled: bool | None = None
    preset: Preset | None = None
    max_seconds: float | None = Field(default=None, ge=1.0, le=30.0)
    action_on_machine: OnMachine | None = None
    action_on_unknown: OnUnknown | None = None
    message: Sound | None = None
    beep_seconds: float | None = Field(default=None, ge=1.0, le=120.0)
    attach: Attach | None = None
    keep_audio: bool | None = None

    def over(self, defaults: AmdDefaults) -> AmdDefaults:
        """What holds for this campaign."""
        own = {key: value for key, value in self if value is not None}
        merged: dict[str, Any] = {key: own.get(key, getattr(defaults, key)) for key in AmdDefaults.model_fields}
        return AmdDefaults.model_validate(merged)


class Abandoned(Part):
    """People whom no agent, or no bot, took in time (features 4.8)."""

    message: Sound = ""
    """Says who called, why, and how to be called no more; pre-flight wants one where agents take the calls."""
    opt_out_key: Annotated[str, StringConstraints(pattern=r"^[0-9*#]?$")] = ""
    """Pressed while the message plays, it puts the number on the campaign's do-not-call list, or the global one."""
    patience_seconds: float = Field(default=PATIENCE_SECONDS, ge=0.5, le=30.0)
    """From the end of the greeting to somebody on the line; more than 2 is not allowed in telemarketing in most countries."""

    @property
    def treatment(self) -> Treatment | None:
        return Treatment(self.message, self.opt_out_key) if self.message else None


def answering(amd: AmdDefaults, abandoned: Abandoned) -> Answering:
    """The settings as the call machine takes them."""
    detection = Detection(
        preset=amd.preset,
        max_seconds=amd.max_seconds,
        keep_audio=amd.keep_audio,
        beep=amd.action_on_machine is OnMachine.LEAVE_MESSAGE,
    )
    return Answering(
        detection=detection if amd.enabled else None,
        on_machine=amd.action_on_machine,
        on_unknown=amd.action_on_unknown,
        attach=amd.attach,
        message=amd.message or None,
        beep_seconds=amd.beep_seconds,
        treatment=abandoned.treatment,
        patience_seconds=abandoned.patience_seconds,
    )
