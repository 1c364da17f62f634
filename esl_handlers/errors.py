"""What can go wrong on the link to FreeSWITCH, and what is then known of a command's fate.

Every command is in one of three stages (design section 1). Bytes that were written count as carried out until proven
otherwise: FreeSWITCH executes what it has read, even when the link closes a moment later.
"""

from __future__ import annotations

from enum import StrEnum

from controller.errors import SwitchDown


class Stage(StrEnum):
    """How far a command got."""

    NOT_SENT = "not_sent"  # certain that FreeSWITCH has not seen it
    UNCONFIRMED = "unconfirmed"  # some or all bytes are out, no reply came
    ACCEPTED = "accepted"  # FreeSWITCH replied


class WireError(Exception):
    """The peer's bytes are not the event socket's protocol: the place in the stream is lost, so the link must close."""


class CommandLost(SwitchDown):
    """A command without a reply; ``stage`` says whether it may have been carried out."""

    def __init__(self, message: str, stage: Stage) -> None:
        self.stage = stage
        super().__init__(f"{message} ({stage.value})")


class LinkLost(CommandLost):
    """The link is down, or went down before the reply."""


class ReplyLate(CommandLost):
    """No reply within the deadline; the link itself still stands. Its reply, should it come, is dropped."""


class TooLate(CommandLost):
    """The moment until which the command was good had passed before it could be written."""


class LoginRefused(SwitchDown):
    """FreeSWITCH refuses the password or our address."""


class UnreadableAudio(Exception):
    """A recording that cannot be heard; the message continues "this file …" and says how to mend it."""
