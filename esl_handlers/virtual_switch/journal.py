"""The CDR journal: one line for every call that ended, before its hangup event, in the layout of mod_cdr_csv's template
``trunkline`` (``freeswitch_conf/autoload_configs/cdr_csv.conf.xml`` says what each field is)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.channels import Channel

MARK = "trunkline1"
"""The first field: what layout this is."""
FIELDS = (
    "trunkline_attempt",
    "uuid",
    "start_uepoch",
    "progress_uepoch",
    "progress_media_uepoch",
    "answer_uepoch",
    "bridge_uepoch",
    "end_uepoch",
    "hangup_cause",
    "hangup_cause_q850",
    "sip_term_status",
    "sip_invite_failure_status",
    "sip_hangup_disposition",
    "trunkline_connect",
    "last_bridge_to",
    "sip_network_ip",
)


class Journal:
    """An append-only file; rotation is left to tests, by renaming it and calling :meth:`reopen`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = self._open()

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def reopen(self) -> None:
        """As on SIGHUP: begin a new file if the old one was renamed."""
        os.close(self._file)
        self._file = self._open()

    def write(self, channel: Channel) -> None:
        """One line, one write. Legs with an originator (the bot's) are not in the journal."""
        if channel.originator is None:
            values = [channel.get(name) or "" for name in FIELDS]
            os.write(self._file, (",".join([MARK, *values]) + "\n").encode("utf-8", "surrogateescape"))
